package nightlatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// said is what came of a step, in a word.
func said(err error) string {
	var refused *factor.Refused
	switch {
	case err == nil:
		return "right"
	case errors.As(err, &refused):
		return string(refused.Reason)
	}
	return err.Error()
}

// saidOf counts what came of many.
func saidOf(errs []error) map[string]int {
	all := map[string]int{}
	for _, err := range errs {
		all[said(err)]++
	}
	return all
}

func TestOneCodeFiftySignIns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	other := w.another() // another node on the same store
	tokens := make([]string, 50)
	for i := range tokens {
		tokens[i] = w.begun("ann")
	}
	code := phone.next()
	got := saidOf(inParallel(50, func(i int) error {
		s := w.Service
		if i%2 == 1 {
			s = other
		}
		_, err := s.Verify(t.Context(), tokens[i], factor.Response{Kind: totp.ByTime, Code: code}, client)
		return err
	}))
	if got["right"] != 1 || got["used"] != 49 {
		t.Errorf("outcomes = %v, want one right and 49 used", got)
	}
}

func TestOneCodeOneSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	tok, code := w.begun("ann"), phone.next()
	got := saidOf(inParallel(50, func(int) error {
		_, err := w.prove(tok, totp.ByTime, code)
		return err
	}))
	// The others find the sign-in gone, or, where they were judged before, the code used.
	if got["right"] != 1 || got["right"]+got["used"]+got[nightlatch.ErrUnauthenticated.Error()] != 50 {
		t.Errorf("outcomes = %v, want one right", got)
	}
	list := must(w.SessionsOf(t.Context(), "ann"))
	if len(list) != 1 {
		t.Errorf("%d sessions", len(list))
	}
}

func TestUsedAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	code := phone.next()
	w.must(w.prove(w.begun("ann"), totp.ByTime, code))
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.store = openStore(t, w.path)
	w.config.Store = w.store
	w.Service = w.another()
	_, err := w.prove(w.begun("ann"), totp.ByTime, code)
	w.refused(err, factor.Used)
}

func TestRecoveryCodeOnce(t *testing.T) {
	t.Parallel()
	f := recovery.New(recovery.Options{})
	w := newWorld(t, func(c *nightlatch.Config) { c.Factors = []factor.Factor{c.Factors[0], f, newPassword()} })
	w.add("ann")
	w.addPhone("ann", "phone")
	enrolled := must(w.Prepare(t.Context(), nightlatch.User{ID: "ann"}, recovery.Kind, factor.Response{}))
	w.install(nightlatch.Installation{User: "ann", Kind: recovery.Kind, Enrolled: enrolled})
	codes := enrolled.Show.(factor.Keep).Codes
	tokens := make([]string, 6)
	for i := range tokens {
		tokens[i] = w.begun("ann")
	}
	got := saidOf(inParallel(len(tokens), func(i int) error {
		_, err := w.prove(tokens[i], recovery.Kind, codes[3])
		return err
	}))
	if got["right"] != 1 || got["used"] != len(tokens)-1 {
		t.Errorf("outcomes = %v, want one right and the others used", got)
	}
	next := w.must(w.first("ann", right))
	if len(next.Offers) != 2 || next.Offers[1].Kind != recovery.Kind || next.Offers[1].Left != 9 || next.Offers[1].ID != "" || !next.Offers[1].Backup {
		t.Errorf("offers = %+v, want nine codes left", next.Offers)
	}
	events := must(w.EventsOf(t.Context(), "ann", 0, 100))
	for _, e := range events {
		if e.Name == nightlatch.EventCodeUsed && e.Detail["left"] != "9" {
			t.Errorf("event = %+v", e)
		}
	}
}

func TestClockHint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	early := must(phone.At(w.clock.Now().Add(-90 * time.Second)))
	_, err := w.prove(w.begun("ann"), totp.ByTime, early)
	if r := w.refused(err, factor.Clock); r.ClockOffBy != -90*time.Second {
		t.Errorf("off by %v, want 90 s behind", r.ClockOffBy)
	}
	e := must(w.EventsOf(t.Context(), "ann", 0, 1))[0]
	if e.Name != nightlatch.EventRefused || e.Reason != "clock" || e.Detail["clock_off_by"] != "-90" {
		t.Errorf("event = %+v", e)
	}
	for range 4 { // it is a try like any other
		_, err = w.prove(w.begun("ann"), totp.ByTime, early)
		w.refused(err, factor.Clock)
	}
	_, err = w.prove(w.begun("ann"), totp.ByTime, phone.code())
	w.throttled(err, 30*time.Second)
}

func TestFaultOfAFactorCostsNoTry(t *testing.T) {
	t.Parallel()
	broken := knock("broken")
	var fault atomic.Bool
	fault.Store(true)
	judge := broken.verify
	w := newWorld(t, withFactors(broken))
	broken.verify = func(c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
		if fault.Load() {
			return factor.Verdict{Authenticator: c.Held[0].ID}, errors.New("disk on fire")
		}
		return judge(c, p, r)
	}
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "broken", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	tok := w.begun("ann")
	before := len(w.events("ann", 0))
	for range 20 {
		next, err := w.prove(tok, "broken", "right")
		w.want(err, nightlatch.ErrUnavailable)
		if next.Token != "" || next.Step != "" {
			t.Fatalf("next = %+v with a fault", next)
		}
	}
	if got := w.events("ann", before); len(got) != 0 {
		t.Errorf("events = %v", got)
	}
	fault.Store(false)
	w.must(w.prove(tok, "broken", "right"))
}

// A factor that answers for what it was not asked about lets nobody in.
func TestVerdictOnAnother(t *testing.T) {
	t.Parallel()
	liar := knock("liar")
	var claim atomic.Value
	claim.Store("")
	w := newWorld(t, withFactors(liar))
	liar.verify = func(factor.Call, factor.State, factor.Response) (factor.Verdict, error) {
		return factor.Verdict{Authenticator: claim.Load().(string), State: factor.State(`{}`)}, nil
	}
	w.add("ann")
	w.add("bob")
	own, others := w.addKnock("ann", "door"), w.addKnock("bob", "door")
	w.install(nightlatch.Installation{User: "ann", Kind: "liar", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	w.install(nightlatch.Installation{
		User: "ann", Kind: "liar", Label: "expired", ExpiresAt: w.clock.Now().Add(time.Second), Enrolled: factor.Enrolled{State: factor.State(`{}`)},
	})
	expired := w.idOf("ann", "expired")
	w.clock.pass(time.Minute)
	tok := w.begun("ann")
	for what, id := range map[string]string{"none": "", "unknown": "x", "another kind": own, "another user": others, "expired": expired} {
		claim.Store(id)
		if _, err := w.prove(tok, "liar", ""); !errors.Is(err, nightlatch.ErrUnavailable) {
			t.Errorf("%s: err = %v", what, err)
		}
	}
}

// What a factor wants to remember of a wrong response is kept.
func TestStateOfARefusalIsKept(t *testing.T) {
	t.Parallel()
	f := knock("counting")
	var seen, seenPending []string
	f.challenge = func(_ factor.Call, pending factor.State) (factor.Prompt, factor.State, error) {
		if pending != nil {
			return factor.Code{}, pending, nil
		}
		return factor.Code{}, factor.State("p"), nil
	}
	f.verify = func(c factor.Call, pending factor.State, _ factor.Response) (factor.Verdict, error) {
		seen, seenPending = append(seen, string(c.Held[0].State)), append(seenPending, string(pending))
		v := factor.Verdict{Authenticator: c.Held[0].ID, State: append(bytes.Clone(c.Held[0].State), '.')}
		if pending != nil {
			v.Pending = append(bytes.Clone(pending), '!')
		}
		return v, factor.Refuse(factor.Wrong)
	}
	w := newWorld(t, withFactors(f))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "counting", Enrolled: factor.Enrolled{State: factor.State("s"), Left: 7}})
	tok := w.begun("ann")
	if _, err := w.Challenge(t.Context(), tok, "counting", "", client); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := w.prove(tok, "counting", "")
		w.refused(err, factor.Wrong)
	}
	if got := fmt.Sprint(seen, seenPending); got != "[s s. s..] [p p! p!!]" {
		t.Errorf("states = %s", got)
	}
	h := must(w.HoldingsOf(t.Context(), "ann"))
	if a := h.Authenticators[0]; !a.LastUsedAt.IsZero() {
		t.Errorf("a wrong response counts as a use: %+v", a)
	}
}

func TestChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	phone, second := w.addPhone("ann", "phone"), w.addPhone("ann", "second")
	bobs := w.addPhone("bob", "phone")
	prove := func(id, code string) error {
		_, err := w.Verify(t.Context(), w.begun("ann"), factor.Response{Kind: totp.ByTime, ID: id, Code: code}, client)
		return err
	}
	w.clock.pass(time.Minute)
	w.refused(prove(bobs.id, bobs.code()), factor.Wrong)
	w.refused(prove("", bobs.code()), factor.Wrong)
	w.refused(prove(second.id, phone.code()), factor.Wrong)
	w.want(prove(phone.id, phone.code()), nil)
	w.want(prove("", second.code()), nil) // any of the kind
	w.clock.pass(time.Minute)
	w.want(prove(phone.id, phone.code()), nil)
	for _, a := range must(w.HoldingsOf(t.Context(), "ann")).Authenticators {
		if used := w.clock.Now().Sub(a.LastUsedAt); a.ID == phone.id && used != 0 || a.ID == second.id && used != time.Minute {
			t.Errorf("%s was used %v ago", a.Label, used)
		}
	}
}

// What is not on offer is refused without being judged, and costs no try.
func TestNotOnOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	before := len(w.events("ann", 0))
	tok := w.begun("ann")
	for range 10 {
		for _, kind := range []factor.Kind{totp.ByTime, "paper", "password", "unknown", ""} {
			_, err := w.Verify(t.Context(), tok, factor.Response{Kind: kind, Code: "right", Password: right}, client)
			w.refused(err, factor.Wrong)
			_, err = w.Challenge(t.Context(), tok, kind, "", client)
			w.refused(err, factor.Wrong)
		}
		_, err := w.Challenge(t.Context(), tok, "knock", "another", client)
		w.refused(err, factor.Wrong)
	}
	if n := count(w.events("ann", before), nightlatch.EventRefused); n != 0 {
		t.Errorf("%d events", n)
	}
	w.must(w.prove(tok, "knock", "right"))
}

// A kind that the Config lacks is asked for and cannot be answered: its account is never one without.
func TestKindThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	fewer := w.another(func(c *nightlatch.Config) { c.Factors = []factor.Factor{w.app, paper{}, newPassword()} })
	next := must(fewer.ProveFirst(t.Context(), nightlatch.First{
		User: "ann", Name: "ann", Response: factor.Response{Kind: "password", Password: right},
	}))
	if next.Step != nightlatch.StepVerify || len(next.Offers) != 1 || next.Offers[0].Kind != "knock" {
		t.Fatalf("next = %+v, want the kind that is gone", next)
	}
	_, err := fewer.Verify(t.Context(), tok, factor.Response{Kind: "knock", Code: "right"}, client)
	w.refused(err, factor.Wrong)
}

func TestWarningBecomesEvent(t *testing.T) {
	t.Parallel()
	f := knock("key")
	judge := f.verify
	f.verify = func(c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
		v, err := judge(c, p, r)
		v.Warnings = []factor.Warning{"counter_went_back"}
		return v, err
	}
	w := newWorld(t, withFactors(f))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "key", Label: "key", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	w.must(w.prove(w.begun("ann"), "key", "right"))
	for _, e := range must(w.EventsOf(t.Context(), "ann", 0, 10)) {
		if e.Name == nightlatch.EventWarning && e.Reason == "counter_went_back" && e.Label == "key" {
			return
		}
	}
	t.Error("the trail lacks the warning")
}

// A user of whom FindUser knows nothing now gets nowhere, and no try is lost.
func TestUsersUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	w.people.fail(errors.New("the directory is down"))
	for range 10 {
		_, err := w.first("ann", "wrong password")
		w.want(err, nightlatch.ErrUnavailable)
		_, err = w.prove(tok, "knock", "wrong")
		w.want(err, nightlatch.ErrUnavailable)
	}
	w.people.fail(nil)
	w.must(w.prove(tok, "knock", "right"))
	w.must(w.first("ann", right))
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Verify(ctx, tok, factor.Response{Kind: "knock", Code: "right"}, client)
	w.want(err, nightlatch.ErrUnavailable)
	w.must(w.prove(tok, "knock", "right"))
}

// Who names a set of codes by an id, right or wrong, is judged by all of them: no id of one is ever told.
func TestCodesHaveNoID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	codes := w.addPaper("ann")
	_, err := w.Verify(t.Context(), w.begun("ann"), factor.Response{Kind: "paper", ID: "unknown", Code: codes[0]}, client)
	w.want(err, nil)
}
