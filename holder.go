package nightlatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// holder is what a request serves: an unfinished sign-in or a session, with its user and what the user holds.
type holder struct {
	user     User
	standing *standing
	in       *signIn  // one of the two
	ses      *Session // is set
	records  []AuthenticatorRecord
	held     []factor.Held // what of records has not expired, unsealed
	// address is what a code is mailed by before a first enrollment, or nil.
	address *factor.Held
	// sameMailbox are the ids of held that prove nothing more than the mailbox that the password came from.
	sameMailbox []string
}

// findHolder returns the sign-in or session of a token with all that belongs to it, or ErrUnauthenticated.
func (s *Service) findHolder(ctx context.Context, r Reader, tok string, now time.Time) (*holder, error) {
	h := &holder{}
	var user string
	if t, _ := token.TypeOf(tok); t == token.SignIn {
		in, err := s.findSignIn(ctx, r, tok, now)
		if err != nil {
			return nil, err
		}
		h.in, user = &in, in.record.User
	} else {
		ses, err := s.findSession(ctx, r, tok, now)
		if err != nil {
			return nil, err
		}
		h.ses, user = &ses, ses.User
	}
	st, err := s.findStanding(ctx, r, user)
	if err != nil {
		return nil, err
	}
	h.standing = &st
	if h.in != nil && h.in.Changes != st.Changes {
		return nil, ErrUnauthenticated
	}
	h.user, err = s.users.FindUser(within(ctx, r), user)
	if errors.Is(err, ErrNotFound) || err == nil && h.user.Disabled {
		return nil, ErrUnauthenticated
	}
	if err != nil {
		return nil, err
	}
	return h, s.loadHeld(ctx, r, h, now)
}

// within is ctx, carrying what r reads from. Who reads within what he reads and took a second connection for that would
// wait forever once all are taken so.
func within(ctx context.Context, r Reader) context.Context {
	if w, ok := r.(interface {
		Within(ctx context.Context) context.Context
	}); ok {
		return w.Within(ctx)
	}
	return ctx
}

func (s *Service) loadHeld(ctx context.Context, r Reader, h *holder, now time.Time) error {
	records, err := r.AuthenticatorsOf(ctx, h.user.ID)
	if err != nil {
		return err
	}
	h.records, h.held, h.sameMailbox = records, nil, nil
	for _, rec := range records {
		if !rec.ExpiresAt.IsZero() && !rec.ExpiresAt.After(now) {
			continue
		}
		held, err := s.openAuthenticator(rec)
		if err != nil {
			return err
		}
		h.held = append(h.held, held)
	}
	h.address = s.addressOf(h)
	return s.restMailbox(h)
}

// clone is a copy whose proofs and holdings change without it.
func (h *holder) clone() *holder {
	c := *h
	if h.in != nil {
		in := *h.in
		in.Proofs = slices.Clone(in.Proofs)
		c.in = &in
	}
	if h.ses != nil {
		ses := *h.ses
		ses.Proofs = slices.Clone(ses.Proofs)
		c.ses = &ses
	}
	return &c
}

// again is a copy for one run of a transaction, since a store may run that again.
func (t *trial) again() *trial {
	c := *t
	c.h = t.h.clone()
	return &c
}

// id is what pending records belong to.
func (h *holder) id() string {
	if h.in != nil {
		return h.in.record.ID
	}
	return h.ses.ID
}

func (h *holder) proofs() []factor.Proof {
	if h.in != nil {
		return h.in.Proofs
	}
	return h.ses.Proofs
}

// addProof puts a proof in the place of an older one by the same authenticator.
func (h *holder) addProof(p factor.Proof) {
	proofs := slices.DeleteFunc(slices.Clone(h.proofs()), func(old factor.Proof) bool {
		return old.Kind == p.Kind && old.Authenticator == p.Authenticator
	})
	proofs = append(proofs, p)
	switch {
	case h.in != nil:
		h.in.Proofs = proofs
	case byAddress(p): // it makes no level and is no fresh proof
		h.ses.addressAt = p.At
	default:
		h.ses.Proofs = proofs
	}
}

func (h *holder) purpose() factor.Purpose {
	if h.ses != nil || h.confirms() != "" {
		return factor.ForFreshProof
	}
	return factor.ForSignIn
}

// ofKind are those of a kind that work: a factor never sees one that is suspended.
func (h *holder) ofKind(kind factor.Kind) []factor.Held {
	var held []factor.Held
	for _, a := range h.held {
		if a.Kind == kind && a.Allows != factor.AllowsNothing {
			held = append(held, a)
		}
	}
	return held
}

func (h *holder) record(id string) (AuthenticatorRecord, bool) {
	i := slices.IndexFunc(h.records, func(r AuthenticatorRecord) bool { return r.ID == id })
	if i < 0 {
		return AuthenticatorRecord{}, false
	}
	return h.records[i], true
}

func (s *Service) decide(h *holder, now time.Time) Decision {
	known := slices.ContainsFunc(h.proofs(), func(p factor.Proof) bool { return p.Device != "" })
	st := h.standing.view(h.user)
	st.Address = h.address
	d := s.policy.Decide(h.proofs(), h.held, known, st, now)
	if h.confirms() != "" {
		return confirming(d, h.proofs())
	}
	return d
}

// offers are what may be proven now: what Decide asks for in a sign-in, and in a session the second factors that
// are held or, where none is, the first factor.
func (s *Service) offers(h *holder, now time.Time) []factor.Held {
	if h.in != nil {
		return s.decide(h, now).Offers
	}
	if s.policy.second(h.held) {
		return slices.DeleteFunc(s.policy.offers(h.held), func(o factor.Held) bool { return o.Allows == factor.AllowsEnrollment })
	}
	var first []factor.Held
	for _, a := range h.held {
		if s.policy.info(a.Kind).Class == factor.Knowledge {
			first = append(first, a)
		}
	}
	return first
}

func (s *Service) next(h *holder, d Decision) Next {
	n := Next{Step: d.Step, Kinds: d.Kinds, EnrollBy: d.EnrollBy, User: h.user.ID, Confirms: h.confirms()}
	if h.in != nil {
		start := h.in.Start
		n.ExpiresAt, n.To, n.Stay, n.ByToken, n.Binding = h.in.record.ExpiresAt, start.To, start.Stay, start.Token, start.Binding
		n.Device, n.DeviceUntil, n.Browser = h.in.device, h.in.deviceUntil, h.in.browser
	}
	if d.Step == StepVerify {
		n.Offers, n.MayRemember = s.view(d.Offers), s.mayRemember(h, d)
		n.SameMailbox = len(h.sameMailbox) > 0
	}
	return n
}

// view is what may be told of authenticators. What stands in for one is one offer a kind and has no id.
func (s *Service) view(held []factor.Held) []Offer {
	offers := []Offer{}
	for _, h := range held {
		info := s.policy.info(h.Kind)
		o := Offer{
			ID: h.ID, Kind: h.Kind, Label: h.Label, Hint: h.Hint, Model: h.Model, Preferred: h.Preferred, Backup: info.Backup,
			CreatedAt: h.CreatedAt, LastUsedAt: h.LastUsedAt, Suspended: h.Allows == factor.AllowsNothing,
		}
		if h.ID == addressID {
			o.ID = "" // what is not kept has none
		}
		if info.Backup || info.Class == factor.Knowledge {
			o.ID, o.Label = "", ""
			if h.Allows == factor.AllowsAll && h.ExpiresAt.IsZero() {
				o.Left = h.Left
			}
			if i := slices.IndexFunc(offers, func(other Offer) bool { return other.Kind == h.Kind }); i >= 0 {
				offers[i].Left += o.Left
				continue
			}
		}
		offers = append(offers, o)
	}
	return offers
}

// call is what a factor is told.
func (s *Service) call(u User, st standing, purpose factor.Purpose) factor.Call {
	return factor.Call{
		User:    factor.User{ID: u.ID, Name: u.Name, Email: u.Email, Handle: st.Handle},
		Purpose: purpose, Origin: s.origin, Issuer: s.issuer, Now: s.time(), Rand: s.rand,
	}
}

// isFresh says whether the session has a fresh proof, within Policy.Fresh.
func (s *Service) isFresh(h *holder, now time.Time) bool { return s.freshWithin(h, now, 0, nil) }

// requireFresh returns a *FreshProofError unless the session has a fresh proof.
func (s *Service) requireFresh(h *holder, now time.Time) error {
	return s.requireWithin(h, now, 0, nil)
}

// Fresh returns nil when the session of a token has a fresh proof.
// Errors: *FreshProofError, ErrUnauthenticated, ErrUnavailable.
func (s *Service) Fresh(ctx context.Context, tok string) error {
	now := s.time()
	return s.outer(s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		return s.requireFresh(h, now)
	}))
}

// HeldOf returns the authenticators of some kinds that a user holds, kind by kind, with their states, for the factors' own
// methods; no suspended ones. A state is a secret: it is shown to nobody. Errors: ErrUnavailable.
func (s *Service) HeldOf(ctx context.Context, u User, kinds ...factor.Kind) (factor.User, []factor.Held, error) {
	h := &holder{user: u}
	err := s.store.View(ctx, func(r Reader) error {
		st, err := s.findStanding(ctx, r, u.ID)
		if err != nil {
			return err
		}
		h.standing = &st
		return s.loadHeld(ctx, r, h, s.time())
	})
	if err != nil {
		return factor.User{}, nil, s.outer(err)
	}
	var held []factor.Held
	for _, kind := range kinds {
		held = append(held, h.ofKind(kind)...)
	}
	return s.call(u, *h.standing, factor.ForSignIn).User, held, nil
}
