package nightlatch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
)

func TestLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "Größe")
	tok := w.knocked("ann")
	bad := map[string]string{
		"a\tb": "invalid", "a\nb": "invalid", "\u202eevil": "invalid", "a\x00": "invalid", "\xff": "invalid", "\u2028": "invalid",
		strings.Repeat("ä", 65): "too_long", "GRÖSSE": "taken", "  größe ": "taken", "ｇröße": "taken",
	}
	for label, problem := range bad {
		_, begun := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: "knock", Label: label}, client)
		e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
		_, finished := w.finish(tok, e.ID, label, "right")
		for what, err := range map[string]error{"begin": begun, "finish": finished} {
			var invalid *nightlatch.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != "label" || invalid.Problem != problem {
				t.Errorf("%s, %q: err = %v, want %s", what, label, err, problem)
			}
			if got := errors.Is(err, nightlatch.ErrConflict); got != (problem == "taken") {
				t.Errorf("%s, %q: conflict %v", what, label, got)
			}
		}
	}
	for _, label := range []string{strings.Repeat("ä", 64), "👩‍💻 work", "", "", "knock 2"} {
		done, err := w.enroll(tok, label)
		if err != nil {
			if label == "knock 2" { // the second one without a name has it
				w.want(err, nightlatch.ErrConflict)
				continue
			}
			t.Fatalf("%q: %v", label, err)
		}
		tok = done.Next.Token
	}
	want := []string{"Größe", "Knock", "Knock 2", "👩‍💻 work", strings.Repeat("ä", 64)}
	if got := labels(must(w.HoldingsOf(t.Context(), "ann"))); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("labels = %q", got)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	w.add("bob")
	old := w.addKnock("ann", "door")
	bobs := w.addKnock("bob", "door")
	tok := w.knocked("ann")
	preferred := true
	if _, err := w.EditAuthenticator(t.Context(), tok, old, nightlatch.Edit{Preferred: &preferred}, client); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"unknown", bobs, w.passwordOf("ann")} {
		_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: totp.ByTime, Replaces: id}, client)
		w.want(err, nightlatch.ErrNotFound)
	}
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: totp.ByTime, Label: "Door", Replaces: old})
	w.must(w.prove(w.begun("ann"), "knock", "right")) // works until then
	phone := w.scanned(e)
	_, err := w.finish(tok, e.ID, "", phone.wrong())
	w.refused(err, factor.Wrong)
	w.must(w.prove(w.begun("ann"), "knock", "right"))
	done, err := w.finish(tok, e.ID, "", phone.code())
	if err != nil {
		t.Fatal(err)
	}
	h := must(w.HoldingsOf(t.Context(), "ann"))
	if len(h.Authenticators) != 1 || h.Authenticators[0].ID != done.Authenticator.ID || !h.Authenticators[0].Preferred || h.Authenticators[0].Label != "Door" {
		t.Errorf("holds %+v, want the new one alone, preferred as the old one", h.Authenticators)
	}
	_, err = w.prove(w.begun("ann"), "knock", "right")
	w.refused(err, factor.Wrong)
}

// passwordOf is the id of a password's record: nobody may name it.
func (w *world) passwordOf(user string) (id string) {
	w.Helper()
	err := w.store.View(w.Context(), func(r nightlatch.Reader) error {
		records, err := r.AuthenticatorsOf(w.Context(), user)
		for _, rec := range records {
			if rec.Kind == password.Kind {
				id = rec.ID
			}
		}
		return err
	})
	if err != nil || id == "" {
		w.Fatal(id, err)
	}
	return id
}

func TestEnrollmentEndsOtherSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	tok, other, bobs := w.withPassword("ann"), w.withPassword("ann"), w.withPassword("bob")
	done, err := w.enroll(tok, "")
	if err != nil {
		t.Fatal(err)
	}
	if done.Next.Session.Level != nightlatch.Level2 || done.Next.Token == tok {
		t.Errorf("level %d, token changed %v", done.Next.Session.Level, done.Next.Token != tok)
	}
	w.want(doors["Session"].call(w, tok), nightlatch.ErrUnauthenticated)
	w.want(doors["Session"].call(w, other), nightlatch.ErrUnauthenticated)
	w.want(doors["Session"].call(w, bobs), nil)
	if ses := must(w.Session(t.Context(), done.Next.Token)); ses.Level != nightlatch.Level2 {
		t.Errorf("level = %d", ses.Level)
	}
}

func TestEnrollmentNeedsAFreshProofAtBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.knocked("ann")
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	w.clock.pass(10 * time.Minute)
	_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: "knock"}, client)
	var fresh *nightlatch.FreshProofError
	if !errors.As(err, &fresh) || len(fresh.Offers) != 1 || fresh.Offers[0].Kind != "knock" {
		t.Fatalf("err = %v, want a fresh proof by what is held", err)
	}
	done, err := w.finish(tok, e.ID, "", "right") // not at finish
	if err != nil {
		t.Fatal(err)
	}
	w.begin(done.Next.Token, nightlatch.NewEnrollment{Kind: "knock"}) // it is a proof itself
}

// TestEnrollmentBesideAnImport: what was begun with the password alone is not finished once a second factor has come.
func TestEnrollmentBesideAnImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	p := w.addPhone("ann", "from elsewhere")
	_, err := w.finish(tok, e.ID, "", "right")
	var fresh *nightlatch.FreshProofError
	if !errors.As(err, &fresh) || len(fresh.Offers) == 0 || fresh.Offers[0].Kind != "totp" {
		t.Fatalf("err = %v, want a proof by what has come", err)
	}
	next := w.must(w.prove(tok, "totp", p.code()))
	if _, err := w.finish(next.Token, e.ID, "", "right"); err != nil {
		t.Errorf("after that proof: %v", err)
	}
}

func TestParallelFinishes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"right", "wrong"} {
		w := newWorld(t)
		w.add("ann")
		tok := w.withPassword("ann")
		e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
		got := saidOf(inParallel(20, func(int) error { _, err := w.finish(tok, e.ID, "", code); return err }))
		h := must(w.HoldingsOf(t.Context(), "ann"))
		switch code {
		case "right":
			over := got[nightlatch.ErrNotFound.Error()] + got[nightlatch.ErrUnauthenticated.Error()]
			if got["right"] != 1 || over != 19 || len(h.Authenticators) != 1 || len(h.Codes) != 1 {
				t.Errorf("right: %v, %d authenticators, %d sets", got, len(h.Authenticators), len(h.Codes))
			}
		case "wrong":
			if got["wrong"] != 5 || got[nightlatch.ErrNotFound.Error()] != 15 {
				t.Errorf("wrong: %v, want 5 refused and the enrollment over", got)
			}
		}
	}
}

func TestKindsThatMayBeAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Enroll: []factor.Kind{totp.ByTime}}))
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.knocked("ann") // what is enrolled still works
	_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: "knock"}, client)
	w.want(err, nightlatch.ErrForbidden)
	for _, kind := range []factor.Kind{"paper", "password", "unknown", ""} {
		_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: kind}, client)
		var invalid *nightlatch.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "kind" {
			t.Errorf("%q: err = %v", kind, err)
		}
	}
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: totp.ByTime})
	done, err := w.finish(tok, e.ID, "", w.scanned(e).code())
	if err != nil {
		t.Fatal(err)
	}
	if done.Codes != nil {
		t.Error("codes of a kind that may not be added")
	}
	_, err = w.RenewCodes(t.Context(), done.Next.Token, "paper", client)
	w.want(err, nightlatch.ErrForbidden)
}

// An enrollment whose kind the next configuration lacks is over.
func TestEnrollmentOfAKindThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	fewer := w.another(func(c *nightlatch.Config) { c.Factors = []factor.Factor{w.app, newPassword()} })
	_, err := fewer.FinishEnrollment(t.Context(), tok, e.ID, "", factor.Response{Code: "right"}, client)
	w.want(err, nightlatch.ErrNotFound)
}

// Of a Single kind one is held at most: another takes its place.
func TestSingleKind(t *testing.T) {
	t.Parallel()
	f := knock("mail")
	f.info.Single = true
	w := newWorld(t, withFactors(f))
	w.add("ann")
	tok := w.withPassword("ann")
	for _, label := range []string{"old", "new"} {
		e := w.begin(tok, nightlatch.NewEnrollment{Kind: "mail", Label: label})
		done, err := w.finish(tok, e.ID, "", "right")
		if err != nil {
			t.Fatal(err)
		}
		tok = done.Next.Token
	}
	if got := labels(must(w.HoldingsOf(t.Context(), "ann"))); !slices.Equal(got, []string{"new"}) {
		t.Errorf("holds %q", got)
	}
}

// A message is sent once: resumed, an enrollment holds none.
func TestResumedHoldsNoMessage(t *testing.T) {
	t.Parallel()
	f := knock("mail")
	f.begin = func(factor.Call) (factor.Prompt, factor.State, error) {
		return factor.Code{Digits: 6, Message: &factor.Message{To: "ann@example.org", Text: "123456"}}, factor.State(`{}`), nil
	}
	box := &mailbox{}
	w := newWorld(t, withFactors(f), func(c *nightlatch.Config) {
		c.Senders = map[factor.Kind]nightlatch.Sender{"": box}
	})
	w.add("ann")
	tok := w.withPassword("ann")
	n := nightlatch.NewEnrollment{Kind: "mail", Resume: true}
	w.begin(tok, n)
	if box.count() != 1 {
		t.Error("there is no message to send")
	}
	if p := w.begin(tok, n).Prompt.(factor.Code); p.Message != nil || p.Digits != 6 {
		t.Errorf("prompt = %+v", p)
	}
}

// An account that changes while its enrollment is judged ends the sign-in.
func TestAccountChangesWhileEnrolling(t *testing.T) {
	t.Parallel()
	f := knock("slow")
	w := newWorld(t, required, withFactors(f))
	w.add("ann")
	tok := must(w.first("ann", right)).Token
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "slow"})
	finish := f.finish
	f.finish = func(c factor.Call, p factor.State, r factor.Response) (factor.Enrolled, error) {
		if err := w.Change(t.Context(), "ann", nightlatch.Event{Name: "disabled"}, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		return finish(c, p, r)
	}
	_, err := w.finish(tok, e.ID, "", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Authenticators) != 0 {
		t.Errorf("holds %+v", h.Authenticators)
	}
}
