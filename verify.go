package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// maxRounds bounds how often a response is judged again because another one won a round.
const maxRounds = 200

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
