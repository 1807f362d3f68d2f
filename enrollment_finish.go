package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// Enrolled is a finished enrollment.
type Enrolled struct {
	Authenticator Offer
	// Codes are the recovery codes that the first authenticator brings, to be shown once; nil otherwise.
	Codes []string
	Next  Next // where the sign-in stands, or StepDone with the session under its new token
}

// FinishEnrollment judges the response to an enrollment, and makes the authenticator. It proves that authenticator:
// the level of the sign-in or session rises and its token changes. All other sessions of the user end;
// with a replaced authenticator its remembered devices, too.
//
// Errors: *factor.Refused, *InvalidError (label; a credential that somebody holds is an ErrConflict), *FreshProofError (a
// second factor has come by another way meanwhile, and was not proven), ErrNotFound (an enrollment that is unknown,
// another's or over; it bears 5 wrong responses), ErrForbidden, ErrUnauthenticated, ErrUnavailable.
func (s *Service) FinishEnrollment(ctx context.Context, tok, id, label string, r factor.Response, c Client) (Enrolled, error) {
	label, err := cleanLabel(label)
	if err != nil {
		return Enrolled{}, err
	}
	seen := s.observing(ObservedEnrollment, "")
	done, err := s.finishEnrollment(ctx, tok, id, label, r, c, seen)
	if seen.Kind != "" {
		if observedStep(tok) == ObservedFresh {
			s.judged(ctx, seen, Next{}, err) // the session was there before
		} else {
			s.judged(ctx, seen, done.Next, err)
		}
	}
	return done, err
}

func (s *Service) finishEnrollment(ctx context.Context, tok, id, label string, r factor.Response, c Client, seen *Observation) (Enrolled, error) {
	for range maxRounds {
		done, err := s.finishOnce(ctx, tok, id, label, r, c, seen)
		var taken *InvalidError
		if !errors.Is(err, ErrConflict) || errors.As(err, &taken) {
			return done, s.outer(err)
		}
		if ctx.Err() != nil {
			return Enrolled{}, s.outer(ctx.Err())
		}
	}
	return Enrolled{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

// finishing is one round of finishing an enrollment.
type finishing struct {
	h        *holder
	pending  PendingRecord
	data     pendingData
	client   Client
	enrolled factor.Enrolled
	refused  *factor.Refused
	backups  map[factor.Kind]factor.Enrolled
}

func (s *Service) finishOnce(ctx context.Context, tok, id, label string, r factor.Response, c Client, seen *Observation) (Enrolled, error) {
	f := &finishing{client: c}
	if err := s.findEnrollment(ctx, f, tok, id); err != nil {
		return Enrolled{}, err
	}
	seen.Kind = f.pending.Kind
	if label != "" {
		f.data.Label = label
	}
	if err := labelFree(f.h.records, f.data.Label, f.data.Replaces); err != nil {
		return Enrolled{}, err
	}
	if err := s.judgeEnrollment(ctx, f, r); err != nil {
		return Enrolled{}, err
	}
	var done Enrolled
	var outcome error
	err := s.settled(ctx, func(ctx context.Context, tx *change) (err error) {
		done, outcome, err = s.settleEnrollment(ctx, tx, f, tok)
		return err
	})
	if err != nil {
		return Enrolled{}, err
	}
	return done, outcome
}

func (s *Service) findEnrollment(ctx context.Context, f *finishing, tok, id string) error {
	now := s.time()
	return s.store.View(ctx, func(r Reader) (err error) {
		if f.h, err = s.findHolder(ctx, r, tok, now); err != nil {
			return err
		}
		s.forgetOthers(f.h)
		if f.pending, err = r.FindPending(ctx, id); err != nil {
			return err
		}
		p := f.pending
		if _, ok := s.factors[p.Kind]; !ok {
			return ErrNotFound
		}
		if p.Purpose != factor.ForEnrollment || p.Owner != f.h.id() || p.User != f.h.user.ID || !p.ExpiresAt.After(now) {
			return ErrNotFound
		}
		if err := s.mayFinish(f.h, now); err != nil {
			return err
		}
		f.data = pendingData{}
		return s.open(p.Sealed, pendingPlace(&p), &f.data)
	})
}

// mayFinish says whether an enrollment that was begun may still be finished: what was begun with the password alone is not,
// once a second factor has come by another way.
func (s *Service) mayFinish(h *holder, now time.Time) error {
	switch {
	case h.in != nil && s.decide(h, now).Step != StepEnroll:
		return ErrForbidden
	case h.ses != nil && s.policy.second(h.held) && h.ses.Level < Level2:
		return s.requireFresh(h, now)
	}
	return nil
}

// judgeEnrollment asks the factor, and makes the backups that the first authenticator brings.
func (s *Service) judgeEnrollment(ctx context.Context, f *finishing, r factor.Response) error {
	kind := f.pending.Kind
	r.Kind = kind
	call := s.call(f.h.user, *f.h.standing, factor.ForEnrollment)
	call.Held, call.Lang, call.From = f.h.ofKind(kind), f.client.Lang, networkOf(f.client.Addr)
	enrolled, err := s.factors[kind].FinishEnrollment(ctx, call, f.data.State, r)
	f.enrolled = enrolled
	if errors.As(err, &f.refused) {
		return nil
	}
	if err != nil {
		return err
	}
	f.backups = map[factor.Kind]factor.Enrolled{}
	for _, k := range s.policy.backups() {
		if slices.ContainsFunc(f.h.held, func(h factor.Held) bool { return h.Kind == k && h.Allows == factor.AllowsAll && h.ExpiresAt.IsZero() }) {
			continue
		}
		call.Held = nil
		if f.backups[k], err = s.factors[k].FinishEnrollment(ctx, call, nil, factor.Response{Kind: k}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) settleEnrollment(ctx context.Context, tx *change, f *finishing, tok string) (done Enrolled, outcome, err error) {
	again := *f // a copy, since a store may run this again
	again.h, f = f.h.clone(), &again
	st, err := tx.standing(ctx, f.h.user.ID)
	if err != nil {
		return done, nil, err
	}
	if err := s.enrollmentUnchanged(ctx, tx, f, st, tok); err != nil {
		return done, nil, err
	}
	f.h.standing = st
	if f.refused != nil {
		return done, f.refused, s.settleRefusedEnrollment(ctx, tx, f)
	}
	if err := tx.Delete(ctx, f.pending); err != nil {
		return done, nil, err
	}
	if err := s.endLost(ctx, tx, f); err != nil {
		return done, nil, err
	}
	rec, err := s.putEnrolled(ctx, tx, f)
	if err != nil {
		return done, nil, err
	}
	if done.Codes, err = s.putBackups(ctx, tx, f); err != nil {
		return done, nil, err
	}
	st.AfterReset = false
	but := ""
	if f.h.ses != nil {
		but = f.h.ses.ID
	}
	if err := tx.endSessions(ctx, f.h.user.ID, but); err != nil {
		return done, nil, err
	}
	info := s.policy.info(rec.Kind)
	s.dropEnrollOnly(f.h)
	f.h.addProof(s.proof(factor.Proof{Syncable: f.enrolled.Syncable}, info, rec, tx.now))
	if err := s.loadHeld(ctx, tx, f.h, tx.now); err != nil {
		return done, nil, err
	}
	if f.h.ses != nil && s.policy.ProofPerChange {
		f.h.ses.spentAt = tx.now // what is proven by an enrollment serves no other change
	}
	done.Next, err = s.advance(ctx, tx, f.h, f.client)
	done.Authenticator = Offer{ID: rec.ID, Kind: rec.Kind, Label: rec.Label, Hint: f.enrolled.Hint, Model: f.enrolled.Model}
	done.Authenticator.Preferred, done.Authenticator.CreatedAt, done.Authenticator.LastUsedAt = rec.Preferred, rec.CreatedAt, rec.LastUsedAt
	return done, nil, err
}

// endLost ends what an enrollment leaves nothing of: in a session a recovery by mail, since who enrolls there has lost
// nothing; and by the code of a reset or a hold every other authenticator, code and device, whatever became of them
// meanwhile.
func (s *Service) endLost(ctx context.Context, tx *change, f *finishing) error {
	user, st := f.h.user.ID, f.h.standing
	if !f.h.recovering() {
		if f.h.ses == nil {
			return nil
		}
		_, err := tx.endHold(ctx, user, f.client)
		return err
	}
	if err := tx.removeAll(ctx, user); err != nil {
		return err
	}
	if err := tx.endDevices(ctx, user); err != nil {
		return err
	}
	if err := tx.endLinks(ctx, user, ForRecovery); err != nil {
		return err
	}
	st.Hold = nil
	if st.AfterReset {
		return nil
	}
	return tx.event(ctx, user, Event{Name: EventRecovered, Client: f.client})
}

// dropEnrollOnly takes the proofs away that led only here: the enrollment is done.
func (s *Service) dropEnrollOnly(h *holder) {
	if h.in == nil {
		return
	}
	h.in.Proofs = slices.DeleteFunc(slices.Clone(h.in.Proofs), func(p factor.Proof) bool {
		return p.Allows == factor.AllowsEnrollment
	})
}

func (s *Service) enrollmentUnchanged(ctx context.Context, tx *change, f *finishing, st *standing, tok string) error {
	if err := s.holderUnchanged(ctx, tx, f.h, tok); err != nil {
		return err
	}
	p, err := tx.FindPending(ctx, f.pending.ID)
	if err != nil {
		return err
	}
	if p.Revision != f.pending.Revision || st.Changes != f.h.standing.Changes {
		return errAgain
	}
	if f.h.recovering() { // the others go, whatever they are now
		return nil
	}
	records, err := tx.AuthenticatorsOf(ctx, f.h.user.ID)
	if err == nil && !sameRevisions(records, f.h.records) {
		return errAgain
	}
	return err
}

func (s *Service) settleRefusedEnrollment(ctx context.Context, tx *change, f *finishing) error {
	f.data.Tries++
	if f.enrolled.Pending != nil {
		f.data.State = f.enrolled.Pending
	}
	e := Event{Name: EventEnrollmentRefused, Kind: f.pending.Kind, Reason: string(f.refused.Reason), Client: f.client}
	if err := tx.event(ctx, f.h.user.ID, e); err != nil {
		return err
	}
	if f.data.Tries >= enrollmentTries {
		return tx.Delete(ctx, f.pending)
	}
	return s.putPending(ctx, tx, &f.pending, f.data)
}

// putEnrolled puts the new authenticator in, and removes what it replaces in the same transaction.
func (s *Service) putEnrolled(ctx context.Context, tx *change, f *finishing) (AuthenticatorRecord, error) {
	user, kind := f.h.user.ID, f.pending.Kind
	preferred := false
	event := Event{Name: EventAuthenticatorAdded, Kind: kind, Client: f.client}
	for _, old := range s.replaced(f) {
		if err := tx.endDevices(ctx, user); err != nil {
			return AuthenticatorRecord{}, err
		}
		preferred = preferred || old.Preferred
		event.Detail = map[string]string{"replaced": old.Label}
		if err := tx.Delete(ctx, old); err != nil {
			return AuthenticatorRecord{}, err
		}
	}
	label, err := s.freeLabel(ctx, tx, user, kind, f.data.Label, f.enrolled.Label)
	if err != nil {
		return AuthenticatorRecord{}, err
	}
	id := token.NewID(s.rand)
	rec := AuthenticatorRecord{
		ID: id, User: user, Kind: kind, Label: label, LabelKey: labelKey(label), Lookup: f.enrolled.Lookup,
		Preferred: preferred, CreatedAt: tx.now, LastUsedAt: tx.now,
	}
	if err := s.sealAuthenticator(&rec, envelopeOf(f.enrolled)); err != nil {
		return rec, err
	}
	if err := lookupFree(ctx, tx, rec); err != nil {
		return rec, err
	}
	if err := tx.Put(ctx, rec); err != nil {
		return rec, err
	}
	event.Authenticator, event.Label = rec.ID, rec.Label
	return rec, tx.event(ctx, user, event)
}

// lookupFree returns an *InvalidError when an authenticator can be found already by what it says of itself: one key
// must not lead to two accounts (WebAuthn L3 §7.1 step 26).
func lookupFree(ctx context.Context, tx *change, rec AuthenticatorRecord) error {
	if rec.Lookup == "" {
		return nil
	}
	_, err := tx.FindLookup(ctx, rec.Kind, rec.Lookup)
	switch {
	case err == nil:
		return &InvalidError{Field: "credential", Problem: "taken"}
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}

// replaced are the authenticators that go when this enrollment is finished.
func (s *Service) replaced(f *finishing) (old []AuthenticatorRecord) {
	single := s.policy.info(f.pending.Kind).Single
	for _, r := range f.h.records {
		if r.ID == f.data.Replaces || single && r.Kind == f.pending.Kind && lasts(r) {
			old = append(old, r)
		}
	}
	return old
}

// putBackups installs the recovery codes that came with a first authenticator, and takes away what a reset gave.
func (s *Service) putBackups(ctx context.Context, tx *change, f *finishing) ([]string, error) {
	if err := tx.removeEnrollOnly(ctx, f.h.user.ID); err != nil {
		return nil, err
	}
	var codes []string
	for kind, e := range f.backups {
		in := Installation{User: f.h.user.ID, Kind: kind, Enrolled: e}
		if err := s.Install(ctx, in); err != nil {
			return nil, err
		}
		if err := tx.event(ctx, f.h.user.ID, Event{Name: EventCodesMade, Kind: kind, Client: f.client}); err != nil {
			return nil, err
		}
		if keep, ok := e.Show.(factor.Keep); ok {
			codes = append(codes, keep.Codes...)
		}
	}
	return codes, nil
}
