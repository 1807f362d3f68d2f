package nightlatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/factor"
)

// Own is what the user of a session changes of what guards the account.
type Own struct {
	Event Event
	// Current, where its Kind is set, is a response of a knowledge factor that must be right: the password before a new
	// one. A wrong one counts as it does at a sign-in. Where no second factor is held it is the fresh proof.
	Current factor.Response
	// EndOthers ends the other sessions of the user and all remembered devices.
	EndOthers bool
	// Renew gives the session another token, so that a copy of the old one opens nothing more.
	Renew bool
	// Do writes what is the caller's own, as the function of Change does.
	Do func(ctx context.Context, u User) error
}

// ChangeOwn runs a change of the user of a session, as Change does, if the session has a fresh proof. Next is where the
// session stands with Own.Renew, else empty. Errors: *FreshProofError; *factor.Refused (Own.Current is wrong);
// *ThrottledError (it was not judged); ErrUnauthenticated; what Own.Do returns of this package's; ErrUnavailable.
func (s *Service) ChangeOwn(ctx context.Context, tok string, o Own) (Next, error) {
	for range maxRounds {
		next, err := s.changeOwnOnce(ctx, tok, o)
		if !errors.Is(err, errAgain) {
			return next, s.outer(err)
		}
		if ctx.Err() != nil {
			return Next{}, s.outer(ctx.Err())
		}
	}
	return Next{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

func (s *Service) changeOwnOnce(ctx context.Context, tok string, o Own) (Next, error) {
	t := &trial{client: o.Event.Client}
	if err := s.prepareOwn(ctx, t, tok, o); err != nil {
		return Next{}, err
	}
	if t.judged {
		if err := s.judge(ctx, t, o.Current); err != nil {
			return Next{}, err
		}
	}
	var next Next
	var outcome error
	err := s.settled(ctx, func(ctx context.Context, tx *change) (err error) {
		next, outcome, err = s.settleOwn(ctx, tx, t, tok, o)
		return err
	})
	if err != nil {
		return Next{}, err
	}
	return next, outcome
}

// prepareOwn reads what is judged on, and whether it may be judged at all.
func (s *Service) prepareOwn(ctx context.Context, t *trial, tok string, o Own) error {
	now := s.time()
	return s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		t.h = h
		if err := s.mayChange(h, o); err != nil || o.Current.Kind == "" {
			return err
		}
		f, ok := s.factors[o.Current.Kind]
		if !ok || f.Info().Class != factor.Knowledge {
			return factor.Refuse(factor.Wrong)
		}
		t.info = f.Info()
		tally, err := s.findTally(ctx, r, userSubject(h.user.ID), t.info.Kind)
		t.judged = err == nil && tally.forbids(now).IsZero()
		return err
	})
}

// mayChange says whether the session may change what guards the account, once Current is right.
func (s *Service) mayChange(h *holder, o Own) error {
	if h.ses != nil && o.Current.Kind != "" && !s.policy.second(h.held) {
		return nil
	}
	return s.requireFresh(h, s.time())
}

// settleOwn commits the change and what was judged for it, if that still holds. outcome is what the client is told.
func (s *Service) settleOwn(ctx context.Context, tx *change, t *trial, tok string, o Own) (next Next, outcome, err error) {
	user := t.h.user.ID
	st, err := tx.standing(ctx, user) // locks the user
	if err != nil {
		return Next{}, nil, err
	}
	if o.Current.Kind != "" {
		if outcome, err = s.settleCurrent(ctx, tx, t, st, tok); err != nil || outcome != nil {
			return Next{}, outcome, err
		}
	}
	h, err := s.findHolder(ctx, tx, tok, tx.now)
	if err != nil {
		return Next{}, nil, err
	}
	if err := s.mayChange(h, o); err != nil {
		return Next{}, nil, err
	}
	if err := o.Do(ctx, h.user); err != nil {
		return Next{}, nil, err
	}
	if o.EndOthers {
		if err := tx.endSessions(ctx, user, h.ses.ID); err != nil {
			return Next{}, nil, err
		}
		if err := tx.endDevices(ctx, user); err != nil {
			return Next{}, nil, err
		}
	}
	if err := s.spendProof(ctx, tx, h); err != nil {
		return Next{}, nil, err
	}
	st.Changes++
	tx.raise = true
	if err := tx.event(ctx, user, o.Event); err != nil || !o.Renew {
		return Next{}, nil, err
	}
	if t.judged {
		h.ses.Proofs = t.h.ses.Proofs // with the one that Current gave
	}
	next, err = s.renew(ctx, tx, h)
	return next, nil, err
}

// settleCurrent keeps what judging Own.Current came to.
func (s *Service) settleCurrent(ctx context.Context, tx *change, t *trial, st *standing, tok string) (outcome, err error) {
	user := t.h.user.ID
	ta, err := s.findTally(ctx, tx, userSubject(user), t.info.Kind)
	if err != nil {
		return nil, err
	}
	if until := ta.forbids(tx.now); !until.IsZero() {
		return s.throttled(ctx, tx, user, ta, until, nil, t.client)
	}
	if !t.judged {
		return nil, errAgain
	}
	if err := s.stillHolds(ctx, tx, t, st, tok); err != nil {
		return nil, err
	}
	if t.refused != nil {
		if err := s.countWrong(ctx, tx, t, ta); err != nil {
			return nil, err
		}
		e := Event{Name: EventFirstFactorRefused, Kind: t.info.Kind, Reason: string(t.refused.Reason), Client: t.client}
		return t.refused, tx.event(ctx, user, e)
	}
	rec, err := s.putVerdict(ctx, tx, t, true)
	if err != nil {
		return nil, err
	}
	ta.throttle = ta.right()
	t.h.addProof(s.proof(t.verdict.Proof, t.info, rec, tx.now))
	return nil, s.putTally(ctx, tx, ta, tx.now)
}

// Transact runs f in one transaction of the engine: Change and the methods that say so join in with the ctx that f gets.
// f may run again, so it only writes. Errors: as of Change.
func (s *Service) Transact(ctx context.Context, f func(ctx context.Context) error) error {
	return s.tx(ctx, func(ctx context.Context, _ *change) error { return f(ctx) })
}
