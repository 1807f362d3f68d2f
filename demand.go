package nightlatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// demand says whether a user who has proven enough must hold more than held.
func (p Policy) demand(held []factor.Held, st Standing, now time.Time) Decision {
	done := Decision{Step: StepDone}
	if !p.Requires(st.Admin) || p.Working(held) >= max(p.AtLeast, 1) {
		return done
	}
	if p.ReportOnly {
		done.WouldStop = true
		return done
	}
	since := st.RequiredSince
	if since.IsZero() {
		since = now
	}
	if done.EnrollBy = since.Add(p.Grace); done.EnrollBy.After(now) {
		return done
	}
	return Decision{Step: StepEnroll, Kinds: p.enrollable()}
}

// Working is how many of held are second factors that can be proven: those of a kind that there is, and not suspended.
func (p Policy) Working(held []factor.Held) int {
	n := 0
	for _, h := range held {
		if p.works(h.Kind, h.Allows) {
			n++
		}
	}
	return n
}

func (p Policy) works(kind factor.Kind, allows factor.Allows) bool {
	_, known := p.infos[kind]
	return known && allows == factor.AllowsAll && p.isSecond(kind)
}

// mayRemove says whether a user may go without one of held: what the policy needs is replaced and not removed. One that
// does not work is needed by nobody, unless it is all that there is.
func (p Policy) mayRemove(held []factor.Held, id string, admin bool) bool {
	if !p.Requires(admin) || p.ReportOnly {
		return true
	}
	others := p.Working(slices.DeleteFunc(slices.Clone(held), func(h factor.Held) bool { return h.ID == id }))
	if others == p.Working(held) {
		return others > 0
	}
	return others >= max(p.AtLeast, 1)
}

// byPerson leaves out what a remembered device carried: that is no proof to enroll by.
func byPerson(proven []factor.Proof) []factor.Proof {
	return slices.DeleteFunc(slices.Clone(proven), func(pr factor.Proof) bool { return pr.Device != "" })
}

// noteDemand keeps what the policy said at the end of a sign-in: whom it would have stopped, at most once a day, and
// when enrollment was first put off. Whoever holds enough, or need not, begins anew when it is required again.
func (s *Service) noteDemand(ctx context.Context, tx *change, h *holder, d Decision, c Client) error {
	st := h.standing
	switch {
	case d.WouldStop:
		if st.WouldStopAt.IsZero() || tx.now.Sub(st.WouldStopAt) >= day {
			st.WouldStopAt = tx.now
			return tx.event(ctx, h.user.ID, Event{Name: EventWouldStop, Client: c})
		}
	case d.EnrollBy.IsZero():
		st.RequiredSince = time.Time{}
	case st.RequiredSince.IsZero():
		st.RequiredSince = tx.now
		return s.beginGrace(ctx, tx, h.user.ID, d.EnrollBy, c)
	}
	return nil
}

// remindBefore is how long before the end of the grace people are reminded; beside that at once.
var remindBefore = []time.Duration{7 * day, day}

// beginGrace reminds at once, and keeps the reminders to come.
func (s *Service) beginGrace(ctx context.Context, tx *change, user string, by time.Time, c Client) error {
	st, err := tx.standing(ctx, user)
	if err != nil {
		return err
	}
	lang := st.language(c.Lang)
	for _, before := range remindBefore {
		if due := by.Add(-before); due.After(tx.now) {
			if err := tx.postAt(ctx, user, sealedNotice{Remind: true, Lang: lang}, due, by); err != nil {
				return err
			}
		}
	}
	return tx.event(ctx, user, reminder(by, c))
}

func reminder(by time.Time, c Client) Event {
	return Event{Name: EventReminded, Client: c, Detail: map[string]string{"enroll_by": by.Format(time.RFC3339)}}
}

// finishReminder reminds once, whichever process is faster. The policy, the user and what it holds may have changed
// since the reminder was kept.
func (s *Service) finishReminder(ctx context.Context, r MessageRecord, lang string) error {
	err := s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, r.User)
		if err != nil {
			return err
		}
		if err := tx.Delete(ctx, r); err != nil {
			return err
		}
		u, err := s.users.FindUser(ctx, r.User)
		if errors.Is(err, ErrNotFound) || err == nil && u.Disabled {
			return nil
		}
		if err != nil {
			return err
		}
		h := &holder{user: u, standing: st}
		if err := s.loadHeld(ctx, tx, h, tx.now); err != nil {
			return err
		}
		if by := s.enrollBy(h, tx.now); !by.IsZero() {
			return tx.event(ctx, u.ID, reminder(by, Client{Lang: lang}))
		}
		return nil
	})
	return ignoreConflict(err)
}

// enrollBy is until when enrollment is put off; zero: it is not, or never was.
func (s *Service) enrollBy(h *holder, now time.Time) time.Time {
	if h.standing.RequiredSince.IsZero() {
		return time.Time{}
	}
	return s.policy.demand(h.held, h.standing.view(h.user), now).EnrollBy
}

// EnrollBy returns until when the user of a session may put enrollment off; zero: it is not required, done, or not put
// off yet. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) EnrollBy(ctx context.Context, tok string) (by time.Time, err error) {
	now := s.time()
	err = s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		by = s.enrollBy(h, now)
		return nil
	})
	return by, s.outer(err)
}

// WorkingOf is how many second factors each of users holds that can be proven, in their order. It asks the store once.
// Errors: ErrUnavailable.
func (s *Service) WorkingOf(ctx context.Context, users []string) ([]int, error) {
	return s.count(ctx, users, func(h Holding) bool { return s.policy.works(h.Kind, h.Allows) })
}
