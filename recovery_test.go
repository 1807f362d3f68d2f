package nightlatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// The ways that an account has now are told, after a right password.
func TestWays(t *testing.T) {
	t.Parallel()
	w, _ := lost(t)
	w.addPaper("ann")
	want := []nightlatch.WayOpen{
		{Way: nightlatch.WayCodes, Left: 3}, {Way: nightlatch.WayEmail, SentTo: "a•••@example.org"}, {Way: nightlatch.WayAdmin},
	}
	for name, tok := range map[string]string{"sign-in": w.begun("ann"), "session": w.knocked("ann")} {
		if diff := cmp.Diff(want, must(w.Recoveries(t.Context(), tok)).Ways); diff != "" {
			t.Error(name, diff)
		}
	}
	for _, tok := range []string{"", "nlsi_x", alter(w.begun("ann"))} {
		_, err := w.Recoveries(t.Context(), tok)
		w.want(err, nightlatch.ErrUnauthenticated)
		w.want(w.AskRecovery(t.Context(), tok, nightlatch.WayEmail, client), nightlatch.ErrUnauthenticated)
		w.want(w.CancelHold(t.Context(), tok, client), nightlatch.ErrUnauthenticated)
	}
}

// It is asked for in a sign-in, where nothing but a second factor is missing.
func TestAskRecoveryFromWhere(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	w.addPaper("ann")
	session := w.knocked("ann")
	for _, way := range []nightlatch.Way{nightlatch.WayEmail, nightlatch.WayAdmin} {
		w.want(w.AskRecovery(t.Context(), session, way, client), nightlatch.ErrForbidden)
	}
	var invalid *nightlatch.InvalidError
	for _, way := range []nightlatch.Way{"", "recovery", "sms"} {
		if err := w.AskRecovery(t.Context(), w.begun("ann"), way, client); !errors.As(err, &invalid) || invalid.Field != "way" {
			t.Errorf("err = %v", err)
		}
	}
	code := w.holdCode(box, "ann")
	enrolling := w.must(w.prove(w.begun("ann"), "paper", code)).Token
	w.want(w.AskRecovery(t.Context(), enrolling, nightlatch.WayAdmin, client), nightlatch.ErrForbidden)
}

// The administrators read who asks, and nothing that signs anybody in.
func TestAskAdministrators(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	for range 2 {
		w.want(w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayAdmin, client), nil)
	}
	all := w.mails(box, nightlatch.EventHelpAsked)
	if len(all) != 2 || all[0] != (plainMail{Event: nightlatch.EventHelpAsked, To: "ops@example.net", User: "ann"}) {
		t.Errorf("the mails are %+v", all)
	}
	w.clock.pass(time.Hour)
	w.throttled(w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayAdmin, client), 23*time.Hour)
	w.clock.pass(23 * time.Hour)
	w.want(w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayAdmin, client), nil)

	w.Service = w.another(func(c *nightlatch.Config) { c.Recovery.AdminEmail = "" })
	w.want(w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayAdmin, client), nightlatch.ErrForbidden)
}

// Links are bounded: three an hour, and by what may be mailed at all.
func TestLinksAreBounded(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	for range 3 {
		w.link(box, "ann")
	}
	w.throttled(w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayEmail, client), time.Hour)
	if n := len(w.mails(box, nightlatch.EventRecoveryAsked)); n != 3 {
		t.Errorf("%d were mailed", n)
	}
	w.clock.pass(time.Hour)
	w.link(box, "ann")

	w, box = lost(t, messages(nightlatch.MessageLimits{PerDestination: 1}))
	w.link(box, "ann")
	w.throttled(w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayEmail, client), time.Hour)
	all := inParallel(20, func(int) error { return w.AskRecovery(t.Context(), w.begun("ann"), nightlatch.WayAdmin, client) })
	n := 0
	for _, err := range all {
		if err == nil {
			n++
		}
	}
	if n != 1 || len(w.mails(box, nightlatch.EventHelpAsked)) != 1 {
		t.Errorf("%d of 20 at once were mailed", n)
	}
}

// A link is good once, for an hour, for its own account, and for nothing after the factor was found again.
func TestRecoveryLink(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	first := w.link(box, "ann")
	w.refused(w.BeginHold(t.Context(), alter(first), client), factor.Wrong)
	w.refused(w.BeginHold(t.Context(), "", client), factor.Wrong)
	w.clock.pass(time.Hour)
	w.refused(w.BeginHold(t.Context(), first, client), factor.Expired)

	w, box = lost(t)
	first = w.link(box, "ann")
	second := w.link(box, "ann")
	if l := must(w.FindLink(t.Context(), nightlatch.ForRecovery, first)); l.User != "ann" {
		t.Errorf("it stands for %+v", l)
	}
	w.want(w.BeginHold(t.Context(), first, client), nil)
	w.refused(w.BeginHold(t.Context(), first, client), factor.Used)
	w.refused(w.BeginHold(t.Context(), second, client), factor.Used)

	w, box = lost(t)
	first = w.link(box, "ann")
	w.knocked("ann")
	w.refused(w.BeginHold(t.Context(), first, client), factor.Used)

	// A forbidden one is not used up: what forbids it may end.
	w, box = lost(t)
	first = w.link(box, "ann")
	w.confirmed("ann", true)
	w.want(w.BeginHold(t.Context(), first, client), nightlatch.ErrForbidden)
	w.confirmed("ann", false)
	w.want(w.BeginHold(t.Context(), first, client), nil)
}

// Of twenty that use a link at once one begins the hold.
func TestRecoveryLinkRace(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	link := w.link(box, "ann")
	other := w.another()
	all := inParallel(20, func(i int) error {
		if i%2 == 0 {
			return other.BeginHold(t.Context(), link, client)
		}
		return w.BeginHold(t.Context(), link, client)
	})
	n := 0
	for _, err := range all {
		if err == nil {
			n++
		} else {
			w.refused(err, factor.Used)
		}
	}
	if n != 1 || count(w.events("ann", 0), nightlatch.EventRecoveryBegun) != 1 {
		t.Errorf("%d began it", n)
	}
}

// Two processes come to the end of a hold at once: one code is made, and one mail.
func TestEndOfHoldInTwoProcesses(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	w.hold(box, "ann")
	w.clock.pass(30 * 24 * time.Hour) // none of them was there when it was due
	services := []*nightlatch.Service{w.Service, w.another(), w.another(), w.another()}
	for range 3 {
		inParallel(8, func(i int) error { _, err := services[i%4].SendNotices(t.Context()); return err })
		w.clock.pass(3 * time.Minute)
	}
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 1 {
		t.Errorf("%d codes were mailed", n)
	}
	if n := count(w.events("ann", 0), nightlatch.EventRecoveryCode); n != 1 {
		t.Errorf("%d codes were made", n)
	}
}

// A process that dies after it has taken the end of a hold up leaves it to the next one.
func TestEndOfHoldAfterADeath(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w, box := lost(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	w.hold(box, "ann")
	w.clock.pass(24 * time.Hour)
	coder := &brokenCoder{}
	dying := w.another(func(c *nightlatch.Config) {
		for i, f := range c.Factors {
			if f.Info().Kind == "paper" {
				c.Factors = append(append(append([]factor.Factor{}, c.Factors[:i]...), coder), c.Factors[i+1:]...)
			}
		}
	})
	if _, err := dying.SendNotices(t.Context()); err != nil || coder.asked.Load() != 1 {
		t.Fatalf("err = %v, asked %d times", err, coder.asked.Load())
	}
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
		t.Fatal("a code was mailed before the lease was over")
	}
	w.clock.pass(3 * time.Minute)
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 1 {
		t.Errorf("%d codes were mailed", n)
	}
}

// brokenCoder fails when it is to make a code.
type brokenCoder struct {
	paper
	asked atomic.Int32
}

func (b *brokenCoder) OneCode(context.Context, factor.Call) (factor.Enrolled, error) {
	b.asked.Add(1)
	return factor.Enrolled{}, errors.New("no randomness")
}

// A right second factor and the code at once: never do both lead on.
func TestCodeAndSecondFactorRace(t *testing.T) {
	t.Parallel()
	for range 10 {
		w, box := lost(t)
		code := w.holdCode(box, "ann")
		owner, thief := w.begun("ann"), w.begun("ann")
		inParallel(2, func(i int) error {
			if i == 0 {
				_, err := w.prove(owner, "knock", "right")
				return err
			}
			next, err := w.prove(thief, "paper", code)
			if err == nil {
				_, err = w.enroll(next.Token, "mine")
			}
			if err == nil {
				t.Log("the code came first")
			}
			return err
		})
		recovered := count(w.events("ann", 0), nightlatch.EventRecovered)
		canceled := count(w.events("ann", 0), nightlatch.EventRecoveryCanceled)
		if recovered+canceled != 1 {
			t.Fatalf("%d recovered, %d canceled", recovered, canceled)
		}
	}
}

// The code is good for 72 hours; then another recovery may begin.
func TestHoldCodeExpires(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	code := w.holdCode(box, "ann")
	w.clock.pass(72*time.Hour - time.Second)
	tok := w.begun("ann")
	if _, held := w.ways(tok); !held {
		t.Error("the hold is not shown any more")
	}
	w.clock.pass(time.Second)
	_, err := w.prove(tok, "paper", code)
	w.refused(err, factor.Wrong)
	if _, held := w.ways(tok); held || !w.hasWay(tok, nightlatch.WayEmail) {
		t.Error("the hold is shown for ever")
	}
	w.want(w.CancelHold(t.Context(), tok, client), nightlatch.ErrNotFound)
	w.holdCode(box, "ann")
}

// In a session the code of a hold proves nothing.
func TestHoldCodeIsNoFreshProof(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	w.addPaper("ann")
	session := w.knocked("ann")
	_, err := w.prove(session, "paper", w.holdCode(box, "ann"))
	w.refused(err, factor.Wrong)
}

// An enrollment by the code takes away what was changed or added since it was proven, too.
func TestRecoveredTakesAllAway(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	code := w.holdCode(box, "ann")
	next := w.must(w.prove(w.begun("ann"), "paper", code))
	e := w.begin(next.Token, nightlatch.NewEnrollment{Kind: "knock", Label: "new"})
	inParallel(2, func(i int) error {
		if i == 0 { // a wrong try changes no authenticator, and ends nothing
			_, err := w.prove(w.begun("ann"), "knock", "wrong")
			return err
		}
		_, err := w.finish(next.Token, e.ID, "", "right")
		w.want(err, nil)
		return nil
	})
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Authenticators) != 1 || h.Authenticators[0].Label != "new" {
		t.Errorf("holds %+v", h.Authenticators)
	}
}

// give is a code of an administrator.
func (w *world) give(user string) string {
	w.Helper()
	made := must(paper{}.codes(sharedRandom, 1))
	w.change(user, nightlatch.EventCodeGiven, func(ctx context.Context) error {
		return w.GiveCode(ctx, user, "paper", made, w.clock.Now().Add(10*time.Minute))
	})
	return made.Show.(factor.Keep).Codes[0]
}

// An administrator's code stands for the second factor once, in the sign-in that the person is at; the last one counts.
func TestGivenCode(t *testing.T) {
	t.Parallel()
	w, _ := lost(t)
	own := w.addPaper("ann")
	tok := w.begun("ann")
	first := w.give("ann")
	second := w.give("ann")
	_, err := w.prove(tok, "paper", first)
	w.refused(err, factor.Wrong)
	if until := must(w.Overview(t.Context(), "ann")).CodeUntil; until.IsZero() {
		t.Error("an administrator sees no code that is good")
	}
	next := w.must(w.prove(tok, "paper", second))
	if until := must(w.Overview(t.Context(), "ann")).CodeUntil; !until.IsZero() {
		t.Errorf("an administrator sees a code that is good until %s; it was used", until)
	}
	if next.Step != nightlatch.StepDone || next.Session.Level != nightlatch.Level2 {
		t.Errorf("it leads to %+v", next)
	}
	if err := w.Fresh(t.Context(), next.Token); err != nil {
		t.Errorf("it is no fresh proof: %v", err)
	}
	_, err = w.prove(w.begun("ann"), "paper", second)
	w.refused(err, factor.Used)
	w.must(w.prove(w.begun("ann"), "paper", own[0]))

	third := w.give("ann")
	w.clock.pass(10 * time.Minute)
	_, err = w.prove(w.begun("ann"), "paper", third)
	w.refused(err, factor.Wrong)
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Codes) != 1 || h.Codes[0].Left != 2 {
		t.Errorf("the person's own codes are %+v", h.Codes)
	}
	r := must(w.Recoveries(t.Context(), w.begun("ann")))
	if r.Ways[0].Left != 2 {
		t.Errorf("%d are left", r.Ways[0].Left)
	}
	w.clock.pass(time.Hour)
	w.give("ann")
	if n := must(w.Recoveries(t.Context(), w.begun("ann"))).Ways[0].Left; n != 2 {
		t.Errorf("a given code is counted among the person's own: %d", n)
	}
}

// Whatever call of the store fails, nobody is let in, and asking again does it.
func TestEveryCallOfTheStoreFailsInRecovery(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w, box := lost(t, func(c *nightlatch.Config) {
		store.Store, c.Store = c.Store, store
		c.Limits.Messages = nightlatch.MessageLimits{PerDestination: 1000, PerUser: 1000, PerAddress: 1000}
	})
	n := 0
	user := func() string {
		n++
		id := fmt.Sprint("u", n)
		w.add(id)
		w.confirmed(id, false)
		w.addKnock(id, "door")
		return id
	}
	done := func(err error) (string, error) { return "", err }
	for _, way := range []nightlatch.Way{nightlatch.WayEmail, nightlatch.WayAdmin} {
		everyCall(t, store, string(way), func() func() (string, error) {
			tok := w.begun(user())
			return func() (string, error) { return done(w.AskRecovery(t.Context(), tok, way, client)) }
		})
	}
	everyCall(t, store, "begin of the hold", func() func() (string, error) {
		link := w.link(box, user())
		return func() (string, error) { return done(w.BeginHold(t.Context(), link, client)) }
	})
	everyCall(t, store, "cancel", func() func() (string, error) {
		id := user()
		w.hold(box, id)
		tok := w.begun(id)
		return func() (string, error) { return done(w.CancelHold(t.Context(), tok, client)) }
	})
	everyCall(t, store, "recovered", func() func() (string, error) {
		next := w.must(w.prove(w.begun(w.ended(box, user())), "paper", w.codes[0]))
		e := w.begin(next.Token, nightlatch.NewEnrollment{Kind: "knock"})
		return func() (string, error) {
			d, err := w.finish(next.Token, e.ID, "", "right")
			return d.Next.Token + d.Authenticator.ID, err
		}
	})
}

// ended lets the hold of a user end, and keeps the code.
func (w *world) ended(box *mailbox, user string) string {
	w.Helper()
	w.codes = []string{w.holdCode(box, user)}
	return user
}

// Whatever call of the store fails at the end of a hold, one code is made in the end.
func TestEveryCallFailsAtTheEndOfAHold(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w, box := lost(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	for n := 1; ; n++ {
		id := fmt.Sprint("u", n)
		w.add(id)
		w.confirmed(id, false)
		w.addKnock(id, "door")
		w.hold(box, id)
		w.clock.pass(24 * time.Hour)
		store.failAt(n)
		_, _ = w.SendNotices(t.Context())
		fired := store.hasFired()
		w.clock.pass(time.Hour)
		w.mails(box, nightlatch.EventRecoveryCode)
		w.clock.pass(time.Hour)
		w.mails(box, nightlatch.EventRecoveryCode)
		if made := count(w.events(id, 0), nightlatch.EventRecoveryCode); made != 1 {
			t.Fatalf("call %d failed: %d codes were made", n, made)
		}
		if !fired {
			if n < 6 {
				t.Errorf("only %d calls", n)
			}
			return
		}
	}
}

// The end of a hold that was canceled ends no other one.
func TestEndOfAnotherHold(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	w.hold(box, "ann")
	w.clock.pass(12 * time.Hour)
	w.want(w.CancelHold(t.Context(), w.begun("ann"), client), nil)
	w.hold(box, "ann")
	w.clock.pass(12 * time.Hour)
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 0 {
		t.Fatal("the code is out after half of the time")
	}
	w.clock.pass(12 * time.Hour)
	if n := len(w.mails(box, nightlatch.EventRecoveryCode)); n != 1 {
		t.Errorf("%d codes were mailed", n)
	}
}

// A proof that leads to an enrollment only makes no level.
func TestLevelOfEnrollOnly(t *testing.T) {
	t.Parallel()
	proofs := []factor.Proof{
		{Kind: "password", Classes: []factor.Class{factor.Knowledge}},
		{Kind: "email", Classes: []factor.Class{factor.Possession}, Allows: factor.AllowsEnrollment},
	}
	if l := nightlatch.LevelOf(proofs); l != nightlatch.Level1 {
		t.Errorf("level %d", l)
	}
}

// A recovery that is done, and a password that was set by mail, leave no remembered device.
func TestNoDeviceIsLeft(t *testing.T) {
	t.Parallel()
	w, box := lost(t, remembering)
	w.remembered("ann")
	code := w.holdCode(box, "ann")
	next := w.must(w.prove(w.begun("ann"), "paper", code))
	if len(w.devices("ann")) != 1 {
		t.Fatal("the hold alone has ended the device")
	}
	must(w.enroll(next.Token, "door"))
	if n := len(w.devices("ann")); n != 0 {
		t.Errorf("%d devices are left by a recovery", n)
	}

	w, _ = lost(t, remembering)
	w.remembered("ann")
	w.byMail("ann", "ann@example.org")
	if n := len(w.devices("ann")); n != 0 {
		t.Errorf("%d devices are left by a mailed password", n)
	}
}
