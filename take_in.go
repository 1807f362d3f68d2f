package nightlatch

import (
	"context"
)

// Carried is what a user brings along from where the account was before, beside authenticators.
type Carried struct {
	// Handle is the WebAuthn user handle that the user's passkeys know: 1 to 64 bytes, or none for a new one.
	Handle []byte
	// AfterReset: the second factor was reset, and none was enrolled since. The password leads to nothing but a code
	// that enrolls anew.
	AfterReset bool
}

// maxHandle is the most bytes of a user handle (WebAuthn L3 §5.4.3).
const maxHandle = 64

// Carry keeps what a user brings along. Call it within Change, for a user whom the Service has never seen.
// Errors: *InvalidError for a handle that is too long, ErrConflict for a user who is known, ErrUnavailable.
func (s *Service) Carry(ctx context.Context, user string, c Carried) error {
	if len(c.Handle) > maxHandle {
		return &InvalidError{Field: "handle", Problem: "too_long"}
	}
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		if st.record.Revision != 0 || st.Events > 0 {
			return ErrConflict
		}
		st.Handle, st.AfterReset = c.Handle, c.AfterReset
		return nil
	})
}

// CarriedOf is what a user would bring along elsewhere. Errors: ErrUnavailable.
func (s *Service) CarriedOf(ctx context.Context, user string) (Carried, error) {
	var c Carried
	err := s.store.View(ctx, func(r Reader) error {
		st, err := s.findStanding(ctx, r, user)
		c = Carried{Handle: st.Handle, AfterReset: st.AfterReset}
		return err
	})
	return c, s.outer(err)
}
