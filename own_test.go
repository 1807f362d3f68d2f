package nightlatch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
)

// own is a change that counts how often it was made.
func own(made *int, current string) nightlatch.Own {
	o := nightlatch.Own{
		Event: nightlatch.Event{Name: "painted", Client: client}, EndOthers: true, Renew: true,
		Do: func(context.Context, nightlatch.User) error { *made++; return nil },
	}
	if current != "" {
		o.Current = factor.Response{Kind: password.Kind, Password: current}
	}
	return o
}

// TestOwnChangeNeedsAProof: a fresh one, by the second factor where one is held; without one the current password does.
func TestOwnChangeNeedsAProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ada")
	tok := w.withPassword("ada")
	made := 0
	next, err := w.ChangeOwn(t.Context(), tok, own(&made, ""))
	tok = w.must(next, err).Token
	w.clock.pass(11 * time.Minute)
	var needed *nightlatch.FreshProofError
	if _, err := w.ChangeOwn(t.Context(), tok, own(&made, "")); !errors.As(err, &needed) {
		t.Errorf("a stale session: %v", err)
	}
	next, err = w.ChangeOwn(t.Context(), tok, own(&made, right))
	if made != 2 || err != nil || len(next.Session.Proofs) != 1 || !next.Session.Proofs[0].At.Equal(w.clock.Now()) {
		t.Errorf("with the current password: %d, %v, %+v", made, err, next.Session)
	}
	if _, err := w.Session(t.Context(), tok); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("the old token: %v", err)
	}
	if err := w.Fresh(t.Context(), next.Token); err != nil {
		t.Errorf("the password that was right is no proof: %v", err)
	}

	w.addPhone("ada", "My phone")
	if _, err := w.ChangeOwn(t.Context(), next.Token, own(&made, right)); !errors.As(err, &needed) {
		t.Errorf("the password alone: %v", err)
	}
	if _, err := w.ChangeOwn(t.Context(), w.begun("ada"), own(&made, right)); !errors.Is(err, nightlatch.ErrForbidden) {
		t.Errorf("an unfinished sign-in: %v", err)
	}
	if made != 2 {
		t.Errorf("%d changes", made)
	}
}

// TestOwnChangeIsCounted: wrong ones at once are as many as the throttle gives, and none of them changes anything.
func TestOwnChangeIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ada")
	tok := w.withPassword("ada")
	made := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	refused, waits := 0, 0
	for range 20 {
		all.Go(func() {
			_, err := w.ChangeOwn(t.Context(), tok, own(&made, "wrong"))
			var throttled *nightlatch.ThrottledError
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, factor.ErrRefused):
				refused++
			case errors.As(err, &throttled):
				waits++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if refused != 5 || waits != 15 || made != 0 {
		t.Errorf("%d refused, %d must wait, %d changes", refused, waits, made)
	}
	_, err := w.ChangeOwn(t.Context(), tok, own(&made, right))
	w.throttled(err, 30*time.Second)
	for _, kind := range []factor.Kind{"knock", "none"} {
		o := own(&made, "x")
		o.Current.Kind = kind
		if _, err := w.ChangeOwn(t.Context(), tok, o); !errors.Is(err, factor.ErrRefused) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestOwnChangeEndsOthers: the others go, this one stays, and what fails changes nothing.
func TestOwnChangeEndsOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ada")
	tok, other := w.withPassword("ada"), w.withPassword("ada")
	made := 0
	o := own(&made, right)
	o.Do = func(context.Context, nightlatch.User) error { return nightlatch.ErrConflict }
	if _, err := w.ChangeOwn(t.Context(), tok, o); !errors.Is(err, nightlatch.ErrConflict) {
		t.Errorf("%v", err)
	}
	if _, err := w.Session(t.Context(), other); err != nil {
		t.Errorf("a change that failed ended a session: %v", err)
	}
	o = own(&made, right)
	o.Renew = false
	next, err := w.ChangeOwn(t.Context(), tok, o)
	if err != nil || next.Token != "" {
		t.Errorf("%v %v", next, err)
	}
	if _, err := w.Session(t.Context(), tok); err != nil {
		t.Errorf("the own session: %v", err)
	}
	if _, err := w.Session(t.Context(), other); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("another session: %v", err)
	}
	if events := w.events("ada", 0); !slices.ContainsFunc(events, func(e string) bool { return e == "painted" }) {
		t.Errorf("events: %v", events)
	}
}

// TestNewPasswordEndsTheWait: what was guessed at is no more; a code's tries stay.
func TestNewPasswordEndsTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ada")
	for range 5 {
		_, err := w.first("ada", "wrong")
		w.want(err, nightlatch.ErrWrongCredentials)
	}
	_, err := w.first("ada", right)
	w.throttled(err, 30*time.Second)
	enrolled, err := w.Prepare(t.Context(), nightlatch.User{ID: "ada"}, password.Kind, factor.Response{Password: "another horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	w.install(nightlatch.Installation{User: "ada", Kind: password.Kind, Enrolled: enrolled})
	w.must(w.first("ada", "another horse battery"))
}
