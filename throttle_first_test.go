package nightlatch_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// from tries a password for a name from an address. The user is "" for a name that nobody has.
func (w *world) from(addr, user, name, text string) error {
	_, err := w.ProveFirst(w.Context(), nightlatch.First{
		User: user, Name: name, Response: factor.Response{Kind: password.Kind, Password: text},
		Start: nightlatch.Start{Client: nightlatch.Client{Addr: addr}},
	})
	return err
}

// answer is what a client sees of an error.
func answer(err error) string {
	if e := new(nightlatch.ThrottledError); asThrottled(err, &e) {
		return fmt.Sprintf("%v %v", e, e.Offers)
	}
	return fmt.Sprint(err)
}

// What a stranger sees must not say whether somebody has the name.
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	people := map[string]func(w *world){
		"known": func(w *world) { w.add("ann") },
		"disabled": func(w *world) {
			w.add("ann")
			w.people.put(nightlatch.User{ID: "ann", Disabled: true})
		},
		"with two factors": func(w *world) {
			w.add("ann")
			w.addPhone("ann", "phone")
		},
		"without a password": func(w *world) { w.people.put(nightlatch.User{ID: "ann"}) },
		"removed":            func(*world) {}, // the name is found, the user is not
	}
	// course is every answer over a while, with waits of every length.
	course := func(w *world, user string) (answers []string) {
		for range 30 {
			err := w.from("", user, "ann", "wrong password")
			answers = append(answers, answer(err))
			if e := new(nightlatch.ThrottledError); asThrottled(err, &e) {
				w.clock.pass(e.RetryAfter / 2)
				answers = append(answers, answer(w.from("", user, "ann", "wrong password")))
				w.clock.pass(e.RetryAfter)
			}
		}
		return answers
	}
	want := course(newWorld(t), "")
	if want[4] != nightlatch.ErrWrongCredentials.Error() || want[5] != "throttled for 30s []" || !slices.Contains(want, "throttled for 1h0m0s []") {
		t.Fatalf("answers for an unknown name = %q", want)
	}
	for name, prepare := range people {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			prepare(w)
			if diff := cmp.Diff(want, course(w, "ann")); diff != "" {
				t.Errorf("answers (-unknown +%s):\n%s", name, diff)
			}
		})
	}
}

// writes counts the transactions that wrote something: each one waits for the disk.
type writes struct {
	nightlatch.Store
	n atomic.Int64
}

type countedTx struct {
	nightlatch.Tx
	wrote *bool
}

func (c countedTx) Put(ctx context.Context, r nightlatch.Record) error {
	*c.wrote = true
	return c.Tx.Put(ctx, r)
}

func (s *writes) Tx(ctx context.Context, f func(ctx context.Context, tx nightlatch.Tx) error) error {
	wrote := false
	err := s.Store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return f(ctx, countedTx{tx, &wrote}) })
	if wrote {
		s.n.Add(1)
	}
	return err
}

// What waits for the disk for one name waits for the other, else the time would tell them apart.
func TestStrangersWaitAlike(t *testing.T) {
	t.Parallel()
	course := func(user string, prepare func(w *world)) (waits []int64) {
		store := &writes{}
		w := newWorld(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
		prepare(w)
		for range 12 {
			before := store.n.Load()
			_ = w.from("192.0.2.7", user, "ann", "wrong password")
			waits = append(waits, store.n.Load()-before)
		}
		return waits
	}
	unknown := course("", func(*world) {})
	known := course("ann", func(w *world) { w.add("ann") })
	if !slices.Equal(unknown, known) {
		t.Errorf("writes for an unknown name = %v, for a known one = %v", unknown, known)
	}
	if unknown[11] != 0 {
		t.Error("a flood of throttled tries goes on writing")
	}
}

func TestFirstIsCountedPerName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	for range 5 {
		w.want(w.from("", "ann", "ann", "wrong password"), nightlatch.ErrWrongCredentials)
		w.want(w.from("", "", "nobody", "wrong password"), nightlatch.ErrWrongCredentials)
	}
	w.throttled(w.from("", "ann", "Ann", right), 30*time.Second) // however it is spelled
	w.throttled(w.from("", "", "nobody", right), 30*time.Second)
	w.want(w.from("", "", "nobody else", right), nightlatch.ErrWrongCredentials)
	if err := w.from("", "bob", "bob", right); err != nil {
		t.Error(err)
	}
	w.clock.pass(30 * time.Second)
	if err := w.from("", "ann", "ann", right); err != nil {
		t.Error(err)
	}
	for range 5 { // the right one ended the delay
		w.want(w.from("", "ann", "ann", "wrong password"), nightlatch.ErrWrongCredentials)
	}
}

func TestFirstDayLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Limits = nightlatch.Limits{DayLimit: 3} })
	w.add("ann")
	for range 3 {
		w.want(w.from("", "ann", "ann", "wrong password"), nightlatch.ErrWrongCredentials)
		if err := w.from("", "ann", "ann", right); err != nil {
			w.throttled(err, 24*time.Hour)
		}
	}
	w.clock.pass(24*time.Hour - time.Second)
	w.throttled(w.from("", "ann", "ann", right), time.Second)
	w.clock.pass(time.Second)
	if err := w.from("", "ann", "ann", right); err != nil {
		t.Error(err)
	}
}

func TestAddressIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	const home = "2001:db8:0:1::"
	for i := range 50 {
		name := fmt.Sprintf("nobody %d", i)
		w.want(w.from(fmt.Sprintf("%s%x", home, i+1), "", name, "wrong password"), nightlatch.ErrWrongCredentials)
		if i == 48 { // right ones do not count
			for range 3 {
				if err := w.from(home+"ffff", "ann", "ann", right); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	before := len(w.events("ann", 0))
	w.throttled(w.from(home+"eeee", "ann", "ann", right), 30*time.Second)
	w.throttled(w.from(home+"eeee", "", "nobody new", right), 30*time.Second)
	if got := w.events("ann", before); len(got) != 0 {
		t.Errorf("a crowded address is in the trail of a person: %v", got)
	}
	if err := w.from("2001:db8:0:2::1", "ann", "ann", right); err != nil {
		t.Errorf("another network: %v", err)
	}
	w.clock.pass(30 * time.Second)
	if err := w.from(home+"eeee", "ann", "ann", right); err != nil {
		t.Errorf("after the delay: %v", err)
	}
	w.want(w.from(home+"1", "", "nobody more", "wrong password"), nightlatch.ErrWrongCredentials)
	w.throttled(w.from(home+"2", "ann", "ann", right), time.Minute) // a right one ended nothing
}

func TestWrongPasswordsLeaveTheSecondFactorAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	phone := w.addPhone("ann", "phone")
	tok := w.begun("ann")
	for range 40 {
		_ = w.from("", "ann", "ann", "wrong password")
		// Nor does a first factor of another kind: that would be a code before the password.
		_, err := w.ProveFirst(t.Context(), nightlatch.First{
			User: "ann", Name: "ann", Response: factor.Response{Kind: totp.ByTime, Code: phone.wrong()},
		})
		w.want(err, nightlatch.ErrWrongCredentials)
	}
	w.must(w.prove(tok, totp.ByTime, phone.code()))
}

// What is no knowledge is no first factor, though it be right.
func TestFirstIsKnowledge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.addKnock("ann", "door")
	for _, kind := range []factor.Kind{"knock", "paper", "unknown", ""} {
		_, err := w.ProveFirst(t.Context(), nightlatch.First{User: "ann", Name: "ann", Response: factor.Response{Kind: kind, Code: "right"}})
		w.want(err, nightlatch.ErrWrongCredentials)
	}
}

func TestParallelWrongPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	for _, user := range []string{"ann", ""} {
		outcomes := map[string]int{}
		for _, err := range inParallel(30, func(int) error { return w.from("", user, "ann", "wrong password") }) {
			outcomes[answer(err)]++
		}
		want := map[string]int{nightlatch.ErrWrongCredentials.Error(): 5, "throttled for 30s []": 25}
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Errorf("user %q (-want +got):\n%s", user, diff)
		}
	}
}

// A right password of a user who is disabled, or is no more, is wrong like any other.
func TestDisabledIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.people.put(nightlatch.User{ID: "ann", Disabled: true})
	w.want(w.from("", "ann", "ann", right), nightlatch.ErrWrongCredentials)
	if e := must(w.EventsOf(t.Context(), "ann", 0, 1))[0]; e.Name != nightlatch.EventFirstFactorRefused || e.Reason != "disabled" {
		t.Errorf("event = %+v", e)
	}
	w.people.remove("ann")
	w.want(w.from("", "ann", "ann", right), nightlatch.ErrWrongCredentials)
}

// late is a Store whose transactions begin half a minute after they were asked for.
type late struct {
	nightlatch.Store
	pass func()
}

func (s late) Tx(ctx context.Context, f func(ctx context.Context, tx nightlatch.Tx) error) error {
	s.pass()
	return s.Store.Tx(ctx, f)
}

// What was throttled when it came, and is so no more when it is settled, was never judged: it is judged then.
func TestDelayEndsBeforeItIsSettled(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	var w *world
	w = newWorld(t, func(c *nightlatch.Config) {
		c.Store = late{c.Store, func() {
			if slow.Load() {
				w.clock.pass(30 * time.Second)
			}
		}}
	})
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	for range 5 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
		w.want(w.from("", "ann", "ann", "wrong password"), nightlatch.ErrWrongCredentials)
	}
	slow.Store(true)
	w.want(w.from("", "ann", "ann", "wrong password"), nightlatch.ErrWrongCredentials)
	slow.Store(false)
	w.must(w.prove(tok, "knock", "right"))
	w.clock.pass(time.Hour)
	tok = w.begun("ann")
	for range 5 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	slow.Store(true)
	_, err := w.prove(tok, "knock", "wrong")
	w.refused(err, factor.Wrong)
}

// word is something one knows; what is done while it is judged, a test says.
func word(meanwhile func()) *fake {
	f := knock("word")
	f.info.Class = factor.Knowledge
	judge := f.verify
	f.verify = func(c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
		v, err := judge(c, p, r)
		v.Proof.Classes = []factor.Class{factor.Knowledge}
		meanwhile()
		return v, err
	}
	return f
}

// Nothing is judged while it is throttled: no slow hash is computed for whoever floods.
func TestThrottledIsNotJudged(t *testing.T) {
	t.Parallel()
	var judged atomic.Int64
	count := func() { judged.Add(1) }
	second := word(count)
	second.info.Kind, second.info.Class = "second", factor.Possession
	w := newWorld(t, withFactors(word(count), second))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "second", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	tok := w.begun("ann")
	for range 20 {
		_, _ = w.prove(tok, "second", "wrong")
	}
	if n := judged.Swap(0); n != 5 {
		t.Errorf("%d codes were judged", n)
	}
	for range 20 {
		_, _ = w.ProveFirst(t.Context(), nightlatch.First{User: "ann", Name: "ann", Response: factor.Response{Kind: "word", Code: "wrong"}})
	}
	if n := judged.Load(); n != 5 {
		t.Errorf("%d passwords were judged", n)
	}
}

// A password that is changed while the old one is judged is the one that counts.
func TestPasswordChangesWhileJudged(t *testing.T) {
	t.Parallel()
	var w *world
	var once sync.Once
	w = newWorld(t, withFactors(word(func() {
		once.Do(func() {
			if err := w.Uninstall(t.Context(), "ann", "word", ""); err != nil {
				t.Error(err)
			}
		})
	})))
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "word", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	_, err := w.ProveFirst(t.Context(), nightlatch.First{User: "ann", Name: "ann", Response: factor.Response{Kind: "word", Code: "right"}})
	w.want(err, nightlatch.ErrWrongCredentials)
}
