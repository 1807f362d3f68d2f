package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/locale"
)

// notMeView is the page "not-me", to which the mails about an account lead. The button goes to POST /not-me: token.
type notMeView struct {
	Frame
	Token    string // "": there is nothing to take away
	What     string // what the mail told of, in the reader's language
	At       time.Time
	From, By string // an address and a browser; who did it, if not the owner; or ""
	Does     string // what the button does beside ending sessions, in the reader's language; or ""
	Done     bool   // it was just done
	Forgot   bool   // a password can be set by mail
}

// pageNotMe shows what the mail told of, and the button. Looking at it changes nothing.
func (g *Gate) pageNotMe(w http.ResponseWriter, r *http.Request, _ caller) {
	tok := r.URL.Query().Get("token")
	e, err := g.svc.ToldBy(r.Context(), tok)
	if err != nil {
		g.notMeFailed(w, r, err)
		return
	}
	v := g.newNotMe(r, e)
	v.Token = tok
	g.pages.render(w, r, http.StatusOK, "not-me", v)
}

// formNotMe takes away what the mail told of, and says what to do now.
func (g *Gate) formNotMe(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	e, err := g.svc.NotMe(r.Context(), r.PostFormValue("token"), c.client)
	if err != nil {
		g.notMeFailed(w, r, err)
		return
	}
	v := g.newNotMe(r, e)
	v.Done, v.Forgot, v.Status = true, g.mayReset(), g.pages.say(r, "Done: all sessions and all remembered devices of this account were ended.")
	g.pages.render(w, r, http.StatusOK, "not-me", v)
}

func (g *Gate) newNotMe(r *http.Request, e nightlatch.Event) notMeView {
	lang := g.pages.language(r)
	v := notMeView{What: textOf(lang, e), At: e.At, From: e.Client.Addr, By: e.By}
	if e.Client.Agent != "" {
		v.From = locale.T(lang, "%s, %s", v.From, browserText(lang, e.Client.Agent))
	}
	switch {
	case slices.Contains([]string{nightlatch.EventAuthenticatorAdded, nightlatch.EventCodesMade, nightlatch.EventRecovered}, e.Name):
		v.Does = locale.T(lang, "What was added is suspended: nobody can sign in with it.")
	case slices.Contains([]string{nightlatch.EventRecoveryBegun, nightlatch.EventRecoveryCode}, e.Name):
		v.Does = locale.T(lang, "The recovery is stopped.")
	case slices.Contains([]string{"address_change_asked", "address_changed"}, e.Name):
		v.Does = locale.T(lang, "The change of the email address is held back.")
	}
	return v
}

func (g *Gate) notMeFailed(w http.ResponseWriter, r *http.Request, err error) {
	g.linkFailed(w, r, err, func(status int, alert string) {
		g.pages.render(w, r, status, "not-me", notMeView{Frame: Frame{Alert: alert}})
	})
}

// formNoticesRead notes that what stood on the account page was read.
func (g *Gate) formNoticesRead(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	seq, err := strconv.ParseInt(r.PostFormValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		g.errorPage(w, r, FieldsError{"seq": "invalid"})
		return
	}
	if err := g.svc.MarkRead(r.Context(), c.session, seq, c.client); err != nil {
		g.errorPage(w, r, err)
		return
	}
	g.redirect(w, r, "/account")
}

// unreadView are notices that wait on the account page. The button goes to POST /account/notices/read: seq.
type unreadView struct {
	Events []eventView
	Seq    int64 // of the newest
}

// unread is nil where there is nothing to read.
func (g *Gate) unread(r *http.Request, c caller) (*unreadView, error) {
	events, err := g.svc.Unread(r.Context(), c.session)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	v := &unreadView{Seq: events[0].Seq}
	for _, e := range events {
		v.Events = append(v.Events, eventView{At: e.At, Text: textOf(c.client.Lang, e), From: e.Client.Addr})
	}
	return v, nil
}
