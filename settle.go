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

// What a trial comes to: the verdict's states, the count, the event and the proof, in one transaction.

// refusalsNoted is how many refusals of a kind that no throttle bounds stand in a user's trail for an hour: whoever has
// the password must not bury the rest of it, nor fill the disk.
const refusalsNoted = 100

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
		if err := s.countWrong(ctx, tx, t, ta); err != nil {
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

// countWrong counts a wrong response of a user, and lets the owner hear, once in a row of them, that somebody has the
// password or, within a session, that session.
func (s *Service) countWrong(ctx context.Context, tx *change, t *trial, ta tally) error {
	ta.throttle = ta.wrong(s.limits, tx.now)
	name, row := EventWrongCodes, ta.Row-ta.InRow
	if t.h.ses != nil {
		ta.InRow++
		name, row = EventWrongProofs, ta.InRow
	}
	if err := s.putTally(ctx, tx, ta, tx.now); err != nil || row != s.limits.FreeTries {
		return err
	}
	return tx.event(ctx, t.h.user.ID, Event{Name: name, Kind: t.info.Kind, Client: t.client})
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
