package nightlatch

import (
	"context"
	"errors"
	"fmt"
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
	// Resume shows the pending enrollment of that kind again, if there is one, instead of beginning another. With
	// Policy.ProofPerChange it does so only where a code is sent, since what else is shown suffices to finish it.
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
// enrolled already keeps working. An earlier pending enrollment of the same kind is over, unless it is resumed, or a
// code is sent to the same destination again: then it is the same code, and the tries that are left.
//
// Errors: *InvalidError (label, phone …; a taken label is an ErrConflict), ErrForbidden (not in this sign-in, or not
// a kind that may be added), *FreshProofError, ErrNotFound (Replaces), *ThrottledError (too many messages),
// ErrDeliveryFailed, ErrUnauthenticated, ErrUnavailable.
func (s *Service) BeginEnrollment(ctx context.Context, tok string, n NewEnrollment, c Client) (Enrollment, error) {
	label, err := cleanLabel(n.Label)
	if err != nil {
		return Enrollment{}, err
	}
	n.Label, n.Response.Kind = label, n.Kind
	for range maxRounds {
		e, m, err := s.beginOnce(ctx, tok, n, c)
		if err == nil {
			return e, destinationField(s.deliver(ctx, m), n.Kind)
		}
		s.unsent(ctx, n.Kind, err)
		var taken *InvalidError
		if !errors.Is(err, ErrConflict) || errors.As(err, &taken) {
			return Enrollment{}, s.outer(err)
		}
		if ctx.Err() != nil {
			return Enrollment{}, s.outer(ctx.Err())
		}
	}
	return Enrollment{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

// beginning is one round of beginning an enrollment.
type beginning struct {
	h      *holder
	live   *PendingRecord // the enrollment that goes on, or nil
	data   pendingData
	client Client
}

// resumes says whether what is asked for is the enrollment that goes on, and may be shown again.
func (s *Service) resumes(b *beginning, n NewEnrollment) bool {
	if s.policy.ShownOnce(n.Kind) {
		return false
	}
	return b.live != nil && n.Resume && b.data.Replaces == n.Replaces && b.data.Passkey == n.Response.Passkey
}

func (s *Service) beginOnce(ctx context.Context, tok string, n NewEnrollment, c Client) (Enrollment, *factor.Message, error) {
	now := s.time()
	b := &beginning{client: c}
	err := s.store.View(ctx, func(r Reader) (err error) {
		if b.h, err = s.findHolder(ctx, r, tok, now); err != nil {
			return err
		}
		s.forgetOthers(b.h)
		if b.live, b.data, err = s.findPendingOf(ctx, r, b.h, factor.ForEnrollment, n.Kind, now); err != nil {
			return err
		}
		if s.policy.ProofPerChange && s.resumes(b, n) { // its proof was used up when it was begun
			return nil
		}
		return s.mayEnroll(b.h, n, n.Label, now)
	})
	if err != nil {
		return Enrollment{}, nil, err
	}
	if s.resumes(b, n) {
		return Enrollment{b.live.ID, n.Kind, b.data.Label, b.data.Prompt.prompt(), b.live.ExpiresAt}, nil, nil
	}
	if n.Resume && s.policy.info(n.Kind).Elsewhere { // whoever only looks is sent nothing
		return Enrollment{}, nil, &InvalidError{Field: destinationName(n.Kind), Problem: "missing"}
	}
	e := Enrollment{Kind: n.Kind, Label: n.Label, ExpiresAt: now.Add(s.limits.Enrollment)}
	if b.h.in != nil && b.h.in.record.ExpiresAt.Before(e.ExpiresAt) {
		e.ExpiresAt = b.h.in.record.ExpiresAt
	}
	m, err := s.askEnrollment(ctx, b, &e, n)
	if err != nil {
		return Enrollment{}, nil, err
	}
	e, err = s.keepEnrollment(ctx, b, e, m)
	return e, m, err
}

// askEnrollment asks the factor what to show, and in b.data keeps what is to be remembered.
func (s *Service) askEnrollment(ctx context.Context, b *beginning, e *Enrollment, n NewEnrollment) (m *factor.Message, err error) {
	f := s.factors[n.Kind]
	call := s.call(b.h.user, *b.h.standing, factor.ForEnrollment)
	call.Held, call.Lang = b.h.ofKind(n.Kind), b.client.Lang
	prompt, state, err := f.BeginEnrollment(ctx, call, n.Response)
	if err != nil {
		return nil, err
	}
	e.Prompt, m = messageOf(prompt)
	fresh := pendingData{State: state, Label: n.Label, Replaces: n.Replaces, Passkey: n.Response.Passkey}
	if m != nil {
		fresh.To = m.To
	}
	if b.live != nil && m != nil && b.data.To == m.To && b.data.Replaces == n.Replaces {
		if prompt, state, err = f.Challenge(ctx, call, b.data.State); err != nil {
			return nil, err
		}
		if same, again := messageOf(prompt); again != nil {
			e.ID, e.Prompt, fresh.State, fresh.Tries = b.live.ID, same, state, b.data.Tries
			b.data = fresh
			return again, nil
		}
	}
	b.live, b.data = nil, fresh
	return m, nil
}

// destinationField blames the field where the destination was typed for one that cannot be reached.
func destinationField(err error, kind factor.Kind) error {
	if !errors.Is(err, factor.ErrDestination) {
		return err
	}
	return &InvalidError{Field: destinationName(kind), Problem: "invalid"}
}

// destinationName is the field where a destination of a kind is typed.
func destinationName(kind factor.Kind) string {
	if kind == "email" {
		return "email"
	}
	return "phone"
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
		if err := s.requireAddress(h, now); err != nil {
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

func (s *Service) keepEnrollment(ctx context.Context, b *beginning, e Enrollment, m *factor.Message) (Enrollment, error) {
	var err error
	if b.data.Prompt, err = sealPrompt(e.Prompt); err != nil {
		return Enrollment{}, err
	}
	if e.ID == "" {
		e.ID = token.NewID(s.rand)
	}
	user := b.h.user.ID
	err = s.tx(ctx, func(ctx context.Context, tx *change) error {
		if _, err := tx.standing(ctx, user); err != nil { // locks the user: there may be nothing yet to lock
			return err
		}
		p := PendingRecord{
			ID: e.ID, Owner: b.h.id(), User: user, Kind: e.Kind, Purpose: factor.ForEnrollment, CreatedAt: tx.now,
		}
		if b.live != nil {
			is, err := tx.FindPending(ctx, e.ID)
			if errors.Is(err, ErrNotFound) || err == nil && is.Revision != b.live.Revision {
				return errAgain
			}
			if err != nil {
				return err
			}
			p = is
		} else if err := tx.endEnrollments(ctx, b.h.id(), e.Kind); err != nil {
			return err
		}
		if err := s.spendForEnrollment(ctx, tx, b.h); err != nil {
			return err
		}
		p.ExpiresAt = e.ExpiresAt
		if err := s.countMessage(ctx, tx, user, m, anybodys, b.client); err != nil {
			return err
		}
		if err := s.putPending(ctx, tx, &p, b.data); err != nil {
			return err
		}
		return tx.event(ctx, user, Event{Name: EventEnrollmentBegun, Kind: e.Kind, Client: b.client})
	})
	return e, err
}

// spendForEnrollment uses the proof up that an enrollment in a session was begun by, where one serves one change.
func (s *Service) spendForEnrollment(ctx context.Context, tx *change, h *holder) error {
	if !s.policy.ProofPerChange || h.ses == nil {
		return nil
	}
	record, err := tx.FindSession(ctx, h.ses.record.Token)
	if errors.Is(err, ErrNotFound) {
		return ErrUnauthenticated
	}
	if err != nil {
		return err
	}
	ses, err := s.readSession(record)
	if err != nil {
		return err
	}
	again := h.clone()
	again.ses = &ses
	if err := s.requireFresh(again, tx.now); err != nil {
		return err
	}
	return s.spendProof(ctx, tx, again)
}

// Enrolling returns nil while an enrollment waits for its response. Errors: ErrNotFound (unknown, another's or over),
// ErrForbidden, ErrUnauthenticated, ErrUnavailable.
func (s *Service) Enrolling(ctx context.Context, tok, id string) error {
	return s.outer(s.findEnrollment(ctx, &finishing{}, tok, id))
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
