package nightlatch

import (
	"context"
	"fmt"

	"github.com/nightlatch/nightlatch/factor"
)

// RestoreReport is what AfterRestore did.
type RestoreReport struct {
	Users          int // whose records were gone through
	Sessions       int // that ended
	Devices        int // remembered ones that ended
	Authenticators int // of whose state more is used up now
}

// restoreStep is how many users are done in one transaction.
const restoreStep = 50

// AfterRestore makes a store safe that was read from a backup, which has forgotten what was used and ended since. All
// sessions, remembered devices, links of mails, holds and unfinished sign-ins are over, and what a factor.Restorer says is
// used up is used up. Each trail notes it. What was changed since the backup (passwords, authenticators, accounts) is
// as it was then.
//
// Nobody else may use the store meanwhile. Broken off, it has done some of the users; called again, it does all.
// Errors: ErrUnavailable, and where a state cannot be read one that names the authenticator.
func (s *Service) AfterRestore(ctx context.Context, by string) (RestoreReport, error) {
	var total RestoreReport
	for last := ""; ; {
		var page []UserRecord
		err := s.store.View(ctx, func(r Reader) (err error) {
			page, err = r.UsersAfter(ctx, last, restoreStep)
			return err
		})
		if err != nil {
			return total, s.outer(err)
		}
		var done RestoreReport
		err = s.tx(ctx, func(ctx context.Context, tx *change) error {
			done = RestoreReport{} // it may run again
			for _, u := range page {
				if err := s.afterRestoreOf(ctx, tx, u.User, by, &done); err != nil {
					return err
				}
			}
			tx.raise = true
			return nil
		})
		if err != nil {
			return total, err
		}
		total.Users += done.Users
		total.Sessions += done.Sessions
		total.Devices += done.Devices
		total.Authenticators += done.Authenticators
		if len(page) < restoreStep {
			return total, s.endLinksOfNobody(ctx)
		}
		last = page[len(page)-1].User
	}
}

// endLinksOfNobody ends the links that are left: those of users of whom there is no record yet, as who signs up and has
// not confirmed the address.
func (s *Service) endLinksOfNobody(ctx context.Context) error {
	for after := ""; ; {
		var page []SealedRecord
		err := s.store.View(ctx, func(r Reader) (err error) {
			page, err = r.SealedAfter(ctx, "links", after, nil, restoreStep)
			return err
		})
		if err != nil {
			return s.outer(err)
		}
		err = s.tx(ctx, func(ctx context.Context, tx *change) error {
			for _, found := range page {
				l, err := tx.FindLink(ctx, found.ID)
				if err == nil {
					err = tx.Delete(ctx, l)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(page) < restoreStep {
			return err
		}
		after = page[len(page)-1].ID
	}
}

func (s *Service) afterRestoreOf(ctx context.Context, tx *change, user, by string, done *RestoreReport) error {
	st, err := tx.standing(ctx, user)
	if err != nil {
		return err
	}
	if err := s.useUp(ctx, tx, user, done); err != nil {
		return err
	}
	if err := tx.endAllOf(ctx, user, done); err != nil {
		return err
	}
	st.Hold = nil
	st.Changes++ // unfinished sign-ins are over
	st.RestoredAt = tx.now
	done.Users++
	return tx.event(ctx, user, Event{Name: EventRestored, By: by})
}

// useUp keeps the states of authenticators of which more is used up.
func (s *Service) useUp(ctx context.Context, tx *change, user string, done *RestoreReport) error {
	records, err := tx.AuthenticatorsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, r := range records {
		f, ok := s.factors[r.Kind].(factor.Restorer)
		if !ok {
			continue
		}
		held, err := s.openAuthenticator(r)
		if err != nil {
			return err
		}
		e := envelope{State: held.State, Hint: held.Hint, To: held.To, Model: held.Model}
		if e.State, e.Left, err = f.Restored(held.State, tx.now); err != nil {
			return fmt.Errorf("authenticator %s: %w", r.ID, err)
		}
		if err := s.sealAuthenticator(&r, e); err != nil {
			return err
		}
		if err := tx.Put(ctx, r); err != nil {
			return err
		}
		done.Authenticators++
	}
	return nil
}

// endAllOf ends what a user was given to come back with.
func (c *change) endAllOf(ctx context.Context, user string, done *RestoreReport) error {
	sessions, err := c.SessionsOf(ctx, user)
	if err != nil {
		return err
	}
	done.Sessions += len(sessions)
	if err := c.endSessions(ctx, user, ""); err != nil {
		return err
	}
	devices, err := c.DevicesOf(ctx, user)
	if err != nil {
		return err
	}
	done.Devices += len(devices)
	for _, d := range devices {
		if err := c.deleteDevice(ctx, d); err != nil {
			return err
		}
	}
	links, err := c.LinksOf(ctx, user)
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := c.Delete(ctx, l); err != nil {
			return err
		}
	}
	return nil
}
