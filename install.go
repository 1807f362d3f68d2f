package nightlatch

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// Installation is an authenticator that was made without a person answering.
type Installation struct {
	User      string
	Kind      factor.Kind
	Enrolled  factor.Enrolled
	Label     string
	Allows    factor.Allows
	ExpiresAt time.Time // zero: never
	// Of one that was enrolled elsewhere:
	CreatedAt, LastUsedAt time.Time // zero: now, and never
	Preferred             bool
}

// Prepare makes what Install keeps: a password, recovery codes. It is slow where the factor is; call it outside Change.
// Errors: *InvalidError, ErrUnavailable.
func (s *Service) Prepare(ctx context.Context, u User, kind factor.Kind, r factor.Response) (factor.Enrolled, error) {
	f, ok := s.factors[kind]
	if !ok {
		return factor.Enrolled{}, &InvalidError{Field: "kind", Problem: "invalid"}
	}
	r.Kind = kind
	e, err := f.FinishEnrollment(ctx, s.call(u, standing{}, factor.ForEnrollment), nil, r)
	return e, s.outer(err)
}

// Install keeps an authenticator. One of a Single kind replaces those that the user holds without Allows; of a knowledge
// the wrong tries end with it, since what was guessed at is no more.
// Call it within Change. Errors: ErrConflict (the label is taken), ErrUnavailable.
func (s *Service) Install(ctx context.Context, in Installation) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		if s.policy.info(in.Kind).Single && in.Allows == factor.AllowsAll && in.ExpiresAt.IsZero() {
			if err := tx.removeKind(ctx, in.User, in.Kind); err != nil {
				return err
			}
		}
		if s.policy.info(in.Kind).Class == factor.Knowledge {
			if err := tx.forgetTries(ctx, in.User, in.Kind); err != nil {
				return err
			}
		}
		id := token.NewID(s.rand)
		r := AuthenticatorRecord{
			ID: id, User: in.User, Kind: in.Kind, Label: in.Label, Lookup: in.Enrolled.Lookup,
			CreatedAt: tx.now, LastUsedAt: in.LastUsedAt, Preferred: in.Preferred, ExpiresAt: in.ExpiresAt, Allows: in.Allows,
		}
		if !in.CreatedAt.IsZero() {
			r.CreatedAt = in.CreatedAt
		}
		if s.policy.isSecond(in.Kind) {
			label, err := s.freeLabel(ctx, tx, in.User, in.Kind, in.Label, in.Enrolled.Label)
			if err != nil {
				return err
			}
			r.Label, r.LabelKey = label, labelKey(label)
		}
		if err := s.sealAuthenticator(&r, envelopeOf(in.Enrolled)); err != nil {
			return err
		}
		return tx.Put(ctx, r)
	})
}

// lasts says whether an authenticator is the user's own, suspended or not, and no code that somebody gave for a while.
func lasts(r AuthenticatorRecord) bool {
	return r.ExpiresAt.IsZero() && (r.Allows == factor.AllowsAll || r.Allows == factor.AllowsNothing)
}

// removeKind removes what a new one of a Single kind replaces, suspended or not.
func (c *change) removeKind(ctx context.Context, user string, kind factor.Kind) error {
	records, err := c.AuthenticatorsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Kind == kind && lasts(r) {
			if err := c.Delete(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// Uninstall removes the authenticator of a user with that kind and label, if there is one, and its
// remembered devices. Call it within Change.
// Errors: ErrUnavailable.
func (s *Service) Uninstall(ctx context.Context, user string, kind factor.Kind, label string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		records, err := tx.AuthenticatorsOf(ctx, user)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Kind != kind || r.LabelKey != labelKey(label) {
				continue
			}
			if err := tx.endDevices(ctx, user); err != nil {
				return err
			}
			return tx.Delete(ctx, r)
		}
		return nil
	})
}
