package nightlatch_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

func TestKeptForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	w.addKnock("ann", "door")
	tok, other := w.knocked("ann"), w.knocked("ann")
	kept := func(tok, page string) string {
		t.Helper()
		data, err := w.KeptForm(t.Context(), tok, page)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	keep := func(tok, page, text string) {
		t.Helper()
		if err := w.KeepForm(t.Context(), tok, page, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	keep(tok, "/a", "old")
	keep(tok, "/a", "a number in the clear")
	keep(tok, "/b", "b")
	tok = w.must(w.prove(tok, "knock", "right")).Token // the proof that it waits for: the session's value is another
	for range 2 {
		if got := kept(tok, "/a"); got != "a number in the clear" {
			t.Fatalf("kept %q", got)
		}
	}
	if kept(tok, "/b") != "b" || kept(tok, "/c") != "" || kept(other, "/a") != "" || kept(w.withPassword("bob"), "/a") != "" {
		t.Error("another page or session has the form, or the page has not")
	}
	if data := w.dump(); strings.Contains(data, "a number in the clear") || !strings.Contains(data, "ann") {
		t.Error("a form lies open in the store")
	}
	again := w.another()
	if data, err := again.KeptForm(t.Context(), tok, "/a"); err != nil || string(data) != "a number in the clear" {
		t.Errorf("after a restart: %q, %v", data, err)
	}
	w.clock.pass(15*time.Minute - time.Microsecond)
	if kept(tok, "/a") == "" {
		t.Error("gone too soon")
	}
	w.clock.pass(time.Microsecond)
	if got := kept(tok, "/a"); got != "" {
		t.Errorf("after a quarter of an hour: %q", got)
	}
	for i := range 12 {
		w.clock.pass(time.Second)
		keep(tok, fmt.Sprint(i), "x")
	}
	n := 0
	for i := range 12 {
		n += len(kept(tok, fmt.Sprint(i)))
	}
	if n != 8 || kept(tok, "11") == "" {
		t.Errorf("%d forms are kept", n)
	}
	w.want(w.KeepForm(t.Context(), tok, "/a", make([]byte, 8<<10+1)), nightlatch.ErrForbidden)
	w.want(w.KeepForm(t.Context(), w.begun("ann"), "/a", nil), nightlatch.ErrUnauthenticated)
	_, err := w.KeptForm(t.Context(), w.begun("ann"), "/a")
	w.want(err, nightlatch.ErrUnauthenticated)
}

// A form is no challenge: nothing can be answered to it, and no session but its own can read it.
func TestKeptFormIsNoChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	if err := w.KeepForm(t.Context(), tok, "/a", []byte(`{"state":"e30="}`)); err != nil {
		t.Fatal(err)
	}
	err := w.store.View(t.Context(), func(r nightlatch.Reader) error {
		list, err := r.PendingsOf(t.Context(), must(w.Session(t.Context(), tok)).ID)
		if err == nil && len(list) != 1 {
			t.Fatalf("%d pending", len(list))
		}
		_, err = w.finish(tok, list[0].ID, "", "right")
		w.want(err, nightlatch.ErrNotFound)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFreshWithin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withFactors(knock("bell")), remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	w.install(nightlatch.Installation{User: "ann", Kind: "bell", Label: "bell", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	tok := w.knocked("ann") // by knock, now
	check := func(name string, err error, offers ...string) {
		t.Helper()
		var needed *nightlatch.FreshProofError
		if len(offers) == 0 {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		if !errors.As(err, &needed) {
			t.Fatalf("%s: err = %v, want a fresh proof", name, err)
		}
		var kinds []string
		for _, o := range needed.Offers {
			kinds = append(kinds, string(o.Kind))
		}
		if fmt.Sprint(kinds) != fmt.Sprint(offers) {
			t.Errorf("%s: offers %v, want %v", name, kinds, offers)
		}
	}
	within := func(maxAge time.Duration, kinds ...factor.Kind) error {
		return w.FreshWithin(t.Context(), tok, maxAge, kinds...)
	}
	check("any", within(0))
	check("knock", within(time.Minute, "knock"))
	check("bell", within(time.Minute, "bell"), "bell")
	var none *nightlatch.FreshProofError
	if err := within(time.Minute, "password"); !errors.As(err, &none) || len(none.Offers) != 0 {
		t.Errorf("a password counts beside a second factor: %v", err)
	}
	w.clock.pass(time.Minute)
	check("a minute old", within(time.Minute), "bell", "knock")
	check("a minute old, within two", within(2*time.Minute))
	check("by the policy", within(0))
	w.clock.pass(9 * time.Minute)
	check("by the policy", within(0), "bell", "knock")
	check("an hour", within(time.Hour, "knock", "bell"))
	w.want(within(0, "totp"), nightlatch.ErrEnrollmentNeeded)
	tok = w.must(w.prove(tok, "bell", "right")).Token
	check("after the bell", within(time.Minute, "bell"))
	check("after the bell", within(time.Minute, "knock"), "knock")
	w.want(w.FreshWithin(t.Context(), w.begun("ann"), 0), nightlatch.ErrForbidden)
	w.want(w.FreshWithin(t.Context(), "", 0), nightlatch.ErrUnauthenticated)

	// A remembered device's proof counts by its own time.
	device := w.remembered("ann")
	w.clock.pass(5 * time.Minute)
	tok = w.with("ann", device).Token
	check("remembered", within(5*time.Minute), "bell", "knock")
	check("remembered", within(5*time.Minute+time.Second))

	// Without a second factor the password counts.
	w.add("bob")
	tok = w.withPassword("bob")
	check("a password", within(time.Minute, "password"))
	w.clock.pass(time.Minute)
	check("an old password", within(time.Minute, "password"), "password")
	w.want(within(time.Minute, "knock"), nightlatch.ErrEnrollmentNeeded)
}
