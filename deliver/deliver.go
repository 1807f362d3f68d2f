// Package deliver gets a message to a person. A Sender is one method; the packages below are the senders that Nightlatch
// brings (smtp, twilio, webhook, outbox), and an application's own is as good. Retry and Failover make one sender of
// others.
//
// What a sender says when it fails decides what happens next, so its words are four: the destination is refused
// (factor.ErrDestination: the person must check it), it is not clear whether the message was sent (ErrUnclear), it did
// not work now (Temporary), and any other error: it does not work at all. Only after the last two is it certain that
// nothing was sent: a sender that is in doubt, say after a connection that broke, says ErrUnclear.
//
// The package knows no factor and no store: budgets, and what is kept until it is sent, are its caller's.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Limit is how long sending takes at most, with all retries. A person is waiting for it.
const Limit = 10 * time.Second

// Sender delivers messages. It may be called from many goroutines at once.
//
// Send returns when somebody else has taken over the message. Its errors are factor.ErrDestination, ErrUnclear, one
// made by Temporary, or any other; none of them quotes the message or a secret. It obeys ctx.
type Sender interface {
	Send(ctx context.Context, m factor.Message) error
}

// Func is a function that is a Sender.
type Func func(ctx context.Context, m factor.Message) error

// Send calls the function.
func (f Func) Send(ctx context.Context, m factor.Message) error { return f(ctx, m) }

// ErrUnclear: there was no clear answer. The message may have been sent.
var ErrUnclear = errors.New("it is not clear whether the message was sent")

// Unclear says why there was no clear answer. The error is ErrUnclear and cause.
func Unclear(cause error) error { return fmt.Errorf("%w: %w", ErrUnclear, cause) }

// Refused says why the destination was refused. The error is factor.ErrDestination and cause.
func Refused(cause error) error { return fmt.Errorf("%w: %w", factor.ErrDestination, cause) }

// temporary marks an error.
type temporary struct{ cause error }

func (t *temporary) Error() string { return t.cause.Error() }
func (t *temporary) Unwrap() error { return t.cause }

// Temporary marks an error: the message was not sent, and trying again may help. nil stays nil.
func Temporary(cause error) error {
	if cause == nil {
		return nil
	}
	return &temporary{cause}
}

// IsTemporary reports whether the error was marked by Temporary, and is neither ErrUnclear nor factor.ErrDestination.
func IsTemporary(err error) bool {
	var t *temporary
	return errors.As(err, &t) && !errors.Is(err, ErrUnclear) && !errors.Is(err, factor.ErrDestination)
}
