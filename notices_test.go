package nightlatch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/notice"
)

// told is a world whose owners hear of what happens.
func told(t *testing.T, options ...func(*nightlatch.Config)) (*world, *mailbox) {
	t.Helper()
	w, box := postal(t, append(options, func(c *nightlatch.Config) {
		c.Notices = notice.Writer{Service: "Example", Links: "https://example.com"}
	})...)
	w.add("eve")
	w.people.put(nightlatch.User{ID: "eve", Name: "eve"}) // has no address
	return w, box
}

// last is the newest message.
func (m *mailbox) last() factor.Message {
	all := m.all()
	if len(all) == 0 {
		return factor.Message{}
	}
	return all[len(all)-1]
}

func addKey(w *world, user string) {
	w.Helper()
	w.want(w.Change(w.Context(), user, nightlatch.Event{Name: nightlatch.EventAuthenticatorAdded, Label: "Blue key"},
		func(context.Context) error { return nil }), nil)
}

// A notice is committed with what it tells of and sent afterwards, once.
func TestNoticeIsSent(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	addKey(w, "ann")
	addKey(w, "eve")
	if box.count() != 0 {
		t.Fatal("sent before anybody asked for what is due")
	}
	select {
	case <-w.NoticesDue():
	default:
		t.Error("nobody is told that something is due")
	}
	if n := must(w.SendNotices(t.Context())); n != 1 || box.count() != 1 {
		t.Fatalf("%d were sent, %d arrived", n, box.count())
	}
	if m := box.last(); m.To != "ann@example.org" || m.Kind != "email" || !strings.Contains(m.Text, "Blue key") {
		t.Errorf("the notice is %+v", m)
	}
	w.clock.pass(24 * time.Hour)
	if n := must(w.SendNotices(t.Context())); n != 0 || box.count() != 1 {
		t.Errorf("%d were sent again", n)
	}
}

// What is rolled back is not told.
func TestNoNoticeOfWhatDidNotHappen(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	err := w.Change(t.Context(), "ann", nightlatch.Event{Name: nightlatch.EventAuthenticatorAdded},
		func(context.Context) error { return nightlatch.ErrForbidden })
	w.want(err, nightlatch.ErrForbidden)
	if n := must(w.SendNotices(t.Context())); n != 0 || box.count() != 0 {
		t.Errorf("%d were sent", n)
	}
}

// A notice that cannot be sent is kept, also over the death of the process, and tried again later and later.
func TestNoticeIsKept(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	addKey(w, "ann")
	box.fail(errors.New("the provider is down"))
	tries := func() int {
		before := box.count()
		must(w.SendNotices(t.Context()))
		return box.count() - before
	}
	if tries() != 1 || tries() != 0 {
		t.Error("it is not put off")
	}
	w.clock.pass(time.Minute)
	if tries() != 1 {
		t.Error("it is not tried after a minute")
	}
	w.clock.pass(time.Minute)
	if tries() != 0 {
		t.Error("the second delay is no longer than the first")
	}
	w.clock.pass(time.Minute)
	box.fail(nil)
	if n := must(w.SendNotices(t.Context())); n != 1 {
		t.Errorf("%d were sent", n)
	}
	addKey(w, "ann")
	box.fail(errors.New("the provider is down"))
	for range 30 {
		w.clock.pass(3 * time.Hour)
		must(w.Expire(t.Context(), 10))
	}
	box.fail(nil)
	if n := must(w.SendNotices(t.Context())); n != 0 {
		t.Error("a notice of last week was sent")
	}
}

// One that the provider refuses for good is not tried again.
func TestNoticeToNowhere(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	addKey(w, "ann")
	box.fail(factor.ErrDestination)
	must(w.SendNotices(t.Context()))
	box.fail(nil)
	w.clock.pass(24 * time.Hour)
	if n := must(w.SendNotices(t.Context())); n != 0 {
		t.Error("tried again")
	}
}

// A counter that went back is told, as any warning of a factor is.
func TestWarningIsTold(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	w.want(w.Change(t.Context(), "ann", nightlatch.Event{Name: nightlatch.EventWarning, Kind: "webauthn", Reason: "counter_went_back"},
		func(context.Context) error { return nil }), nil)
	must(w.SendNotices(t.Context()))
	if m := box.last(); m.To != "ann@example.org" || !strings.Contains(m.Text, "counter") {
		t.Errorf("the notice is %+v", m)
	}
}

// tongues notes of each notice what it tells of, to whom, and in what language.
type tongues struct{ mailbox }

func (*tongues) Wants(event string) bool {
	return event == nightlatch.EventNewBrowser || event == nightlatch.EventReset || event == nightlatch.EventAuthenticatorAdded
}

func (*tongues) Mail(n nightlatch.Notice) (factor.Message, bool) {
	return factor.Message{Kind: "email", To: n.To, Text: n.Event.Name + " " + n.Lang}, true
}

// Owners read their own language, whoever does something to their accounts: an administrator, the command line, or
// somebody who has the password and says that he reads another one.
func TestNoticesAreInTheOwnersLanguage(t *testing.T) {
	t.Parallel()
	box := &tongues{}
	w := newWorld(t, func(c *nightlatch.Config) {
		c.Notices, c.Senders = box, map[factor.Kind]nightlatch.Sender{"email": &box.mailbox}
	})
	w.add("ann")
	in := func(browser, lang string, token bool) {
		a := w.attempt("ann", "", right)
		a.Start = nightlatch.Start{Browser: browser, Token: token, Client: nightlatch.Client{Agent: browser, Lang: lang}}
		w.step(w.must(w.ProveFirst(t.Context(), a)), nightlatch.StepDone)
	}
	does := func(event, by, lang string) {
		e := nightlatch.Event{Name: event, By: by, Client: nightlatch.Client{Lang: lang}}
		w.want(w.Change(t.Context(), "ann", e, func(context.Context) error { return nil }), nil)
	}
	next := func(want string) {
		t.Helper()
		must(w.SendNotices(t.Context()))
		if got := box.last().Text; got != want {
			t.Errorf("the last notice is %q, want %q", got, want)
		}
	}
	does(nightlatch.EventAuthenticatorAdded, "", "en") // before anybody has signed in
	next("authenticator_added en")
	in("hers", "de", false)
	does(nightlatch.EventReset, "administrator", "en")
	next("reset de")
	does(nightlatch.EventReset, "command line", "")
	next("reset de")
	in("his", "en", false) // new: it says nothing of the owner
	next("new_browser de")
	in("tool", "en", true)
	next("new_browser de")
	in("tool", "en", true)
	does(nightlatch.EventReset, "command line", "")
	next("reset de")
	in("hers", "en", false) // she has changed it
	does(nightlatch.EventReset, "administrator", "de")
	next("reset en")
}

// Who signed in twice is no new browser any more, and said what language is read. Once that was not the owner, the owner has
// not said it.
func TestDisownedSaysNoLanguage(t *testing.T) {
	t.Parallel()
	w, box := told(t)
	in := func(browser, lang string) {
		w.clock.pass(time.Minute)
		a := w.attempt("ann", "", right)
		a.Start = nightlatch.Start{Browser: browser, Client: nightlatch.Client{Agent: browser, Lang: lang}}
		w.step(w.must(w.ProveFirst(t.Context(), a)), nightlatch.StepDone)
	}
	in("hers", "en")
	in("his", "de")
	link := notMe(w.mailAbout(box, "from a new browser"))
	in("his", "de")
	addKey(w, "ann")
	w.mailAbout(box, "hinzugefügt")
	_, err := w.NotMe(t.Context(), link, nightlatch.Client{Lang: "en"})
	w.want(err, nil)
	addKey(w, "ann")
	w.mailAbout(box, "authenticator was added")
}
