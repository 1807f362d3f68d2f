package nightlatch_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// reset removes what a person holds and returns the code that leads to an enrollment.
func (w *world) reset(user string) string {
	w.Helper()
	enrolled := must(paper{}.codes(sharedRandom, 1))
	err := w.Change(w.Context(), user, nightlatch.Event{Name: nightlatch.EventReset, By: "administrator", Reason: "lost"}, func(ctx context.Context) error {
		return w.Reset(ctx, user, "paper", enrolled, w.clock.Now().Add(72*time.Hour))
	})
	if err != nil {
		w.Fatal(err)
	}
	return enrolled.Show.(factor.Keep).Codes[0]
}

func TestReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	phone := w.addPhone("ann", "phone")
	old := w.addPaper("ann")
	session, unfinished := w.knocked("ann"), w.begun("ann")
	w.guess("ann", "paper", 5)
	code := w.reset("ann")

	w.want(doors["Session"].call(w, session), nightlatch.ErrUnauthenticated)
	_, err := w.prove(unfinished, "knock", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Authenticators) != 0 || len(h.Codes) != 0 {
		t.Errorf("holds %+v", h)
	}
	// The password leads to the one code, however often.
	for range 2 {
		next := must(w.first("ann", right))
		if next.Step != nightlatch.StepVerify || len(next.Offers) != 1 || next.Offers[0].Kind != "paper" || next.Offers[0].ID != "" {
			t.Fatalf("next = %+v", next)
		}
	}
	tok := w.begun("ann")
	for kind, text := range map[factor.Kind]string{"knock": "right", totp.ByTime: phone.next(), "paper": old[0]} {
		_, err := w.prove(tok, kind, text) // the throttle of before is gone too
		w.refused(err, factor.Wrong)
	}
	next := w.must(w.prove(tok, "paper", code))
	if next.Step != nightlatch.StepEnroll || next.Token == tok || next.Session.ID != "" || !slices.Equal(next.Kinds, []factor.Kind{totp.ByTime, "knock"}) {
		t.Fatalf("next = %+v, want to enroll and nothing else", next)
	}
	// That sign-in opens nothing but an enrollment.
	for name, d := range doors {
		switch name {
		case "SignIn", "GiveUp", "BeginEnrollment", "CancelEnrollment", "Holdings", "EndSession", "RemoveAuthenticator", "EditAuthenticator",
			"FirstOffer", "Recoveries": // these say what there is, and give nothing
			continue
		}
		if err := d.call(w, next.Token); err == nil {
			t.Errorf("%s was open", name)
		}
	}
	_, err = w.prove(w.begun("ann"), "paper", code)
	w.refused(err, factor.Used)
	done, err := w.enroll(next.Token, "")
	if err != nil {
		t.Fatal(err)
	}
	if done.Next.Step != nightlatch.StepDone || done.Next.Session.Level != nightlatch.Level2 || len(done.Codes) != 3 {
		t.Errorf("done = %+v", done)
	}
	if ses := must(w.Session(t.Context(), done.Next.Token)); slices.ContainsFunc(ses.Proofs, func(p factor.Proof) bool { return p.Allows != factor.AllowsAll }) {
		t.Errorf("proofs = %+v", ses.Proofs)
	}
	// It is an ordinary account again.
	if offers := must(w.first("ann", right)).Offers; len(offers) != 2 || offers[1].Left != 3 {
		t.Errorf("offers = %+v", offers)
	}
	w.must(w.prove(w.begun("ann"), "knock", "right"))
}

// The enrollment was begun, not finished: the code is used and another reset is needed.
func TestResetIsNotOverBeforeTheEnrollment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	code := w.reset("ann")
	next := w.must(w.prove(w.begun("ann"), "paper", code))
	w.want(w.GiveUp(t.Context(), next.Token, client), nil)
	tok := w.begun("ann")
	_, err := w.prove(tok, "paper", code)
	w.refused(err, factor.Used)
	again := w.reset("ann")
	_, err = w.prove(tok, "paper", again)
	w.want(err, nightlatch.ErrUnauthenticated) // of before the reset
	_, err = w.prove(w.begun("ann"), "paper", code)
	w.refused(err, factor.Wrong)
	if next = w.must(w.prove(w.begun("ann"), "paper", again)); next.Step != nightlatch.StepEnroll {
		t.Errorf("step = %s", next.Step)
	}
}

func TestCodeOfAResetExpires(t *testing.T) {
	t.Parallel()
	for _, expire := range []bool{false, true} {
		w := newWorld(t)
		w.add("ann")
		w.addKnock("ann", "door")
		code := w.reset("ann")
		w.clock.pass(72 * time.Hour)
		if expire { // removed, or only too old
			if _, err := w.Expire(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		}
		next := must(w.first("ann", right))
		if next.Step != nightlatch.StepVerify || len(next.Offers) != 1 || next.Offers[0].Kind != "paper" {
			t.Fatalf("next = %+v: the password alone must never be enough", next)
		}
		_, err := w.prove(next.Token, "paper", code)
		w.refused(err, factor.Wrong)
	}
}

// An administrator's one-time code stands in once and leads where a proof leads.
func TestOneTimeCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	enrolled := must(paper{}.codes(sharedRandom, 1))
	w.addPaper("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "paper", Enrolled: enrolled, ExpiresAt: w.clock.Now().Add(10 * time.Minute)})
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Codes) != 1 || h.Codes[0].Left != 3 {
		t.Errorf("codes = %+v: a one-time code is none of the set, and replaces none", h.Codes)
	}
	if offers := must(w.first("ann", right)).Offers; len(offers) != 2 || offers[1].Left != 3 {
		t.Errorf("offers = %+v, want one a kind", offers)
	}
	next := w.must(w.prove(w.begun("ann"), "paper", enrolled.Show.(factor.Keep).Codes[0]))
	if next.Step != nightlatch.StepDone {
		t.Errorf("step = %s", next.Step)
	}
}

// What Change's function writes is in the engine's transaction: all of it, or nothing.
func TestChangeIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	before := len(w.events("ann", 0))
	oops := errors.New("oops")
	enrolled := must(w.Prepare(t.Context(), nightlatch.User{ID: "ann"}, password.Kind, factor.Response{Password: "another password"}))
	change := func(fail error) error {
		return w.Change(t.Context(), "ann", nightlatch.Event{Name: "password_changed"}, func(ctx context.Context) error {
			q, ok := sqlstore.Conn(ctx)
			if !ok {
				t.Error("the ctx has no transaction")
			} else if _, err := q.ExecContext(ctx, `CREATE TABLE own (n INTEGER)`); err != nil {
				return err
			}
			if err := w.Install(ctx, nightlatch.Installation{User: "ann", Kind: password.Kind, Enrolled: enrolled}); err != nil {
				return err
			}
			if err := w.EndSessions(ctx, "ann"); err != nil {
				return err
			}
			return fail
		})
	}
	w.want(change(oops), oops)
	w.want(change(oops), nightlatch.ErrUnavailable)
	w.want(change(nightlatch.ErrNotFound), nightlatch.ErrNotFound)
	w.want(doors["Session"].call(w, tok), nil)
	if got := w.events("ann", before); len(got) != 0 {
		t.Errorf("events = %v", got)
	}
	w.must(w.first("ann", right))
	w.want(change(nil), nil)
	w.want(doors["Session"].call(w, tok), nightlatch.ErrUnauthenticated)
	_, err := w.first("ann", right)
	w.want(err, nightlatch.ErrWrongCredentials)
	w.must(w.first("ann", "another password"))
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind, text := range map[factor.Kind]string{"unknown": "", password.Kind: "short"} {
		_, err := w.Prepare(t.Context(), nightlatch.User{ID: "ann"}, kind, factor.Response{Password: text})
		var invalid *nightlatch.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: err = %v", kind, err)
		}
	}
}

func TestInstallTakesNoLabelTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	err := w.Install(t.Context(), nightlatch.Installation{User: "ann", Kind: "knock", Label: "DOOR", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	w.want(err, nightlatch.ErrConflict)
	w.want(w.Uninstall(t.Context(), "ann", "knock", "Door"), nil)
	w.want(w.Uninstall(t.Context(), "ann", "knock", "Door"), nil)
	w.withPassword("ann")
}

func TestExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	for range 7 {
		w.withPassword("ann")
	}
	if n, err := w.Expire(t.Context(), 2); n != 0 || err != nil {
		t.Errorf("%d, %v expired", n, err)
	}
	w.clock.pass(720 * time.Hour)
	if n, err := w.Expire(t.Context(), 2); n != 7 || err != nil {
		t.Errorf("%d, %v expired, want all in steps of two", n, err)
	}
}

// After a reset the code that it gave is the only way: an administrator's one-time code is none.
func TestOtherCodesAreNoneAfterAReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	w.reset("ann")
	enrolled := must(paper{}.codes(sharedRandom, 1))
	w.install(nightlatch.Installation{User: "ann", Kind: "paper", Enrolled: enrolled, ExpiresAt: w.clock.Now().Add(10 * time.Minute)})
	_, err := w.prove(w.begun("ann"), "paper", enrolled.Show.(factor.Keep).Codes[0])
	w.refused(err, factor.Wrong)
}

// A code that leads to an enrollment is no fresh proof in a session, and is not used up by trying.
func TestEnrollOnlyCodeIsNoFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.knocked("ann")
	enrolled := must(paper{}.codes(sharedRandom, 1))
	code := enrolled.Show.(factor.Keep).Codes[0]
	w.install(nightlatch.Installation{
		User: "ann", Kind: "paper", Enrolled: enrolled, Allows: factor.AllowsEnrollment, ExpiresAt: w.clock.Now().Add(time.Hour),
	})
	w.clock.pass(30 * time.Minute)
	var fresh *nightlatch.FreshProofError
	if err := w.Fresh(t.Context(), tok); !errors.As(err, &fresh) || len(fresh.Offers) != 1 || fresh.Offers[0].Kind != "knock" {
		t.Errorf("err = %v, offers %+v", err, fresh.Offers)
	}
	w.addPaper("ann") // now the kind is on offer
	_, err := w.prove(tok, "paper", code)
	w.refused(err, factor.Wrong)
	if next := w.must(w.prove(w.begun("ann"), "paper", code)); next.Step != nightlatch.StepEnroll {
		t.Errorf("step = %s", next.Step)
	}
}
