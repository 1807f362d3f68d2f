package nightlatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// A browser that was not seen before is told of, the first one not.
func TestNewBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	in := func(s nightlatch.Start) int {
		before := len(w.events("ann", 0))
		a := w.attempt("ann", "", right)
		a.Start = s
		w.step(w.must(w.ProveFirst(t.Context(), a)), nightlatch.StepDone)
		return count(w.events("ann", before), nightlatch.EventNewBrowser)
	}
	agent := func(text string) nightlatch.Client { return nightlatch.Client{Addr: "192.0.2.9", Agent: text} }
	for i, c := range []struct {
		start nightlatch.Start
		want  int
	}{
		{nightlatch.Start{Browser: "b1", Client: agent("a")}, 0}, // the first
		{nightlatch.Start{Browser: "b1", Client: agent("z")}, 0}, // an update
		{nightlatch.Start{Browser: "b2", Client: agent("a")}, 1}, // the same kind of browser
		{nightlatch.Start{Browser: "b2", Client: agent("a")}, 0},
		{nightlatch.Start{Token: true, Client: agent("a")}, 1},
		{nightlatch.Start{Token: true, Client: agent("a")}, 0},
		{nightlatch.Start{Token: true, Browser: "b1", Client: agent("tool")}, 1},
		{nightlatch.Start{Client: agent("tool")}, 0},
		{nightlatch.Start{Browser: "a", Client: agent("a")}, 1}, // a value is not the name of a browser
	} {
		if got := in(c.start); got != c.want {
			t.Errorf("sign-in %d: %d events, want %d", i, got, c.want)
		}
	}
	for i := range 20 {
		in(nightlatch.Start{Browser: fmt.Sprint("c", i)})
	}
	if in(nightlatch.Start{Browser: "b1"}) != 1 {
		t.Error("browsers are kept without end")
	}
	if in(nightlatch.Start{Browser: "c19"}) != 0 {
		t.Error("the last ones are forgotten")
	}
}

// An unfinished sign-in makes no browser known: who has the password alone does not get in.
func TestUnfinishedIsNoBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	in := func(browser string, finish bool) {
		a := w.attempt("ann", "", right)
		a.Start.Browser = browser
		next := w.must(w.ProveFirst(t.Context(), a))
		if finish {
			w.must(w.prove(next.Token, "knock", "right"))
		}
	}
	in("mine", true)
	in("thief", false)
	in("thief", true)
	if n := count(w.events("ann", 0), nightlatch.EventNewBrowser); n != 1 {
		t.Errorf("%d new browsers", n)
	}
}

// Who has the password alone does not fill the owner's mailbox: every sign-in stands in the trail, ten an hour are mailed.
func TestNewBrowsersAreMailedTenTimes(t *testing.T) {
	t.Parallel()
	w, box := addressed(t, func(c *nightlatch.Config) { c.Notices = plainly{} })
	in := func(n int) {
		for range n {
			a := w.attempt("ann", "", right)
			a.Start.Browser = w.NewBrowser()
			w.step(w.must(w.ProveFirst(t.Context(), a)), nightlatch.StepDone)
		}
	}
	in(13)
	if n := count(w.events("ann", 0), nightlatch.EventNewBrowser); n != 12 {
		t.Errorf("%d events", n)
	}
	if n := len(w.mails(box, nightlatch.EventNewBrowser)); n != 10 {
		t.Errorf("%d mails", n)
	}
	w.clock.pass(time.Hour + time.Second)
	in(1)
	if n := len(w.mails(box, nightlatch.EventNewBrowser)); n != 11 {
		t.Errorf("%d mails after an hour", n)
	}
}
