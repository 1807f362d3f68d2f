package nightlatch

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// enrollmentTries is how many wrong responses an enrollment bears.
const enrollmentTries = 5

// NewEnrollment is what a new authenticator is to be.
type NewEnrollment struct {
	Kind     factor.Kind
	Label    string          // "" = the kind's name, numbered
	Replaces string          // the id of an authenticator that goes when this one is finished, or ""
	Response factor.Response // what was chosen beforehand
	// Resume shows the pending enrollment of that kind again, if there is one, instead of beginning another.
	Resume bool
}

// Enrollment is one that waits for its response.
type Enrollment struct {
	ID        string
	Kind      factor.Kind
	Label     string
	Prompt    factor.Prompt
	ExpiresAt time.Time
}

// BeginEnrollment begins an enrollment in a session with a fresh proof, or in a sign-in that must enroll. What is
// enrolled already keeps working. An earlier pending enrollment of the same kind is over, unless it is resumed.
//
// Errors: *InvalidError (label, phone …; a taken label is an ErrConflict), ErrForbidden (not in this sign-in, or not
// a kind that may be added), *FreshProofError, ErrNotFound (Replaces), ErrUnauthenticated, ErrUnavailable.
func (s *Service) BeginEnrollment(ctx context.Context, tok string, n NewEnrollment, c Client) (Enrollment, error) {
	now := s.time()
	label, err := cleanLabel(n.Label)
	if err != nil {
		return Enrollment{}, err
	}
	var (
		h    *holder
		live *PendingRecord
		data pendingData
	)
	err = s.store.View(ctx, func(r Reader) (err error) {
		if h, err = s.findHolder(ctx, r, tok, now); err != nil {
			return err
		}
		if err := s.mayEnroll(h, n, label, now); err != nil {
			return err
		}
		live, data, err = s.findPendingOf(ctx, r, h, factor.ForEnrollment, n.Kind, now)
		return err
	})
	if err != nil {
		return Enrollment{}, s.outer(err)
	}
	if live != nil && n.Resume && data.Replaces == n.Replaces && data.Passkey == n.Response.Passkey {
		return Enrollment{live.ID, n.Kind, data.Label, data.Prompt.prompt(), live.ExpiresAt}, nil
	}
	call := s.call(h.user, *h.standing, factor.ForEnrollment)
	call.Held, call.Lang = h.ofKind(n.Kind), c.Lang
	n.Response.Kind = n.Kind
	prompt, state, err := s.factors[n.Kind].BeginEnrollment(ctx, call, n.Response)
	if err != nil {
		return Enrollment{}, s.outer(err)
	}
	e := Enrollment{Kind: n.Kind, Label: label, ExpiresAt: now.Add(s.limits.Enrollment)}
	var m *factor.Message
	e.Prompt, m = messageOf(prompt)
	data = pendingData{State: state, Label: label, Replaces: n.Replaces, Passkey: n.Response.Passkey}
	if h.in != nil && h.in.record.ExpiresAt.Before(e.ExpiresAt) {
		e.ExpiresAt = h.in.record.ExpiresAt
	}
	if e, err = s.keepEnrollment(ctx, h, e, data, m, c); err != nil {
		return Enrollment{}, err
	}
	return e, destinationField(s.deliver(ctx, m), n.Kind)
}

// destinationField blames the field where the destination was typed for one that cannot be reached.
func destinationField(err error, kind factor.Kind) error {
	if !errors.Is(err, factor.ErrDestination) {
		return err
	}
	if kind == "email" {
		return &InvalidError{Field: "email", Problem: "invalid"}
	}
	return &InvalidError{Field: "phone", Problem: "invalid"}
}

func (s *Service) mayEnroll(h *holder, n NewEnrollment, label string, now time.Time) error {
	if _, ok := s.factors[n.Kind]; !ok || !s.policy.isSecond(n.Kind) {
		return &InvalidError{Field: "kind", Problem: "invalid"}
	}
	switch {
	case h.ses != nil:
		if err := s.requireFresh(h, now); err != nil {
			return err
		}
	case s.decide(h, now).Step != StepEnroll:
		return ErrForbidden
	}
	if !s.policy.MayEnroll(n.Kind) {
		return ErrForbidden
	}
	if n.Replaces != "" {
		old, ok := h.record(n.Replaces)
		if !ok || h.ses == nil || !s.policy.isSecond(old.Kind) {
			return ErrNotFound
		}
	}
	return labelFree(h.records, label, n.Replaces)
}

func (s *Service) keepEnrollment(
	ctx context.Context, h *holder, e Enrollment, d pendingData, m *factor.Message, c Client,
) (Enrollment, error) {
	var err error
	if d.Prompt, err = sealPrompt(e.Prompt); err != nil {
		return Enrollment{}, s.outer(err)
	}
	e.ID = token.NewID(s.rand)
	err = s.tx(ctx, func(ctx context.Context, tx *change) error {
		if err := tx.endEnrollments(ctx, h.id(), e.Kind); err != nil {
			return err
		}
		if err := s.countMessage(ctx, tx, h.user.ID, m, c); err != nil {
			return err
		}
		p := &PendingRecord{
			ID: e.ID, Owner: h.id(), User: h.user.ID, Kind: e.Kind, Purpose: factor.ForEnrollment,
			CreatedAt: tx.now, ExpiresAt: e.ExpiresAt,
		}
		if err := s.putPending(ctx, tx, p, d); err != nil {
			return err
		}
		return tx.event(ctx, h.user.ID, Event{Name: EventEnrollmentBegun, Kind: e.Kind, Client: c})
	})
	if err != nil {
		return Enrollment{}, err
	}
	return e, nil
}

// CancelEnrollment ends the pending enrollments of a kind. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) CancelEnrollment(ctx context.Context, tok string, kind factor.Kind) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		h, err := s.findHolder(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		return tx.endEnrollments(ctx, h.id(), kind)
	})
}

// endEnrollments ends the pending enrollments of a kind in a sign-in or session.
func (c *change) endEnrollments(ctx context.Context, owner string, kind factor.Kind) error {
	records, err := c.PendingsOf(ctx, owner)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Kind == kind && r.Purpose == factor.ForEnrollment {
			if err := c.Delete(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}
