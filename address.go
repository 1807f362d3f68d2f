package nightlatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// addressID is the id of the authenticator that stands for a user's address. It is made for each request and never kept.
const addressID = "address"

// addressOf is what a code is mailed by before the first enrollment of a user; nil: none is asked for.
func (s *Service) addressOf(h *holder) *factor.Held {
	u := h.user
	if u.EmailBefore != "" { // whoever has the password alone may have changed it for that
		u.Email, u.EmailConfirmedAt = u.EmailBefore, s.time()
	}
	switch {
	case s.address == nil, s.senders[mailKind] == nil, h.standing == nil:
		return nil
	case h.standing.AfterReset, s.policy.second(h.held): // there is what proves more
		return nil
	case s.policy.FirstEnrollment == FirstByPassword, u.Email == "":
		return nil
	case s.policy.FirstEnrollment == FirstByAddress && u.EmailConfirmedAt.IsZero():
		return nil
	}
	if f, ok := s.factors[mailKind]; !ok || !f.Info().Elsewhere {
		return nil
	}
	e, ok := s.address(u)
	if !ok {
		return nil
	}
	return &factor.Held{
		ID: addressID, Kind: mailKind, Hint: e.Hint, To: e.To, State: e.State, Allows: factor.AllowsEnrollment,
	}
}

// byAddress says whether a proof is the address's: it leads to the first enrollment and takes nothing away.
func byAddress(p factor.Proof) bool { return p.Authenticator == addressID }

// answerable are the offers and, in a session that holds no second factor, the address of its user: what may be
// answered, though nothing but an enrollment asks for it. Recovery codes may be answered when all are used, so that
// people hear that theirs was.
func (s *Service) answerable(h *holder, now time.Time) []factor.Held {
	offers := s.offers(h, now)
	if len(offers) > 0 && s.policy.second(h.held) {
		for _, a := range h.held {
			if s.policy.info(a.Kind).Backup && a.Allows == factor.AllowsAll && a.Left == 0 {
				offers = append(slices.Clone(offers), a)
			}
		}
	}
	if h.ses != nil && h.address != nil {
		offers = append(slices.Clone(offers), *h.address)
	}
	return offers
}

// withAddress adds the address to those of a kind that a factor may judge.
func (h *holder) withAddress(held []factor.Held, kind factor.Kind) []factor.Held {
	if h.address != nil && h.address.Kind == kind {
		held = append(held, *h.address)
	}
	return held
}

// requireAddress returns a *FreshProofError where a session must prove the address of its user before a first
// enrollment, and has not lately.
func (s *Service) requireAddress(h *holder, now time.Time) error {
	if h.address == nil || now.Sub(h.ses.addressAt) < s.policy.Fresh {
		return nil
	}
	return &FreshProofError{Offers: s.view([]factor.Held{*h.address})}
}

// recovering says whether a sign-in has proven a code that leads to an enrollment only: a reset's or a hold's.
func (h *holder) recovering() bool {
	return h.in != nil && slices.ContainsFunc(h.in.Proofs, func(p factor.Proof) bool {
		return p.Allows == factor.AllowsEnrollment && !byAddress(p)
	})
}

// forgetOthers leaves in h what is there after an enrollment by such a code: no authenticator but the password. What
// goes then is in nobody's way, neither by its name nor as a key that is known already.
func (s *Service) forgetOthers(h *holder) {
	if !h.recovering() {
		return
	}
	h.records = slices.DeleteFunc(slices.Clone(h.records), func(r AuthenticatorRecord) bool {
		return s.policy.info(r.Kind).Class != factor.Knowledge
	})
	h.held = slices.DeleteFunc(slices.Clone(h.held), func(a factor.Held) bool {
		return s.policy.info(a.Kind).Class != factor.Knowledge
	})
}

// FirstOffer returns what the session of a token must prove beside its password before it may enroll the first
// authenticator; nil: nothing more. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) FirstOffer(ctx context.Context, tok string) (*Offer, error) {
	now := s.time()
	var first *Offer
	err := s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		var needed *FreshProofError
		first = nil
		if h.ses != nil && errors.As(s.requireAddress(h, now), &needed) {
			first = &needed.Offers[0]
		}
		return nil
	})
	return first, s.outer(err)
}
