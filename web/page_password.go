package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// profilesPage returns what the application brings, or answers that there is no such page.
func (g *Gate) profilesPage(w http.ResponseWriter, r *http.Request) (Profiles, bool) {
	p, err := g.profiles()
	if err != nil {
		g.errorPage(w, r, err)
	}
	return p, err == nil
}

// pagePassword shows the form that changes the password. Who needs another proof gives it before the passwords are typed.
func (g *Gate) pagePassword(w http.ResponseWriter, r *http.Request, c caller) {
	if _, ok := g.profilesPage(w, r); !ok {
		return
	}
	err := g.svc.Fresh(r.Context(), c.session)
	var needed *nightlatch.FreshProofError
	if errors.As(err, &needed) && slices.ContainsFunc(needed.Offers, func(o nightlatch.Offer) bool { return o.Kind != passwordKind }) {
		g.needsProof(w, r, err, "/account/password")
		return
	}
	g.showPassword(w, r, c, http.StatusOK, func(*passwordView) {})
}

func (g *Gate) showPassword(w http.ResponseWriter, r *http.Request, c caller, status int, change func(v *passwordView)) {
	_, u, err := g.ownUser(r, c)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	v := passwordView{Frame: Frame{User: nameOf(u)}, Username: nameOf(u), MinLength: g.minPassword()}
	_, v.Status = g.told(w, r)
	change(&v)
	g.pages.render(w, r, status, "password", v)
}

// formPassword changes the password.
func (g *Gate) formPassword(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	current, chosen := r.PostFormValue("current"), r.PostFormValue("new")
	err := missing(map[string]string{"current": current, "new": chosen})
	if err == nil && r.PostFormValue("confirm") != chosen {
		err = FieldsError{"confirm": "invalid"}
	}
	var next nightlatch.Next
	if err == nil {
		change := PasswordChange{Session: c.session, Current: current, New: chosen, Renew: true, Client: c.client}
		next, err = p.ChangePassword(r.Context(), change)
	}
	if err == nil {
		g.keep(w, r, next)
	}
	f := faultOf(err)
	switch {
	case err != nil && f.Code == "refused":
		g.showPassword(w, r, c, f.Status, func(v *passwordView) {
			v.Problems = map[string]string{"current": g.pages.say(r, "That password is wrong.")}
		})
	case err != nil && f.Code == "throttled":
		g.retryAfter(w, f)
		g.showPassword(w, r, c, f.Status, func(v *passwordView) { v.Alert = throttledText(c.client.Lang, wait(err)) })
	case err != nil && len(f.Fields) > 0:
		g.showPassword(w, r, c, f.Status, func(v *passwordView) { v.Problems = g.fieldProblems(r, f) })
	case err != nil && g.needsProof(w, r, err, "/account/password"):
	default:
		g.changed(w, r, err, saidPassword)
	}
}

// forgotView is the page "forgot". The form goes to POST /password/forgot: identifier.
type forgotView struct {
	Frame
	Asked bool // the form was sent
}

// resetView is the page "reset". The form goes to POST /password/reset: token, password, confirm.
type resetView struct {
	Frame
	Token     string // "": the link is good for nothing, and Alert says why
	Username  string // for password managers
	MinLength int
}

// pageForgot shows the form that has a link mailed.
func (g *Gate) pageForgot(w http.ResponseWriter, r *http.Request, _ caller) {
	if p, ok := g.profilesPage(w, r); !ok {
		return
	} else if !p.MayReset() {
		g.errorPage(w, r, nightlatch.ErrNotFound)
		return
	}
	g.pages.render(w, r, http.StatusOK, "forgot", forgotView{})
}

// formForgot has the link mailed, and says the same whoever it was.
func (g *Gate) formForgot(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	v := forgotView{Asked: true}
	err := missing(map[string]string{"identifier": r.PostFormValue("identifier")})
	if err == nil {
		err = p.AskReset(r.Context(), r.PostFormValue("identifier"), c.client)
	}
	f := faultOf(err)
	switch {
	case err == nil:
		v.Status = g.pages.say(r, "If there is an account of that name with an address, a mail is on its way to it.")
		g.pages.render(w, r, http.StatusOK, "forgot", v)
	case len(f.Fields) > 0:
		g.pages.render(w, r, f.Status, "forgot", forgotView{Frame: Frame{Problems: g.fieldProblems(r, f)}})
	default:
		g.errorPage(w, r, err)
	}
}

// pageReset shows the form that sets a password by a mailed link. Looking at it changes nothing.
func (g *Gate) pageReset(w http.ResponseWriter, r *http.Request, _ caller) {
	p, ok := g.profilesPage(w, r)
	if !ok {
		return
	}
	v := resetView{Token: r.URL.Query().Get("token"), MinLength: g.minPassword()}
	var err error
	if v.Username, err = p.FindReset(r.Context(), v.Token); err != nil {
		g.linkFailed(w, r, err, func(status int, alert string) {
			g.pages.render(w, r, status, "reset", resetView{Frame: Frame{Alert: alert}})
		})
		return
	}
	g.pages.render(w, r, http.StatusOK, "reset", v)
}

// formReset sets the password. Nobody is signed in by that, and who is stays so.
func (g *Gate) formReset(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := g.profilesPage(w, r)
	if !ok || !g.readForm(w, r) {
		return
	}
	v := resetView{Token: r.PostFormValue("token"), MinLength: g.minPassword()}
	v.Username = r.PostFormValue("username") // as the page had it; nothing hangs on it
	password := r.PostFormValue("password")
	err := missing(map[string]string{"password": password})
	if err == nil && r.PostFormValue("confirm") != password {
		err = FieldsError{"confirm": "invalid"}
	}
	if err == nil {
		err = p.ResetPassword(r.Context(), v.Token, password, c.client)
	}
	f := faultOf(err)
	switch {
	case err == nil:
		g.tell(w, saidReset)
		g.redirect(w, r, "/sign-in")
	case len(f.Fields) > 0:
		v.Problems = g.fieldProblems(r, f)
		g.pages.render(w, r, f.Status, "reset", v)
	default:
		g.linkFailed(w, r, err, func(status int, alert string) {
			g.pages.render(w, r, status, "reset", resetView{Frame: Frame{Alert: alert}})
		})
	}
}

// linkFailed shows a page with why a mailed link is good for nothing, or what else went wrong.
func (g *Gate) linkFailed(w http.ResponseWriter, r *http.Request, err error, show func(status int, alert string)) {
	var refused *factor.Refused
	if !errors.As(err, &refused) {
		g.errorPage(w, r, err)
		return
	}
	text := g.pages.say(r, "This link is not complete, or is none of ours. Open it as it stands in the mail.")
	switch refused.Reason {
	case factor.Used:
		text = g.pages.say(r, "This link was used already, or is good for nothing any more.")
	case factor.Expired:
		text = g.pages.say(r, "This link is too old.")
	}
	show(faultOf(err).Status, text)
}
