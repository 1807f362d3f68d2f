package nightlatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	limits := func(session, idle time.Duration) func(*nightlatch.Config) {
		return func(c *nightlatch.Config) { c.Limits = nightlatch.Limits{Session: session, Idle: idle} }
	}
	for _, tc := range []struct {
		name          string
		session, idle time.Duration
		use           time.Duration // how often it is used
		lives         time.Duration
	}{
		{"unused", 100 * time.Hour, 10 * time.Hour, 0, 10 * time.Hour},
		{"used", 100 * time.Hour, 10 * time.Hour, 9 * time.Hour, 100 * time.Hour},
		{"used too seldom", 100 * time.Hour, 10 * time.Hour, 10 * time.Hour, 10 * time.Hour},
		{"idle is longer", 5 * time.Hour, 10 * time.Hour, 0, 5 * time.Hour},
		{"by default", 0, 0, 0, 168 * time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, limits(tc.session, tc.idle))
			w.add("ann")
			tok := w.withPassword("ann")
			begun := w.clock.Now()
			age := func() time.Duration { return w.clock.Now().Sub(begun) }
			for tc.use > 0 && age()+tc.use < tc.lives {
				w.clock.pass(tc.use)
				if _, err := w.Session(t.Context(), tok); err != nil {
					t.Fatalf("after %v: %v", age(), err)
				}
				w.Close() // waits until the use is noted
			}
			w.clock.pass(tc.lives - age() - time.Second)
			list := must(w.SessionsOf(t.Context(), "ann"))
			if len(list) != 1 || list[0].ExpiresAt != begun.Add(tc.lives) {
				t.Fatalf("sessions = %+v, want one until %v", list, begun.Add(tc.lives))
			}
			w.clock.pass(time.Second)
			if _, err := w.Session(t.Context(), tok); !errors.Is(err, nightlatch.ErrUnauthenticated) {
				t.Errorf("after %v: err = %v", tc.lives, err)
			}
			if list := must(w.SessionsOf(t.Context(), "ann")); len(list) != 0 {
				t.Errorf("sessions = %+v", list)
			}
		})
	}
}

// A session that the next sign-in of the same browser replaces ends, and its owner's trail says so: it may be another's.
func TestReplacedSessionIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	old := w.withPassword("ann")
	a := w.attempt("bob", "", right)
	a.Start.Replaces = old
	w.must(w.ProveFirst(t.Context(), a))
	w.want(doors["Session"].call(w, old), nightlatch.ErrUnauthenticated)
	if e := w.last("ann", nightlatch.EventSessionEnded); e.Reason != "replaced" {
		t.Errorf("event %+v", e)
	}
	if count(w.events("bob", 0), nightlatch.EventSessionEnded) != 0 {
		t.Error("it is told to the wrong one")
	}
	w.verifyTrail("ann")
}

// The last use is noted, at most once a minute.
func TestLastUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	use := func(wait time.Duration) time.Duration {
		w.clock.pass(wait)
		must(w.Session(t.Context(), tok))
		w.Close()
		return w.clock.Now().Sub(must(w.SessionsOf(t.Context(), "ann"))[0].LastUsedAt)
	}
	for _, tc := range []struct{ wait, want time.Duration }{
		{0, 0}, {59 * time.Second, 59 * time.Second}, {time.Second, 0}, {30 * time.Second, 30 * time.Second}, {time.Hour, 0},
	} {
		if got := use(tc.wait); got != tc.want {
			t.Errorf("after %v more it was used %v ago, want %v", tc.wait, got, tc.want)
		}
	}
}

// Who goes on working is not idle, however short the time is that a session may rest.
func TestUseKeepsAShortSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Limits.Idle = 20 * time.Second })
	w.add("ann")
	tok := w.withPassword("ann")
	for range 10 {
		w.clock.pass(14 * time.Second)
		_, err := w.Session(t.Context(), tok)
		w.want(err, nil)
		_, _, err = w.SessionAndUser(t.Context(), tok)
		w.want(err, nil)
		w.Close()
	}
	w.clock.pass(20 * time.Second)
	w.want(doors["Session"].call(w, tok), nightlatch.ErrUnauthenticated)
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	one, two, three, bobs := w.withPassword("ann"), w.withPassword("ann"), w.withPassword("ann"), w.withPassword("bob")
	for _, tok := range []string{one, two, three, bobs} {
		must(w.Session(t.Context(), tok)) // now they are in the cache
	}
	id := func(tok string) string { return must(w.Session(t.Context(), tok)).ID }
	w.want(w.EndSession(t.Context(), one, id(bobs), client), nightlatch.ErrNotFound)
	w.want(w.EndSession(t.Context(), one, "unknown", client), nightlatch.ErrNotFound)
	two2 := id(two)
	w.want(w.EndSession(t.Context(), one, two2, client), nil)
	w.want(doors["Session"].call(w, two), nightlatch.ErrUnauthenticated)
	w.want(w.EndSession(t.Context(), one, two2, client), nightlatch.ErrNotFound)
	w.want(doors["Session"].call(w, three), nil)
	two = w.withPassword("ann")
	w.want(w.EndOtherSessions(t.Context(), one, client), nil)
	for _, tok := range []string{two, three} {
		w.want(doors["Session"].call(w, tok), nightlatch.ErrUnauthenticated)
	}
	w.want(doors["Session"].call(w, one), nil)
	w.want(w.SignOut(t.Context(), one, client), nil)
	w.want(doors["Session"].call(w, one), nightlatch.ErrUnauthenticated)
	w.want(w.SignOut(t.Context(), one, client), nightlatch.ErrUnauthenticated)
	w.want(doors["Session"].call(w, bobs), nil)
	for name, n := range map[string]int{nightlatch.EventSessionEnded: 1, nightlatch.EventSessionsEnded: 1, nightlatch.EventSignedOut: 1} {
		if got := count(w.events("ann", 0), name); got != n {
			t.Errorf("%d events %s, want %d", got, name, n)
		}
	}
}

// eventually waits until something is so: the cache of another process asks the store twice a second.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatal("it is still not so")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The end of a session is seen at once in its process and soon in every other.
func TestEndIsSeenByAnotherProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	other := w.another()
	ends := map[string]func(tok string) error{
		"sign out":   func(tok string) error { return w.SignOut(t.Context(), tok, client) },
		"end others": func(tok string) error { return w.EndOtherSessions(t.Context(), w.withPassword("ann"), client) },
		"change": func(tok string) error {
			return w.Change(t.Context(), "ann", nightlatch.Event{Name: "x"}, func(ctx context.Context) error { return w.EndSessions(ctx, "ann") })
		},
		"a step up": func(tok string) error { _, err := w.enroll(tok, ""); return err },
	}
	for _, name := range []string{"sign out", "end others", "change", "a step up"} {
		tok := w.withPassword("ann")
		for _, s := range []*nightlatch.Service{w.Service, other} {
			must(s.Session(t.Context(), tok))
			must(s.Session(t.Context(), tok))
		}
		if err := ends[name](tok); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := w.Session(t.Context(), tok); !errors.Is(err, nightlatch.ErrUnauthenticated) {
			t.Errorf("%s: err = %v in the same process", name, err)
		}
		eventually(t, func() bool {
			_, err := other.Session(t.Context(), tok)
			return errors.Is(err, nightlatch.ErrUnauthenticated)
		})
	}
}

// A store that does not answer is asked again, and nobody is let in meanwhile by what is remembered.
func TestCacheDiesWithTheStore(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w := newWorld(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	w.add("ann")
	tok := w.withPassword("ann")
	must(w.Session(t.Context(), tok))
	store.failAll(true)
	eventually(t, func() bool {
		_, err := w.Session(t.Context(), tok)
		return errors.Is(err, nightlatch.ErrUnavailable)
	})
	store.failAll(false)
	w.want(doors["Session"].call(w, tok), nil)
}

func TestSessionFromTheCacheExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Limits = nightlatch.Limits{Session: 30 * time.Second} })
	w.add("ann")
	tok := w.withPassword("ann")
	must(w.Session(t.Context(), tok))
	w.clock.pass(30 * time.Second)
	w.want(doors["Session"].call(w, tok), nightlatch.ErrUnauthenticated)
}
