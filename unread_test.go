package nightlatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/notice"
)

// Without an address, or without a way to send, notices wait on the account page until they are read.
func TestUnread(t *testing.T) {
	t.Parallel()
	silent := newWorld(t, func(c *nightlatch.Config) { c.Notices = notice.Writer{Service: "Example"} })
	silent.add("eve")
	nowhere, box := told(t)
	for _, w := range []*world{silent, nowhere} {
		tok := w.withPassword("eve")
		if list := must(w.Unread(t.Context(), tok)); len(list) != 0 {
			t.Fatalf("unread = %+v", list)
		}
		_, err := w.enroll(tok, "Blue")
		w.want(err, nil)
		w.want(w.Change(t.Context(), "eve", nightlatch.Event{Name: "nothing to tell"}, func(context.Context) error { return nil }), nil)
		tok = w.knocked("eve")
		list := must(w.Unread(t.Context(), tok))
		if len(list) != 2 || list[0].Name != nightlatch.EventCodesMade || list[1].Name != nightlatch.EventAuthenticatorAdded ||
			list[1].Label != "Blue" || list[1].At.IsZero() || list[0].Seq <= list[1].Seq {
			t.Fatalf("unread = %+v", list)
		}
		w.want(w.MarkRead(t.Context(), tok, list[1].Seq, client), nil)
		if rest := must(w.another().Unread(t.Context(), tok)); len(rest) != 1 || rest[0].Seq != list[0].Seq {
			t.Errorf("unread = %+v", rest)
		}
		before := len(w.events("eve", 0))
		w.want(w.MarkRead(t.Context(), tok, list[0].Seq, client), nil)
		w.want(w.MarkRead(t.Context(), tok, list[0].Seq, client), nil)
		if got := w.events("eve", before); len(got) != 1 || got[0] != nightlatch.EventNoticesRead {
			t.Errorf("events = %v", got)
		}
		w.want(w.MarkRead(t.Context(), w.begun("eve"), 1000, client), nightlatch.ErrUnauthenticated)
		_, err = w.Unread(t.Context(), w.begun("eve"))
		w.want(err, nightlatch.ErrUnauthenticated)
		w.verifyTrail("eve")
	}
	must(nowhere.SendNotices(t.Context()))
	if box.count() != 0 {
		t.Error("somebody was sent a mail")
	}
}

// Of many the newest stay.
func TestUnreadIsBounded(t *testing.T) {
	t.Parallel()
	w, _ := told(t)
	for range 25 {
		addKey(w, "eve")
	}
	list := must(w.Unread(t.Context(), w.withPassword("eve")))
	newest := must(w.EventsOf(t.Context(), "eve", 0, 100))
	last := newest[0].Seq
	for _, e := range newest {
		if e.Name == nightlatch.EventAuthenticatorAdded {
			last = e.Seq
			break
		}
	}
	if len(list) != 20 || list[0].Seq != last {
		t.Errorf("%d are unread, the newest is %d, want %d", len(list), list[0].Seq, last)
	}
}

// Who has an address is told there, and has nothing to read.
func TestToldByMailAlone(t *testing.T) {
	t.Parallel()
	w, _ := told(t)
	addKey(w, "ann")
	if list := must(w.Unread(t.Context(), w.withPassword("ann"))); len(list) != 0 {
		t.Errorf("unread = %+v", list)
	}
}

// Wrong codes after a right password are told once in a row, and not from within a session.
func TestRepeatedWrongCodes(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	w.addKnock("ann", "Knock")
	told := func() int { return count(w.events("ann", 0), nightlatch.EventWrongCodes) }
	wrong := func(tok string, n int) {
		for range n {
			_, err := w.prove(tok, "knock", "wrong")
			if err == nil {
				t.Fatal("it was right")
			}
			w.clock.pass(w.config.Limits.MaxDelay + 3600e9)
		}
	}
	for range 4 {
		wrong(w.begun("ann"), 1)
	}
	if told() != 0 {
		t.Error("told too early")
	}
	wrong(w.begun("ann"), 1)
	if told() != 1 {
		t.Error("not told")
	}
	for range 6 {
		wrong(w.begun("ann"), 1)
	}
	if told() != 1 {
		t.Error("told again in the same row")
	}
	if m := w.mailAbout(box, "guess"); notMe(m) == "" {
		t.Errorf("the mail is %q", m.Text)
	}
	w.clock.pass(24 * 3600e9)
	tok := w.knocked("ann")
	for range 6 {
		_, err := w.prove(tok, "knock", "wrong")
		if err == nil {
			t.Fatal("it was right")
		}
	}
	if told() != 1 {
		t.Error("told of a known password for wrong codes within a session")
	}
}

// Whoever holds somebody's session and guesses the fresh proof is told of like whoever guesses at a sign-in, once in a row, by
// another mail: there the password may be known to nobody.
func TestWrongProofsInASession(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	w.addKnock("ann", "Knock")
	in := func(name string) int { return count(w.events("ann", 0), name) }
	wrong := func(tok string, n int) {
		t.Helper()
		for range n {
			if _, err := w.prove(tok, "knock", "wrong"); err == nil {
				t.Fatal("it was right")
			}
			w.clock.pass(90 * time.Minute)
		}
	}
	tok := w.knocked("ann")
	wrong(tok, 4)
	if in(nightlatch.EventWrongProofs) != 0 {
		t.Error("told too early")
	}
	wrong(tok, 4)
	if in(nightlatch.EventWrongProofs) != 1 || in(nightlatch.EventWrongCodes) != 0 {
		t.Error("not told once")
	}
	if m := w.mailAbout(box, "cannot prove"); notMe(m) == "" {
		t.Errorf("the mail is %q", m.Text)
	}
	// The fifth was not at a sign-in: who has the password, too, is told of all the same.
	for range 5 {
		wrong(w.begun("ann"), 1)
	}
	if in(nightlatch.EventWrongCodes) != 1 {
		t.Error("wrong codes in a session hide those at a sign-in")
	}
}

// The password that is asked for before a change counts, too, where a session's holder does not know it.
func TestWrongCurrentInASession(t *testing.T) {
	t.Parallel()
	w, _ := told(t)
	tok := w.withPassword("ann")
	for range 6 {
		_, err := w.ChangeOwn(w.Context(), tok, nightlatch.Own{
			Event:   nightlatch.Event{Name: "password_changed"},
			Current: factor.Response{Kind: "password", Password: "wrong"},
			Do:      func(context.Context, nightlatch.User) error { return nil },
		})
		if err == nil {
			t.Fatal("it was right")
		}
		w.clock.pass(90 * time.Minute)
	}
	if got := count(w.events("ann", 0), nightlatch.EventWrongProofs); got != 1 {
		t.Errorf("told %d times, want 1", got)
	}
}
