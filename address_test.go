package nightlatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

// addressed is a world where ann holds nothing yet, and a code is mailed before she enrolls.
func addressed(t *testing.T, options ...func(*nightlatch.Config)) (*world, *mailbox) {
	t.Helper()
	w, box := postal(t, append([]func(*nightlatch.Config){byAddress}, options...)...)
	w.confirmed("ann", false)
	return w, box
}

// A sign-in that must enroll asks for the mailed code first. The code leads to the enrollment and counts for nothing else.
func TestFirstEnrollmentInASignIn(t *testing.T) {
	t.Parallel()
	w, box := addressed(t, required)
	next := must(w.first("ann", right))
	want := []nightlatch.Offer{{Kind: sentcode.Email, Hint: "a•••@example.org"}}
	if diff := cmp.Diff(want, next.Offers); diff != "" || next.Step != nightlatch.StepVerify {
		t.Fatalf("step %s, offers %s", next.Step, diff)
	}
	_, err := w.enroll(next.Token, "door")
	w.want(err, nightlatch.ErrForbidden)
	_, err = w.prove(next.Token, sentcode.Email, "123456")
	w.refused(err, factor.Wrong)
	must(w.ask(next.Token, sentcode.Email, ""))
	_, err = w.prove(next.Token, sentcode.Email, box.wrong())
	w.refused(err, factor.Wrong)
	code := box.code()
	next = w.must(w.prove(next.Token, sentcode.Email, code))
	if next.Step != nightlatch.StepEnroll || len(next.Kinds) == 0 {
		t.Fatalf("it leads to %+v", next)
	}
	done := must(w.enroll(next.Token, "door"))
	if done.Next.Step != nightlatch.StepDone || len(done.Next.Session.Proofs) != 2 || len(done.Codes) != 3 {
		t.Errorf("it ended with %+v", done)
	}
	if n := count(w.events("ann", 0), nightlatch.EventRecovered); n != 0 {
		t.Error("it is taken for a recovery")
	}
	// From now on there is a second factor, and no mailed code.
	next = must(w.first("ann", right))
	if got := kinds(next.Offers); len(got) != 2 || got[0] != "knock" {
		t.Errorf("on offer are %v", got)
	}
}

// In a session the code is asked for beside the password, makes no level, and is no fresh proof of anything else.
func TestFirstEnrollmentInASession(t *testing.T) {
	t.Parallel()
	w, box := addressed(t)
	tok := w.withPassword("ann")
	var needed *nightlatch.FreshProofError
	_, err := w.enroll(tok, "door")
	if !errors.As(err, &needed) || len(needed.Offers) != 1 || needed.Offers[0].Kind != sentcode.Email || needed.Offers[0].ID != "" {
		t.Fatalf("err = %v, offers %+v", err, needed)
	}
	must(w.ask(tok, sentcode.Email, ""))
	next := w.must(w.prove(tok, sentcode.Email, box.code()))
	if next.Session.Level != nightlatch.Level1 || len(next.Session.Proofs) != 1 {
		t.Errorf("the session is %+v", next.Session)
	}
	tok = next.Token
	w.clock.pass(10*time.Minute - time.Second)
	w.want(w.Fresh(t.Context(), tok), nil)
	w.clock.pass(time.Second)
	if err := w.Fresh(t.Context(), tok); !errors.As(err, &needed) || needed.Offers[0].Kind != "password" || len(needed.Offers) != 1 {
		t.Errorf("err = %v, offers %+v: the mailed code is no proof of the password", err, needed)
	}
	tok = w.must(w.Verify(t.Context(), tok, factor.Response{Kind: "password", Password: right}, client)).Token
	_, err = w.enroll(tok, "door")
	if !errors.As(err, &needed) || needed.Offers[0].Kind != sentcode.Email {
		t.Fatalf("err = %v: the mailed code is old", err)
	}
	must(w.ask(tok, sentcode.Email, ""))
	tok = w.must(w.prove(tok, sentcode.Email, box.code())).Token
	if done := must(w.enroll(tok, "door")); done.Next.Session.Level != nightlatch.Level2 {
		t.Errorf("it ended with %+v", done)
	}
}

// When a mailed code is asked for, and when nothing more.
func TestFirstEnrollmentSettings(t *testing.T) {
	t.Parallel()
	by := func(f nightlatch.FirstEnrollment) func(*nightlatch.Config) {
		return func(c *nightlatch.Config) { c.Policy.FirstEnrollment = f }
	}
	unconfirmed := nightlatch.User{ID: "ann", Name: "ann", Email: "ann@example.org"}
	known := nightlatch.User{ID: "ann", Name: "ann", Email: "ann@example.org", EmailConfirmedAt: start}
	none := nightlatch.User{ID: "ann", Name: "ann", EmailConfirmedAt: start}
	for name, tc := range map[string]struct {
		option func(*nightlatch.Config)
		user   nightlatch.User
		asked  bool
	}{
		"confirmed":                {by(nightlatch.FirstByAddress), known, true},
		"not confirmed":            {by(nightlatch.FirstByAddress), unconfirmed, false},
		"email, confirmed":         {by(nightlatch.FirstByEmail), known, true},
		"email, not confirmed":     {by(nightlatch.FirstByEmail), unconfirmed, true},
		"email, no address":        {by(nightlatch.FirstByEmail), none, false},
		"password":                 {by(nightlatch.FirstByPassword), known, false},
		"no mail":                  {func(c *nightlatch.Config) { c.Senders = nil }, known, false},
		"no such factor":           {func(c *nightlatch.Config) { c.Factors = c.Factors[1:] }, known, false},
		"no address by the caller": {func(c *nightlatch.Config) { c.Address = nil }, known, false},
		"an address of no use": {func(c *nightlatch.Config) {
			c.Address = func(nightlatch.User) (factor.Enrolled, bool) { return factor.Enrolled{}, false }
		}, known, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := addressed(t, required, tc.option)
			w.people.put(tc.user)
			next := must(w.first("ann", right))
			if asked := next.Step == nightlatch.StepVerify; asked != tc.asked || !asked && next.Step != nightlatch.StepEnroll {
				t.Errorf("the sign-in stands at %s", next.Step)
			}
		})
	}
}

// After a reset the code that the reset printed is asked for, and no mailed one.
func TestNoMailedCodeAfterAReset(t *testing.T) {
	t.Parallel()
	w, _ := addressed(t, required)
	w.addKnock("ann", "door")
	code := w.reset("ann")
	next := must(w.first("ann", right))
	if got := kinds(next.Offers); len(got) != 1 || got[0] != "paper" {
		t.Fatalf("on offer are %v", got)
	}
	_, err := w.ask(next.Token, sentcode.Email, "")
	w.refused(err, factor.Wrong)
	next = w.must(w.prove(next.Token, "paper", code))
	must(w.enroll(next.Token, "door"))
}

// The code is throttled as others are, and good once.
func TestFirstEnrollmentCodeIsGuarded(t *testing.T) {
	t.Parallel()
	w, box := addressed(t, required)
	tok := must(w.first("ann", right)).Token
	must(w.ask(tok, sentcode.Email, ""))
	for range 5 {
		_, err := w.prove(tok, sentcode.Email, box.wrong())
		w.refused(err, factor.Wrong)
	}
	_, err := w.prove(tok, sentcode.Email, box.code())
	w.throttled(err, 30*time.Second)
	w.clock.pass(30 * time.Second)
	_, err = w.prove(tok, sentcode.Email, box.code())
	w.refused(err, factor.Expired)

	w, box = addressed(t, required)
	tok = must(w.first("ann", right)).Token
	must(w.ask(tok, sentcode.Email, ""))
	won := 0
	for _, err := range inParallel(20, func(int) error { _, err := w.prove(tok, sentcode.Email, box.code()); return err }) {
		if err == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d of 20 at once were right", won)
	}
}

// A code that was mailed to one address is none for the one that comes after it.
func TestFirstEnrollmentOfAnotherAddress(t *testing.T) {
	t.Parallel()
	w, box := addressed(t, required)
	tok := must(w.first("ann", right)).Token
	must(w.ask(tok, sentcode.Email, ""))
	w.people.put(nightlatch.User{ID: "ann", Name: "ann", Email: "eve@example.org", EmailConfirmedAt: start})
	_, err := w.prove(tok, sentcode.Email, box.code())
	w.refused(err, factor.Wrong)
}

// A mailed code leads to the first enrollment only as long as there is no other: who has enrolled meanwhile is asked for
// that, in sign-ins that have proven the code as well.
func TestMailedCodeBesideAnEnrollment(t *testing.T) {
	t.Parallel()
	w, box := addressed(t, required)
	proven := func() string {
		tok := must(w.first("ann", right)).Token
		must(w.ask(tok, sentcode.Email, ""))
		next := w.must(w.prove(tok, sentcode.Email, box.code()))
		w.step(next, nightlatch.StepEnroll)
		return next.Token
	}
	other, own := proven(), proven()
	begun := must(w.BeginEnrollment(t.Context(), other, nightlatch.NewEnrollment{Kind: "knock", Label: "other"}, client))
	must(w.enroll(own, "door"))
	_, err := w.FinishEnrollment(t.Context(), other, begun.ID, "", factor.Response{Code: "right"}, client)
	w.want(err, nightlatch.ErrForbidden)
	_, err = w.enroll(other, "another")
	w.want(err, nightlatch.ErrForbidden)
	w.step(must(w.SignIn(t.Context(), other)), nightlatch.StepVerify)
	w.step(w.must(w.prove(other, "knock", "right")), nightlatch.StepDone)
}
