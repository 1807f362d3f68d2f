package nightlatch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

const day = 24 * time.Hour

// names are a person's events of some names, the oldest first.
func (w *world) named(user string, names ...string) (list []string) {
	w.Helper()
	for _, e := range w.trail(user) {
		if slices.Contains(names, e.Name) {
			list = append(list, e.Name+" "+e.At.Sub(start).String())
		}
	}
	return list
}

// With two needed a sign-in with one goes on to enroll another, and brings no second set of codes.
func TestAtLeastTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Require: nightlatch.Required, AtLeast: 2}))
	w.add("ann")
	in := w.begun("ann")
	for i, label := range []string{"first", "second"} {
		e := w.begin(in, nightlatch.NewEnrollment{Kind: "knock", Label: label})
		done := must(w.finish(in, e.ID, "", "right"))
		if (len(done.Codes) > 0) != (i == 0) {
			t.Errorf("%s brought %d codes", label, len(done.Codes))
		}
		if want := []nightlatch.Step{nightlatch.StepEnroll, nightlatch.StepDone}[i]; done.Next.Step != want {
			t.Fatalf("after the %s: %s, want %s", label, done.Next.Step, want)
		}
		in = done.Next.Token
	}
	if n := must(w.WorkingOf(t.Context(), []string{"ann"}))[0]; n != 2 {
		t.Errorf("%d work", n)
	}
	w.want(w.RemoveAuthenticator(t.Context(), in, w.idOf("ann", "first"), client), nightlatch.ErrConflict)
	// Replaced it may be.
	e := w.begin(in, nightlatch.NewEnrollment{Kind: "knock", Label: "third", Replaces: w.idOf("ann", "first")})
	must(w.finish(in, e.ID, "", "right"))
	if n := must(w.WorkingOf(t.Context(), []string{"ann"}))[0]; n != 2 {
		t.Errorf("%d work", n)
	}
	if next := w.must(w.prove(w.begun("ann"), "knock", "right")); next.Step != nightlatch.StepDone {
		t.Errorf("with two: %s", next.Step)
	}
}

// A suspended one is no help, and may go.
func TestSuspendedDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	w.addKnock("ann", "door")
	w.install(nightlatch.Installation{
		User: "ann", Kind: "knock", Label: "stranger", Enrolled: factor.Enrolled{State: factor.State(`{}`)}, Allows: factor.AllowsNothing,
	})
	tok := w.knocked("ann")
	w.want(w.RemoveAuthenticator(t.Context(), tok, w.idOf("ann", "door"), client), nightlatch.ErrConflict)
	w.want(w.RemoveAuthenticator(t.Context(), tok, w.idOf("ann", "stranger"), client), nil)
}

// What the policy only reports it keeps nobody from.
func TestReportOnlyRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Require: nightlatch.Required, ReportOnly: true}))
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.knocked("ann")
	w.want(w.RemoveAuthenticator(t.Context(), tok, w.idOf("ann", "door"), client), nil)
}

// Of two removals at once one is refused where both would leave too few.
func TestRaceOnTheLastThatPolicyNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Require: nightlatch.Required, AtLeast: 2}))
	w.add("ann")
	w.addKnock("ann", "a")
	w.addKnock("ann", "b")
	other := w.another()
	for round := range 20 {
		w.addKnock("ann", "c")
		tok := w.knocked("ann")
		ids := []string{w.idOf("ann", "a"), w.idOf("ann", "b"), w.idOf("ann", "c")}
		var all sync.WaitGroup
		errs := make([]error, len(ids))
		gate := make(chan struct{})
		for i, id := range ids {
			s := []*nightlatch.Service{w.Service, other}[i%2]
			all.Go(func() {
				<-gate
				errs[i] = s.RemoveAuthenticator(t.Context(), tok, id, client)
			})
		}
		close(gate)
		all.Wait()
		removed := 0
		for _, err := range errs {
			if err == nil {
				removed++
			} else if !errors.Is(err, nightlatch.ErrConflict) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if n := must(w.WorkingOf(t.Context(), []string{"ann"}))[0]; removed != 1 || n != 2 {
			t.Fatalf("round %d: %d were removed, %d are left", round, removed, n)
		}
		for i, label := range []string{"a", "b", "c"} {
			if errs[i] == nil && label != "c" {
				w.addKnock("ann", label)
				w.want(w.RemoveAuthenticator(t.Context(), w.knocked("ann"), w.idOf("ann", "c"), client), nil)
			}
		}
	}
}

// reminders collects the mails that a Service wants to send.
type reminders struct {
	mu    sync.Mutex
	mails []string
}

func (n *reminders) Wants(event string) bool { return event == nightlatch.EventReminded }

func (n *reminders) Mail(no nightlatch.Notice) (factor.Message, bool) {
	return factor.Message{Subject: no.Event.Name, Text: no.Event.Detail["enroll_by"] + " " + no.Lang}, true
}

func (n *reminders) Send(_ context.Context, m factor.Message) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mails = append(n.mails, m.To+" "+m.Text)
	return nil
}

func reminding(n *reminders, p nightlatch.Policy) func(*nightlatch.Config) {
	return func(c *nightlatch.Config) {
		c.Policy, c.Notices, c.Senders = p, n, map[factor.Kind]nightlatch.Sender{"email": n}
	}
}

// send sends what is due: jobs make notices, which go out the next time.
func (w *world) send(s *nightlatch.Service) {
	w.Helper()
	for range 2 {
		if _, err := s.SendNotices(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
}

func TestGraceAndReminders(t *testing.T) {
	t.Parallel()
	mails := &reminders{}
	policy := nightlatch.Policy{Require: nightlatch.Required, Grace: 10 * day}
	w := newWorld(t, reminding(mails, policy))
	w.add("ann")
	w.add("bob")
	by := start.Add(10 * day)
	next, err := w.ProveFirst(t.Context(), nightlatch.First{
		User: "ann", Name: "ann", Response: factor.Response{Kind: "password", Password: right},
		Start: nightlatch.Start{Client: nightlatch.Client{Addr: "192.0.2.7", Lang: "de"}},
	})
	w.want(err, nil)
	w.withPassword("bob")
	if !next.EnrollBy.Equal(by) || !must(w.EnrollBy(t.Context(), next.Token)).Equal(by) {
		t.Errorf("enroll by %v, want %v", next.EnrollBy, by)
	}
	w.clock.pass(day)
	w.withPassword("ann") // again: the date stays, and nobody is reminded twice
	w.send(w.Service)
	w.clock.pass(2 * day) // 7 days before
	bobs := w.withPassword("bob")
	e := w.begin(bobs, nightlatch.NewEnrollment{Kind: "knock", Label: "door"})
	if done := must(w.finish(bobs, e.ID, "", "right")); !done.Next.EnrollBy.IsZero() {
		t.Errorf("enrolled, and yet by %v", done.Next.EnrollBy)
	}
	other := w.another()
	w.send(w.Service)
	w.send(other)
	w.clock.pass(6 * day)
	w.send(other)
	w.send(w.Service)
	w.clock.pass(day)
	w.send(w.Service)
	want := []string{
		"ann@example.org " + by.Format(time.RFC3339) + " de", "ann@example.org " + by.Format(time.RFC3339) + " de",
		"ann@example.org " + by.Format(time.RFC3339) + " de", "bob@example.org " + by.Format(time.RFC3339) + " ",
	}
	if slices.Sort(mails.mails); !slices.Equal(mails.mails, want) {
		t.Errorf("mails are %q", mails.mails)
	}
	if got := w.named("ann", nightlatch.EventReminded); !slices.Equal(got, []string{
		"enrollment_reminded 0s", "enrollment_reminded 72h0m0s", "enrollment_reminded 216h0m0s",
	}) {
		t.Errorf("events are %v", got)
	}
	if next := w.must(w.first("ann", right)); next.Step != nightlatch.StepEnroll {
		t.Errorf("at the end: %s", next.Step)
	}
}

// What has changed since makes a reminder untrue, or another.
func TestReminderIsJudgedWhenItIsDue(t *testing.T) {
	t.Parallel()
	policy := nightlatch.Policy{Require: nightlatch.Required, Grace: 10 * day}
	for name, c := range map[string]struct {
		change func(w *world, c *nightlatch.Config)
		want   int // mails beside the first
	}{
		"nothing":         {func(*world, *nightlatch.Config) {}, 1},
		"optional":        {func(_ *world, c *nightlatch.Config) { c.Policy.Require = nightlatch.Optional }, 0},
		"report only":     {func(_ *world, c *nightlatch.Config) { c.Policy.ReportOnly = true }, 0},
		"a shorter grace": {func(_ *world, c *nightlatch.Config) { c.Policy.Grace = day }, 0},
		"removed":         {func(w *world, _ *nightlatch.Config) { w.people.remove("ann") }, 0},
		"disabled": {func(w *world, _ *nightlatch.Config) {
			w.people.put(nightlatch.User{ID: "ann", Email: "a@example.org", Disabled: true})
		}, 0},
		"a new address": {func(w *world, _ *nightlatch.Config) { w.people.put(nightlatch.User{ID: "ann", Email: "a@example.org"}) }, 1},
		"out of time":   {func(w *world, _ *nightlatch.Config) { w.clock.pass(8 * day) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mails := &reminders{}
			w := newWorld(t, reminding(mails, policy))
			w.add("ann")
			w.withPassword("ann")
			w.send(w.Service)
			if len(mails.mails) != 1 {
				t.Fatalf("mails are %q", mails.mails)
			}
			w.clock.pass(3 * day)
			s := w.another(func(config *nightlatch.Config) { c.change(w, config) })
			w.send(s)
			w.send(s)
			if got := len(mails.mails) - 1; got != c.want {
				t.Errorf("%d reminders, want %d: %q", got, c.want, mails.mails)
			}
		})
	}
}

// Whoever once held enough has a whole grace when it is required again.
func TestGraceBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Require: nightlatch.Required, Grace: day}))
	w.add("ann")
	w.withPassword("ann")
	w.clock.pass(2 * day)
	optional := w.another(func(c *nightlatch.Config) { c.Policy.Require = nightlatch.Optional })
	strict := w.Service
	if next := w.must(w.first("ann", right)); next.Step != nightlatch.StepEnroll {
		t.Errorf("grace is over: %s", next.Step)
	}
	w.Service = optional
	w.withPassword("ann")
	w.Service = strict
	if next := w.must(w.first("ann", right)); !next.EnrollBy.Equal(w.clock.Now().Add(day)) {
		t.Errorf("required again: by %v", next.EnrollBy)
	}
}

// Only a day later it is written again. A session from before is told no date.
func TestWouldStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withPolicy(nightlatch.Policy{Require: nightlatch.Required, ReportOnly: true, Grace: day}))
	w.add("ann")
	w.add("bob")
	w.addKnock("bob", "door")
	w.knocked("bob")
	for range 5 {
		tok := w.withPassword("ann")
		if by := must(w.EnrollBy(t.Context(), tok)); !by.IsZero() {
			t.Errorf("enroll by %v", by)
		}
		w.clock.pass(12 * time.Hour)
	}
	if got := w.named("ann", nightlatch.EventWouldStop); !slices.Equal(got, []string{
		"policy_would_stop 0s", "policy_would_stop 24h0m0s", "policy_would_stop 48h0m0s",
	}) {
		t.Errorf("events are %v", got)
	}
	if got := w.named("bob", nightlatch.EventWouldStop); len(got) != 0 {
		t.Errorf("bob holds enough: %v", got)
	}
}

// A sign-in that waits at an enrollment that is no longer asked has ended; the next one is done.
func TestPolicyTurnsOptionalMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, required)
	w.add("ann")
	in := w.begun("ann")
	if next := must(w.SignIn(t.Context(), in)); next.Step != nightlatch.StepEnroll {
		t.Fatalf("it stands at %s", next.Step)
	}
	w.Service = w.another(func(c *nightlatch.Config) { c.Policy.Require = nightlatch.Optional })
	if next, err := w.SignIn(t.Context(), in); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("it stands at %+v: %v", next, err)
	}
	_, err := w.BeginEnrollment(t.Context(), in, nightlatch.NewEnrollment{Kind: "knock"}, client)
	w.want(err, nightlatch.ErrForbidden)
	w.withPassword("ann")
}

// When it is required of more people, those who are in stay in, at the level that they have.
func TestSessionsFromBeforeItWasRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	tok := w.withPassword("ann")
	w.Service = w.another(required)
	if ses := must(w.Session(t.Context(), tok)); ses.Level != nightlatch.Level1 {
		t.Errorf("level %d", ses.Level)
	}
	if by := must(w.EnrollBy(t.Context(), tok)); !by.IsZero() {
		t.Errorf("enroll by %v", by)
	}
}
