package nightlatch

import (
	"context"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Holdings are what a user holds, as the user may see it.
type Holdings struct {
	Authenticators []Offer // second factors, in the order in which they are offered, then those that are suspended
	// Codes are the Backup kinds held: how many codes are left, and since when; of a suspended set none is.
	Codes []Offer
	Fresh bool // the session has a fresh proof
	// SameMailbox: some are suspended because their codes go to the mailbox that the password was set by.
	SameMailbox bool
}

// Holdings returns what the user of a session, or of a sign-in that must enroll, holds.
// Errors: ErrUnauthenticated, ErrForbidden, ErrUnavailable.
func (s *Service) Holdings(ctx context.Context, tok string) (Holdings, error) {
	now := s.time()
	var out Holdings
	err := s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		if h.in != nil && s.decide(h, now).Step != StepEnroll {
			return ErrForbidden
		}
		out = s.holdings(h.held)
		out.Fresh, out.SameMailbox = h.ses != nil && s.isFresh(h, now), len(h.sameMailbox) > 0
		return nil
	})
	return out, s.outer(err)
}

// HoldingsOf returns what a user holds, for an administrator. Errors: ErrUnavailable.
func (s *Service) HoldingsOf(ctx context.Context, user string) (Holdings, error) {
	h := &holder{user: User{ID: user}}
	err := s.store.View(ctx, func(r Reader) error { return s.loadHeld(ctx, r, h, s.time()) })
	return s.holdings(h.held), s.outer(err)
}

func (s *Service) holdings(held []factor.Held) Holdings {
	out := Holdings{Authenticators: []Offer{}, Codes: []Offer{}}
	var second, suspended []factor.Held
	for _, a := range held {
		switch {
		case s.policy.isSecond(a.Kind) && a.Allows == factor.AllowsNothing:
			suspended = append(suspended, a)
		case s.policy.isSecond(a.Kind):
			second = append(second, a)
		case s.policy.info(a.Kind).Backup && a.ExpiresAt.IsZero() && a.Allows != factor.AllowsEnrollment:
			out.Codes = append(out.Codes, s.view([]factor.Held{a})...)
		}
	}
	out.Authenticators = s.view(append(s.policy.offers(second), suspended...))
	return out
}

// Edit is a change to an authenticator. Nil leaves as it is.
type Edit struct {
	Label     *string
	Preferred *bool
}

// EditAuthenticator renames or prefers an authenticator of the session's user; preferring one unprefers the others.
// Errors: *InvalidError (label; a taken one is an ErrConflict), ErrConflict (a suspended one cannot be preferred),
// ErrNotFound (also for another's), *FreshProofError, ErrForbidden (in a sign-in), ErrUnauthenticated, ErrUnavailable.
func (s *Service) EditAuthenticator(ctx context.Context, tok, id string, e Edit, c Client) (Offer, error) {
	if e.Label != nil {
		label, err := cleanLabel(*e.Label)
		if err == nil && label == "" {
			err = &InvalidError{Field: "label", Problem: "missing"}
		}
		if err != nil {
			return Offer{}, err
		}
		e.Label = &label
	}
	var out Offer
	err := s.inSession(ctx, tok, func(ctx context.Context, tx *change, h *holder) error {
		rec, ok := h.record(id)
		if !ok || !s.policy.isSecond(rec.Kind) {
			return ErrNotFound
		}
		if e.Label != nil && *e.Label != rec.Label {
			if err := s.rename(ctx, tx, h, &rec, *e.Label, c); err != nil {
				return err
			}
		}
		if e.Preferred != nil && *e.Preferred != rec.Preferred {
			if rec.Allows == factor.AllowsNothing {
				return ErrConflict
			}
			if err := s.prefer(ctx, tx, h, &rec, *e.Preferred, c); err != nil {
				return err
			}
		}
		held, err := s.openAuthenticator(rec)
		if err == nil {
			out = s.view([]factor.Held{held})[0]
		}
		return err
	})
	return out, err
}

func (s *Service) rename(ctx context.Context, tx *change, h *holder, rec *AuthenticatorRecord, label string, c Client) error {
	if err := labelFree(h.records, label, rec.ID); err != nil {
		return err
	}
	e := Event{
		Name: EventAuthenticatorRenamed, Kind: rec.Kind, Authenticator: rec.ID, Label: label, Client: c,
		Detail: map[string]string{"before": rec.Label},
	}
	rec.Label, rec.LabelKey = label, labelKey(label)
	if err := tx.Put(ctx, *rec); err != nil {
		return err
	}
	rec.Revision++
	return tx.event(ctx, h.user.ID, e)
}

func (s *Service) prefer(ctx context.Context, tx *change, h *holder, rec *AuthenticatorRecord, preferred bool, c Client) error {
	for _, other := range h.records {
		if other.Preferred && other.ID != rec.ID {
			other.Preferred = false
			if err := tx.Put(ctx, other); err != nil {
				return err
			}
		}
	}
	rec.Preferred = preferred
	if err := tx.Put(ctx, *rec); err != nil {
		return err
	}
	rec.Revision++
	e := Event{Name: EventPreferred, Kind: rec.Kind, Authenticator: rec.ID, Label: rec.Label, Client: c}
	if !preferred {
		e.Detail = map[string]string{"preferred": "no"}
	}
	return tx.event(ctx, h.user.ID, e)
}

// RemoveAuthenticator removes one. All other sessions and all remembered devices of the user end; with the last second
// factor that works those that are suspended go too, and with the last of all the recovery codes.
//
// Errors: ErrNotFound (also for another's), ErrConflict (the policy requires as many as there are),
// *FreshProofError, ErrForbidden (in a sign-in), ErrUnauthenticated, ErrUnavailable.
func (s *Service) RemoveAuthenticator(ctx context.Context, tok, id string, c Client) error {
	return s.inSession(ctx, tok, func(ctx context.Context, tx *change, h *holder) error {
		rec, ok := h.record(id)
		if !ok || !s.policy.isSecond(rec.Kind) {
			return ErrNotFound
		}
		if !s.policy.mayRemove(h.held, id, h.user.Admin) {
			return ErrConflict
		}
		working, suspended := s.others(h.records, id)
		if err := tx.Delete(ctx, rec); err != nil {
			return err
		}
		if working == 0 && rec.Allows != factor.AllowsNothing { // else nothing that works would be asked for
			for _, r := range suspended {
				if err := s.removeSuspended(ctx, tx, r, c); err != nil {
					return err
				}
			}
			suspended = nil
		}
		if working == 0 && len(suspended) == 0 {
			if err := s.removeBackups(ctx, tx, h.records); err != nil {
				return err
			}
		}
		if err := tx.endSessions(ctx, h.user.ID, h.ses.ID); err != nil {
			return err
		}
		if err := tx.endDevices(ctx, h.user.ID); err != nil {
			return err
		}
		h.standing.Changes++ // an unfinished sign-in is over
		e := Event{Name: EventAuthenticatorRemoved, Kind: rec.Kind, Authenticator: id, Label: rec.Label, Client: c}
		return tx.event(ctx, h.user.ID, e)
	})
}

// others are the second factors beside the one with that id: how many work, and those that are suspended.
func (s *Service) others(records []AuthenticatorRecord, id string) (working int, suspended []AuthenticatorRecord) {
	for _, r := range records {
		switch {
		case r.ID == id || !s.policy.isSecond(r.Kind):
		case r.Allows == factor.AllowsNothing:
			suspended = append(suspended, r)
		default:
			working++
		}
	}
	return working, suspended
}

func (s *Service) removeSuspended(ctx context.Context, tx *change, r AuthenticatorRecord, c Client) error {
	if err := tx.Delete(ctx, r); err != nil {
		return err
	}
	e := Event{Name: EventAuthenticatorRemoved, Kind: r.Kind, Authenticator: r.ID, Label: r.Label, Client: c}
	return tx.event(ctx, r.User, e)
}

func (s *Service) removeBackups(ctx context.Context, tx *change, records []AuthenticatorRecord) error {
	for _, r := range records {
		if s.policy.info(r.Kind).Backup {
			if err := tx.Delete(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// RenewCodes makes a new set of recovery codes in the place of the old one, which is dead.
// Errors: ErrEnrollmentNeeded (no second factor is held), *FreshProofError, ErrForbidden (in a sign-in, or not a kind
// that may be made), ErrNotFound (there is no such kind), ErrUnauthenticated, ErrUnavailable.
func (s *Service) RenewCodes(ctx context.Context, tok string, kind factor.Kind, c Client) ([]string, error) {
	if !s.policy.info(kind).Backup {
		return nil, ErrNotFound
	}
	var h *holder
	now := s.time()
	err := s.store.View(ctx, func(r Reader) (err error) {
		if h, err = s.findHolder(ctx, r, tok, now); err != nil {
			return err
		}
		return s.mayRenew(h, now)
	})
	if err != nil {
		return nil, s.outer(err)
	}
	if !slices.Contains(s.policy.backups(), kind) {
		return nil, ErrForbidden
	}
	e, err := s.Prepare(ctx, h.user, kind, factor.Response{})
	if err != nil {
		return nil, err
	}
	err = s.inSession(ctx, tok, func(ctx context.Context, tx *change, h *holder) error {
		if err := s.mayRenew(h, tx.now); err != nil {
			return err
		}
		if err := s.Install(ctx, Installation{User: h.user.ID, Kind: kind, Enrolled: e}); err != nil {
			return err
		}
		return tx.event(ctx, h.user.ID, Event{Name: EventCodesMade, Kind: kind, Client: c})
	})
	if err != nil {
		return nil, err
	}
	keep, _ := e.Show.(factor.Keep)
	return keep.Codes, nil
}

func (s *Service) mayRenew(h *holder, now time.Time) error {
	if err := s.requireFresh(h, now); err != nil {
		return err
	}
	if !s.policy.second(h.held) {
		return ErrEnrollmentNeeded
	}
	return nil
}

// inSession runs f in a transaction with the session of a token that has a fresh proof, its user locked.
func (s *Service) inSession(ctx context.Context, tok string, f func(ctx context.Context, tx *change, h *holder) error) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		h, err := s.findHolder(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		if h.standing, err = tx.standing(ctx, h.user.ID); err != nil {
			return err
		}
		if err := s.requireFresh(h, tx.now); err != nil {
			return err
		}
		if err := f(ctx, tx, h); err != nil {
			return err
		}
		return s.spendProof(ctx, tx, h)
	})
}
