package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

const (
	// holdCodeLife is how long the code of a hold may be used.
	holdCodeLife = 72 * time.Hour
	// holdJobLife is how long after its end a hold is still taken up, where no process was there before.
	holdJobLife = 30 * day
)

// hold is a recovery by mail that waits, so that the owner may object.
type hold struct {
	ID        string    `json:"id"`
	To        string    `json:"to"` // the mailbox that was proven, as destinationSubject has it
	Begun     time.Time `json:"begun"`
	Until     time.Time `json:"until"`
	Sent      bool      `json:"sent,omitempty"` // it is over, and the code is out
	CodeUntil time.Time `json:"code_until,omitzero"`
}

// holds says whether a hold waits, or its code is out and may be used.
func (st *standing) holds(now time.Time) bool {
	return st.Hold != nil && (!st.Hold.Sent || st.Hold.CodeUntil.After(now))
}

// BeginHold begins the hold that a mailed link stands for (ForRecovery). When it is over, SendNotices mails a code with
// which, after the password, alone the user may enroll anew. Errors: *factor.Refused (wrong, used, expired),
// ErrForbidden, ErrUnavailable.
func (s *Service) BeginHold(ctx context.Context, link string, c Client) error {
	return s.UseLink(ctx, ForRecovery, link, func(ctx context.Context, l Link) (Event, error) {
		// The event is written here: one that UseLink writes ends the sign-in in which the link was asked for.
		return Event{}, s.tx(ctx, func(ctx context.Context, tx *change) error { return s.beginHold(ctx, tx, l.User, c) })
	})
}

func (s *Service) beginHold(ctx context.Context, tx *change, user string, c Client) error {
	h, err := s.holderOf(ctx, tx, user)
	if err != nil {
		return err
	}
	st := h.standing
	if !s.mayRecover(h, tx.now) || st.holds(tx.now) {
		return ErrForbidden
	}
	to, err := s.destinationSubject(h.user.Email)
	if err != nil {
		return err
	}
	st.Hold = &hold{ID: token.NewID(s.rand), To: to, Begun: tx.now, Until: tx.now.Add(s.recover.Hold)}
	if err := tx.endLinks(ctx, user, ForRecovery); err != nil {
		return err
	}
	job := sealedNotice{Hold: st.Hold.ID, Lang: st.language(c.Lang)}
	if err := tx.postAt(ctx, user, job, st.Hold.Until, st.Hold.Until.Add(holdJobLife)); err != nil {
		return err
	}
	return tx.event(ctx, user, Event{
		Name: EventRecoveryBegun, Client: c, Detail: map[string]string{"until": st.Hold.Until.Format(time.RFC3339)},
	})
}

// holderOf is what a user holds, with the standing locked. One that the application does not know any more is disabled.
func (s *Service) holderOf(ctx context.Context, tx *change, user string) (*holder, error) {
	st, err := tx.standing(ctx, user)
	if err != nil {
		return nil, err
	}
	h := &holder{standing: st}
	h.user, err = s.users.FindUser(ctx, user)
	if errors.Is(err, ErrNotFound) {
		h.user, err = User{ID: user, Disabled: true}, nil
	}
	if err != nil {
		return nil, err
	}
	return h, s.loadHeld(ctx, tx, h, tx.now)
}

// CancelHold ends the hold of the user of a sign-in, after a right password, or of a session.
// Errors: ErrNotFound (there is none), ErrUnauthenticated, ErrUnavailable.
func (s *Service) CancelHold(ctx context.Context, tok string, c Client) error {
	return s.locked(ctx, tok, func(ctx context.Context, tx *change, h *holder) error {
		ended, err := tx.endHold(ctx, h.user.ID, c)
		if err == nil && !ended {
			return ErrNotFound
		}
		return err
	})
}

// endHold ends the hold of a user, the links that could begin one, and its code, and says whether there was one.
func (c *change) endHold(ctx context.Context, user string, client Client) (ended bool, err error) {
	st, err := c.standing(ctx, user)
	if err != nil {
		return false, err
	}
	if err := c.endLinks(ctx, user, ForRecovery); err != nil {
		return false, err
	}
	if st.Hold == nil {
		return false, nil
	}
	alive, sent := st.holds(c.now), st.Hold.Sent
	st.Hold = nil
	if sent && !st.AfterReset { // the code of a reset is not the hold's
		if err := c.removeEnrollOnly(ctx, user); err != nil {
			return false, err
		}
		st.Changes++ // a sign-in that has proven the code is over
	}
	if !alive {
		return false, nil
	}
	return true, c.event(ctx, user, Event{Name: EventRecoveryCanceled, Client: client})
}

// removeEnrollOnly removes the codes that lead to an enrollment and nothing else.
func (c *change) removeEnrollOnly(ctx context.Context, user string) error {
	records, err := c.AuthenticatorsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Allows == factor.AllowsEnrollment {
			if err := c.Delete(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownerIsBack ends a hold: who proves a second factor has not lost it.
func (s *Service) ownerIsBack(ctx context.Context, tx *change, h *holder, p factor.Proof, c Client) error {
	if s.policy.info(p.Kind).Class == factor.Knowledge || p.Allows != factor.AllowsAll {
		return nil
	}
	before := h.standing.Changes
	if _, err := tx.endHold(ctx, h.user.ID, c); err != nil {
		return err
	}
	if h.in != nil && h.in.Changes == before {
		h.in.Changes = h.standing.Changes // all other unfinished sign-ins are over, this one goes on
	}
	return nil
}

// finishHold does what is due at the end of a hold. Any number of processes may come to it: one takes it up, and where
// that one dies another does, after the lease.
func (s *Service) finishHold(ctx context.Context, r MessageRecord, n sealedNotice) error {
	if taken, err := s.takeUp(ctx, &r, &n); err != nil || !taken {
		return err
	}
	err := s.mailHoldCode(ctx, r, n)
	if err == nil || errors.Is(err, ErrConflict) {
		return nil
	}
	s.log.Error("the code of a recovery was not made", "user", r.User, "error", err)
	r.DueAt = s.time().Add(delay(Limits{FirstDelay: noticeDelay, MaxDelay: noticeMaxDelay}, n.Tries-1))
	return ignoreConflict(s.put(ctx, r))
}

func (s *Service) mailHoldCode(ctx context.Context, r MessageRecord, n sealedNotice) error {
	var made factor.Enrolled
	kind, coder := s.oneCoder()
	if coder != nil { // slow, and so outside the transaction; where there is none the hold is called off in it
		u, err := s.users.FindUser(ctx, r.User)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		u.ID = r.User
		call := s.call(u, standing{}, factor.ForEnrollment)
		call.Lang = n.Lang
		if made, err = coder.OneCode(ctx, call); err != nil {
			return err
		}
	}
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		h, err := s.holderOf(ctx, tx, r.User)
		if err != nil {
			return err
		}
		if err := tx.Delete(ctx, r); err != nil {
			return err
		}
		return s.settleHold(ctx, tx, h, n, kind, made)
	})
}

// settleHold puts the code where the hold still stands, and may: else it is called off.
func (s *Service) settleHold(ctx context.Context, tx *change, h *holder, n sealedNotice, kind factor.Kind, made factor.Enrolled) error {
	st := h.standing
	if st.Hold == nil || st.Hold.ID != n.Hold || st.Hold.Sent {
		return nil // it was canceled, or done already
	}
	if same, _ := s.isDestination(st.Hold.To, h.user.Email); !same || !s.mayRecover(h, tx.now) {
		_, err := tx.endHold(ctx, h.user.ID, Client{})
		return err
	}
	keep, ok := made.Show.(factor.Keep)
	if !ok || len(keep.Codes) != 1 {
		return fmt.Errorf("factor %s made no code", kind)
	}
	st.Hold.Sent, st.Hold.CodeUntil = true, tx.now.Add(holdCodeLife)
	in := Installation{
		User: h.user.ID, Kind: kind, Enrolled: made, Allows: factor.AllowsEnrollment, ExpiresAt: st.Hold.CodeUntil,
	}
	if err := s.Install(ctx, in); err != nil {
		return err
	}
	e := Event{Name: EventRecoveryCode, Kind: kind}
	return tx.eventTo(ctx, e, Notice{User: h.user, To: h.user.Email, Lang: n.Lang, Code: keep.Codes[0]})
}

// HoldLife is how long a recovery by mail waits.
func (s *Service) HoldLife() time.Duration { return s.recover.Hold }
