package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
)

// challengeLife is how long a challenge waits for its response where the prompt does not say.
const challengeLife = 10 * time.Minute

// pendingData is what is sealed of a pending record.
type pendingData struct {
	State factor.State `json:"state,omitempty"`

	// Of an enrollment:
	Prompt   *sealedPrompt `json:"prompt,omitempty"`
	Label    string        `json:"label,omitempty"`
	Replaces string        `json:"replaces,omitempty"`
	Passkey  bool          `json:"passkey,omitempty"`
	Tries    int           `json:"tries,omitempty"`
	To       string        `json:"to,omitempty"` // where its message went
}

func pendingPlace(p *PendingRecord) seal.Place {
	return seal.Place{Table: "pendings", Column: "sealed", ID: p.ID, User: p.User}
}

func (s *Service) putPending(ctx context.Context, tx *change, p *PendingRecord, d pendingData) (err error) {
	if p.Sealed, err = s.seal(d, pendingPlace(p)); err != nil {
		return err
	}
	return tx.Put(ctx, *p)
}

// findPendingOf returns the newest live pending record of a holder for a purpose and kind, or nil.
func (s *Service) findPendingOf(ctx context.Context, r Reader, h *holder, p factor.Purpose, kind factor.Kind, now time.Time) (
	*PendingRecord, pendingData, error,
) {
	records, err := r.PendingsOf(ctx, h.id())
	if err != nil {
		return nil, pendingData{}, err
	}
	i := slices.IndexFunc(records, func(rec PendingRecord) bool {
		return rec.Purpose == p && rec.Kind == kind && rec.User == h.user.ID && rec.ExpiresAt.After(now)
	})
	if i < 0 {
		return nil, pendingData{}, nil
	}
	var d pendingData
	if err := s.open(records[i].Sealed, pendingPlace(&records[i]), &d); err != nil {
		return nil, pendingData{}, err
	}
	return &records[i], d, nil
}

// findChallenge returns the challenge that is alive at a time; at the zero time the newest, even if it is over.
func (s *Service) findChallenge(ctx context.Context, r Reader, h *holder, kind factor.Kind, now time.Time) (
	*PendingRecord, factor.State, error,
) {
	p, d, err := s.findPendingOf(ctx, r, h, h.purpose(), kind, now)
	return p, d.State, err
}

// Challenge is what to show so that one of the offers is proven. A response is judged until ExpiresAt.
type Challenge struct {
	Kind      factor.Kind
	Prompt    factor.Prompt
	ExpiresAt time.Time
}

// Challenge asks the factor of an offer what to show, keeps what it must remember until the response, and sends what
// is to be sent. id chooses an authenticator; "" is any of the kind.
//
// Errors: *factor.Refused when it is not on offer, *ThrottledError (too many messages), ErrDeliveryFailed (what was
// sent before stays good), ErrUnauthenticated, ErrUnavailable.
func (s *Service) Challenge(ctx context.Context, tok string, kind factor.Kind, id string, c Client) (Challenge, error) {
	return s.challenge(ctx, tok, kind, id, c, true)
}

// Show is Challenge for a page that is only looked at: it sends nothing. Where a message is to be sent first, the
// Prompt is nil. Errors: *factor.Refused when it is not on offer, ErrUnauthenticated, ErrUnavailable.
func (s *Service) Show(ctx context.Context, tok string, kind factor.Kind, id string, c Client) (Challenge, error) {
	return s.challenge(ctx, tok, kind, id, c, false)
}

func (s *Service) challenge(ctx context.Context, tok string, kind factor.Kind, id string, c Client, send bool) (Challenge, error) {
	for range maxRounds {
		ch, sent, err := s.challengeOnce(ctx, tok, kind, id, c, send)
		if err == nil {
			return ch, s.deliverChallenge(ctx, sent)
		}
		if !errors.Is(err, ErrConflict) {
			s.unsent(ctx, kind, err)
			return Challenge{}, s.outer(err)
		}
		if ctx.Err() != nil {
			return Challenge{}, s.outer(ctx.Err())
		}
	}
	return Challenge{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

func (s *Service) challengeOnce(ctx context.Context, tok string, kind factor.Kind, id string, c Client, send bool) (
	ch Challenge, sent sentChallenge, err error,
) {
	now := s.time()
	var (
		h     *holder
		live  *PendingRecord
		state factor.State
	)
	err = s.store.View(ctx, func(r Reader) (err error) {
		if h, err = s.findHolder(ctx, r, tok, now); err != nil {
			return err
		}
		live, state, err = s.findChallenge(ctx, r, h, kind, now)
		return err
	})
	if err != nil {
		return ch, sent, err
	}
	offered := slices.ContainsFunc(s.answerable(h, now), func(o factor.Held) bool {
		return o.Kind == kind && (id == "" || o.ID == id)
	})
	f, ok := s.factors[kind]
	if !ok || !offered {
		return ch, sent, factor.Refuse(factor.Wrong)
	}
	ch.Kind = kind
	looking := !send && f.Info().Elsewhere
	if looking && state == nil {
		return ch, sent, nil
	}
	call := s.call(h.user, *h.standing, h.purpose())
	call.Held, call.Chosen, call.Lang = h.withAddress(h.ofKind(kind), kind), id, c.Lang
	prompt, newState, err := f.Challenge(ctx, call, state)
	if err != nil {
		return ch, sent, err
	}
	ch.Prompt, sent.message = messageOf(prompt)
	ch.ExpiresAt = challengeExpiry(h, live, prompt, now)
	if looking && sent.message != nil && !ch.ExpiresAt.Equal(live.ExpiresAt) {
		return Challenge{Kind: kind}, sentChallenge{}, nil // it would be a new code, and that is not sent yet
	}
	if code, ok := ch.Prompt.(factor.Code); ok && looking && sent.message != nil {
		code.ResendAfter = 0 // it would be sent at once
		ch.Prompt = code
	}
	if newState == nil || looking {
		return ch, sentChallenge{}, nil
	}
	sent.before = live
	sent.kept, err = s.keepChallenge(ctx, h, live, ch, newState, sent.message, c)
	return ch, sent, err
}

// sentChallenge is a challenge that was kept and whose message is to be sent.
type sentChallenge struct {
	message *factor.Message // nil: there is none
	kept    PendingRecord
	before  *PendingRecord // what kept has replaced, or nil
}

// deliverChallenge sends the message. One that was surely not sent leaves things as they were, so that asking again
// sends at once; where nobody can tell, the code stays good.
func (s *Service) deliverChallenge(ctx context.Context, sent sentChallenge) error {
	err := s.deliver(ctx, sent.message)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrDeliveryFailed) {
		err = fmt.Errorf("%w: %w", ErrDeliveryFailed, err)
	}
	if errors.Is(err, deliver.ErrUnclear) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	undone := s.settled(ctx, func(ctx context.Context, tx *change) error {
		is, findErr := tx.FindPending(ctx, sent.kept.ID)
		if findErr != nil || is.Revision != sent.kept.Revision {
			return nil //nolint:nilerr // it was answered or replaced meanwhile
		}
		if sent.before == nil {
			return tx.Delete(ctx, is)
		}
		back := *sent.before
		back.Revision = is.Revision
		return tx.Put(ctx, back)
	})
	if undone != nil {
		s.log.Warn("a challenge that was not sent stays", "error", undone)
	}
	return err
}

// challengeExpiry is what the prompt says, else that of the challenge which is asked again, else challengeLife from
// now; never after the sign-in.
func challengeExpiry(h *holder, live *PendingRecord, prompt factor.Prompt, now time.Time) time.Time {
	at := now.Add(challengeLife)
	if live != nil {
		at = live.ExpiresAt
	}
	switch p := prompt.(type) {
	case factor.Code:
		if !p.ExpiresAt.IsZero() {
			at = p.ExpiresAt
		}
	case factor.PublicKey:
		if !p.ExpiresAt.IsZero() {
			at = p.ExpiresAt
		}
	}
	if h.in != nil && h.in.record.ExpiresAt.Before(at) {
		at = h.in.record.ExpiresAt
	}
	return at
}

// keepChallenge keeps it in the place of the live one, unless another has come there meanwhile.
func (s *Service) keepChallenge(
	ctx context.Context, h *holder, live *PendingRecord, ch Challenge, state factor.State, m *factor.Message, c Client,
) (kept PendingRecord, err error) {
	err = s.tx(ctx, func(ctx context.Context, tx *change) error {
		if _, err := tx.standing(ctx, h.user.ID); err != nil { // locks the user: there may be nothing yet to lock
			return err
		}
		if err := s.countMessage(ctx, tx, h.user.ID, m, h.whoseAre(ch.Kind), c); err != nil {
			return err
		}
		is, _, err := s.findPendingOf(ctx, tx, h, h.purpose(), ch.Kind, tx.now)
		if err != nil {
			return err
		}
		p := PendingRecord{
			ID: token.NewID(s.rand), Owner: h.id(), User: h.user.ID, Kind: ch.Kind, Purpose: h.purpose(), CreatedAt: tx.now,
		}
		switch {
		case is != nil && (live == nil || is.ID != live.ID || is.Revision != live.Revision):
			return errAgain
		case is != nil:
			p = *is
		}
		p.ExpiresAt = ch.ExpiresAt
		kept = p
		kept.Revision++
		return s.putPending(ctx, tx, &p, pendingData{State: state})
	})
	return kept, err
}
