package nightlatch_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/pgtest"
)

var notMeURL = regexp.MustCompile(`https://example\.com/not-me\?token=(\S+)`)

// notMe is the token of **This was not me** in a mail, or "".
func notMe(m factor.Message) string {
	if found := notMeURL.FindStringSubmatch(m.Text); found != nil {
		return found[1]
	}
	return ""
}

// mailAbout sends what is due and returns the newest mail whose subject holds some words.
func (w *world) mailAbout(box *mailbox, words string) factor.Message {
	w.Helper()
	must(w.SendNotices(w.Context()))
	for _, m := range slices.Backward(box.all()) {
		if strings.Contains(m.Subject, words) {
			return m
		}
	}
	w.Fatalf("no mail about %q in %d", words, box.count())
	return factor.Message{}
}

// intruded is a world where somebody who knows ann's password, and found her session, has added a knock and new codes.
// link is that of the mail about the knock.
func intruded(t *testing.T, options ...func(*nightlatch.Config)) (w *world, box *mailbox, phone *phone, link string) {
	t.Helper()
	w, box = told(t, options...)
	phone = w.addPhone("ann", "Phone")
	w.clock.pass(time.Hour)
	tok := w.must(w.prove(w.begun("ann"), "totp", phone.code())).Token
	done, err := w.enroll(tok, "Theirs")
	w.want(err, nil)
	if len(done.Codes) == 0 {
		t.Fatal("there are no codes")
	}
	yes := true
	_, err = w.EditAuthenticator(t.Context(), done.Next.Token, done.Authenticator.ID, nightlatch.Edit{Preferred: &yes}, client)
	w.want(err, nil)
	return w, box, phone, notMe(w.mailAbout(box, "authenticator was added"))
}

func (w *world) disown(link string) nightlatch.Event {
	w.Helper()
	e, err := w.NotMe(w.Context(), link, client)
	w.want(err, nil)
	return e
}

func (w *world) held(user, label string) nightlatch.Offer {
	w.Helper()
	for _, o := range must(w.HoldingsOf(w.Context(), user)).Authenticators {
		if o.Label == label {
			return o
		}
	}
	w.Fatalf("%s holds no %q", user, label)
	return nightlatch.Offer{}
}

// **This was not me** ends all sessions and unfinished sign-ins, suspends what was added and the codes that came with it,
// and leaves all else as it is.
func TestNotMe(t *testing.T) {
	t.Parallel()
	w, _, phone, link := intruded(t)
	session := w.must(w.prove(w.begun("ann"), "totp", phone.next())).Token
	unfinished := w.begun("ann")
	others := w.withPassword("eve")

	shown := must(w.ToldBy(t.Context(), link))
	if shown.Name != nightlatch.EventAuthenticatorAdded || shown.Label != "Theirs" || shown.At.IsZero() || shown.Client.Addr != client.Addr {
		t.Errorf("the page shows %+v", shown)
	}
	before := len(w.events("ann", 0))
	if e := w.disown(link); e.Name != nightlatch.EventAuthenticatorAdded || e.Label != "Theirs" {
		t.Errorf("it told of %+v", e)
	}
	_, err := w.Session(t.Context(), session)
	w.want(err, nightlatch.ErrUnauthenticated)
	_, err = w.SignIn(t.Context(), unfinished)
	w.want(err, nightlatch.ErrUnauthenticated)
	must(w.Session(t.Context(), others))
	if o := w.held("ann", "Theirs"); !o.Suspended || o.Preferred {
		t.Errorf("what was added is %+v", o)
	}
	if o := w.held("ann", "Phone"); o.Suspended {
		t.Error("what was there before is suspended")
	}
	if codes := must(w.HoldingsOf(t.Context(), "ann")).Codes; len(codes) != 1 || !codes[0].Suspended || codes[0].Left != 0 {
		t.Errorf("the codes are %+v", codes)
	}
	got := w.events("ann", before)
	slices.Sort(got)
	if want := []string{nightlatch.EventAuthenticatorSuspended, nightlatch.EventAuthenticatorSuspended, nightlatch.EventNotMe}; !slices.Equal(got, want) {
		t.Errorf("events = %v", got)
	}
	w.verifyTrail("ann")
	w.must(w.prove(w.begun("ann"), "totp", phone.next()))
}

// The devices end with the sessions, and the browser that was disowned is a new one the next time; that of the owner, who
// was there before, is not.
func TestNotMeForgetsBrowsers(t *testing.T) {
	t.Parallel()
	w, box := told(t, remembering)
	w.addKnock("ann", "Knock")
	in := func(browser string) (told int) {
		before := len(w.events("ann", 0))
		a := w.attempt("ann", "", right)
		a.Start.Browser = browser
		tok := w.must(w.ProveFirst(t.Context(), a)).Token
		w.must(w.prove(tok, "knock", "right"))
		w.clock.pass(time.Minute)
		return count(w.events("ann", before), nightlatch.EventNewBrowser)
	}
	device := w.remembered("ann")
	w.clock.pass(time.Minute)
	if in("mine") != 1 || in("theirs") != 1 || in("theirs") != 0 {
		t.Fatal("browsers are not told apart")
	}
	w.disown(notMe(w.mailAbout(box, "new browser")))
	if len(w.devices("ann")) != 0 || w.with("ann", device).Step != nightlatch.StepVerify {
		t.Error("a device is still remembered")
	}
	if in("mine") != 0 {
		t.Error("the owner's browser is forgotten")
	}
	if in("theirs") != 1 {
		t.Error("the browser that was disowned is known")
	}
	w.disown(w.mailedLink(box, "renamed", nightlatch.EventAuthenticatorRenamed))
	w.clock.pass(-time.Hour) // as if all had been seen since
	w.disown(w.mailedLink(box, "renamed", nightlatch.EventAuthenticatorRenamed))
	if in("another") != 1 {
		t.Error("the first browser after all were forgotten is not told")
	}
}

// mailedLink is the link of the mail about an event that happens now.
func (w *world) mailedLink(box *mailbox, words, event string) string {
	w.Helper()
	w.change("ann", event, func(context.Context) error { return nil })
	return notMe(w.mailAbout(box, words))
}

// A suspended authenticator opens no door, and its account is none without a second factor.
func TestSuspended(t *testing.T) {
	t.Parallel()
	w, _, phone, link := intruded(t)
	id := w.held("ann", "Theirs").ID
	w.disown(link)
	tok := w.begun("ann")
	next := must(w.Service.SignIn(t.Context(), tok))
	if len(next.Offers) != 1 || next.Offers[0].Kind != "totp" {
		t.Errorf("offers = %+v", next.Offers)
	}
	_, err := w.Challenge(t.Context(), tok, "knock", id, client)
	w.refused(err, factor.Wrong)
	for _, answer := range []factor.Response{{Kind: "knock", Code: "right"}, {Kind: "knock", ID: id, Code: "right"}} {
		_, err := w.Verify(t.Context(), tok, answer, client)
		w.refused(err, factor.Wrong)
	}
	tok = w.must(w.prove(tok, "totp", phone.next())).Token
	w.clock.pass(time.Hour)
	_, err = w.Verify(t.Context(), tok, factor.Response{Kind: "knock", ID: id, Code: "right"}, client)
	w.refused(err, factor.Wrong)
	var stale *nightlatch.FreshProofError
	if err := w.RemoveAuthenticator(t.Context(), tok, id, client); !errors.As(err, &stale) || len(stale.Offers) != 1 {
		t.Errorf("without a fresh proof: %v", err)
	}
	tok = w.must(w.prove(tok, "totp", phone.next())).Token
	yes := true
	_, err = w.EditAuthenticator(t.Context(), tok, id, nightlatch.Edit{Preferred: &yes}, client)
	w.want(err, nightlatch.ErrConflict)
	w.want(w.RemoveAuthenticator(t.Context(), tok, id, client), nil)
	if held := must(w.HoldingsOf(t.Context(), "ann")); len(held.Authenticators) != 1 {
		t.Errorf("held = %+v", held)
	}
}

// One of a kind that works beside one that is suspended answers, and only it.
func TestSuspendedBesideOneOfItsKind(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	mine := w.addKnock("ann", "Mine")
	w.clock.pass(time.Hour)
	_, err := w.enroll(w.knocked("ann"), "Theirs")
	w.want(err, nil)
	theirs := w.held("ann", "Theirs").ID
	w.disown(notMe(w.mailAbout(box, "authenticator was added")))
	tok := w.begun("ann")
	_, err = w.Verify(t.Context(), tok, factor.Response{Kind: "knock", ID: theirs, Code: "right"}, client)
	w.refused(err, factor.Wrong)
	next := w.must(w.Verify(t.Context(), tok, factor.Response{Kind: "knock", Code: "right"}, client))
	if by := next.Session.Proofs[len(next.Session.Proofs)-1].Authenticator; by != mine {
		t.Errorf("%s answered", by)
	}
	if _, held, err := w.HeldOf(t.Context(), nightlatch.User{ID: "ann"}, "knock"); err != nil || len(held) != 1 || held[0].ID != mine {
		t.Errorf("a factor sees %+v, %v", held, err)
	}
}

// A first authenticator that was disowned leaves an account that asks for a second factor and has none to offer: a
// password alone opens nothing. With a recovery code its owner removes it.
func TestSuspendedFirst(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]nightlatch.Require{"optional": nightlatch.Optional, "required": nightlatch.Required} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, box := told(t, func(c *nightlatch.Config) {
				c.Policy.Require, c.Policy.Grace = policy, 240*time.Hour
			})
			w.clock.pass(time.Hour)
			_, err := w.enroll(w.withPassword("ann"), "Theirs")
			w.want(err, nil)
			w.disown(notMe(w.mailAbout(box, "authenticator was added")))
			tok := w.begun("ann")
			if next := must(w.Service.SignIn(t.Context(), tok)); next.Step != nightlatch.StepVerify || len(next.Offers) != 0 {
				t.Fatalf("the password leads to %+v", next)
			}
			_, err = w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: "knock"}, client)
			w.want(err, nightlatch.ErrForbidden)

			w.clock.pass(time.Hour)
			code := must(paper{}.codes(sharedRandom, 1))
			w.install(nightlatch.Installation{User: "ann", Kind: "paper", Enrolled: code, ExpiresAt: w.clock.Now().Add(time.Hour)})
			tok = w.must(w.prove(w.begun("ann"), "paper", code.Show.(factor.Keep).Codes[0])).Token
			id := w.held("ann", "Theirs").ID
			if policy == nightlatch.Required {
				w.want(w.RemoveAuthenticator(t.Context(), tok, id, client), nightlatch.ErrConflict)
				done, err := w.enroll(tok, "Mine")
				w.want(err, nil)
				if len(done.Codes) != 3 {
					t.Errorf("%d codes came in the place of the suspended ones", len(done.Codes))
				}
				tok = done.Next.Token
			}
			w.want(w.RemoveAuthenticator(t.Context(), tok, id, client), nil)
			held := must(w.HoldingsOf(t.Context(), "ann"))
			if policy == nightlatch.Required && (len(held.Authenticators) != 1 || len(held.Codes) != 1 || held.Codes[0].Suspended) {
				t.Errorf("held = %+v", held)
			}
			if policy == nightlatch.Optional && len(held.Authenticators)+len(held.Codes) != 0 {
				t.Errorf("held = %+v", held)
			}
		})
	}
}

// With the last one that works those that are suspended go, too: nobody is left with nothing that could be asked for.
func TestRemoveTheLastThatWorks(t *testing.T) {
	t.Parallel()
	w, _, phone, link := intruded(t)
	w.disown(link)
	tok := w.must(w.prove(w.begun("ann"), "totp", phone.next())).Token
	w.want(w.RemoveAuthenticator(t.Context(), tok, phone.id, client), nil)
	if held := must(w.HoldingsOf(t.Context(), "ann")); len(held.Authenticators)+len(held.Codes) != 0 {
		t.Errorf("held = %+v", held)
	}
	w.withPassword("ann")
}

// New recovery codes stand in the place of a suspended set; a replacement in that of a suspended authenticator.
func TestSuspendedIsReplaced(t *testing.T) {
	t.Parallel()
	w, _, phone, link := intruded(t)
	w.disown(link)
	tok := w.must(w.prove(w.begun("ann"), "totp", phone.next())).Token
	codes, err := w.RenewCodes(t.Context(), tok, "paper", client)
	w.want(err, nil)
	if held := must(w.HoldingsOf(t.Context(), "ann")).Codes; len(held) != 1 || held[0].Suspended || held[0].Left != 3 {
		t.Errorf("codes = %+v", held)
	}
	w.must(w.prove(w.begun("ann"), "paper", codes[0]))
	e, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{
		Kind: "knock", Label: "Mine", Replaces: w.held("ann", "Theirs").ID,
	}, client)
	w.want(err, nil)
	_, err = w.FinishEnrollment(t.Context(), tok, e.ID, "", factor.Response{Code: "right"}, client)
	w.want(err, nil)
	if held := must(w.HoldingsOf(t.Context(), "ann")).Authenticators; len(held) != 2 || held[0].Suspended || held[1].Suspended {
		t.Errorf("held = %+v", held)
	}
}

// A link is good once, however many open it at once, also on another node and after a restart; for its purpose and time.
func TestNotMeOnce(t *testing.T) {
	t.Parallel()
	calls := make(chan struct{}, 20)
	w, box, phone, link := intruded(t, func(c *nightlatch.Config) {
		c.Disowned = func(_ context.Context, user string, e nightlatch.Event) error {
			if user != "ann" || e.Name != nightlatch.EventAuthenticatorAdded {
				t.Errorf("disowned %s of %s", e.Name, user)
			}
			calls <- struct{}{}
			return nil
		}
	})
	again := w.another() // as after a restart
	errs := inParallel(8, func(i int) error {
		s := w.Service
		if i%2 == 1 {
			s = again
		}
		_, err := s.NotMe(t.Context(), link, client)
		return err
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		w.refused(err, factor.Used)
	}
	if n := count(w.events("ann", 0), nightlatch.EventNotMe); won != 1 || n != 1 || len(calls) != 1 {
		t.Errorf("%d won, %d events, %d calls", won, n, len(calls))
	}
	_, err := w.ToldBy(t.Context(), link)
	w.refused(err, factor.Used)

	w.want(w.RemoveAuthenticator(t.Context(), w.must(w.prove(w.begun("ann"), "totp", phone.next())).Token, w.held("ann", "Theirs").ID, client), nil)
	late := notMe(w.mailAbout(box, "authenticator was removed"))
	w.clock.pass(7*24*time.Hour - time.Second)
	must(w.ToldBy(t.Context(), late))
	w.clock.pass(time.Second)
	_, err = w.NotMe(t.Context(), late, client)
	w.refused(err, factor.Expired)

	var other string
	w.want(w.Change(t.Context(), "ann", nightlatch.Event{Name: "asked"}, func(ctx context.Context) (err error) {
		other, err = w.NewLink(ctx, "ann", "password_reset", nil, time.Hour)
		return err
	}), nil)
	for _, tok := range []string{other, alter(other), "", "nonsense", w.begun("ann")} {
		_, err = w.NotMe(t.Context(), tok, client)
		w.refused(err, factor.Wrong)
	}
}

// Where the application cannot hold back its own part, nothing happens, and the link stays good.
func TestNotMeAllOrNothing(t *testing.T) {
	t.Parallel()
	fault := errors.New("the disk is full")
	w, _, phone, link := intruded(t, func(c *nightlatch.Config) {
		c.Disowned = func(context.Context, string, nightlatch.Event) error { return fault }
	})
	session := w.must(w.prove(w.begun("ann"), "totp", phone.next())).Token
	before := len(w.events("ann", 0))
	_, err := w.NotMe(t.Context(), link, client)
	w.want(err, nightlatch.ErrUnavailable)
	must(w.Session(t.Context(), session))
	if w.held("ann", "Theirs").Suspended || len(w.events("ann", before)) != 0 {
		t.Error("half of it happened")
	}
	must(w.ToldBy(t.Context(), link))
}

// Each mail has a link of its own: those to another address, too. Nothing that they hold stands in the store or a trail.
func TestLinksOfTheirOwn(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	e := nightlatch.Event{Name: "address_changed", Tell: []string{"old@example.org"}}
	w.want(w.Change(t.Context(), "ann", e, func(context.Context) error { return nil }), nil)
	must(w.SendNotices(t.Context()))
	all := box.all()
	if len(all) != 2 || all[0].To != "ann@example.org" && all[1].To != "ann@example.org" || all[0].To == all[1].To {
		t.Fatalf("the mails are %+v", all)
	}
	one, two := notMe(all[0]), notMe(all[1])
	if one == "" || one == two {
		t.Fatalf("the links are %q and %q", one, two)
	}
	w.disown(one)
	w.disown(two)
	dump := w.dump()
	for _, tok := range []string{one, two} {
		if strings.Contains(dump, tok) {
			t.Error("a token stands in the store")
		}
	}
}

// An event that takes nothing away has no link, and its mail none to make: no link is kept that nobody gets.
func TestNoLink(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		nightlatch.EventReset, nightlatch.EventCodeGiven, nightlatch.EventRecoveryCanceled, "account_removed", "account_disabled",
	} {
		w, box := told(t)
		w.want(w.Change(t.Context(), "ann", nightlatch.Event{Name: name}, func(context.Context) error { return nil }), nil)
		must(w.SendNotices(t.Context()))
		if m := box.last(); m.Text == "" || strings.Contains(m.Text, "token=") {
			t.Errorf("%s: %q", name, m.Text)
		}
		if links := w.linksOf("ann"); len(links) != 0 {
			t.Errorf("%s: %d links are kept", name, len(links))
		}
	}
}

// A user who is gone is told at the addresses that the event names.
func TestTellWhoIsGone(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	w.want(w.Change(t.Context(), "ann", nightlatch.Event{Name: "account_removed", Tell: []string{"ann@example.org"}},
		func(context.Context) error { w.people.remove("ann"); return nil }), nil)
	must(w.SendNotices(t.Context()))
	if m := box.last(); m.To != "ann@example.org" || !strings.Contains(m.Subject, "removed") {
		t.Errorf("the mail is %+v", m)
	}
}

// A sender that hangs holds up notices alone.
func TestSenderThatHangs(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	w, box := told(t)
	box.look = func(ctx context.Context) { <-hangs }
	defer close(hangs)
	addKey(w, "ann")
	sending := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(sending)
		_, _ = w.SendNotices(ctx)
	}()
	phone := w.addPhone("ann", "Phone")
	w.must(w.prove(w.begun("ann"), "totp", phone.code()))
	addKey(w, "ann")
	select {
	case <-sending:
		t.Error("the sender did not hang")
	default:
	}
	cancel()
}

// dump is the database as it lies on the disk.
func (w *world) dump() string {
	w.Helper()
	if pgtest.Chosen() {
		return pgtest.Dump(w, w.path)
	}
	var all strings.Builder
	for _, path := range []string{w.path, w.path + "-wal"} {
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

func (w *world) linksOf(user string) (links []nightlatch.LinkRecord) {
	w.Helper()
	w.want(w.store.View(w.Context(), func(r nightlatch.Reader) (err error) {
		links, err = r.LinksOf(w.Context(), user)
		return err
	}), nil)
	return links
}
