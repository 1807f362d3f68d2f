package nightlatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

// revision counts what was written of ann's budgets and tries.
func (w *world) revision() (n int64) {
	w.Helper()
	err := w.store.View(w.Context(), func(r nightlatch.Reader) error {
		for _, subject := range []string{"sent:user:ann", "sent:all", "user:ann"} {
			list, err := r.ThrottlesOf(w.Context(), subject)
			if err != nil {
				return err
			}
			for _, one := range list {
				n += one.Revision
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// Whoever only looks is sent nothing, and the same code is shown to be on its way.
func TestShowSendsNothing(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w, box := postal(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	tok := w.begun("ann")
	show := func() (factor.Code, bool) {
		t.Helper()
		counted := w.revision()
		ch := must(w.Show(t.Context(), tok, sentcode.Email, "", client))
		if w.revision() != counted {
			t.Error("looking was counted")
		}
		code, ok := ch.Prompt.(factor.Code)
		return code, ok
	}
	if _, ok := show(); ok || box.count() != 0 {
		t.Error("there is a code before anybody asked for one")
	}
	_, err := w.prove(tok, sentcode.Email, "123456")
	w.refused(err, factor.Wrong)
	sent := must(w.ask(tok, sentcode.Email, "")).Prompt.(factor.Code)
	if sent.SentTo != "a•••@example.net" || sent.ResendAfter != 30*time.Second || sent.Message != nil {
		t.Errorf("prompt = %+v", sent)
	}
	w.clock.pass(10 * time.Second)
	if p, ok := show(); !ok || p.ResendAfter != 20*time.Second || p.Message != nil {
		t.Errorf("prompt = %+v", p)
	}
	w.clock.pass(20 * time.Second)
	if p, ok := show(); !ok || p.ResendAfter != 0 {
		t.Errorf("it may be sent again, and the prompt is %+v", p)
	}
	w.clock.pass(8 * time.Minute) // what would be sent now is a new code
	if _, ok := show(); ok || box.count() != 1 {
		t.Error("a code is shown that was not sent yet")
	}
	w.must(w.prove(tok, sentcode.Email, box.code())) // and the old one is good still
}

// Asked again in time it is the same code, with the first expiry and the tries that are left.
func TestResend(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.SMS, "+4915123456789")
	tok := w.begun("ann")
	first := must(w.ask(tok, sentcode.SMS, ""))
	code := box.code()
	must(w.ask(tok, sentcode.SMS, "")) // at once: not yet
	if box.count() != 1 {
		t.Fatal("it was sent again at once")
	}
	for i := range 3 {
		w.clock.pass(30 * time.Second)
		_, err := w.prove(tok, sentcode.SMS, box.wrong())
		w.refused(err, factor.Wrong)
		again := must(w.ask(tok, sentcode.SMS, ""))
		if box.count() != i+2 || box.code() != code || again.ExpiresAt != first.ExpiresAt {
			t.Fatalf("%d sent, code %s, want %s; expires %v, want %v", box.count(), box.code(), code, again.ExpiresAt, first.ExpiresAt)
		}
	}
	w.clock.pass(7 * time.Minute) // under two minutes are left: a new code, the tries kept
	late := must(w.ask(tok, sentcode.SMS, ""))
	if box.code() == code || !late.ExpiresAt.After(first.ExpiresAt) {
		t.Errorf("it is still %s until %v", box.code(), late.ExpiresAt)
	}
	for range 2 {
		_, err := w.prove(tok, sentcode.SMS, box.wrong())
		w.refused(err, factor.Wrong)
	}
	w.clock.pass(30 * time.Second) // the throttle of the account is another thing
	_, err := w.prove(tok, sentcode.SMS, box.code())
	w.refused(err, factor.Expired)
}

// A code that comes too late is told so.
func TestSentCodeExpires(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	tok := w.begun("ann")
	ch := must(w.ask(tok, sentcode.Email, ""))
	w.clock.pass(ch.ExpiresAt.Sub(w.clock.Now()))
	_, err := w.prove(tok, sentcode.Email, box.code())
	w.refused(err, factor.Expired)
	must(w.ask(tok, sentcode.Email, ""))
	w.must(w.prove(tok, sentcode.Email, box.code()))
}

// A code is good for what it was asked for, by whom, where, and for one authenticator; and once.
func TestSentCodeIsBound(t *testing.T) {
	t.Parallel()
	w, box := postal(t, func(c *nightlatch.Config) { c.Limits.FreeTries = 20 })
	w.add("bob")
	mine := w.addDestination("ann", sentcode.Email, "ann@example.net")
	other := w.addDestination("ann", sentcode.Email, "other@example.net")
	w.addDestination("bob", sentcode.Email, "bob@example.net")
	session := func() string {
		tok := w.begun("ann")
		must(w.ask(tok, sentcode.Email, mine))
		return w.must(w.prove(tok, sentcode.Email, box.code())).Token
	}()
	wrong := func(what string, err error) {
		t.Helper()
		if said(err) != string(factor.Wrong) {
			t.Errorf("%s: %v, want wrong", what, err)
		}
	}
	tok, second, bobs := w.begun("ann"), w.begun("ann"), w.begun("bob")
	must(w.ask(tok, sentcode.Email, mine))
	code := box.code()
	_, err := w.prove(second, sentcode.Email, code)
	wrong("another sign-in", err)
	must(w.ask(second, sentcode.Email, mine))
	if box.code() != code { // by chance they may be the same
		_, err = w.prove(second, sentcode.Email, code)
		wrong("another sign-in, which has one of its own", err)
	}
	_, err = w.prove(bobs, sentcode.Email, code)
	wrong("another user", err)
	_, err = w.prove(session, sentcode.Email, code)
	wrong("a fresh proof", err)
	_, err = w.Verify(t.Context(), tok, factor.Response{Kind: sentcode.Email, ID: other, Code: code}, client)
	wrong("another authenticator", err)
	e, err := w.BeginEnrollment(t.Context(), session, nightlatch.NewEnrollment{
		Kind: sentcode.Email, Response: factor.Response{Email: "third@example.net"},
	}, client)
	w.want(err, nil)
	forEnrollment := box.code()
	if forEnrollment != code {
		_, err = w.finish(session, e.ID, "", code)
		wrong("an enrollment", err)
	}
	_, err = w.prove(session, sentcode.Email, forEnrollment)
	wrong("an enrollment's code as a fresh proof", err)
	must(w.ask(session, sentcode.Email, mine))
	if fresh := box.code(); fresh != code {
		_, err = w.prove(tok, sentcode.Email, fresh)
		wrong("a fresh proof's code in a sign-in", err)
	}
	w.must(w.prove(tok, sentcode.Email, code))
	_, err = w.prove(tok, sentcode.Email, code)
	w.want(err, nightlatch.ErrUnauthenticated)
	must(w.finish(session, e.ID, "", forEnrollment))
}

// One right code at once in one sign-in signs in once.
func TestSentCodeOnce(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.SMS, "+4915123456789")
	tok := w.begun("ann")
	must(w.ask(tok, sentcode.SMS, ""))
	got := saidOf(inParallel(20, func(int) error {
		_, err := w.prove(tok, sentcode.SMS, box.code())
		return err
	}))
	if got["right"] != 1 {
		t.Errorf("outcomes = %v", got)
	}
	session := w.must(w.prove(func() string {
		tok := w.begun("ann")
		must(w.ask(tok, sentcode.SMS, ""))
		return tok
	}(), sentcode.SMS, box.code())).Token
	must(w.ask(session, sentcode.SMS, ""))
	next := w.must(w.prove(session, sentcode.SMS, box.code()))
	_, err := w.prove(next.Token, sentcode.SMS, box.code())
	w.refused(err, factor.Wrong) // nothing was asked for
}

// A new number counts once its code came back; the one that it replaces works until then.
func TestNewNumberCountsAfterItsCode(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	old := w.addDestination("ann", sentcode.SMS, "+4915123456789")
	tok := w.begun("ann")
	must(w.ask(tok, sentcode.SMS, ""))
	tok = w.must(w.prove(tok, sentcode.SMS, box.code())).Token
	n := nightlatch.NewEnrollment{Kind: sentcode.SMS, Replaces: old, Response: factor.Response{Phone: "+4915123450000"}}
	e, err := w.BeginEnrollment(t.Context(), tok, n, client)
	w.want(err, nil)
	code := box.code()
	if to := box.all()[box.count()-1].To; to != "+4915123450000" {
		t.Errorf("sent to %s", to)
	}
	in := w.begun("ann")
	must(w.ask(in, sentcode.SMS, ""))
	if to := box.all()[box.count()-1].To; to != "+4915123456789" {
		t.Errorf("before the code came back a sign-in's code goes to %s", to)
	}
	_, err = w.finish(tok, e.ID, "", box.wrong())
	w.refused(err, factor.Wrong)
	done := must(w.finish(tok, e.ID, "", code))
	if done.Authenticator.Hint != "•••• 00" {
		t.Errorf("hint = %q", done.Authenticator.Hint)
	}
	must(w.ask(w.begun("ann"), sentcode.SMS, ""))
	if to := box.all()[box.count()-1].To; to != "+4915123450000" {
		t.Errorf("afterwards it goes to %s", to)
	}
}

// The code of an enrollment is sent again as it was, with the tries that are left; to another destination goes another.
func TestResendOfAnEnrollment(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	tok := w.withPassword("ann")
	begin := func(to string) nightlatch.Enrollment {
		t.Helper()
		return w.begin(tok, nightlatch.NewEnrollment{Kind: sentcode.Email, Response: factor.Response{Email: to}})
	}
	first := begin("ann@example.net")
	code := box.code()
	for range 4 {
		_, err := w.finish(tok, first.ID, "", box.wrong())
		w.refused(err, factor.Wrong)
	}
	w.clock.pass(30 * time.Second)
	again := begin("ann@example.net")
	if again.ID != first.ID || box.code() != code || box.count() != 2 {
		t.Fatalf("%s after %s, code %s after %s, %d sent", again.ID, first.ID, box.code(), code, box.count())
	}
	_, err := w.finish(tok, again.ID, "", box.wrong())
	w.refused(err, factor.Wrong)
	_, err = w.finish(tok, again.ID, "", code)
	w.want(err, nightlatch.ErrNotFound)

	first = begin("ann@example.net")
	w.clock.pass(30 * time.Second)
	other := begin("other@example.net")
	if other.ID == first.ID {
		t.Error("another address goes on with the enrollment")
	}
	_, err = w.finish(tok, first.ID, "", box.code())
	w.want(err, nightlatch.ErrNotFound)
	w.clock.pass(30 * time.Second)
	got := inParallel(10, func(int) error {
		_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{
			Kind: sentcode.Email, Response: factor.Response{Email: "other@example.net"},
		}, client)
		return err
	})
	right := 0
	for _, err := range got {
		var e *nightlatch.ThrottledError
		if err == nil {
			right++
		} else if !asThrottled(err, &e) {
			t.Errorf("who asks at once hears %v", err)
		}
	}
	if right == 0 {
		t.Error("nobody was sent a code")
	}
}

// A code that is sent stands in the trail, without itself and without where it went.
func TestSentCodeIsInTheTrail(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	tok := w.begun("ann")
	must(w.ask(tok, sentcode.Email, ""))
	e := must(w.EventsOf(t.Context(), "ann", 0, 1))[0]
	if e.Name != nightlatch.EventCodeSent || e.Kind != sentcode.Email {
		t.Errorf("the newest event is %+v", e)
	}
	if text := fmt.Sprintf("%+v", e); strings.Contains(text, box.code()) || strings.Contains(text, "example.net") {
		t.Errorf("the event tells too much: %s", text)
	}
}
