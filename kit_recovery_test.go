package nightlatch_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

// plainly writes mails that are nothing but what the engine hands over.
type plainly struct{}

// plainMail is what such a mail holds.
type plainMail struct{ Event, Link, Purpose, Code, To, User string }

func (plainly) Wants(string) bool { return true }

func (plainly) Mail(n nightlatch.Notice) (factor.Message, bool) {
	text, err := json.Marshal(plainMail{n.Event.Name, n.Link, string(n.Purpose), n.Code, n.To, n.User.ID})
	return factor.Message{Subject: n.Event.Name, Text: string(text)}, err == nil
}

// lost is a world in which ann, who has a confirmed address and a knock, may recover by mail.
func lost(t *testing.T, options ...func(*nightlatch.Config)) (*world, *mailbox) {
	t.Helper()
	options = append([]func(*nightlatch.Config){func(c *nightlatch.Config) {
		c.Notices = plainly{}
		c.Recovery = nightlatch.Recovery{Email: true, AdminEmail: "ops@example.net"}
	}}, options...)
	w, box := postal(t, options...)
	w.confirmed("ann", false)
	w.addKnock("ann", "door")
	return w, box
}

// confirmed gives a person a confirmed address.
func (w *world) confirmed(user string, admin bool) {
	w.people.put(nightlatch.User{ID: user, Name: user, Email: user + "@example.org", EmailConfirmedAt: start, Admin: admin})
}

// mails sends what is due, and what comes of that, and returns the mails about an event, the newest last.
func (w *world) mails(box *mailbox, event string) (found []plainMail) {
	w.Helper()
	for range 4 {
		if _, err := w.SendNotices(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
	for _, m := range box.all() {
		var is plainMail
		if m.Subject != event {
			continue
		}
		if err := json.Unmarshal([]byte(m.Text), &is); err != nil {
			w.Fatal(err)
		}
		found = append(found, is)
	}
	return found
}

// mailed is the newest mail about an event.
func (w *world) mailed(box *mailbox, event string) plainMail {
	w.Helper()
	all := w.mails(box, event)
	if len(all) == 0 {
		w.Fatalf("there is no mail about %s", event)
	}
	return all[len(all)-1]
}

// link is the one that a sign-in of a person has asked for.
func (w *world) link(box *mailbox, user string) string {
	w.Helper()
	w.want(w.AskRecovery(w.Context(), w.begun(user), nightlatch.WayEmail, client), nil)
	return w.mailed(box, nightlatch.EventRecoveryAsked).Link
}

// hold begins a hold for a person.
func (w *world) hold(box *mailbox, user string) {
	w.Helper()
	w.want(w.BeginHold(w.Context(), w.link(box, user), client), nil)
}

// holdCode is the code of a hold that has just ended.
func (w *world) holdCode(box *mailbox, user string) string {
	w.Helper()
	w.hold(box, user)
	w.clock.pass(24 * time.Hour)
	code := ""
	for _, m := range w.mails(box, nightlatch.EventRecoveryCode) {
		if m.User == user {
			code = m.Code
		}
	}
	return code
}

// ways are those of a sign-in or session, and whether a hold is there.
func (w *world) ways(tok string) (ways []nightlatch.Way, held bool) {
	w.Helper()
	r, err := w.Recoveries(w.Context(), tok)
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range r.Ways {
		ways = append(ways, o.Way)
	}
	return ways, r.Hold != nil
}

func (w *world) hasWay(tok string, way nightlatch.Way) bool {
	w.Helper()
	ways, _ := w.ways(tok)
	return slices.Contains(ways, way)
}

// change runs one of the Service's notes as a caller would.
func (w *world) change(user, event string, f func(ctx context.Context) error) {
	w.Helper()
	w.want(w.Change(w.Context(), user, nightlatch.Event{Name: event}, f), nil)
}

// byAddress makes codes be mailed to the address before a first enrollment.
func byAddress(c *nightlatch.Config) {
	c.Address = func(u nightlatch.User) (factor.Enrolled, bool) {
		e, err := sentcode.NewEmail(sentcode.Options{}).NewState(u.Email)
		return e, err == nil
	}
}
