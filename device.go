package nightlatch

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Device is a remembered browser, as its owner may see it.
type Device struct {
	ID         string
	User       string
	Client     Client       // where it was last used
	Proof      factor.Proof // the second proof that it carries, with its own time
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// browser is one that finished a sign-in.
type browser struct {
	Mark string    `json:"mark"` // a MAC of what it keeps
	At   time.Time `json:"at"`   // when it was last seen
}

// DevicesOf returns the remembered devices of a user, the last used first. Errors: ErrUnavailable.
func (s *Service) DevicesOf(ctx context.Context, user string) ([]Device, error) {
	return nil, ErrUnavailable
}

// EndDevice ends one remembered device of the user that the session belongs to. It needs no fresh proof: it only takes
// away. Errors: ErrNotFound (also for another's), ErrUnauthenticated, ErrUnavailable.
func (s *Service) EndDevice(ctx context.Context, tok, id string, c Client) error {
	return ErrUnavailable
}

// EndDevices ends all remembered devices of a user. Call it within Change. Errors: ErrUnavailable.
func (s *Service) EndDevices(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error { return tx.endDevices(ctx, user) })
}

func (c *change) endDevices(ctx context.Context, user string) error {
	devices, err := c.DevicesOf(ctx, user)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if err := c.Delete(ctx, d); err != nil {
			return err
		}
		c.raise = true
	}
	return nil
}
