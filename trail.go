package nightlatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/internal/seal"
)

// Trail is how long the trail of a user is, and the MAC of its last event: what a checkpoint notes.
type Trail struct {
	User   string `json:"user"`
	Events int64  `json:"events"`
	Head   []byte `json:"head"`
}

// The reasons of a BrokenTrailError.
const (
	TrailChanged   = "changed"   // the event is not what was written there
	TrailMissing   = "missing"   // no event is there
	TrailTooMany   = "too many"  // the event is none of those that were counted; all are when what counts them is gone
	TrailReplaced  = "replaced"  // the event is another than the checkpoint noted
	TrailUncounted = "uncounted" // Seq is 0: the record of the user, which counts the events, was changed
	// TrailNoKey: it cannot be judged; Key says which key is missing. Seq is 0 where the record of the user needs it.
	TrailNoKey = "no key"
)

// BrokenTrailError names the first event of a user's trail that was changed, removed or reordered.
type BrokenTrailError struct {
	User   string
	Seq    int64
	Reason string // one of the Trail… constants
	Key    uint32 // with TrailNoKey
}

// Error says which and how.
func (e *BrokenTrailError) Error() string {
	if e.Reason == TrailNoKey {
		return fmt.Sprintf("the trail of user %s cannot be judged at event %d: key %d is needed and not in the key ring", e.User, e.Seq, e.Key)
	}
	return fmt.Sprintf("the trail of user %s is broken at event %d: %s", e.User, e.Seq, e.Reason)
}

// trailStep is how many events are read at once.
const trailStep = 500

// VerifyTrail verifies the trail of a user, and that it goes on from an earlier Trail of the same user (the zero Trail:
// from nothing). Of events that nobody counted it names the first. Errors: *BrokenTrailError, ErrUnavailable.
func (s *Service) VerifyTrail(ctx context.Context, user string, before Trail) (Trail, error) {
	var is Trail
	var broken *BrokenTrailError
	err := s.store.View(ctx, func(r Reader) (err error) { // one View: what is written meanwhile is not seen
		is, broken, err = s.walkTrail(ctx, r, user, before)
		return err
	})
	if missing := (*seal.UnknownKeyError)(nil); errors.As(err, &missing) {
		return Trail{}, &BrokenTrailError{User: user, Reason: TrailNoKey, Key: missing.ID}
	}
	if err != nil {
		return Trail{}, s.outer(err)
	}
	if broken != nil {
		return Trail{}, broken
	}
	return is, nil
}

// walkTrail goes from the newest event to the first, and remembers the last fault that it met: the earliest. What cannot be
// judged for want of a key hides no fault.
func (s *Service) walkTrail(ctx context.Context, r Reader, user string, before Trail) (Trail, *BrokenTrailError, error) {
	st, err := s.findStanding(ctx, r, user)
	if errors.Is(err, seal.ErrTampered) {
		return Trail{}, &BrokenTrailError{User: user, Reason: TrailUncounted}, nil
	}
	if err != nil {
		return Trail{}, nil, err
	}
	w := trailWalk{s: s, user: user, count: st.Events, head: st.Head, before: before}
	for last := int64(0); ; {
		page, err := r.EventsOf(ctx, user, last, trailStep)
		if err != nil {
			return Trail{}, nil, err
		}
		for _, e := range page {
			w.step(e)
		}
		if len(page) < trailStep {
			break
		}
		if last = page[len(page)-1].Seq; last <= 0 {
			break // no event has such a number: what is before it would be read without end
		}
	}
	w.end()
	return Trail{User: user, Events: st.Events, Head: st.Head}, w.broken, nil
}

// isForeign says whether an error is about what was sealed otherwise.
func isForeign(err error) bool {
	return errors.Is(err, seal.ErrTampered) || errors.Is(err, seal.ErrUnknownKey)
}

// trailWalk is a walk backward along a trail.
type trailWalk struct {
	s      *Service
	user   string
	count  int64  // how many there are, as it is sealed
	head   []byte // the MAC of the last, as it is sealed
	before Trail

	after  *EventRecord // the event met last, whose MAC waits for the one before it
	broken *BrokenTrailError
}

// fault remembers a fault, unless the one that is known says more: a change says more than a missing key, and of two of a
// sort the earlier does.
func (w *trailWalk) fault(seq int64, reason string) {
	if w.broken != nil {
		lacks, lacked := reason == TrailNoKey, w.broken.Reason == TrailNoKey
		if lacks && !lacked || lacks == lacked && seq > w.broken.Seq {
			return
		}
	}
	w.broken = &BrokenTrailError{User: w.user, Seq: seq, Reason: reason}
}

func (w *trailWalk) step(e EventRecord) {
	if e.Seq > w.count || e.Seq <= 0 {
		w.fault(e.Seq, TrailTooMany)
		return
	}
	w.join(e.Seq, e.MAC)
	if e.Seq == w.before.Events && !bytes.Equal(e.MAC, w.before.Head) {
		w.fault(e.Seq, TrailReplaced)
	}
	w.after = &e
}

// join judges what was met last by the MAC of the event before it, at seq.
func (w *trailWalk) join(seq int64, mac []byte) {
	next := w.count + 1
	if w.after != nil {
		next = w.after.Seq
	}
	if seq != next-1 {
		// The one after the gap cannot be judged; what is gone is the earlier fault.
		w.fault(seq+1, TrailMissing)
		return
	}
	switch {
	case w.after == nil:
		if !bytes.Equal(mac, w.head) {
			w.fault(seq, TrailChanged)
		}
	default:
		err := w.s.checkEvent(*w.after, mac)
		if missing := (*seal.UnknownKeyError)(nil); errors.As(err, &missing) && missing.ID != 0 { // no key has that number
			w.fault(w.after.Seq, TrailNoKey)
			if w.broken.Reason == TrailNoKey {
				w.broken.Key = missing.ID
			}
		} else if err != nil {
			w.fault(w.after.Seq, TrailChanged)
		}
	}
}

// end judges the first event, and what the checkpoint noted beyond the trail.
func (w *trailWalk) end() {
	if w.count > 0 {
		w.join(0, nil)
	}
	if w.before.Events > w.count {
		w.fault(w.count+1, TrailMissing)
	}
}

func (s *Service) checkEvent(r EventRecord, before []byte) error {
	return s.Key().CheckMAC(r.MAC, "event", eventParts(r, before)...)
}

// EventOf is an event with the user whose trail it stands in.
type EventOf struct {
	User string
	Event
}

// FindEvents returns at most limit events of all users, the newest first, for an administrator. The last one says where
// to page on. Errors: ErrUnavailable.
func (s *Service) FindEvents(ctx context.Context, q EventQuery, limit int) ([]EventOf, error) {
	var found []EventOf
	err := s.store.View(ctx, func(r Reader) error {
		records, err := r.FindEvents(ctx, q, limit)
		if err != nil {
			return err
		}
		found = found[:0]
		for _, rec := range records {
			found = append(found, EventOf{rec.User, readEvent(rec)})
		}
		return nil
	})
	return found, s.outer(err)
}

// readEvent reads what is kept. One that was spoiled is shown as such, so that it hides no other; VerifyTrail names it.
func readEvent(r EventRecord) Event {
	e := Event{Seq: r.Seq, At: r.At, Name: r.Name}
	if err := json.Unmarshal(r.Data, &e); err != nil {
		return Event{Seq: r.Seq, At: r.At, Name: r.Name, Reason: "unreadable"}
	}
	return e
}

// usersStep is how many users are read at once.
const usersStep = 200

// Users calls each for every user of whom there is a record, in the order of their ids. Errors: those of each,
// ErrUnavailable.
func (s *Service) Users(ctx context.Context, each func(user string) error) error {
	for last := ""; ; {
		var page []UserRecord
		err := s.store.View(ctx, func(r Reader) (err error) {
			page, err = r.UsersAfter(ctx, last, usersStep)
			return err
		})
		if err != nil {
			return s.outer(err)
		}
		for _, u := range page {
			if err := each(u.User); err != nil {
				return err
			}
			last = u.User
		}
		if len(page) < usersStep {
			return nil
		}
	}
}

// RemoveUser removes everything of a user but the trail, which can still be verified, and mails that wait. Call it
// within Change, which writes the last event. Errors: ErrUnavailable.
func (s *Service) RemoveUser(ctx context.Context, user string) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, user)
		if err != nil {
			return err
		}
		if st.record.Revision == 0 { // never seen, and may hold something all the same
			if err := s.putStanding(ctx, tx.Tx, st); err != nil {
				return err
			}
		}
		if err := tx.Delete(ctx, st.record); err != nil {
			return err
		}
		// What is left says that the trail belongs to somebody, and how long it is. Changes go on counting, so that
		// nothing that began before can be finished.
		*st = standing{Removed: true, Events: st.Events, Head: st.Head, Changes: st.Changes, record: UserRecord{User: user}}
		tx.standings[user].was = nil // it is put in any case
		tx.raise = true
		return nil
	})
}
