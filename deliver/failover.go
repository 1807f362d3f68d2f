package deliver

import (
	"context"
	"errors"

	"github.com/nightlatch/nightlatch/factor"
)

// Failover is a sender that uses second where first has clearly not sent the message: after a temporary error, and after
// one that says that first does not work at all. After an unclear answer nobody sends it again. A destination that
// first refused is refused: it may be a person who does not want messages.
//
// Both share one Limit. A sender that can be slow to connect bounds that itself, as those of Nightlatch do.
func Failover(first, second Sender) Sender {
	return Func(func(ctx context.Context, m factor.Message) error {
		ctx, cancel := context.WithTimeout(ctx, Limit)
		defer cancel()
		err := first.Send(ctx, m)
		if err == nil || errors.Is(err, ErrUnclear) || errors.Is(err, factor.ErrDestination) || ctx.Err() != nil {
			return err
		}
		if secondErr := second.Send(ctx, m); secondErr != nil {
			return &bothFailed{err, secondErr}
		}
		return nil
	})
}

// bothFailed says what both said, and is what the second one's error is: that decides whether to try again.
type bothFailed struct{ first, second error }

func (b *bothFailed) Error() string { return b.first.Error() + "; then " + b.second.Error() }
func (b *bothFailed) Unwrap() error { return b.second }
