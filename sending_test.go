package nightlatch_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

// mailbox is a Sender that keeps what it is given.
type mailbox struct {
	mu   sync.Mutex
	got  []factor.Message
	err  error                     // what it answers
	look func(ctx context.Context) // called while it sends
}

func (m *mailbox) Send(ctx context.Context, msg factor.Message) error {
	if m.look != nil {
		m.look(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, msg)
	return m.err
}

func (m *mailbox) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *mailbox) all() []factor.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

func (m *mailbox) count() int { return len(m.all()) }

// code is the last one that was sent.
func (m *mailbox) code() string {
	all := m.all()
	if len(all) == 0 {
		return "nothing was sent"
	}
	return regexp.MustCompile(`\b\d{6}\b`).FindString(all[len(all)-1].Text)
}

// wrong is another code than the last one.
func (m *mailbox) wrong() string {
	if m.code() == "123456" {
		return "654321"
	}
	return "123456"
}

// plainPhone reads numbers for these tests.
func plainPhone(text, _ string) (e164, spoken string, err error) {
	if !strings.HasPrefix(text, "+") {
		return "", "", errors.New("no number")
	}
	return text, text, nil
}

// postal is a world where codes are sent.
func postal(t *testing.T, options ...func(*nightlatch.Config)) (*world, *mailbox) {
	t.Helper()
	box := &mailbox{}
	o := sentcode.Options{ParsePhone: plainPhone}
	options = append([]func(*nightlatch.Config){
		withFactors(sentcode.NewEmail(o), sentcode.NewSMS(o)),
		func(c *nightlatch.Config) {
			c.Senders = map[factor.Kind]nightlatch.Sender{sentcode.Email: box, sentcode.SMS: box}
		},
	}, options...)
	w := newWorld(t, options...)
	w.add("ann")
	return w, box
}

func messages(l nightlatch.MessageLimits) func(*nightlatch.Config) {
	return func(c *nightlatch.Config) { c.Limits.Messages = l }
}

// addDestination gives a person a confirmed address or number.
func (w *world) addDestination(user string, kind factor.Kind, to string) string {
	w.Helper()
	f := sentcode.NewEmail(sentcode.Options{})
	if kind == sentcode.SMS {
		f = sentcode.NewSMS(sentcode.Options{ParsePhone: plainPhone})
	}
	enrolled, err := f.NewState(to)
	if err != nil {
		w.Fatal(err)
	}
	w.install(nightlatch.Installation{User: user, Kind: kind, Label: to, Enrolled: enrolled})
	return w.idOf(user, to)
}

// ask has a code sent in a sign-in or session.
func (w *world) ask(tok string, kind factor.Kind, id string) (nightlatch.Challenge, error) {
	return w.Challenge(w.Context(), tok, kind, id, client)
}

// throttles are the records of some subjects, to see that nothing is counted.
func (w *world) throttles(subjects ...string) (all []nightlatch.ThrottleRecord) {
	w.Helper()
	err := w.store.View(w.Context(), func(r nightlatch.Reader) error {
		for _, s := range subjects {
			list, err := r.ThrottlesOf(w.Context(), s)
			if err != nil {
				return err
			}
			all = append(all, list...)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// Ten an hour to one number, at once and by two processes: ten, and no eleventh until the first is an hour old.
func TestDestinationBudget(t *testing.T) {
	t.Parallel()
	w, box := postal(t, messages(nightlatch.MessageLimits{PerUser: 1000, PerAddress: 1000}))
	w.addDestination("ann", sentcode.SMS, "+4915123456789")
	services := []*nightlatch.Service{w.Service, w.another()}
	toks := make([]string, 30)
	for i := range toks {
		toks[i] = w.begun("ann")
	}
	said := map[string]int{}
	for _, err := range inParallel(30, func(i int) error {
		_, err := services[i%2].Challenge(t.Context(), toks[i], sentcode.SMS, "", client)
		return err
	}) {
		var e *nightlatch.ThrottledError
		switch {
		case err == nil:
			said["sent"]++
		case asThrottled(err, &e) && e.RetryAfter == time.Hour:
			said["throttled for an hour"]++
		default:
			said[err.Error()]++
		}
	}
	if said["sent"] != 10 || said["throttled for an hour"] != 20 || box.count() != 10 {
		t.Fatalf("%v, and %d were sent", said, box.count())
	}
	w.clock.pass(time.Hour - time.Second)
	_, err := w.ask(w.begun("ann"), sentcode.SMS, "")
	w.throttled(err, time.Second)
	w.clock.pass(time.Second)
	if _, err := w.ask(w.begun("ann"), sentcode.SMS, ""); err != nil || box.count() != 11 {
		t.Errorf("an hour later: %v, %d sent", err, box.count())
	}
}

// TestOthersLeaveTheOwnerAShare: whoever names somebody's number or address at enrollments of his own keeps nobody from codes.
func TestOthersLeaveTheOwnerAShare(t *testing.T) {
	t.Parallel()
	for limit, share := range map[int]int{4: 2, 3: 2, 1: 1} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			othersLeave(t, limit, share)
		})
	}
}

func othersLeave(t *testing.T, limit, share int) {
	t.Helper()
	w, box := postal(t, messages(nightlatch.MessageLimits{PerDestination: limit}))
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	w.add("bob")
	bob := w.withPassword("bob")
	floods := func() error {
		n := nightlatch.NewEnrollment{Kind: sentcode.Email, Response: factor.Response{Email: "Ann+x@example.net"}}
		_, err := w.BeginEnrollment(t.Context(), bob, n, client)
		w.want(w.CancelEnrollment(t.Context(), bob, sentcode.Email), nil)
		return err
	}
	for range limit {
		w.want(floods(), nil)
	}
	w.throttled(floods(), time.Hour)
	for range share {
		if _, err := w.ask(w.begun("ann"), sentcode.Email, ""); err != nil {
			t.Errorf("the owner: %v", err)
		}
	}
	_, err := w.ask(w.begun("ann"), sentcode.Email, "")
	w.throttled(err, time.Hour)
	if box.count() != limit+share {
		t.Errorf("%d were sent", box.count())
	}
}

// The spelling of an address opens no second budget, and neither does another account.
func TestDestinationBudgetOfAllSpellings(t *testing.T) {
	t.Parallel()
	w, box := postal(t, messages(nightlatch.MessageLimits{PerDestination: 2}))
	w.add("bob")
	for i, to := range []string{"victim@example.net", "VICTIM@example.net", "Victim@Example.net"} {
		tok := w.withPassword([]string{"ann", "bob", "ann"}[i])
		_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{
			Kind: sentcode.Email, Response: factor.Response{Email: to},
		}, client)
		if i < 2 {
			w.want(err, nil)
			continue
		}
		w.throttled(err, time.Hour)
	}
	if box.count() != 2 {
		t.Errorf("%d were sent", box.count())
	}
}

// What follows a plus sign in an address opens no second budget: mail servers put all such mail into one box.
func TestDestinationBudgetOfTags(t *testing.T) {
	t.Parallel()
	w, box := postal(t, messages(nightlatch.MessageLimits{PerDestination: 2}))
	tok := w.withPassword("ann")
	for i, to := range []string{"victim@example.net", "victim+1@example.net", "Victim+2+3@example.net", "+victim@example.net", "+another@example.net"} {
		_, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{
			Kind: sentcode.Email, Response: factor.Response{Email: to},
		}, client)
		if i == 2 {
			w.throttled(err, time.Hour)
		} else if err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	if box.count() != 4 {
		t.Errorf("%d were sent", box.count())
	}
}

// Each budget holds by itself, and what one refuses counts against none.
func TestBudgets(t *testing.T) {
	t.Parallel()
	type asker struct{ user, to, addr string }
	tests := map[string]struct {
		limits     nightlatch.MessageLimits
		shut, open asker
	}{
		"of a destination": {
			nightlatch.MessageLimits{PerDestination: 3},
			asker{"ann", "ann@example.net", "192.0.2.99"},
			asker{"ann", "more@example.net", "192.0.2.7"},
		},
		"of a user": {
			nightlatch.MessageLimits{PerUser: 3},
			asker{"ann", "more@example.net", "192.0.2.99"},
			asker{"bob", "bob@example.net", "192.0.2.7"},
		},
		"of an address": {
			nightlatch.MessageLimits{PerAddress: 3},
			asker{"bob", "bob@example.net", "192.0.2.7"},
			asker{"ann", "ann@example.net", "192.0.2.99"},
		},
		"of an address, and a program has none": {
			nightlatch.MessageLimits{PerAddress: 3},
			asker{"bob", "bob@example.net", "192.0.2.7"},
			asker{"ann", "ann@example.net", ""},
		},
		"of all": {nightlatch.MessageLimits{Total: 3}, asker{"bob", "bob@example.net", "192.0.2.99"}, asker{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, box := postal(t, messages(tc.limits))
			w.add("bob")
			ids := map[string]string{}
			for _, to := range []string{"ann@example.net", "more@example.net"} {
				ids[to] = w.addDestination("ann", sentcode.Email, to)
			}
			ids["bob@example.net"] = w.addDestination("bob", sentcode.Email, "bob@example.net")
			ask := func(a asker) (string, error) {
				tok := w.begun(a.user)
				_, err := w.Challenge(t.Context(), tok, sentcode.Email, ids[a.to], nightlatch.Client{Addr: a.addr})
				return tok, err
			}
			for range 3 {
				must(ask(asker{"ann", "ann@example.net", "192.0.2.7"}))
			}
			subjects := []string{"sent:user:ann", "sent:user:bob", "sent:addr:192.0.2.7", "sent:addr:192.0.2.99", "sent:all"}
			before := w.throttles(subjects...)
			tok, err := ask(tc.shut)
			w.throttled(err, time.Hour)
			if diff := cmp.Diff(before, w.throttles(subjects...)); diff != "" || len(before) != 3 {
				t.Errorf("counted what was refused:\n%s", diff)
			}
			if show := must(w.Show(t.Context(), tok, sentcode.Email, "", client)); show.Prompt != nil {
				t.Error("there is a code that nobody was sent")
			}
			if box.count() != 3 {
				t.Errorf("%d were sent", box.count())
			}
			if tc.open != (asker{}) {
				must(ask(tc.open))
			}
		})
	}
}

// A large budget is counted by the minute, and never lets more through in an hour.
func TestLargeBudget(t *testing.T) {
	t.Parallel()
	w, box := postal(t, messages(nightlatch.MessageLimits{PerDestination: 1000, PerUser: 150, PerAddress: 1000}))
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	var sent []time.Time
	for range 400 {
		w.clock.pass(17 * time.Second)
		if _, err := w.ask(w.begun("ann"), sentcode.Email, ""); err == nil {
			sent = append(sent, w.clock.Now())
		}
	}
	if box.count() != len(sent) || len(sent) < 2*150-20 {
		t.Errorf("%d sent, %d went well", box.count(), len(sent))
	}
	for i := range len(sent) - 150 {
		if d := sent[i+150].Sub(sent[i]); d < time.Hour {
			t.Fatalf("151 messages in %v", d)
		}
	}
	if data := w.throttles("sent:user:ann")[0].Data; len(data) > 2048 {
		t.Errorf("%d bytes are kept of a budget", len(data))
	}
}

// A message goes out once it is committed, and once, although the store runs the transaction again.
func TestSentAfterTheCommit(t *testing.T) {
	t.Parallel()
	w, box := postal(t, func(c *nightlatch.Config) { c.Store = twice{c.Store} })
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	tok := w.begun("ann")
	box.look = func(context.Context) {
		// Whoever has the code already can use it.
		if show := must(w.Show(t.Context(), tok, sentcode.Email, "", client)); show.Prompt == nil {
			t.Error("it is sent before it is kept")
		}
	}
	must(w.ask(tok, sentcode.Email, ""))
	if box.count() != 1 || len(w.throttles("sent:all")) != 1 || w.throttles("sent:all")[0].Revision != 1 {
		t.Errorf("%d sent, budgets %+v", box.count(), w.throttles("sent:all"))
	}
	box.look = nil
	done := w.must(w.prove(tok, sentcode.Email, box.code()))
	e, err := w.BeginEnrollment(t.Context(), done.Token, nightlatch.NewEnrollment{
		Kind: sentcode.SMS, Response: factor.Response{Phone: "+4915123456789"},
	}, client)
	w.want(err, nil)
	if box.count() != 2 {
		t.Errorf("%d sent", box.count())
	}
	must(w.finish(done.Token, e.ID, "", box.code()))
}

// A store that fails sends nothing.
func TestNothingIsSentThatIsNotKept(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w, box := postal(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	for n := 1; ; n++ {
		tok := w.begun("ann")
		store.failAt(n)
		_, err := w.ask(tok, sentcode.Email, "")
		if !store.hasFired() {
			w.want(err, nil)
			break
		}
		w.want(err, nightlatch.ErrUnavailable)
		if box.count() != 0 {
			t.Fatalf("call %d of the store failed, and a code was sent", n)
		}
	}
}

// Where sending fails the person hears of it. Where nobody can tell whether it arrived the code stays good; else asking
// again sends at once, and what was sent before stays good.
func TestDeliveryFails(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	tok := w.begun("ann")
	box.fail(deliver.Unclear(errors.New("the line was cut")))
	_, err := w.ask(tok, sentcode.Email, "")
	w.want(err, nightlatch.ErrDeliveryFailed)
	w.must(w.prove(tok, sentcode.Email, box.code()))

	tok = w.begun("ann")
	box.fail(errors.New("the provider is down"))
	before := box.count()
	for range 2 {
		_, err = w.ask(tok, sentcode.Email, "")
		w.want(err, nightlatch.ErrDeliveryFailed)
	}
	if box.count() != before+2 {
		t.Error("asking again after a message that was not sent did not send")
	}
	box.fail(nil)
	must(w.ask(tok, sentcode.Email, ""))
	first := box.code()
	w.clock.pass(time.Minute)
	box.fail(errors.New("the provider is down"))
	_, err = w.ask(tok, sentcode.Email, "")
	w.want(err, nightlatch.ErrDeliveryFailed)
	w.must(w.prove(tok, sentcode.Email, first))

	tok = w.begun("ann")
	box.fail(fmt.Errorf("no such mailbox: %w", factor.ErrDestination))
	_, err = w.ask(tok, sentcode.Email, "")
	w.want(err, nightlatch.ErrDeliveryFailed)

	box.fail(nil)
	must(w.ask(tok, sentcode.Email, "")) // too early for another, and no failure
	w.must(w.prove(tok, sentcode.Email, box.code()))
}

// A destination that the provider refuses is blamed on its field.
func TestDestinationIsRefused(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	box.fail(fmt.Errorf("no such subscriber: %w", factor.ErrDestination))
	for kind, field := range map[factor.Kind]string{sentcode.Email: "email", sentcode.SMS: "phone"} {
		n := nightlatch.NewEnrollment{Kind: kind, Response: factor.Response{Email: "x@example.net", Phone: "+4915123456789"}}
		_, err := w.BeginEnrollment(t.Context(), w.withPassword("ann"), n, client)
		var invalid *nightlatch.InvalidError
		if !asInvalid(err, &invalid) || *invalid != (nightlatch.InvalidError{Field: field, Problem: "invalid"}) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	// What is held was reachable once: there it is an outage like any other.
	w.addDestination("ann", sentcode.SMS, "+4915123456789")
	_, err := w.ask(w.begun("ann"), sentcode.SMS, "")
	w.want(err, nightlatch.ErrDeliveryFailed)
	var invalid *nightlatch.InvalidError
	if asInvalid(err, &invalid) {
		t.Errorf("err = %v", err)
	}
}

// A sender that hangs, panics or is missing holds nobody up. Its time does not depend on who waits.
func TestSendersThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	senders := map[string]nightlatch.Sender{
		"hangs":            &mailbox{look: func(context.Context) { <-hang }},
		"waits to the end": &mailbox{look: func(ctx context.Context) { <-ctx.Done() }, err: context.DeadlineExceeded},
		"panics":           &mailbox{look: func(context.Context) { panic("no") }},
		"is missing":       nil,
	}
	for name, sender := range senders {
		t.Run(name, func(t *testing.T) {
			w, _ := postal(t, func(c *nightlatch.Config) {
				c.Limits.Delivery = 10 * time.Millisecond
				c.Senders = map[factor.Kind]nightlatch.Sender{sentcode.Email: sender}
				if sender == nil {
					c.Senders = nil
				}
			})
			w.addDestination("ann", sentcode.Email, "ann@example.net")
			_, err := w.ask(w.begun("ann"), sentcode.Email, "")
			w.want(err, nightlatch.ErrDeliveryFailed)
		})
	}
}

// Ten seconds are the most, and who hangs up meanwhile does not end it: the code is kept and counted.
func TestWhoHangsUpIsSentTheCode(t *testing.T) {
	t.Parallel()
	w, box := postal(t)
	w.addDestination("ann", sentcode.Email, "ann@example.net")
	tok := w.begun("ann")
	ctx, cancel := context.WithCancel(t.Context())
	box.look = func(sending context.Context) {
		cancel()
		if sending.Err() != nil {
			t.Error("sending ended with the request")
		}
		end, ok := sending.Deadline()
		if !ok || time.Until(end) > 10*time.Second {
			t.Errorf("it may take until %v", end)
		}
	}
	_, err := w.Challenge(ctx, tok, sentcode.Email, "", client)
	w.want(err, nil)
	box.look = nil
	w.must(w.prove(tok, sentcode.Email, box.code()))
}
