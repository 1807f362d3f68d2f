package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Sender delivers the messages of one kind; package deliver brings some, and what retries. It returns
// factor.ErrDestination when the destination cannot be reached (the person is asked to check it), deliver.ErrUnclear when
// nobody can tell whether the message went out (the code stays good), and any other error when it surely did not. It
// does not retry on its own after an unclear answer to a message that is sent once. It obeys ctx, which ends after
// Limits.Delivery, and may be called from many goroutines at once.
type Sender interface {
	Send(ctx context.Context, m factor.Message) error
}

// messageOf takes the message out of a prompt.
func messageOf(p factor.Prompt) (factor.Prompt, *factor.Message) {
	code, ok := p.(factor.Code)
	if !ok || code.Message == nil {
		return p, nil
	}
	m := code.Message
	code.Message = nil
	return code, m
}

// deliver hands a message that is committed to its sender and waits for the answer, also when whoever asked has gone.
// Errors: factor.ErrDestination, ErrDeliveryFailed.
func (s *Service) deliver(ctx context.Context, m *factor.Message) error {
	if m == nil {
		return nil
	}
	sender, ok := s.senders[m.Kind]
	if !ok {
		return fmt.Errorf("%w: there is no sender for %q", ErrDeliveryFailed, m.Kind)
	}
	started := time.Now()
	err := s.send(context.WithoutCancel(ctx), sender, *m)
	s.delivered(ctx, m.Kind, started, err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, factor.ErrDestination):
		s.log.Warn("a message was refused", "kind", m.Kind, "error", err)
		return factor.ErrDestination
	}
	s.log.Error("a message was not delivered", "kind", m.Kind, "error", err)
	return fmt.Errorf("%w: %w", ErrDeliveryFailed, err)
}

// send does not wait longer than Limits.Delivery, even for a sender that does.
func (s *Service) send(ctx context.Context, sender Sender, m factor.Message) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Delivery)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		defer func() {
			if fault := recover(); fault != nil {
				done <- fmt.Errorf("the sender panicked: %v", fault)
			}
		}()
		done <- sender.Send(ctx, m)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done: // it answered as the time ended
		return err
	default:
		return ctx.Err()
	}
}
