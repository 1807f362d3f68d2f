package nightlatch

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Overview is what an administrator may see of a user: no secret, and no state of a factor.
type Overview struct {
	Holdings
	Hold       *Hold         // a recovery by mail that waits
	AfterReset bool          // only the code that a reset gave leads on
	Throttled  []factor.Kind // what is not judged now, after too many wrong tries
	CodeUntil  time.Time     // a code that was given stands for the second factor until then; zero: there is none
}

// Overview returns what an administrator may see of a user, also of one who was never seen. Errors: ErrUnavailable.
func (s *Service) Overview(ctx context.Context, user string) (Overview, error) {
	var o Overview
	now := s.time()
	err := s.store.View(ctx, func(r Reader) error {
		h := &holder{user: User{ID: user}}
		st, err := s.findStanding(ctx, r, user)
		if err != nil {
			return err
		}
		if err := s.loadHeld(ctx, r, h, now); err != nil {
			return err
		}
		o = Overview{Holdings: s.holdings(h.held), AfterReset: st.AfterReset}
		if st.Hold != nil {
			o.Hold = &Hold{Begun: st.Hold.Begun, Until: st.Hold.Until}
		}
		for _, a := range h.held {
			if s.policy.info(a.Kind).Backup && a.Allows == factor.AllowsAll && a.Left > 0 && a.ExpiresAt.After(o.CodeUntil) {
				o.CodeUntil = a.ExpiresAt
			}
		}
		o.Throttled, err = s.throttledKinds(ctx, r, user, now)
		return err
	})
	return o, s.outer(err)
}

func (s *Service) throttledKinds(ctx context.Context, r Reader, user string, now time.Time) ([]factor.Kind, error) {
	all, err := r.ThrottlesOf(ctx, userSubject(user))
	if err != nil {
		return nil, err
	}
	var kinds []factor.Kind
	for _, kind := range s.order {
		t, err := s.pickTally(all, userSubject(user), kind)
		if err != nil {
			return nil, err
		}
		if !t.forbids(now).IsZero() && !s.policy.info(kind).Unguessable {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

// Enrolled returns those of users who hold a second factor, in their order. It asks the store once, however many they
// are. Errors: ErrUnavailable.
func (s *Service) Enrolled(ctx context.Context, users []string) ([]string, error) {
	counts, err := s.count(ctx, users, func(h Holding) bool { return s.policy.isSecond(h.Kind) })
	var enrolled []string
	for i, n := range counts {
		if n > 0 {
			enrolled = append(enrolled, users[i])
		}
	}
	return enrolled, err
}

// count counts what each of users holds that is not over and fits.
func (s *Service) count(ctx context.Context, users []string, fits func(Holding) bool) (counts []int, err error) {
	now := s.time()
	err = s.store.View(ctx, func(r Reader) error {
		all, err := r.HoldingsOf(ctx, users)
		if err != nil {
			return err
		}
		of := map[string]int{}
		for _, h := range all {
			if (h.ExpiresAt.IsZero() || h.ExpiresAt.After(now)) && fits(h) {
				of[h.User]++
			}
		}
		counts = make([]int, len(users))
		for i, user := range users {
			counts[i] = of[user]
		}
		return nil
	})
	return counts, s.outer(err)
}

// Language is what to write to a user in who has not asked for it: what the owner's browser said at the last sign-in from a
// known one (BCP 47), or lang where that is not known. Within Change, UseLink or Transact, after Note, it costs nothing.
// Errors: ErrUnavailable.
func (s *Service) Language(ctx context.Context, user, lang string) (string, error) {
	err := s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err == nil {
			lang = st.language(lang)
		}
		return err
	})
	return lang, err
}

// Note writes an event into the trail of a user whose account is not changed by it: what an administrator does, or what
// a stranger asked for. No sign-in ends by it. Call it within Change, UseLink or Transact, so that it is written with
// what it tells of. Errors: ErrUnavailable.
func (s *Service) Note(ctx context.Context, user string, e Event) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error { return tx.event(ctx, user, e) })
}
