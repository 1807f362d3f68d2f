package nightlatch

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// FreshWithin returns nil when the session of a token has a proof that is younger than maxAge (0: Policy.Fresh), by one
// of kinds (none: any). Where a second factor is held, only a second factor's proof counts; a remembered device's counts
// by its own time.
//
// Errors: *FreshProofError, with the offers among kinds; ErrEnrollmentNeeded (none of kinds is held, and one of them may
// be added); ErrForbidden (in a sign-in); ErrUnauthenticated; ErrUnavailable.
func (s *Service) FreshWithin(ctx context.Context, tok string, maxAge time.Duration, kinds ...factor.Kind) error {
	now := s.time()
	return s.outer(s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		return s.requireWithin(h, now, maxAge, kinds)
	}))
}

// requireWithin returns a *FreshProofError unless the session has a proof of kinds that is young enough.
func (s *Service) requireWithin(h *holder, now time.Time, maxAge time.Duration, kinds []factor.Kind) error {
	if h.ses == nil {
		return ErrForbidden
	}
	if s.freshWithin(h, now, maxAge, kinds) {
		return nil
	}
	offers := slices.DeleteFunc(s.offers(h, now), func(o factor.Held) bool { return !among(kinds, o.Kind) })
	if len(kinds) > 0 && len(offers) == 0 && slices.ContainsFunc(kinds, s.policy.MayEnroll) {
		return ErrEnrollmentNeeded
	}
	return &FreshProofError{Offers: s.view(offers)}
}

// freshWithin says whether a proof counts for what guards the account: one by a second factor where one is held, else
// any, by one of kinds, and young enough.
func (s *Service) freshWithin(h *holder, now time.Time, maxAge time.Duration, kinds []factor.Kind) bool {
	if maxAge <= 0 {
		maxAge = s.policy.Fresh
	}
	var after time.Time
	if s.policy.ProofPerChange && h.ses != nil {
		maxAge, after = min(maxAge, proofForChange), h.ses.spentAt
	}
	second := s.policy.second(h.held)
	return slices.ContainsFunc(h.proofs(), func(p factor.Proof) bool {
		if second && !slices.ContainsFunc(p.Classes, func(c factor.Class) bool { return c != factor.Knowledge }) {
			return false
		}
		return among(kinds, p.Kind) && now.Sub(p.At) < maxAge && p.At.After(after)
	})
}

// proofForChange is how old a proof may be that serves one change.
const proofForChange = time.Minute

// spendProof notes that the session's proofs have served a change, where one serves only one.
func (s *Service) spendProof(ctx context.Context, tx *change, h *holder) error {
	if !s.policy.ProofPerChange || h.ses == nil {
		return nil
	}
	ses := h.ses
	ses.spentAt = tx.now
	data, err := json.Marshal(sessionData{
		Proofs: ses.Proofs, Client: ses.Client, Stay: ses.Stay, Binding: ses.Binding, Address: ses.addressAt, Spent: ses.spentAt,
	})
	if err != nil {
		return err
	}
	ses.record.Data = data
	if err := tx.Put(ctx, ses.record); err != nil {
		return err
	}
	ses.record.Revision++
	tx.raise = true
	return nil
}

// TakeFresh is Fresh before a change that is not the engine's: where one proof serves one change, it is used up.
// Errors: *FreshProofError, ErrForbidden (in a sign-in), ErrUnauthenticated, ErrUnavailable.
func (s *Service) TakeFresh(ctx context.Context, tok string) error {
	if !s.policy.ProofPerChange {
		return s.Fresh(ctx, tok)
	}
	return s.inSession(ctx, tok, func(context.Context, *change, *holder) error { return nil })
}

// among says whether a kind is one of kinds; none stands for all.
func among(kinds []factor.Kind, kind factor.Kind) bool {
	return len(kinds) == 0 || slices.Contains(kinds, kind)
}
