package nightlatch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// guess gives n wrong codes that are judged, waiting wherever that is needed.
func (w *world) guess(user string, kind factor.Kind, n int) {
	w.Helper()
	for range n {
		tok := w.begun(user)
		_, err := w.prove(tok, kind, "wrong")
		if e := new(nightlatch.ThrottledError); asThrottled(err, &e) {
			w.clock.pass(e.RetryAfter)
			_, err = w.prove(w.begun(user), kind, "wrong")
		}
		w.refused(err, factor.Wrong)
	}
}

func TestFreeTriesThenDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	for range 5 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		// A right code is not judged either.
		_, err := w.prove(tok, "knock", "right")
		w.throttled(err, wait)
		w.clock.pass(wait - 10*time.Second)
		_, err = w.prove(tok, "knock", "right")
		w.throttled(err, 10*time.Second)
		w.clock.pass(10 * time.Second)
		_, err = w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	w.clock.pass(4 * time.Minute)
	w.must(w.prove(tok, "knock", "right"))

	// The right one ended the delay: five are free again.
	tok = w.begun("ann")
	for range 5 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	_, err := w.prove(tok, "knock", "wrong")
	w.throttled(err, 30*time.Second)
}

func TestDayLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Limits = nightlatch.Limits{FreeTries: 4, DayLimit: 6} })
	w.add("ann")
	w.addKnock("ann", "door")
	for range 2 {
		w.guess("ann", "knock", 3)
		// A right code or password in between gives nothing of the day back.
		if _, err := w.prove(w.begun("ann"), "knock", "right"); err != nil {
			w.throttled(err, 24*time.Hour)
		}
	}
	w.clock.pass(24*time.Hour - time.Second)
	_, err := w.prove(w.begun("ann"), "knock", "right")
	w.throttled(err, time.Second)
	w.clock.pass(time.Second)
	w.must(w.prove(w.begun("ann"), "knock", "right"))
}

func TestNothingGivesTriesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	id := w.addKnock("ann", "gate")
	session := w.knocked("ann")
	steps := []func() (nightlatch.Next, error){
		func() (nightlatch.Next, error) { return w.prove(w.begun("ann"), "knock", "wrong") },
		func() (nightlatch.Next, error) { return w.prove(session, "knock", "wrong") }, // a session
		func() (nightlatch.Next, error) { return w.prove(w.begun("ann"), "knock", " WRONG ") },
		func() (nightlatch.Next, error) { // another authenticator of the kind
			return w.Verify(w.Context(), w.begun("ann"), factor.Response{Kind: "knock", ID: id, Code: "wrong"}, client)
		},
		func() (nightlatch.Next, error) { // another address, another process
			other := nightlatch.Client{Addr: "198.51.100.1"}
			return w.another().Verify(w.Context(), w.begun("ann"), factor.Response{Kind: "knock", Code: "wrong"}, other)
		},
	}
	for _, step := range steps {
		_, err := step()
		w.refused(err, factor.Wrong)
	}
	_, err := w.prove(w.begun("ann"), "knock", "right")
	w.throttled(err, 30*time.Second)
	_, err = w.prove(session, "knock", "right")
	w.throttled(err, 30*time.Second)
}

func TestKindsAreCountedApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	w.addKnock("ann", "door")
	w.addKnock("bob", "door")
	phone := w.addPhone("ann", "phone")
	w.guess("ann", "knock", 5)
	tok := w.begun("ann")
	_, err := w.prove(tok, "knock", "right")
	e := w.throttled(err, 30*time.Second)
	if len(e.Offers) != 1 || e.Offers[0].Kind != totp.ByTime {
		t.Errorf("offers = %+v, want the other kind alone", e.Offers)
	}
	w.must(w.prove(w.begun("bob"), "knock", "right"))
	w.must(w.prove(tok, totp.ByTime, phone.code()))
	_, err = w.prove(w.begun("ann"), "knock", "right")
	w.throttled(err, 30*time.Second) // another kind ends no delay
}

// What is throttled itself is no offer to somebody who is.
func TestThrottledOffersAreOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	phone := w.addPhone("ann", "phone")
	tok := w.begun("ann")
	for range 5 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
		_, err = w.prove(tok, totp.ByTime, phone.wrong())
		w.refused(err, factor.Wrong)
	}
	_, err := w.prove(tok, "knock", "right")
	if e := w.throttled(err, 30*time.Second); len(e.Offers) != 0 {
		t.Errorf("offers = %+v, want none", e.Offers)
	}
}

func TestUsedCostsNoTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	code := phone.next()
	w.must(w.prove(w.begun("ann"), totp.ByTime, code))
	tok := w.begun("ann")
	for range 30 {
		_, err := w.prove(tok, totp.ByTime, code[:3]+" "+code[3:])
		w.refused(err, factor.Used)
	}
	w.must(w.prove(tok, totp.ByTime, phone.next()))
}

// A field that is missing is said before anything is judged.
func TestFieldCostsNoTry(t *testing.T) {
	t.Parallel()
	f := knock("pair")
	f.verify = func(_ factor.Call, _ factor.State, r factor.Response) (factor.Verdict, error) {
		if r.NextCode == "" {
			return factor.Verdict{}, factor.RefuseField("next_code", "missing")
		}
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	w := newWorld(t, withFactors(f))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "pair", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	tok := w.begun("ann")
	for range 10 {
		_, err := w.prove(tok, "pair", "x")
		if e := new(nightlatch.InvalidError); !asInvalid(err, &e) || e.Field != "next_code" || e.Problem != "missing" {
			t.Fatalf("err = %v", err)
		}
	}
	_, err := w.Verify(t.Context(), tok, factor.Response{Kind: "pair", Code: "x", NextCode: "y"}, client)
	w.refused(err, factor.Wrong)
}

func TestUnguessableIsNotThrottled(t *testing.T) {
	t.Parallel()
	f := knock("key")
	f.info.Unguessable = true
	w := newWorld(t, withFactors(f))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "key", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	tok := w.begun("ann")
	for range 30 {
		_, err := w.prove(tok, "key", "wrong")
		w.refused(err, factor.Wrong)
	}
	w.must(w.prove(tok, "key", "right"))
}

// Whoever has the password must not fill the trail with wrong responses that no throttle bounds.
func TestUnguessableFillsNoTrail(t *testing.T) {
	t.Parallel()
	f := knock("key")
	f.info.Unguessable = true
	w := newWorld(t, withFactors(f))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "key", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	tok := w.begun("ann")
	refusals := func() (n int) {
		for _, e := range must(w.EventsOf(t.Context(), "ann", 0, 500)) {
			if e.Name == nightlatch.EventRefused {
				n++
			}
		}
		return n
	}
	for range 130 {
		_, err := w.prove(tok, "key", "wrong")
		w.refused(err, factor.Wrong)
	}
	if n := refusals(); n != 100 {
		t.Errorf("%d refusals are noted, want 100 an hour", n)
	}
	w.clock.pass(time.Hour)
	tok = w.begun("ann")
	_, err := w.prove(tok, "key", "wrong")
	w.refused(err, factor.Wrong)
	if n := refusals(); n != 101 {
		t.Errorf("an hour later %d are noted", n)
	}
	w.must(w.prove(tok, "key", "right"))
}

func TestRestUntilAnotherKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Limits = nightlatch.Limits{FreeTries: 1000, DayLimit: 1000} })
	w.add("ann")
	w.addKnock("ann", "door")
	w.addKnock("ann", "gate")
	phone := w.addPhone("ann", "phone")
	tok := w.begun("ann")
	for range 50 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	w.clock.pass(50 * time.Hour) // however long it takes, and whatever is expired meanwhile
	if _, err := w.Expire(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	tok = w.begun("ann")
	for range 50 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	for range 2 {
		_, err := w.prove(w.begun("ann"), "knock", "right")
		w.throttled(err, 24*time.Hour)
		w.clock.pass(30 * 24 * time.Hour)
		if _, err := w.Expire(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(w.events("ann", 0), nightlatch.EventThrottled); n != 2 {
		t.Errorf("%d events, want one a day", n)
	}
	w.must(w.prove(w.begun("ann"), totp.ByTime, phone.next()))
	w.must(w.prove(w.begun("ann"), "knock", "right"))
}

// A row that a right code broke is none.
func TestRightBreaksTheRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Limits = nightlatch.Limits{FreeTries: 1000, DayLimit: 1000} })
	w.add("ann")
	w.addKnock("ann", "door")
	for range 2 {
		tok := w.begun("ann")
		for range 60 {
			_, err := w.prove(tok, "knock", "wrong")
			w.refused(err, factor.Wrong)
		}
		w.must(w.prove(tok, "knock", "right"))
	}
}

// A throttle outlives its record's expiry nowhere: a delay of more than a day lasts.
func TestLongDelayIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) {
		c.Limits = nightlatch.Limits{FreeTries: 1, FirstDelay: 48 * time.Hour, MaxDelay: 48 * time.Hour}
	})
	w.add("ann")
	_, err := w.first("ann", "wrong password")
	w.want(err, nightlatch.ErrWrongCredentials)
	w.clock.pass(25 * time.Hour)
	if _, err := w.Expire(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	_, err = w.first("ann", right)
	w.throttled(err, 23*time.Hour)
}

func TestThrottledIsToldOncePerDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	w.guess("ann", "knock", 5)
	tok := w.begun("ann")
	before := len(w.events("ann", 0))
	for range 20 {
		_, err := w.prove(tok, "knock", "wrong")
		w.throttled(err, 30*time.Second)
	}
	if got := w.events("ann", before); !slices.Equal(got, []string{nightlatch.EventThrottled}) {
		t.Errorf("events = %v, want one of the delay", got)
	}
	w.clock.pass(30 * time.Second)
	w.guess("ann", "knock", 1)
	for range 3 {
		_, err := w.prove(tok, "knock", "wrong")
		w.throttled(err, time.Minute)
	}
	if n := count(w.events("ann", before), nightlatch.EventThrottled); n != 2 {
		t.Errorf("%d events of two delays", n)
	}
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	for _, user := range []string{"ann", "bob"} {
		w.addKnock(user, "door")
		w.guess(user, "knock", 5)
	}
	if err := w.Unlock(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	w.must(w.prove(w.begun("ann"), "knock", "right"))
	_, err := w.prove(w.begun("bob"), "knock", "right")
	w.throttled(err, 30*time.Second)
}

// Fifty wrong codes at once are fifty judged and five answered.
func TestParallelWrong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		signIns int
	}{{"one sign-in", 1}, {"fifty sign-ins", 50}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("ann")
			phone := w.addPhone("ann", "phone")
			tokens := make([]string, tc.signIns)
			for i := range tokens {
				tokens[i] = w.begun("ann")
			}
			wrong := phone.wrong()
			outcomes := map[string]int{}
			for _, err := range inParallel(50, func(i int) error {
				_, err := w.prove(tokens[i%len(tokens)], totp.ByTime, wrong)
				return err
			}) {
				outcomes[fmt.Sprintf("%T", err)]++
			}
			if outcomes["*factor.Refused"] != 5 || outcomes["*nightlatch.ThrottledError"] != 45 {
				t.Errorf("outcomes = %v, want 5 refused and 45 throttled", outcomes)
			}
		})
	}
}
