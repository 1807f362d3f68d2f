package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// maxRounds bounds how often a response is judged again because another one won a round.
const maxRounds = 200

// refusalsNoted is how many refusals of a kind that no throttle bounds stand in a user's trail for an hour: whoever has
// the password must not bury the rest of it, nor fill the disk.
const refusalsNoted = 100

// errAgain: what was judged on has changed meanwhile.
var errAgain = fmt.Errorf("%w: judged on what has changed", ErrConflict)

// VerifyOption is something that is asked for besides with a response.
type VerifyOption int

// The options.
const (
	// RememberDevice asks that the browser be remembered when the response is right; Next.MayRemember says whether it may.
	RememberDevice VerifyOption = iota + 1
	// ServesNoChange says that the proof is asked for something else than a change of what guards the account. It matters
	// with Policy.ProofPerChange alone.
	ServesNoChange
)

// Verify judges a response in the sign-in or session of a token and returns where that stands now. It is, with
// ProveFirst, the only caller of Factor.Verify.
//
// Errors: *factor.Refused (the reason says why), *ThrottledError (nothing was judged), ErrUnauthenticated,
// ErrUnavailable. No verdict is returned before it is committed.
func (s *Service) Verify(ctx context.Context, tok string, r factor.Response, c Client, options ...VerifyOption) (Next, error) {
	seen := s.observing(observedStep(tok), r.Kind)
	next, err := s.verify(ctx, tok, r, c, options, seen)
	s.judged(ctx, seen, next, err)
	return next, err
}

func (s *Service) verify(ctx context.Context, tok string, r factor.Response, c Client, options []VerifyOption, seen *Observation) (Next, error) {
	for range maxRounds {
		next, err := s.verifyOnce(ctx, tok, r, c, options, seen)
		if !errors.Is(err, ErrConflict) {
			return next, s.outer(err)
		}
		if ctx.Err() != nil {
			return Next{}, s.outer(ctx.Err())
		}
	}
	return Next{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

// trial is one round of judging.
type trial struct {
	h       *holder
	info    factor.Info
	pending *PendingRecord
	state   factor.State // of pending, opened
	client  Client
	// remember: the device is to be remembered, if the response is right.
	remember bool
	noChange bool   // see ServesNoChange
	chosen   string // the one that the response names by itself
	judged   bool
	verdict  factor.Verdict
	refused  *factor.Refused
}

func (s *Service) verifyOnce(ctx context.Context, tok string, r factor.Response, c Client, options []VerifyOption, seen *Observation) (Next, error) {
	t := &trial{client: c, remember: slices.Contains(options, RememberDevice), noChange: slices.Contains(options, ServesNoChange)}
	if err := s.prepareTrial(ctx, t, tok, r); err != nil {
		return Next{}, err
	}
	if t.judged {
		if err := s.judge(ctx, t, r); err != nil {
			return Next{}, err
		}
		seen.ClockOffBy = t.verdict.ClockOffBy
	}
	var next Next
	var outcome error
	err := s.settled(ctx, func(ctx context.Context, tx *change) (err error) {
		next, outcome, err = s.settle(ctx, tx, t, tok)
		return err
	})
	if err != nil {
		return Next{}, err
	}
	return next, outcome
}

// prepareTrial reads what is judged on, and whether it may be judged at all.
func (s *Service) prepareTrial(ctx context.Context, t *trial, tok string, r factor.Response) error {
	now := s.time()
	return s.store.View(ctx, func(rd Reader) error {
		h, err := s.findHolder(ctx, rd, tok, now)
		if err != nil {
			return err
		}
		t.h = h
		t.remember = t.remember && h.confirms() == ""
		f, ok := s.factors[r.Kind]
		if !ok || !slices.ContainsFunc(s.answerable(h, now), func(o factor.Held) bool { return o.Kind == r.Kind }) {
			return factor.Refuse(factor.Wrong) // not on offer: nothing to judge, nothing to guess
		}
		t.info = f.Info()
		if t.pending, t.state, err = s.findChallenge(ctx, rd, h, r.Kind, time.Time{}); err != nil {
			return err
		}
		tally, err := s.findTally(ctx, rd, userSubject(h.user.ID), r.Kind)
		if err != nil {
			return err
		}
		t.judged = t.info.Unguessable || tally.forbids(now).IsZero()
		return nil
	})
}

// judge asks the factor. An error that is no refusal is ours.
func (s *Service) judge(ctx context.Context, t *trial, r factor.Response) error {
	call := s.call(t.h.user, *t.h.standing, t.h.purpose())
	call.Held, call.Chosen, call.Lang, call.From = t.h.ofKind(t.info.Kind), r.ID, t.client.Lang, networkOf(t.client.Addr)
	switch {
	case t.h.ses != nil, t.h.confirms() != "": // a code for an enrollment is none for a fresh proof
		call.Held = slices.DeleteFunc(call.Held, func(h factor.Held) bool { return h.Allows == factor.AllowsEnrollment })
	case t.h.in != nil && t.h.standing.AfterReset:
		call.Held = slices.DeleteFunc(call.Held, func(h factor.Held) bool { return h.Allows != factor.AllowsEnrollment })
	}
	call.Held = t.h.withAddress(call.Held, t.info.Kind)
	if t.info.Backup || t.info.Class == factor.Knowledge {
		call.Chosen = ""
	}
	verdict, err := s.factors[t.info.Kind].Verify(ctx, call, t.state, r)
	t.verdict = verdict
	if errors.As(err, &t.refused) {
		return nil
	}
	if err == nil && t.pending != nil && !t.pending.ExpiresAt.After(call.Now) {
		t.verdict, t.refused = factor.Verdict{}, &factor.Refused{Reason: factor.Expired} // right, and too late
	}
	return err
}

// settle commits what a trial came to, if it still holds. outcome is what the client is told.
func (s *Service) settle(ctx context.Context, tx *change, t *trial, tok string) (next Next, outcome, err error) {
	t = t.again()
	user := t.h.user.ID
	st, err := tx.standing(ctx, user) // locks the user
	if err != nil {
		return Next{}, nil, err
	}
	throttles, err := tx.ThrottlesOf(ctx, userSubject(user))
	if err != nil {
		return Next{}, nil, err
	}
	ta, err := s.pickTally(throttles, userSubject(user), t.info.Kind)
	if err != nil {
		return Next{}, nil, err
	}
	if until := ta.forbids(tx.now); !t.info.Unguessable && !until.IsZero() {
		open, err := s.openOffers(t.h, throttles, tx.now)
		if err != nil {
			return Next{}, nil, err
		}
		outcome, err = s.throttled(ctx, tx, user, ta, until, open, t.client)
		return Next{}, outcome, err
	}
	if !t.judged {
		return Next{}, nil, errAgain
	}
	if err := s.stillHolds(ctx, tx, t, st, tok); err != nil {
		return Next{}, nil, err
	}
	t.h.standing = st
	if t.refused != nil {
		return Next{}, t.refused, s.settleRefused(ctx, tx, t, ta)
	}
	next, err = s.settleRight(ctx, tx, t, ta, throttles)
	return next, nil, err
}

// stillHolds returns errAgain when anything that the verdict rests on has changed.
func (s *Service) stillHolds(ctx context.Context, tx *change, t *trial, st *standing, tok string) error {
	if err := s.holderUnchanged(ctx, tx, t.h, tok); err != nil {
		return err
	}
	if st.Changes != t.h.standing.Changes {
		return errAgain
	}
	records, err := tx.AuthenticatorsOf(ctx, t.h.user.ID)
	if err != nil {
		return err
	}
	if !sameRevisions(records, t.h.records) {
		return errAgain
	}
	if t.pending == nil {
		return nil
	}
	p, err := tx.FindPending(ctx, t.pending.ID)
	if errors.Is(err, ErrNotFound) || err == nil && p.Revision != t.pending.Revision {
		return errAgain
	}
	return err
}

func (s *Service) holderUnchanged(ctx context.Context, tx *change, h *holder, tok string) error {
	if h.in != nil {
		in, err := s.findSignIn(ctx, tx, tok, tx.now)
		if err == nil && in.record.Revision != h.in.record.Revision {
			return errAgain
		}
		return err
	}
	ses, err := s.findSession(ctx, tx, tok, tx.now)
	if err == nil && ses.record.Revision != h.ses.record.Revision {
		return errAgain
	}
	return err
}

func sameRevisions(a, b []AuthenticatorRecord) bool {
	return slices.EqualFunc(a, b, func(x, y AuthenticatorRecord) bool { return x.ID == y.ID && x.Revision == y.Revision })
}

// settleRefused counts the try and keeps what the factor wants to remember of it.
func (s *Service) settleRefused(ctx context.Context, tx *change, t *trial, ta tally) error {
	if t.verdict.Authenticator != "" && t.verdict.State != nil {
		if _, err := s.putVerdict(ctx, tx, t, false); err != nil {
			return err
		}
	}
	if t.pending != nil && t.verdict.Pending != nil {
		if err := s.putPending(ctx, tx, t.pending, pendingData{State: t.verdict.Pending}); err != nil {
			return err
		}
	}
	// A field that is missing is told before anything is judged.
	if rec, ok := t.h.record(t.verdict.Authenticator); ok {
		if err := s.tellWarnings(ctx, tx, t, rec); err != nil {
			return err
		}
	}
	if t.refused.Reason != factor.Used && t.refused.Field == "" && !t.info.Unguessable {
		ta.throttle = ta.wrong(s.limits, tx.now)
		if err := s.putTally(ctx, tx, ta, tx.now); err != nil {
			return err
		}
		if err := s.tellWrongCodes(ctx, tx, t, ta); err != nil {
			return err
		}
	}
	if t.info.Unguessable {
		if wait, err := s.spend(ctx, tx, "noted:"+userSubject(t.h.user.ID), t.info.Kind, refusalsNoted); err != nil || wait > 0 {
			return err
		}
	}
	e := Event{Name: EventRefused, Kind: t.info.Kind, Reason: string(t.refused.Reason), Client: t.client}
	if off := t.refused.ClockOffBy; off != 0 {
		e.Detail = map[string]string{"clock_off_by": strconv.Itoa(int(off / time.Second))}
	}
	return tx.event(ctx, t.h.user.ID, e)
}

// tellWrongCodes lets the owner hear, once in a row of wrong codes, that somebody has the password.
func (s *Service) tellWrongCodes(ctx context.Context, tx *change, t *trial, ta tally) error {
	if t.h.in == nil || ta.Row != s.limits.FreeTries {
		return nil
	}
	return tx.event(ctx, t.h.user.ID, Event{Name: EventWrongCodes, Kind: t.info.Kind, Client: t.client})
}

// settleRight keeps the proof and goes on to what it leads to.
func (s *Service) settleRight(ctx context.Context, tx *change, t *trial, ta tally, all []ThrottleRecord) (Next, error) {
	rec, err := s.putVerdict(ctx, tx, t, true)
	if err != nil {
		return Next{}, err
	}
	if t.pending != nil {
		if err := tx.Delete(ctx, *t.pending); err != nil {
			return Next{}, err
		}
	}
	ta.throttle = ta.right()
	if err := s.putTally(ctx, tx, ta, tx.now); err != nil {
		return Next{}, err
	}
	if err := s.wakeOthers(ctx, tx, all, t.info.Kind); err != nil {
		return Next{}, err
	}
	proof := s.proof(t.verdict.Proof, t.info, rec, tx.now)
	t.h.addProof(proof)
	if err := s.tellRight(ctx, tx, t, rec); err != nil {
		return Next{}, err
	}
	if err := s.ownerIsBack(ctx, tx, t.h, proof, t.client); err != nil {
		return Next{}, err
	}
	if t.remember {
		e := Event{Kind: rec.Kind, Authenticator: rec.ID, Label: rec.Label, Client: t.client}
		if err := s.rememberDevice(ctx, tx, t.h, proof, e); err != nil {
			return Next{}, err
		}
	}
	if t.noChange && t.h.ses != nil && s.policy.ProofPerChange {
		t.h.ses.spentAt = tx.now
	}
	return s.advance(ctx, tx, t.h, t.client)
}

func (s *Service) proof(p factor.Proof, info factor.Info, rec AuthenticatorRecord, now time.Time) factor.Proof {
	p.Kind, p.Authenticator, p.At, p.Allows = info.Kind, rec.ID, now, rec.Allows
	if len(p.Classes) == 0 {
		p.Classes = []factor.Class{info.Class}
	}
	return p
}

// putVerdict keeps the new state of the authenticator that answered. An address has none.
func (s *Service) putVerdict(ctx context.Context, tx *change, t *trial, right bool) (AuthenticatorRecord, error) {
	if a := t.h.address; a != nil && a.Kind == t.info.Kind && t.verdict.Authenticator == addressID {
		return AuthenticatorRecord{ID: addressID, User: t.h.user.ID, Kind: a.Kind, Allows: a.Allows}, nil
	}
	rec, ok := t.h.record(t.verdict.Authenticator)
	i := slices.IndexFunc(t.h.held, func(h factor.Held) bool { return h.ID == t.verdict.Authenticator })
	if !ok || i < 0 || rec.Kind != t.info.Kind {
		return rec, fmt.Errorf("factor %s answered for an authenticator that was not asked", t.info.Kind)
	}
	held := t.h.held[i]
	e := envelope{State: held.State, Hint: held.Hint, To: held.To, Model: held.Model, Left: held.Left}
	if t.verdict.State != nil {
		e.State = t.verdict.State
	}
	if right {
		rec.LastUsedAt = tx.now
		e.Left = t.verdict.Left
	}
	if err := s.sealAuthenticator(&rec, e); err != nil {
		return rec, err
	}
	if err := tx.Put(ctx, rec); err != nil {
		return rec, err
	}
	t.h.held[i].Left, t.h.held[i].LastUsedAt = e.Left, rec.LastUsedAt
	return rec, nil
}

// wakeOthers ends the rest of authenticators of other kinds: their owner has proven to be there.
func (s *Service) wakeOthers(ctx context.Context, tx *change, all []ThrottleRecord, kind factor.Kind) error {
	for _, r := range all {
		if r.Kind == kind {
			continue
		}
		other, err := s.pickTally(all, r.Subject, r.Kind)
		if err != nil {
			return err
		}
		if !other.rests || other.Row < restAfter {
			continue
		}
		other.throttle = other.right()
		if err := s.putTally(ctx, tx, other, tx.now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tellWarnings(ctx context.Context, tx *change, t *trial, rec AuthenticatorRecord) error {
	for _, w := range t.verdict.Warnings {
		e := Event{Name: EventWarning, Kind: rec.Kind, Authenticator: rec.ID, Label: rec.Label, Reason: string(w), Client: t.client}
		if err := tx.event(ctx, t.h.user.ID, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tellRight(ctx context.Context, tx *change, t *trial, rec AuthenticatorRecord) error {
	user := t.h.user.ID
	if err := s.tellWarnings(ctx, tx, t, rec); err != nil {
		return err
	}
	e := Event{Name: EventProven, Kind: rec.Kind, Authenticator: rec.ID, Label: rec.Label, Client: t.client}
	if t.info.Backup {
		e.Name = EventCodeUsed
		if lasts(rec) { // of a code that somebody gave there is one only
			e.Detail = map[string]string{"left": strconv.Itoa(t.verdict.Left)}
		}
	}
	return tx.event(ctx, user, e)
}
