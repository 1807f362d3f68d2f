package nightlatch

import (
	"context"

	"github.com/nightlatch/nightlatch/factor"
)

// One mailbox is one proof: where the password was set by a link that was mailed, a code that is mailed to the same
// address proves nothing more.

// restMailbox suspends what sends its codes to the mailbox that the password came from, for as long as that is so. An
// authenticator of which it is not known where its codes go counts as one, and so does each where the key is gone with which
// the mailbox was noted.
func (s *Service) restMailbox(h *holder) error {
	if h.standing == nil || h.standing.PasswordMailedTo == "" {
		return nil
	}
	for i, a := range h.held {
		if !s.policy.info(a.Kind).Elsewhere || a.Allows != factor.AllowsAll {
			continue
		}
		if a.To != "" {
			if same, known := s.isDestination(h.standing.PasswordMailedTo, a.To); !same && known {
				continue
			}
		}
		h.held[i].Allows = factor.AllowsNothing
		h.sameMailbox = append(h.sameMailbox, a.ID)
	}
	return nil
}

// NotePasswordReset notes that a password was set by a link that was mailed to an address: a code mailed there proves
// nothing more, and for 7 days no recovery by mail begins. It ends all sessions, devices, unfinished sign-ins and the
// hold. Call it within Change or UseLink. Errors: ErrUnavailable.
func (s *Service) NotePasswordReset(ctx context.Context, user, to string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		if st.PasswordMailedTo, err = s.destinationSubject(to); err != nil {
			return err
		}
		st.PasswordResetAt = tx.now
		st.Changes++
		if _, err := tx.endHold(ctx, user, Client{}); err != nil {
			return err
		}
		if err := tx.endDevices(ctx, user); err != nil {
			return err
		}
		return tx.endSessions(ctx, user, "")
	})
}

// NotePasswordChange notes that a password was changed in another way than by a mailed link, which ends the hold. Call it
// within Change. Errors: ErrUnavailable.
func (s *Service) NotePasswordChange(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		st.PasswordMailedTo = ""
		_, err = tx.endHold(ctx, user, Client{})
		return err
	})
}

// NoteAddressChange notes that the address of a user is another: for 7 days no recovery by mail begins, and a hold
// ends. A first confirmation is no change. Call it within Change or UseLink. Errors: ErrUnavailable.
func (s *Service) NoteAddressChange(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		st.AddressChangedAt = tx.now
		_, err = tx.endHold(ctx, user, Client{})
		return err
	})
}
