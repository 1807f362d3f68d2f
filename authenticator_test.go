package nightlatch_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// addPaper gives a person codes.
func (w *world) addPaper(user string) []string {
	w.Helper()
	enrolled := must(w.Prepare(w.Context(), nightlatch.User{ID: user}, "paper", factor.Response{}))
	w.install(nightlatch.Installation{User: user, Kind: "paper", Enrolled: enrolled})
	return enrolled.Show.(factor.Keep).Codes
}

func TestRemoveLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	door, gate := w.addKnock("ann", "door"), w.addKnock("ann", "gate")
	codes := w.addPaper("ann")
	tok, other := w.knocked("ann"), w.knocked("ann")
	unfinished := w.begun("ann")
	w.want(w.RemoveAuthenticator(t.Context(), tok, door, client), nil)
	w.want(doors["Session"].call(w, other), nightlatch.ErrUnauthenticated)
	w.want(doors["Session"].call(w, tok), nil)
	_, err := w.prove(unfinished, "knock", "right")
	w.want(err, nightlatch.ErrUnauthenticated)
	w.must(w.prove(w.begun("ann"), "paper", codes[0]))
	w.want(w.RemoveAuthenticator(t.Context(), tok, door, client), nightlatch.ErrNotFound)
	w.want(w.RemoveAuthenticator(t.Context(), tok, gate, client), nil)
	h := must(w.HoldingsOf(t.Context(), "ann"))
	if len(h.Authenticators) != 0 || len(h.Codes) != 0 {
		t.Errorf("holds %+v, want the codes gone with the last", h)
	}
	w.withPassword("ann")
}

func TestRemoveLastWhileRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Require: nightlatch.Admins}))
	for user, refused := range map[string]bool{"ann": true, "bob": false} {
		w.add(user)
		w.people.put(nightlatch.User{ID: user, Admin: refused})
		id := w.addKnock(user, "door")
		w.addPaper(user) // stands in for nothing here
		err := w.RemoveAuthenticator(t.Context(), w.knocked(user), id, client)
		if refused {
			w.want(err, nightlatch.ErrConflict)
			if got := labels(must(w.HoldingsOf(t.Context(), user))); !slices.Equal(got, []string{"door"}) {
				t.Errorf("holds %q", got)
			}
		} else {
			w.want(err, nil)
		}
	}
}

func TestParallelRemovalsOfTheLastTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	ids := []string{w.addKnock("ann", "door"), w.addKnock("ann", "gate")}
	tok := w.knocked("ann")
	got := saidOf(inParallel(2, func(i int) error { return w.RemoveAuthenticator(t.Context(), tok, ids[i], client) }))
	if got["right"] != 1 || got[nightlatch.ErrConflict.Error()] != 1 {
		t.Errorf("outcomes = %v, want one removed and the last refused", got)
	}
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Authenticators) != 1 {
		t.Errorf("holds %+v", h.Authenticators)
	}
}

func TestOthersAuthenticatorsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	w.addKnock("ann", "door")
	bobs := w.addKnock("bob", "door")
	tok := w.knocked("ann")
	name := "mine"
	for _, id := range []string{bobs, "unknown", "", w.passwordOf("ann"), w.passwordOf("bob")} {
		w.want(w.RemoveAuthenticator(t.Context(), tok, id, client), nightlatch.ErrNotFound)
		_, err := w.EditAuthenticator(t.Context(), tok, id, nightlatch.Edit{Label: &name}, client)
		w.want(err, nightlatch.ErrNotFound)
	}
	w.must(w.prove(w.begun("bob"), "knock", "right"))
}

// What guards an account is changed only with a fresh proof of a second factor.
func TestChangesNeedAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	id := w.addKnock("ann", "door")
	w.addPaper("ann")
	tok := w.knocked("ann")
	name, preferred := "new", true
	changes := map[string]func() error{
		"rename": func() error {
			_, err := w.EditAuthenticator(t.Context(), tok, id, nightlatch.Edit{Label: &name}, client)
			return err
		},
		"prefer": func() error {
			_, err := w.EditAuthenticator(t.Context(), tok, id, nightlatch.Edit{Preferred: &preferred}, client)
			return err
		},
		"remove": func() error { return w.RemoveAuthenticator(t.Context(), tok, id, client) },
		"codes":  func() error { _, err := w.RenewCodes(t.Context(), tok, "paper", client); return err },
		"enroll": func() error { _, err := w.enroll(tok, ""); return err },
		"fresh":  func() error { return w.Fresh(t.Context(), tok) },
	}
	w.clock.pass(10*time.Minute - time.Second)
	w.want(changes["fresh"](), nil)
	w.clock.pass(time.Second)
	for name, change := range changes {
		err := change()
		var fresh *nightlatch.FreshProofError
		if !errors.As(err, &fresh) {
			t.Errorf("%s: err = %v, want a fresh proof needed", name, err)
			continue
		}
		if len(fresh.Offers) != 2 || fresh.Offers[0].Kind != "knock" || fresh.Offers[1].Kind != "paper" {
			t.Errorf("%s: offers = %+v: a password is none where a second factor is held", name, fresh.Offers)
		}
	}
	_, err := w.Verify(t.Context(), tok, factor.Response{Kind: "password", Password: right}, client)
	w.refused(err, factor.Wrong)
	if err := changes["fresh"](); err == nil {
		t.Error("the password counted")
	}
}

func TestFreshProofByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	codes := w.addPaper("ann")
	tok := w.knocked("ann")
	w.clock.pass(time.Hour)
	next := w.must(w.prove(tok, "paper", codes[0]))
	if next.Step != nightlatch.StepDone || next.Token == tok {
		t.Errorf("next = %+v", next)
	}
	w.want(w.Fresh(t.Context(), next.Token), nil)
}

// A password is a fresh proof only while nothing else is held.
func TestFreshProofByPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	w.want(w.Fresh(t.Context(), tok), nil)
	w.clock.pass(time.Hour)
	var fresh *nightlatch.FreshProofError
	if err := w.Fresh(t.Context(), tok); !errors.As(err, &fresh) || len(fresh.Offers) != 1 || fresh.Offers[0].Kind != "password" {
		t.Fatalf("err = %v", err)
	}
	next, err := w.Verify(t.Context(), tok, factor.Response{Kind: "password", Password: right}, client)
	w.must(next, err)
	w.want(w.Fresh(t.Context(), next.Token), nil)
	w.addKnock("ann", "door") // by an import, say
	if err := w.Fresh(t.Context(), next.Token); !errors.As(err, &fresh) {
		t.Errorf("err = %v: the password still counts", err)
	}
}

func TestRename(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	door := w.addKnock("ann", "door")
	w.addKnock("ann", "gate")
	tok := w.knocked("ann")
	edit := func(label string) (nightlatch.Offer, error) {
		return w.EditAuthenticator(t.Context(), tok, door, nightlatch.Edit{Label: &label}, client)
	}
	for label, problem := range map[string]string{"GATE": "taken", " ": "missing", "": "missing", "a\nb": "invalid", "\u3164": "invalid", "\u200d": "invalid", "\u2800\u0301": "invalid"} {
		_, err := edit(label)
		var invalid *nightlatch.InvalidError
		if !errors.As(err, &invalid) || invalid.Problem != problem {
			t.Errorf("%q: err = %v, want %s", label, err, problem)
		}
	}
	if got, err := edit(" Door "); err != nil || got.Label != "Door" || got.ID != door { // its own name in another case
		t.Errorf("renamed = %+v, %v", got, err)
	}
	before := len(w.events("ann", 0))
	if _, err := edit("Door"); err != nil {
		t.Error(err)
	}
	if got := w.events("ann", before); len(got) != 0 {
		t.Errorf("no change is in the trail: %v", got)
	}
	e := must(w.EventsOf(t.Context(), "ann", 0, 1))[0]
	if e.Name != nightlatch.EventAuthenticatorRenamed || e.Label != "Door" || e.Detail["before"] != "door" || e.Client.Addr != client.Addr {
		t.Errorf("event = %+v", e)
	}
}

func TestPrefer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	door := w.addKnock("ann", "door")
	tok := w.knocked("ann")
	prefer := func(id string, yes bool) {
		t.Helper()
		o, err := w.EditAuthenticator(t.Context(), tok, id, nightlatch.Edit{Preferred: &yes}, client)
		if err != nil || o.Preferred != yes {
			t.Fatalf("offer = %+v, %v", o, err)
		}
	}
	order := func() (kinds []factor.Kind) {
		for _, o := range must(w.first("ann", right)).Offers {
			kinds = append(kinds, o.Kind)
		}
		return kinds
	}
	app, knocks := []factor.Kind{totp.ByTime, "knock"}, []factor.Kind{"knock", totp.ByTime}
	if got := order(); !slices.Equal(got, app) {
		t.Errorf("offers = %v, want the strongest first", got)
	}
	prefer(door, true)
	if got := order(); !slices.Equal(got, knocks) {
		t.Errorf("offers = %v, want the preferred first", got)
	}
	prefer(phone.id, true) // one is preferred at most
	if got := order(); !slices.Equal(got, app) {
		t.Errorf("offers = %v, want the other preferred", got)
	}
	preferred := 0
	for _, a := range must(w.Holdings(t.Context(), tok)).Authenticators {
		if a.Preferred {
			preferred++
		}
	}
	if preferred != 1 {
		t.Errorf("%d are preferred", preferred)
	}
	// Both changes at once are one step.
	name, no := "new", false
	if o, err := w.EditAuthenticator(t.Context(), tok, phone.id, nightlatch.Edit{Label: &name, Preferred: &no}, client); err != nil || o.Label != "new" || o.Preferred {
		t.Errorf("offer = %+v, %v", o, err)
	}
}

func TestRenewCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	_, err := w.RenewCodes(t.Context(), tok, "paper", client)
	w.want(err, nightlatch.ErrEnrollmentNeeded)
	done, err := w.enroll(tok, "")
	if err != nil {
		t.Fatal(err)
	}
	tok = done.Next.Token
	for _, kind := range []factor.Kind{"knock", "password", "unknown", ""} {
		_, err := w.RenewCodes(t.Context(), tok, kind, client)
		w.want(err, nightlatch.ErrNotFound)
	}
	codes, err := w.RenewCodes(t.Context(), tok, "paper", client)
	if err != nil || len(codes) != 3 || codes[0] == done.Codes[0] {
		t.Fatalf("codes = %q, %v", codes, err)
	}
	_, err = w.prove(w.begun("ann"), "paper", done.Codes[0])
	w.refused(err, factor.Wrong)
	w.must(w.prove(w.begun("ann"), "paper", codes[0]))
	h := must(w.Holdings(t.Context(), tok))
	if len(h.Codes) != 1 || h.Codes[0].Left != 2 || !h.Fresh {
		t.Errorf("holdings = %+v", h)
	}
	if n := count(w.events("ann", 0), nightlatch.EventCodesMade); n != 2 {
		t.Errorf("%d events", n)
	}
}

// What an enroll-only sign-in sees before it is done.
func TestHoldingsInASignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	h, err := w.Holdings(t.Context(), must(w.first("ann", right)).Token)
	if err != nil || len(h.Authenticators) != 0 || h.Fresh {
		t.Errorf("holdings = %+v, %v", h, err)
	}
	w.addKnock("ann", "door")
	_, err = w.Holdings(t.Context(), w.begun("ann"))
	w.want(err, nightlatch.ErrForbidden)
}
