package nightlatch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

const (
	day = 24 * time.Hour
	// restAfter wrong ones in a row an authenticator rests (NIST SP 800-63B-4 §3.2.2).
	restAfter = 100
	// addressFactor: an address may be wrong this many times as often as a name, since many people share one.
	addressFactor = 10
)

// throttle counts the wrong tries of one subject with one kind.
type throttle struct {
	Fails int         `json:"fails,omitempty"`  // since the last right one; the delay grows with it
	Row   int         `json:"row,omitempty"`    // wrong in a row, never forgotten but by a right one
	InRow int         `json:"in_row,omitempty"` // those of Row that were given within a session
	Until time.Time   `json:"until,omitzero"`   // nothing is judged before
	Wrong []time.Time `json:"wrong,omitempty"`  // the wrong ones of the last 24 hours, the newest last
	Told  time.Time   `json:"told,omitzero"`    // the Until for which a refusal was written to the trail
}

// forbids says until when nothing is judged; zero: it may be judged now.
func (t throttle) forbids(l Limits, rests bool, now time.Time) time.Time {
	var until time.Time
	if t.Until.After(now) {
		until = t.Until
	}
	recent := t.recent(now)
	if len(recent) >= l.DayLimit {
		if free := recent[len(recent)-l.DayLimit].Add(day); free.After(until) {
			until = free
		}
	}
	if rests && t.Row >= restAfter {
		until = now.Add(day)
	}
	return until
}

func (t throttle) recent(now time.Time) []time.Time {
	for i, at := range t.Wrong {
		if now.Sub(at) < day {
			return t.Wrong[i:]
		}
	}
	return nil
}

// wrong counts one more.
func (t throttle) wrong(l Limits, now time.Time) throttle {
	recent := t.recent(now)
	if len(recent) == 0 {
		t.Fails = 0 // a quiet day ends the delay; the row goes on
	}
	t.Fails++
	t.Row++
	t.Until = time.Time{}
	if over := t.Fails - l.FreeTries; over >= 0 {
		t.Until = now.Add(delay(l, over))
	}
	if len(recent) >= l.DayLimit {
		recent = recent[len(recent)-l.DayLimit+1:]
	}
	t.Wrong = append(append([]time.Time(nil), recent...), now)
	return t
}

func delay(l Limits, doublings int) time.Duration {
	d := l.FirstDelay
	for range doublings {
		if d >= l.MaxDelay {
			break
		}
		d *= 2
	}
	return min(d, l.MaxDelay)
}

// right ends the delay and the row, not the day's count.
func (t throttle) right() throttle {
	t.Fails, t.Row, t.InRow, t.Until, t.Told = 0, 0, 0, time.Time{}, time.Time{}
	return t
}

func (l Limits) forAddress() Limits {
	l.FreeTries *= addressFactor
	l.DayLimit *= addressFactor
	return l
}

func userSubject(user string) string { return "user:" + user }

// nameSubject is where the tries for a name that nobody has are counted. People type passwords there: what is kept is
// hashed with the key, so that who has the database alone cannot look for them. The oldest key serves, since it stays
// when the ring grows.
func (s *Service) nameSubject(identifier string) (string, error) {
	mac, err := s.lastingMAC("name", []byte(identifier))
	return "name:" + base64.RawURLEncoding.EncodeToString(mac), err
}

// addressSubject counts an IPv6 network of 64 bits as one address, since one customer has at least that many.
func addressSubject(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return "addr:" + p.String()
		}
	}
	return "addr:" + ip.String()
}

// tally is a throttle with its record.
type tally struct {
	throttle
	record ThrottleRecord
	limits Limits
	rests  bool
}

func (t tally) forbids(now time.Time) time.Time { return t.throttle.forbids(t.limits, t.rests, now) }

// tallies reads the throttle of one kind of a subject.
func (s *Service) findTally(ctx context.Context, r Reader, subject string, kind factor.Kind) (tally, error) {
	all, err := r.ThrottlesOf(ctx, subject)
	if err != nil {
		return tally{}, err
	}
	return s.pickTally(all, subject, kind)
}

func (s *Service) pickTally(all []ThrottleRecord, subject string, kind factor.Kind) (tally, error) {
	t := tally{record: ThrottleRecord{Subject: subject, Kind: kind}, limits: s.limits}
	t.rests = s.policy.info(kind).Class != factor.Knowledge
	for _, r := range all {
		if r.Kind == kind {
			t.record = r
			return t, json.Unmarshal(r.Data, &t.throttle)
		}
	}
	return t, nil
}

// putTally writes it, where there is something to write.
func (s *Service) putTally(ctx context.Context, tx Tx, t tally, now time.Time) error {
	if t.record.Revision == 0 && len(t.Wrong) == 0 && t.Fails == 0 {
		return nil
	}
	data, err := json.Marshal(t.throttle)
	if err != nil {
		return err
	}
	t.record.Data = data
	t.record.ExpiresAt = now.Add(day)
	if t.Until.After(t.record.ExpiresAt) {
		t.record.ExpiresAt = t.Until
	}
	if t.rests && t.Row > 0 {
		t.record.ExpiresAt = time.Time{}
	}
	return tx.Put(ctx, t.record)
}

// forgetTries ends the throttle of a user with one kind.
func (c *change) forgetTries(ctx context.Context, user string, kind factor.Kind) error {
	throttles, err := c.ThrottlesOf(ctx, userSubject(user))
	if err != nil {
		return err
	}
	for _, t := range throttles {
		if t.Kind == kind {
			return c.Delete(ctx, t)
		}
	}
	return nil
}
