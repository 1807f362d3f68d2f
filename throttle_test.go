package nightlatch

import (
	"crypto/rand"
	"testing"
	"time"
)

var throttleNow = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func standardLimits() Limits { return Limits{}.withDefaults() }

// waitAfter is how long nothing is judged after n wrong ones, each given as soon as it is judged.
func waitAfter(l Limits, n int) time.Duration {
	var t throttle
	now := throttleNow
	for range n {
		if until := t.forbids(l, false, now); !until.IsZero() {
			now = until
		}
		t = t.wrong(l, now)
	}
	if until := t.forbids(l, false, now); !until.IsZero() {
		return until.Sub(now)
	}
	return 0
}

func TestDelays(t *testing.T) {
	t.Parallel()
	l := standardLimits()
	l.DayLimit = 1000
	for n, want := range map[int]time.Duration{
		0: 0, 1: 0, 4: 0, 5: 30 * time.Second, 6: time.Minute, 7: 2 * time.Minute, 8: 4 * time.Minute, 9: 8 * time.Minute,
		10: 16 * time.Minute, 11: 32 * time.Minute, 12: time.Hour, 13: time.Hour, 200: time.Hour,
	} {
		if got := waitAfter(l, n); got != want {
			t.Errorf("after %d wrong ones the wait is %v, want %v", n, got, want)
		}
	}
	l.FirstDelay, l.MaxDelay = time.Hour, time.Minute
	if got := waitAfter(l, 5); got != time.Minute {
		t.Errorf("the first delay is %v, want no more than the greatest", got)
	}
}

func TestDayLimitSlides(t *testing.T) {
	t.Parallel()
	l := standardLimits()
	l.DayLimit, l.FirstDelay, l.MaxDelay = 3, time.Second, time.Second
	at := func(d time.Duration) time.Time { return throttleNow.Add(d) }
	var th throttle
	for _, d := range []time.Duration{0, time.Hour, 2 * time.Hour} {
		if until := th.forbids(l, false, at(d)); !until.IsZero() {
			t.Fatalf("forbidden at %v", d)
		}
		th = th.wrong(l, at(d))
	}
	th = th.right() // ends the delay, not the day's count
	if got := th.forbids(l, false, at(3*time.Hour)); got != at(day) {
		t.Errorf("forbidden until %v, want a day after the first", got)
	}
	if got := th.forbids(l, false, at(day)); !got.IsZero() {
		t.Errorf("a day after the first it is forbidden until %v", got)
	}
	th = th.wrong(l, at(day))
	if got := th.forbids(l, false, at(day+time.Second)); got != at(day+time.Hour) {
		t.Errorf("forbidden until %v, want a day after the second", got)
	}
	if len(th.Wrong) != l.DayLimit {
		t.Errorf("%d times are kept, want no more than the limit", len(th.Wrong))
	}
}

func TestDelayIsForgotten(t *testing.T) {
	t.Parallel()
	l := standardLimits()
	var th throttle
	for range 6 {
		th = th.wrong(l, throttleNow)
	}
	if th.Fails != 6 || th.Row != 6 {
		t.Fatalf("fails, row = %d, %d", th.Fails, th.Row)
	}
	if got := th.wrong(l, throttleNow.Add(day-1)); got.Fails != 7 {
		t.Errorf("a day that is not over: fails = %d, want 7", got.Fails)
	}
	if got := th.wrong(l, throttleNow.Add(day)); got.Fails != 1 || got.Row != 7 || !got.Until.IsZero() {
		t.Errorf("a quiet day: fails, row, until = %d, %d, %v; want the delay ended and the row going on", got.Fails, got.Row, got.Until)
	}
	if got := th.right(); got.Fails != 0 || got.Row != 0 || !got.Until.IsZero() || len(got.Wrong) != 6 {
		t.Errorf("a right one: %+v; want only the day's count to stay", got)
	}
}

func TestRest(t *testing.T) {
	t.Parallel()
	l := standardLimits()
	for _, tc := range []struct {
		row   int
		rests bool
		want  time.Duration
	}{{restAfter - 1, true, 0}, {restAfter, true, day}, {restAfter + 1, true, day}, {restAfter, false, 0}} {
		var got time.Duration
		if until := (throttle{Row: tc.row}).forbids(l, tc.rests, throttleNow); !until.IsZero() {
			got = until.Sub(throttleNow)
		}
		if got != tc.want {
			t.Errorf("%d in a row, rests %v: %v, want %v", tc.row, tc.rests, got, tc.want)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"":                        "",
		"unix":                    "",
		"192.0.2.7":               "addr:192.0.2.7",
		"::ffff:192.0.2.7":        "addr:192.0.2.7",
		"2001:db8:1:2::1":         "addr:2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::9":    "addr:2001:db8:1:2::/64",
		"2001:db8:1:3::1":         "addr:2001:db8:1:3::/64",
		"fe80::1%eth0":            "addr:fe80::/64",
		"192.0.2.7:443":           "",
		"2001:db8:1:2::1%25spoof": "addr:2001:db8:1:2::/64",
	} {
		if got := addressSubject(addr); got != want {
			t.Errorf("subject of %q = %q, want %q", addr, got, want)
		}
	}
}

// A name that nobody has is often a password. Who has the database must not be able to look for it.
func TestSubjectOfANameNeedsTheKey(t *testing.T) {
	t.Parallel()
	ring := func() *KeyRing {
		key, err := NewKeyRing(rand.Reader, throttleNow)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	subject := func(key *KeyRing, name string) string {
		got, err := (&Service{keys: newKeys(Config{Key: key})}).nameSubject(name)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	key := ring()
	grown, err := key.Add(rand.Reader, throttleNow)
	if err != nil {
		t.Fatal(err)
	}
	u := subject(key, "u")
	if u == userSubject("u") || u == subject(key, "v") || len(u) != len(subject(key, "my password")) {
		t.Error("the subject of a name is not told from another, or shows how long it is")
	}
	if u == subject(ring(), "u") {
		t.Error("the subject of a name is the same under another key")
	}
	if u != subject(grown, "u") {
		t.Error("a new key forgets the tries")
	}
}

func TestAddressBearsMore(t *testing.T) {
	t.Parallel()
	l := standardLimits()
	if got := l.forAddress(); got.FreeTries != 10*l.FreeTries || got.DayLimit <= l.DayLimit {
		t.Errorf("limits of an address = %+v", got)
	}
}
