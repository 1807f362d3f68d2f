package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// First is an attempt at the first factor: a name and a password.
type First struct {
	// User is the id of the user that the name belongs to; "" when nobody has it. Both cost the same time.
	User string
	// Name is the name as it is compared, where wrong tries for a name that nobody has are counted.
	Name     string
	Response factor.Response
	Start    Start
}

// ProveFirst judges a first factor and, when it is right, begins a sign-in.
//
// Errors: ErrWrongCredentials for a user that is unknown or disabled and for a wrong response, alike;
// *ThrottledError after too many wrong ones for the name or from the address, alike too; ErrUnavailable.
func (s *Service) ProveFirst(ctx context.Context, a First) (Next, error) {
	seen := s.observing(ObservedFirst, a.Response.Kind)
	next, err := s.proveFirst(ctx, a)
	s.judged(ctx, seen, next, err)
	return next, err
}

func (s *Service) proveFirst(ctx context.Context, a First) (Next, error) {
	for range maxRounds {
		next, err := s.proveFirstOnce(ctx, a)
		if !errors.Is(err, ErrConflict) {
			return next, s.outer(err)
		}
		if ctx.Err() != nil {
			return Next{}, s.outer(ctx.Err())
		}
	}
	return Next{}, fmt.Errorf("%w: no round was won", ErrUnavailable)
}

func (s *Service) proveFirstOnce(ctx context.Context, a First) (Next, error) {
	f, ok := s.factors[a.Response.Kind]
	if !ok || f.Info().Class != factor.Knowledge { // wrong codes count only after a right password
		return Next{}, ErrWrongCredentials
	}
	t := &trial{info: f.Info(), client: a.Start.Client, h: &holder{}}
	if err := s.prepareFirst(ctx, t, a); err != nil {
		return Next{}, err
	}
	if t.judged {
		if err := s.judge(ctx, t, a.Response); err != nil {
			return Next{}, err
		}
	}
	var next Next
	var outcome error
	err := s.settled(ctx, func(ctx context.Context, tx *change) (err error) {
		next, outcome, err = s.settleFirst(ctx, tx, t, a)
		return err
	})
	if err != nil {
		return Next{}, err
	}
	return next, outcome
}

func (s *Service) subjectOf(a First) (string, error) {
	if a.User == "" {
		return s.nameSubject(a.Name)
	}
	return userSubject(a.User), nil
}

func (s *Service) prepareFirst(ctx context.Context, t *trial, a First) error {
	// A user that nobody is gets looked for, too: it must take as long.
	u, err := s.users.FindUser(ctx, a.User)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	t.h.user = u
	t.h.user.ID = a.User
	t.h.user.Disabled = u.Disabled || err != nil
	now := s.time()
	return s.store.View(ctx, func(r Reader) error {
		name, addr, err := s.firstTallies(ctx, r, t, a, now)
		if err != nil {
			return err
		}
		if t.judged = name.forbids(now).IsZero() && addr.forbids(now).IsZero(); !t.judged {
			return nil // nothing of a user is unsealed, which would take longer than where there is none
		}
		st, err := s.findStanding(ctx, r, a.User)
		if err != nil {
			return err
		}
		t.h.standing = &st
		return s.loadHeld(ctx, r, t.h, now)
	})
}

// firstTallies are what a wrong first factor is counted on: the name, and the address. In a browser that the user has
// remembered it is that device alone: strangers who guess at the name never keep its owner out, and whoever has stolen the
// device's value has no more tries than that device.
func (s *Service) firstTallies(ctx context.Context, r Reader, t *trial, a First, now time.Time) (name, addr tally, err error) {
	addr.limits = s.limits
	known, err := s.knownDevice(ctx, r, a, now)
	if err != nil {
		return name, addr, err
	}
	if known != "" {
		name, err = s.findTally(ctx, r, deviceSubject(known), t.info.Kind)
		return name, addr, err
	}
	subject, err := s.subjectOf(a)
	if err != nil {
		return name, addr, err
	}
	if name, err = s.findTally(ctx, r, subject, t.info.Kind); err != nil {
		return name, addr, err
	}
	if subject = addressSubject(a.Start.Client.Addr); subject != "" {
		addr, err = s.findTally(ctx, r, subject, t.info.Kind)
		addr.limits = s.limits.forAddress()
	}
	return name, addr, err
}

// knownDevice is the id of the remembered device that an attempt comes from, or "".
func (s *Service) knownDevice(ctx context.Context, r Reader, a First, now time.Time) (string, error) {
	if a.User == "" || a.Start.Token || a.Start.Device == "" {
		return "", nil
	}
	d, is, err := s.findDevice(ctx, r, a.User, a.Start.Device, now)
	if err != nil || is != shownGood && is != shownBefore {
		return "", err
	}
	return d.record.ID, nil
}

func (s *Service) settleFirst(ctx context.Context, tx *change, t *trial, a First) (next Next, outcome, err error) {
	st := &standing{}
	if a.User != "" && (t.judged || a.Start.Device != "") {
		if st, err = tx.standing(ctx, a.User); err != nil {
			return Next{}, nil, err
		}
	}
	name, addr, err := s.firstTallies(ctx, tx, t, a, tx.now)
	if err != nil {
		return Next{}, nil, err
	}
	until := name.forbids(tx.now)
	if other := addr.forbids(tx.now); other.After(until) {
		until = other
	}
	switch {
	case until.IsZero():
	case name.forbids(tx.now).IsZero(): // the address alone: nobody's trail
		return Next{}, &ThrottledError{RetryAfter: max(until.Sub(tx.now), time.Second)}, nil
	default:
		outcome, err = s.throttled(ctx, tx, a.User, name, until, nil, t.client)
		return Next{}, outcome, err
	}
	if !t.judged {
		return Next{}, nil, errAgain
	}
	if t.refused != nil || t.h.user.Disabled || a.User == "" {
		return Next{}, ErrWrongCredentials, s.settleWrongFirst(ctx, tx, t, a, name, addr)
	}
	records, err := tx.AuthenticatorsOf(ctx, a.User)
	if err != nil {
		return Next{}, nil, err
	}
	if !sameRevisions(records, t.h.records) || st.Changes != t.h.standing.Changes {
		return Next{}, nil, errAgain
	}
	t.h.standing = st
	next, err = s.settleRightFirst(ctx, tx, t, a, name)
	return next, nil, err
}

func (s *Service) settleWrongFirst(ctx context.Context, tx *change, t *trial, a First, name, addr tally) error {
	name.throttle = name.wrong(name.limits, tx.now)
	if err := s.putTally(ctx, tx, name, tx.now); err != nil {
		return err
	}
	if addr.record.Subject != "" {
		addr.throttle = addr.wrong(addr.limits, tx.now)
		if err := s.putTally(ctx, tx, addr, tx.now); err != nil {
			return err
		}
	}
	if d, is, err := s.findDevice(ctx, tx, a.User, a.Start.Device, tx.now); err != nil {
		return err
	} else if is == shownOlder {
		if err := tx.endCopied(ctx, d, t.client); err != nil {
			return err
		}
	}
	if a.User == "" {
		if err := tx.wait(ctx, 2); err != nil { // for the event, and the record that somebody has
			return err
		}
		s.log.Info("event", "event", EventFirstFactorRefused, "kind", t.info.Kind, "addr", t.client.Addr)
		return nil
	}
	reason := string(factor.Wrong)
	if t.h.user.Disabled {
		reason = "disabled"
	}
	return tx.event(ctx, a.User, Event{Name: EventFirstFactorRefused, Kind: t.info.Kind, Reason: reason, Client: t.client})
}

func (s *Service) settleRightFirst(ctx context.Context, tx *change, t *trial, a First, name tally) (Next, error) {
	rec, ok := t.h.record(t.verdict.Authenticator)
	if !ok {
		return Next{}, fmt.Errorf("factor %s answered for an authenticator that was not asked", t.info.Kind)
	}
	if t.verdict.State != nil {
		if _, err := s.putVerdict(ctx, tx, t, true); err != nil {
			return Next{}, err
		}
	}
	name.throttle = name.right()
	if err := s.putTally(ctx, tx, name, tx.now); err != nil {
		return Next{}, err
	}
	return s.begin(ctx, tx, t.h, s.proof(t.verdict.Proof, t.info, rec, tx.now), a.Start)
}
