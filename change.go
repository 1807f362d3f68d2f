package nightlatch

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// change is one transaction of the engine: what it adds to trails is put, logged and told to the cache together.
type change struct {
	Tx
	s         *Service
	now       time.Time
	raise     bool // a session ended or changed, or an account did
	standings map[string]*read
	logged    []loggedEvent
	noticed   bool // a notice waits to be sent
	adds      bool // it only adds what may be proven: unfinished sign-ins go on
}

// read is a standing, and what it was.
type read struct {
	standing
	was []byte
}

type loggedEvent struct {
	user   string
	event  Event
	lang   string // what its mail is written in
	mailed bool   // whoever wrote it has kept its mail already
}

type changeKey struct{ s *Service }

// tx runs f in one transaction and maps its error. Within Change it joins that transaction.
func (s *Service) tx(ctx context.Context, f func(ctx context.Context, tx *change) error) error {
	if outer, ok := ctx.Value(changeKey{s}).(*change); ok {
		return f(ctx, outer)
	}
	var done *change
	err := s.store.Tx(ctx, func(ctx context.Context, tx Tx) error {
		c := &change{Tx: tx, s: s, now: s.time(), standings: map[string]*read{}}
		if err := f(context.WithValue(ctx, changeKey{s}, c), c); err != nil {
			return err
		}
		done = c
		return c.finish(ctx)
	})
	if err != nil {
		return s.outer(err)
	}
	if done.raise {
		s.sessions.flush()
	}
	if done.noticed {
		s.tellNotices()
	}
	for _, l := range done.logged {
		s.logEvent(l.user, l.event)
	}
	return nil
}

// settleWithin bounds how long it may take to write what a verdict came to.
const settleWithin = 30 * time.Second

// settled is tx for what a verdict came to. A client that hangs up meanwhile changes nothing of it: a wrong try that
// nobody waits for is counted like any other.
func (s *Service) settled(ctx context.Context, f func(ctx context.Context, tx *change) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	return s.tx(ctx, f)
}

func (c *change) finish(ctx context.Context) error {
	if err := c.putNotices(ctx); err != nil { // which may note in a standing what is to be read
		return err
	}
	for _, st := range c.standings {
		is, err := json.Marshal(st.standing)
		if err != nil {
			return err
		}
		if bytes.Equal(is, st.was) {
			continue
		}
		if err := c.s.putStanding(ctx, c.Tx, &st.standing); err != nil {
			return err
		}
	}
	if c.raise {
		return c.RaiseEpoch(ctx)
	}
	return nil
}

// standing returns the engine's record of a user, locked; it is put when the transaction ends if it has
// changed, so that what only looks does not wait for the disk.
func (c *change) standing(ctx context.Context, user string) (*standing, error) {
	if st, ok := c.standings[user]; ok {
		return &st.standing, nil
	}
	st, err := c.s.findStanding(ctx, c.Tx, user)
	if err != nil {
		return nil, err
	}
	was, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	c.standings[user] = &read{st, was}
	return &c.standings[user].standing, nil
}

func (c *change) event(ctx context.Context, user string, e Event) error {
	st, err := c.standing(ctx, user)
	if err != nil {
		return err
	}
	if err := c.s.addEvent(ctx, c.Tx, st, e, c.now); err != nil {
		return err
	}
	e.Seq, e.At = st.Events, c.now
	c.logged = append(c.logged, loggedEvent{user: user, event: e, lang: st.language(e.Client.Lang)})
	return nil
}

// endSessions ends all sessions of a user but the one with that id.
func (c *change) endSessions(ctx context.Context, user, but string) error {
	records, err := c.SessionsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.ID == but {
			continue
		}
		if err := c.Delete(ctx, r); err != nil {
			return err
		}
		c.raise = true
	}
	return nil
}

// Change runs a caller's own writes in the engine's transaction and writes the event with them. What f may use is
// the ctx that it gets: the store hands its transaction out from it, and Install, EndSessions and Reset with
// that ctx join in. f may run again, so it only writes. Every unfinished sign-in of the user is over afterwards.
//
// It returns f's error where that is one of this package's, else ErrUnavailable with f's error in its chain.
func (s *Service) Change(ctx context.Context, user string, e Event, f func(ctx context.Context) error) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		if err := f(ctx); err != nil {
			return err
		}
		if !tx.adds {
			st.Changes++
		}
		tx.raise = true
		return tx.event(ctx, user, e)
	})
}

// EndSessions ends all sessions of a user; their unfinished sign-ins end with Change. Errors: ErrUnavailable.
func (s *Service) EndSessions(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error { return tx.endSessions(ctx, user, "") })
}

// Unlock ends the throttles of a user. Errors: ErrUnavailable.
func (s *Service) Unlock(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		return tx.unlock(ctx, user)
	})
}

func (c *change) unlock(ctx context.Context, user string) error {
	throttles, err := c.ThrottlesOf(ctx, userSubject(user))
	if err != nil {
		return err
	}
	for _, t := range throttles {
		if err := c.Delete(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes every authenticator of a user that is not a knowledge, and every recovery code.
func (c *change) removeAll(ctx context.Context, user string) error {
	records, err := c.AuthenticatorsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, r := range records {
		if c.s.policy.info(r.Kind).Class == factor.Knowledge {
			continue
		}
		if err := c.Delete(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// Reset removes every authenticator of a user that is not a knowledge, every recovery code, session, remembered
// device, unfinished sign-in and throttle, and installs code, with which alone the user may enroll anew, until expires.
// Call it within Change. Errors: ErrUnavailable.
func (s *Service) Reset(ctx context.Context, user string, kind factor.Kind, code factor.Enrolled, expires time.Time) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		if err := tx.removeAll(ctx, user); err != nil {
			return err
		}
		if err := tx.endSessions(ctx, user, ""); err != nil {
			return err
		}
		if err := tx.endDevices(ctx, user); err != nil {
			return err
		}
		if err := tx.unlock(ctx, user); err != nil {
			return err
		}
		if err := tx.endLinks(ctx, user, ForRecovery); err != nil {
			return err
		}
		st.Hold = nil // its code went with the others
		st.AfterReset = true
		st.Changes++
		return s.Install(ctx, Installation{
			User: user, Kind: kind, Enrolled: code, Allows: factor.AllowsEnrollment, ExpiresAt: expires,
		})
	})
}
