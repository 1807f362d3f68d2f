package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
)

// emailView is the page "change-email". The form goes to POST /account/email: email; the buttons to
// POST /account/email/resend and POST /account/email/undo.
type emailView struct {
	Frame
	Email     string // as it is, or ""
	Confirmed bool
	Typed     string
	Wanted    string
	Former    string
	ChangedAt time.Time
	Until     time.Time
	HeldBack  bool
}

// confirmView is the page "confirm-email". The button goes to POST /email/confirm: token.
type confirmView struct {
	Frame
	Token string // "": the link is good for nothing, and Alert says why
}

// pageEmail shows the address and the form that changes it.
func (g *Gate) pageEmail(w http.ResponseWriter, r *http.Request, c caller) {
	key, words := g.told(w, r)
	g.showEmail(w, r, c, http.StatusOK, func(v *emailView) {
		v.Status, v.Typed = words, g.filled(r, c, key, "/account/email").Fields["email"]
	})
}

func (g *Gate) showEmail(w http.ResponseWriter, r *http.Request, c caller, status int, change func(v *emailView)) {
	u, kept, ok := g.changeable(w, r, c)
	if !ok {
		return
	}
	v := emailView{
		Frame: Frame{User: nameOf(u)}, Email: u.Email, Confirmed: !u.EmailConfirmedAt.IsZero(), Wanted: kept.Wanted,
		Former: kept.Former, ChangedAt: kept.ChangedAt, Until: kept.FormerUntil, HeldBack: kept.HeldBack,
	}
	change(&v)
	g.pages.render(w, r, status, "change-email", v)
}

// formEmail asks for another address.
func (g *Gate) formEmail(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	email := strings.TrimSpace(r.PostFormValue("email"))
	err := missing(map[string]string{"email": email})
	if err == nil {
		err = p.ChangeEmail(r.Context(), c.session, email, c.client)
	}
	g.emailAnswered(w, r, c, err, saidMailed, func(v *emailView) { v.Typed = email })
}

// formResendEmail has the link mailed once more.
func (g *Gate) formResendEmail(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	_, u, err := g.ownUser(r, c)
	if err == nil {
		var kept Profile
		if kept, err = p.Profile(r.Context(), u.ID); err == nil {
			email := kept.Wanted
			if email == "" {
				email = u.Email
			}
			err = p.AskConfirmation(r.Context(), email, c.client)
		}
	}
	g.emailAnswered(w, r, c, err, saidMailed, func(*emailView) {})
}

// formUndoEmail puts the address before the last change back.
func (g *Gate) formUndoEmail(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	g.emailAnswered(w, r, c, p.RestoreEmail(r.Context(), c.session, c.client), saidRestored, func(*emailView) {})
}

// emailAnswered goes back to the page after a form of it, or shows what was wrong.
func (g *Gate) emailAnswered(w http.ResponseWriter, r *http.Request, c caller, err error, said string, change func(v *emailView)) {
	f := faultOf(err)
	switch {
	case err == nil:
		g.tell(w, said)
		g.redirect(w, r, "/account/email")
	case g.needsProof(w, r, err, "/account/email"):
	case len(f.Fields) > 0:
		g.showEmail(w, r, c, f.Status, func(v *emailView) {
			change(v)
			v.Problems = g.fieldProblems(r, f)
		})
	case f.Code == "throttled":
		g.retryAfter(w, f)
		g.showEmail(w, r, c, f.Status, func(v *emailView) {
			change(v)
			v.Alert = g.pages.say(r, "Too many mails were asked for. Please try again later.")
		})
	default:
		g.errorPage(w, r, err)
	}
}

// pageConfirm shows the button that confirms an address. Looking at it changes nothing.
func (g *Gate) pageConfirm(w http.ResponseWriter, r *http.Request, _ caller) {
	p, ok := g.profilesPage(w, r)
	if !ok {
		return
	}
	token := r.URL.Query().Get("token")
	if err := p.FindConfirmation(r.Context(), token); err != nil {
		g.confirmFailed(w, r, err)
		return
	}
	g.pages.render(w, r, http.StatusOK, "confirm-email", confirmView{Token: token})
}

// formConfirm confirms an address. Nobody is signed in by that.
func (g *Gate) formConfirm(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	if err := p.Confirm(r.Context(), r.PostFormValue("token"), c.client); err != nil {
		g.confirmFailed(w, r, err)
		return
	}
	g.tell(w, saidConfirmed)
	if _, err := g.session(r, c); err == nil {
		g.redirect(w, r, "/account")
		return
	}
	g.redirect(w, r, "/sign-in")
}

func (g *Gate) confirmFailed(w http.ResponseWriter, r *http.Request, err error) {
	show := func(status int, alert string) {
		g.pages.render(w, r, status, "confirm-email", confirmView{Frame: Frame{Alert: alert}})
	}
	if errors.Is(err, nightlatch.ErrConflict) {
		show(http.StatusConflict, g.pages.say(r, "Meanwhile this address or this name belongs to another account."))
		return
	}
	g.linkFailed(w, r, err, show)
}
