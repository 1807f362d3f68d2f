package nightlatch_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

var payment = nightlatch.Confirmation{User: "ada", What: "Pay 100.00 EUR to ACME", Binding: "session 1"}

// confirmation is the token of one that has begun.
func (w *world) confirmation(c nightlatch.Confirmation) string {
	w.Helper()
	next, err := w.BeginConfirmation(w.Context(), c, nightlatch.Start{Client: client})
	if err != nil {
		w.Fatal(err)
	}
	if next.Step != nightlatch.StepVerify || next.Confirms != c.What || len(next.Offers) == 0 {
		w.Fatalf("it begins as %+v", next)
	}
	return next.Token
}

// doneConfirming is the token of one that was confirmed.
func (w *world) doneConfirming(c nightlatch.Confirmation) string {
	w.Helper()
	next := w.must(w.prove(w.confirmation(c), "knock", "right"))
	if next.Step != nightlatch.StepDone || next.Confirms != c.What || next.Session.ID != "" {
		w.Fatalf("it ends as %+v", next)
	}
	return next.Token
}

func newPayer(t *testing.T, options ...func(*nightlatch.Config)) *world {
	t.Helper()
	w := newWorld(t, options...)
	w.add("ada")
	w.addKnock("ada", "Door")
	return w
}

func TestConfirmationIsUsedOnce(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	tok := w.doneConfirming(payment)
	var good atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := w.UseConfirmation(t.Context(), tok, payment, client)
			if err == nil {
				good.Add(1)
			} else if !errors.Is(err, nightlatch.ErrUnauthenticated) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 {
		t.Errorf("it was used %d times", good.Load())
	}
	events, err := w.EventsOf(t.Context(), "ada", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var trail []string
	for _, e := range events {
		if e.Detail["what"] == payment.What {
			trail = append(trail, e.Name)
		}
	}
	if got := strings.Join(trail, " "); got != "confirmation_used confirmed confirmation_asked" {
		t.Errorf("the trail says %q", got)
	}
}

// TestConfirmationIsBound: to the user, the text and the session of the application's; it ends soon, and with any change
// to the account.
func TestConfirmationIsBound(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	w.add("bob")
	w.addKnock("bob", "Door")
	tok := w.doneConfirming(payment)
	for name, other := range map[string]nightlatch.Confirmation{
		"another user":    {User: "bob", What: payment.What, Binding: payment.Binding},
		"nobody":          {User: "eve", What: payment.What, Binding: payment.Binding},
		"another text":    {User: "ada", What: payment.What + "!", Binding: payment.Binding},
		"no text":         {User: "ada", Binding: payment.Binding},
		"another session": {User: "ada", What: payment.What, Binding: "session 2"},
		"no session":      {User: "ada", What: payment.What},
	} {
		if err := w.UseConfirmation(t.Context(), tok, other, client); !errors.Is(err, nightlatch.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]string{"no token": "", "a wrong one": tok + "x", "not confirmed": w.confirmation(payment)} {
		if err := w.UseConfirmation(t.Context(), bad, payment, client); !errors.Is(err, nightlatch.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.UseConfirmation(t.Context(), tok, payment, client); err != nil {
		t.Errorf("what was tried in vain used it up: %v", err)
	}

	tok = w.doneConfirming(payment)
	w.clock.pass(5 * time.Minute)
	if err := w.UseConfirmation(t.Context(), tok, payment, client); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("after 5 minutes: %v", err)
	}
	tok = w.doneConfirming(payment)
	err := w.Change(t.Context(), "ada", nightlatch.Event{Name: "password_changed"}, func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.UseConfirmation(t.Context(), tok, payment, client); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("after a change to the account: %v", err)
	}
	tok = w.doneConfirming(payment)
	w.people.put(nightlatch.User{ID: "ada", Disabled: true})
	if err := w.UseConfirmation(t.Context(), tok, payment, client); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("after the user was disabled: %v", err)
	}
	w.people.fail(errors.New("down"))
	if err := w.UseConfirmation(t.Context(), tok, payment, client); !errors.Is(err, nightlatch.ErrUnavailable) {
		t.Errorf("without users: %v", err)
	}
}

// TestConfirmationOpensNothing: neither on the way nor at its end is it a sign-in or a session.
func TestConfirmationOpensNothing(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	begun, done := w.confirmation(payment), w.doneConfirming(payment)
	for name, tok := range map[string]string{"begun": begun, "done": done} {
		if _, err := w.Session(t.Context(), tok); !errors.Is(err, nightlatch.ErrUnauthenticated) {
			t.Errorf("%s: a session: %v", name, err)
		}
		n := nightlatch.NewEnrollment{Kind: "knock"}
		if _, err := w.BeginEnrollment(t.Context(), tok, n, client); err == nil {
			t.Errorf("%s: it enrolls", name)
		}
	}
	if _, err := w.SignIn(t.Context(), done); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("confirmed, it is a sign-in: %v", err)
	}
	if _, err := w.prove(done, "knock", "right"); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("confirmed, it goes on: %v", err)
	}
	sessions, err := w.SessionsOf(t.Context(), "ada")
	if err != nil || len(sessions) != 0 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if err := w.GiveUp(t.Context(), begun, client); err != nil {
		t.Errorf("it cannot be given up: %v", err)
	}
	// A sign-in's and a session's token confirm nothing.
	in := w.begun("ada")
	for _, tok := range []string{in, w.must(w.prove(in, "knock", "right")).Token} {
		if err := w.UseConfirmation(t.Context(), tok, payment, client); !errors.Is(err, nightlatch.ErrUnauthenticated) {
			t.Errorf("another token: %v", err)
		}
	}
}

// TestConfirmationCountsTries: with the sign-in's, so that it is no second door to guess at.
func TestConfirmationCountsTries(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	for range 5 {
		if _, err := w.prove(w.confirmation(payment), "knock", "wrong"); !errors.Is(err, factor.ErrRefused) {
			t.Fatal(err)
		}
	}
	var throttled *nightlatch.ThrottledError
	if _, err := w.prove(w.confirmation(payment), "knock", "right"); !errors.As(err, &throttled) {
		t.Errorf("the sixth try at a confirmation: %v", err)
	}
	if _, err := w.prove(w.begun("ada"), "knock", "right"); !errors.As(err, &throttled) {
		t.Errorf("a try at a sign-in: %v", err)
	}
}

func TestConfirmationCannotBegin(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	w.add("bob")
	begin := func(user, what string) error {
		_, err := w.BeginConfirmation(t.Context(), nightlatch.Confirmation{User: user, What: what}, nightlatch.Start{Client: client})
		return err
	}
	for _, what := range []string{"", strings.Repeat("x", 501), "two\nlines", "tab\there", "\x00", "\xff", "back\u202ewards", "line\u2028end", "\ufeff"} {
		var invalid *nightlatch.InvalidError
		if err := begin("ada", what); !errors.As(err, &invalid) || invalid.Field != "what" {
			t.Errorf("%q: %v", what, err)
		}
	}
	for _, what := range []string{strings.Repeat("x", 500), "Zahle 100 € an Möbel & Söhne <GmbH>", "می\u200cخواهم"} {
		if err := begin("ada", what); err != nil {
			t.Errorf("%q: %v", what, err)
		}
	}
	if err := begin("bob", "x"); !errors.Is(err, nightlatch.ErrEnrollmentNeeded) {
		t.Errorf("without a second factor: %v", err)
	}
	if err := begin("eve", "x"); !errors.Is(err, nightlatch.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	w.people.put(nightlatch.User{ID: "ada", Disabled: true})
	if err := begin("ada", "x"); !errors.Is(err, nightlatch.ErrForbidden) {
		t.Errorf("a disabled user: %v", err)
	}
}

// TestConfirmationNeedsWhatIsHeld: when the last authenticator goes on the way, the password that stands behind the
// application's word is not enough.
func TestConfirmationNeedsWhatIsHeld(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	session := w.knocked("ada")
	tok := w.confirmation(payment)
	if err := w.RemoveAuthenticator(t.Context(), session, w.idOf("ada", "Door"), client); err != nil {
		t.Fatal(err)
	}
	next, err := w.SignIn(t.Context(), tok)
	if err == nil && (next.Step != nightlatch.StepVerify || len(next.Offers) != 0) {
		t.Errorf("it stands at %+v", next)
	}
	if _, err := w.prove(tok, "knock", "right"); err == nil {
		t.Error("it was confirmed with nothing")
	}
}

// TestCodeForEnrollmentConfirmsNothing: what an administrator gave leads to an enrollment and to nothing else, beside
// recovery codes of one's own, too.
func TestCodeForEnrollmentConfirmsNothing(t *testing.T) {
	t.Parallel()
	w := newPayer(t)
	w.install(nightlatch.Installation{
		User: "ada", Kind: "paper", Enrolled: factor.Enrolled{State: factor.State(`{"codes":["given"]}`), Left: 1},
		Allows: factor.AllowsEnrollment, ExpiresAt: w.clock.Now().Add(time.Hour),
	})
	next, err := w.BeginConfirmation(t.Context(), payment, nightlatch.Start{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range next.Offers {
		if o.Kind == "paper" {
			t.Errorf("it is on offer: %+v", o)
		}
	}
	w.install(nightlatch.Installation{
		User: "ada", Kind: "paper", Enrolled: factor.Enrolled{State: factor.State(`{"codes":["own"]}`), Left: 1},
	})
	tok := w.confirmation(payment)
	if next, err := w.prove(tok, "paper", "given"); !errors.Is(err, factor.ErrRefused) {
		t.Errorf("it was taken: %+v, %v", next, err)
	}
	if next := w.must(w.prove(tok, "paper", "own")); next.Step != nightlatch.StepDone {
		t.Errorf("a recovery code of one's own: %+v", next)
	}
}
