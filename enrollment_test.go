package nightlatch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// enroll begins and finishes an enrollment of the kind "knock".
func (w *world) enroll(tok, label string) (nightlatch.Enrolled, error) {
	w.Helper()
	e, err := w.BeginEnrollment(w.Context(), tok, nightlatch.NewEnrollment{Kind: "knock", Label: label}, client)
	if err != nil {
		return nightlatch.Enrolled{}, err
	}
	return w.finish(tok, e.ID, "", "right")
}

func (w *world) begin(tok string, n nightlatch.NewEnrollment) nightlatch.Enrollment {
	w.Helper()
	e, err := w.BeginEnrollment(w.Context(), tok, n, client)
	if err != nil {
		w.Fatal(err)
	}
	return e
}

func (w *world) finish(tok, id, label, code string) (nightlatch.Enrolled, error) {
	return w.FinishEnrollment(w.Context(), tok, id, label, factor.Response{Code: code}, client)
}

// scanned is the phone that has scanned the prompt of an enrollment.
func (w *world) scanned(e nightlatch.Enrollment) *phone {
	w.Helper()
	secret, err := totp.ParseSecret(e.Prompt.(factor.Scan).Secret)
	if err != nil {
		w.Fatal(err)
	}
	return &phone{w: w, Generator: totp.Generator{Secret: secret}}
}

func labels(h nightlatch.Holdings) (all []string) {
	for _, a := range h.Authenticators {
		all = append(all, a.Label)
	}
	slices.Sort(all)
	return all
}

func TestEnrollmentWithRealFactors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required, func(c *nightlatch.Config) {
		c.Factors = []factor.Factor{c.Factors[0], recovery.New(recovery.Options{}), newPassword()}
	})
	w.add("ann")
	first := must(w.first("ann", right))
	if first.Step != nightlatch.StepEnroll || !slices.Equal(first.Kinds, []factor.Kind{totp.ByTime}) {
		t.Fatalf("next = %+v", first)
	}
	e := w.begin(first.Token, nightlatch.NewEnrollment{Kind: totp.ByTime, Label: "My phone"})
	phone := w.scanned(e)
	code := phone.code()
	done, err := w.finish(first.Token, e.ID, "", code)
	if err != nil {
		t.Fatal(err)
	}
	if done.Next.Step != nightlatch.StepDone || done.Next.Session.Level != nightlatch.Level2 || done.Authenticator.Label != "My phone" {
		t.Errorf("done = %+v", done)
	}
	if len(done.Codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(done.Codes)))) != 10 {
		t.Errorf("codes = %q", done.Codes)
	}
	// The code that finished it is used for a sign-in too.
	tok := w.begun("ann")
	_, err = w.prove(tok, totp.ByTime, code)
	w.refused(err, factor.Used)
	w.must(w.prove(tok, totp.ByTime, phone.next()))
	w.must(w.prove(w.begun("ann"), recovery.Kind, strings.ToUpper(done.Codes[9])))

	// The second one brings no codes.
	e = w.begin(done.Next.Token, nightlatch.NewEnrollment{Kind: totp.ByTime})
	again, err := w.finish(done.Next.Token, e.ID, "", w.scanned(e).code())
	if err != nil {
		t.Fatal(err)
	}
	if again.Codes != nil || again.Authenticator.Label != "Authenticator app" {
		t.Errorf("the second one: %+v", again)
	}
}

func TestPendingIsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	tok := w.must(w.prove(w.begun("ann"), totp.ByTime, phone.next())).Token
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: totp.ByTime})
	pending := w.scanned(e)
	w.clock.pass(time.Minute)
	_, err := w.prove(w.begun("ann"), totp.ByTime, pending.code())
	w.refused(err, factor.Wrong)
	w.must(w.prove(w.begun("ann"), totp.ByTime, phone.code()))
	if got := labels(must(w.HoldingsOf(t.Context(), "ann"))); !slices.Equal(got, []string{"phone"}) {
		t.Errorf("holds %q", got)
	}
	// What waits in one session is nothing to another of the same person.
	other := w.must(w.prove(w.begun("ann"), totp.ByTime, phone.next())).Token
	_, err = w.finish(other, e.ID, "", pending.code())
	w.want(err, nightlatch.ErrNotFound)
	if _, err = w.finish(tok, e.ID, "", pending.code()); err != nil {
		t.Error(err)
	}
}

func TestEnrollmentBearsFiveWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	e, other := w.begin(tok, nightlatch.NewEnrollment{Kind: totp.ByTime}), w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	phone := w.scanned(e)
	for range 5 {
		_, err := w.finish(tok, e.ID, "", phone.wrong())
		w.refused(err, factor.Wrong)
	}
	_, err := w.finish(tok, e.ID, "", phone.code())
	w.want(err, nightlatch.ErrNotFound)
	if _, err := w.finish(tok, other.ID, "", "right"); err != nil { // two kinds at once are two enrollments
		t.Error(err)
	}
	if n := count(w.events("ann", 0), nightlatch.EventEnrollmentRefused); n != 5 {
		t.Errorf("%d events", n)
	}
	// Nor do wrong codes of an enrollment count for a sign-in, or four of them spoil it.
	tok = w.knocked("ann")
	e = w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	for range 4 {
		_, err := w.finish(tok, e.ID, "", "wrong")
		w.refused(err, factor.Wrong)
	}
	w.must(w.prove(w.begun("ann"), "knock", "right"))
	if _, err := w.finish(tok, e.ID, "", "right"); err != nil {
		t.Error(err)
	}
}

func TestEnrollmentOfOthersIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	w.add("bob")
	ann, anns, bob := must(w.first("ann", right)).Token, must(w.first("ann", right)).Token, must(w.first("bob", right)).Token
	e := w.begin(ann, nightlatch.NewEnrollment{Kind: "knock"})
	for what, tok := range map[string]string{"another sign-in": anns, "another's": bob} {
		if _, err := w.finish(tok, e.ID, "", "right"); !errors.Is(err, nightlatch.ErrNotFound) {
			t.Errorf("%s: err = %v", what, err)
		}
	}
	for _, id := range []string{"", "unknown", alterID(e.ID)} {
		if _, err := w.finish(ann, id, "", "right"); !errors.Is(err, nightlatch.ErrNotFound) {
			t.Errorf("id %q: err = %v", id, err)
		}
	}
	_, err := w.finish("", e.ID, "", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	done, err := w.finish(ann, e.ID, "", "right")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.finish(done.Next.Token, e.ID, "", "right")
	w.want(err, nightlatch.ErrNotFound)
	// The sign-in that must prove now what was enrolled in another one may not finish one of its own.
	_, err = w.enroll(anns, "")
	w.want(err, nightlatch.ErrForbidden)
	w.must(w.prove(anns, "knock", "right"))
}

func alterID(id string) string {
	if id[0] == 'a' {
		return "b" + id[1:]
	}
	return "a" + id[1:]
}

// Sign-in 1 began an enrollment; meanwhile sign-in 2 enrolled. Then 1 must verify, not enroll.
func TestOvertakenEnrollment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	one, two := must(w.first("ann", right)).Token, must(w.first("ann", right)).Token
	e := w.begin(one, nightlatch.NewEnrollment{Kind: totp.ByTime})
	if _, err := w.enroll(two, ""); err != nil {
		t.Fatal(err)
	}
	_, err := w.finish(one, e.ID, "", w.scanned(e).code())
	w.want(err, nightlatch.ErrForbidden)
}

func TestEnrollmentExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	if e.ExpiresAt != w.clock.Now().Add(15*time.Minute) {
		t.Errorf("expires %v", e.ExpiresAt)
	}
	w.clock.pass(15 * time.Minute)
	_, err := w.finish(tok, e.ID, "", "right")
	w.want(err, nightlatch.ErrNotFound)
	// In a sign-in it does not live longer than that.
	w = newWorld(t, required)
	w.add("ann")
	first := must(w.first("ann", right))
	w.clock.pass(10 * time.Minute)
	if e = w.begin(first.Token, nightlatch.NewEnrollment{Kind: "knock"}); e.ExpiresAt != first.ExpiresAt {
		t.Errorf("expires %v, the sign-in %v", e.ExpiresAt, first.ExpiresAt)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	n := nightlatch.NewEnrollment{Kind: totp.ByTime, Label: "phone", Resume: true}
	e := w.begin(tok, n)
	w.clock.pass(time.Minute)
	again := w.begin(tok, n)
	if again.ID != e.ID || again.Prompt.(factor.Scan).Secret != e.Prompt.(factor.Scan).Secret || again.ExpiresAt != e.ExpiresAt || again.Label != "phone" {
		t.Errorf("resumed = %+v, want %+v", again, e)
	}
	n.Resume = false
	fresh := w.begin(tok, n)
	if fresh.ID == e.ID || fresh.Prompt.(factor.Scan).Secret == e.Prompt.(factor.Scan).Secret {
		t.Error("a new enrollment is the old one")
	}
	_, err := w.finish(tok, e.ID, "", w.scanned(e).code())
	w.want(err, nightlatch.ErrNotFound)
	// Beginning over gives a way in to nobody: five in parallel leave one.
	all := inParallel(5, func(int) nightlatch.Enrollment { return w.begin(tok, n) })
	finished := 0
	for _, e := range all {
		if _, err := w.finish(tok, e.ID, e.ID, "x"); !errors.Is(err, nightlatch.ErrNotFound) {
			finished++
		}
	}
	if finished != 1 {
		t.Errorf("%d enrollments of a kind wait", finished)
	}
	// Canceled, it is resumed no more.
	e = w.begin(tok, nightlatch.NewEnrollment{Kind: totp.ByTime, Resume: true})
	if err := w.CancelEnrollment(t.Context(), tok, totp.ByTime); err != nil {
		t.Fatal(err)
	}
	_, err = w.finish(tok, e.ID, "", "x")
	w.want(err, nightlatch.ErrNotFound)
}
