package nightlatch

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// Start is how a sign-in begins and what travels with it to its end, kept by the engine and not by the browser.
type Start struct {
	Client  Client
	Stay    bool   // stay signed in when the browser closes
	To      string // where to go afterwards, as the caller has checked it
	Binding string // the application's own session that it holds for; "" with the server's own
	Token   bool   // the client holds tokens, not cookies: it is no browser that could be remembered
	// Device is the token of a remembered device that the browser has for this user, or "".
	Device string `json:"-"`
	// Browser is any value that the browser keeps, to tell one that was seen before; "": its Client.Agent does.
	Browser string `json:"-"`
	// Replaces is the token of a session that ends when this sign-in is done, or "".
	Replaces string `json:"-"`
}

// Offer is one authenticator that may be proven, or a kind that stands in for one (its ID is then empty).
type Offer struct {
	ID         string
	Kind       factor.Kind
	Label      string
	Hint       string
	Model      string // "YubiKey 5", where known
	Left       int    // of a Backup kind: codes left
	Backup     bool
	Preferred  bool
	Suspended  bool // in a list only: it is never asked for
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// Next is where a sign-in stands, the answer of every step.
type Next struct {
	Step Step
	// Token is the new value of what the client holds: a sign-in's, or with StepDone a session's. Empty where it
	// did not change.
	Token     string
	ExpiresAt time.Time     // of the sign-in
	Offers    []Offer       // with StepVerify
	Kinds     []factor.Kind // with StepEnroll
	EnrollBy  time.Time     // with StepDone, while enrollment is put off
	Session   Session       // with StepDone
	User      string        // never shown before StepDone
	To        string        // as Start had it
	Stay      bool
	ByToken   bool // as Start.Token had it
	// MayRemember: the device may be remembered by the next right proof.
	MayRemember bool
	// SameMailbox: an authenticator is not on offer because its codes go to the mailbox that the password was set by.
	SameMailbox bool
	// Device is the new token of the remembered device, or "" where it did not change; DeviceUntil is when it ends.
	Device      string
	DeviceUntil time.Time
	Browser     string // as Start had it, at the first step
	Binding     string // as Start had it
	// Confirms is what is to be confirmed, or with StepDone was: there is no Session then.
	Confirms string
}

// signInData is what is kept of a sign-in beside its columns.
type signInData struct {
	Proofs  []factor.Proof `json:"proofs"`
	Start   Start          `json:"start"`
	Changes int64          `json:"changes"` // the standing's when it began: a change to the account ends it
	// Replaces is the hash of Start.Replaces.
	Replaces string `json:"replaces,omitempty"`
	// Confirms is what is confirmed instead of signing in; ConfirmedAt is when it was.
	Confirms    string    `json:"confirms,omitempty"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
	Former      string    `json:"former,omitempty"`  // the id of the device that the browser was remembered as
	Browser     string    `json:"browser,omitempty"` // what is kept of Start.Browser
}

// signIn is an unfinished sign-in.
type signIn struct {
	record SignInRecord
	signInData
	// The value of the remembered device that this step hands out, or "", and when the device ends. Never kept.
	device      string
	deviceUntil time.Time
	// browser is Start.Browser, at the first step.
	browser string
}

// findSignIn returns the live sign-in of a token, or ErrUnauthenticated.
func (s *Service) findSignIn(ctx context.Context, r Reader, tok string, now time.Time) (signIn, error) {
	hash, ok := token.Hash(token.SignIn, tok)
	if !ok {
		return signIn{}, ErrUnauthenticated
	}
	record, err := r.FindSignIn(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return signIn{}, ErrUnauthenticated
	}
	if err != nil {
		return signIn{}, err
	}
	if !record.ExpiresAt.After(now) {
		return signIn{}, ErrUnauthenticated
	}
	in := signIn{record: record}
	err = json.Unmarshal(record.Data, &in.signInData)
	if err == nil && !in.ConfirmedAt.IsZero() { // it waits for UseConfirmation alone
		return signIn{}, ErrUnauthenticated
	}
	return in, err
}

// SignIn returns where the sign-in of a token stands, which is never StepDone: one that waits for what the policy no
// longer asks is over, and the next one is done. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) SignIn(ctx context.Context, tok string) (Next, error) {
	now := s.time()
	var next Next
	err := s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		if h.in == nil {
			return ErrUnauthenticated
		}
		d := s.decide(h, now)
		if d.Step == StepDone {
			return ErrUnauthenticated
		}
		next = s.next(h, d)
		return nil
	})
	return next, s.outer(err)
}

// GiveUp ends the sign-in of a token. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) GiveUp(ctx context.Context, tok string, c Client) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		in, err := s.findSignIn(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		if err := tx.Delete(ctx, in.record); err != nil {
			return err
		}
		return tx.event(ctx, in.record.User, Event{Name: EventSignInGivenUp, Client: c})
	})
}

// Begin begins a sign-in of a user whose first proof the caller vouches for: an application that has checked its
// own password, or the server after a sign-up. Errors: ErrNotFound, ErrForbidden (a disabled user), ErrUnavailable.
func (s *Service) Begin(ctx context.Context, user string, proof factor.Proof, start Start) (Next, error) {
	u, err := s.users.FindUser(ctx, user)
	if err != nil {
		return Next{}, s.outer(err)
	}
	if u.Disabled {
		return Next{}, ErrForbidden
	}
	var next Next
	err = s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		h := &holder{user: u, standing: st}
		if err := s.loadHeld(ctx, tx, h, tx.now); err != nil {
			return err
		}
		next, err = s.begin(ctx, tx, h, proof, start)
		return err
	})
	if err != nil {
		return Next{}, err
	}
	return next, nil
}

// begin makes the sign-in, or at once the session where nothing else is to be proven.
func (s *Service) begin(ctx context.Context, tx *change, h *holder, proof factor.Proof, start Start) (Next, error) {
	id := token.NewID(s.rand)
	h.in = &signIn{
		record: SignInRecord{
			ID: id, User: h.user.ID, CreatedAt: tx.now, ExpiresAt: tx.now.Add(s.limits.SignIn),
		},
		signInData: signInData{Proofs: []factor.Proof{proof}, Start: start, Changes: h.standing.Changes},
	}
	h.in.Replaces, _ = token.Hash(token.Session, start.Replaces)
	var err error
	if h.in.Browser, err = s.browserMark(h.user.ID, start); err != nil {
		return Next{}, err
	}
	h.in.browser = start.Browser
	event := Event{Name: EventFirstFactorProven, Kind: proof.Kind, Client: start.Client}
	if err := tx.event(ctx, h.user.ID, event); err != nil {
		return Next{}, err
	}
	if err := s.takeDevice(ctx, tx, h, start); err != nil {
		return Next{}, err
	}
	return s.advance(ctx, tx, h, start.Client)
}

// advance decides and writes what follows: a sign-in that goes on under a new token, or a session.
func (s *Service) advance(ctx context.Context, tx *change, h *holder, c Client) (Next, error) {
	d := s.decide(h, tx.now)
	if h.confirms() != "" && d.Step == StepDone {
		return s.confirmed(ctx, tx, h, d, c)
	}
	if h.in != nil && d.Step == StepDone {
		return s.finish(ctx, tx, h, d, c)
	}
	if h.in == nil {
		return s.renew(ctx, tx, h)
	}
	next := s.next(h, d)
	tok, hash := token.New(s.rand, token.SignIn)
	h.in.record.Token, next.Token = hash, tok
	data, err := json.Marshal(h.in.signInData)
	if err != nil {
		return Next{}, err
	}
	h.in.record.Data = data
	return next, tx.Put(ctx, h.in.record)
}

// finish turns a sign-in into a session.
func (s *Service) finish(ctx context.Context, tx *change, h *holder, d Decision, c Client) (Next, error) {
	s.dropEnrollOnly(h)
	in := h.in
	if in.record.Revision > 0 {
		if err := tx.Delete(ctx, in.record); err != nil {
			return Next{}, err
		}
	}
	if err := s.endReplaced(ctx, tx, in.Replaces, c); err != nil {
		return Next{}, err
	}
	tok, hash := token.New(s.rand, token.Session)
	id := token.NewID(s.rand)
	record := SessionRecord{
		ID: id, Token: hash, User: h.user.ID,
		CreatedAt: tx.now, LastUsedAt: tx.now, ExpiresAt: tx.now.Add(s.limits.Session),
	}
	data := sessionData{Proofs: in.Proofs, Client: in.Start.Client, Stay: in.Start.Stay, Binding: in.Start.Binding}
	if s.policy.ProofPerChange {
		data.Spent = tx.now // what was proven to sign in serves no change
	}
	var err error
	if record.Data, err = json.Marshal(data); err != nil {
		return Next{}, err
	}
	if err := tx.Put(ctx, record); err != nil {
		return Next{}, err
	}
	record.Revision = 1
	if err := s.tellSignedIn(ctx, tx, h, c); err != nil {
		return Next{}, err
	}
	if err := s.noteDemand(ctx, tx, h, d, c); err != nil {
		return Next{}, err
	}
	next := s.next(h, d)
	next.Token = tok
	next.Session, err = s.readSession(record)
	return next, err
}

// endReplaced ends the session that the browser had before. It may be another user's.
func (s *Service) endReplaced(ctx context.Context, tx *change, hash string, c Client) error {
	if hash == "" {
		return nil
	}
	record, err := tx.FindSession(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	tx.raise = true
	if err := tx.Delete(ctx, record); err != nil {
		return err
	}
	return tx.event(ctx, record.User, Event{Name: EventSessionEnded, Reason: "replaced", Client: c})
}

// renew gives a session its new proofs and a new token.
func (s *Service) renew(ctx context.Context, tx *change, h *holder) (Next, error) {
	tok, hash := token.New(s.rand, token.Session)
	ses := h.ses
	record := ses.record
	record.Token, record.LastUsedAt = hash, tx.now
	data := sessionData{Proofs: ses.Proofs, Client: ses.Client, Stay: ses.Stay, Binding: ses.Binding, Address: ses.addressAt, Spent: ses.spentAt}
	var err error
	if record.Data, err = json.Marshal(data); err != nil {
		return Next{}, err
	}
	if err := tx.Put(ctx, record); err != nil {
		return Next{}, err
	}
	record.Revision++
	tx.raise = true
	next := Next{Step: StepDone, Token: tok, User: h.user.ID, Stay: ses.Stay, EnrollBy: s.enrollBy(h, tx.now)}
	next.Session, err = s.readSession(record)
	return next, err
}
