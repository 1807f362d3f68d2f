package web

import (
	"errors"
	"net/http"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// passwordKind is the first factor of the sign-in that this package does.
const passwordKind factor.Kind = "password"

// pageHome shows who is signed in with the ways on, or the sign-in form.
func (g *Gate) pageHome(w http.ResponseWriter, r *http.Request, c caller) {
	if err := g.attach(w, r, &c); err != nil {
		g.errorPage(w, r, err)
		return
	}
	ses, err := g.session(r, c)
	switch {
	case err == nil:
		g.homeOf(w, r, c, ses)
	case !errors.Is(err, nightlatch.ErrUnauthenticated):
		g.errorPage(w, r, err)
	case g.options.Accounts == nil:
		g.sendAway(w, r)
	default:
		v := homeView{signInView: g.newSignIn(r)}
		// Not offered in the name field: signing out leads here, and a password manager that answers by itself would
		// sign in again at once.
		v.Passkey = g.offerPasskey(w, r)
		_, v.Status = g.told(w, r)
		g.pages.render(w, r, http.StatusOK, "home", v)
	}
}

func (g *Gate) homeOf(w http.ResponseWriter, r *http.Request, c caller, ses nightlatch.Session) {
	u, err := g.svc.FindUser(r.Context(), ses.User)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	all, err := g.svc.Recoveries(r.Context(), c.session)
	if err != nil {
		g.errorPage(w, r, err)
		return
	}
	v := homeView{SignOut: g.options.Accounts != nil, Admin: g.administers(u), Hold: g.holdOf(all.Hold)}
	v.User = nameOf(u)
	_, v.Status = g.told(w, r)
	g.pages.render(w, r, http.StatusOK, "home", v)
}

// nameOf is what a user goes by on a page.
func nameOf(u nightlatch.User) string {
	switch {
	case u.Name != "":
		return u.Name
	case u.Email != "":
		return u.Email
	}
	return u.ID
}

func (g *Gate) newSignIn(r *http.Request) signInView {
	return signInView{Frame: Frame{To: g.to(r)}, SignUp: g.options.Accounts.MayCreate(), Forgot: g.mayReset()}
}

// mayReset says whether a password can be set by a mailed link.
func (g *Gate) mayReset() bool { return g.options.Profiles != nil && g.options.Profiles.MayReset() }

// pageSignIn shows the sign-in form; who is signed in already goes where to says.
func (g *Gate) pageSignIn(w http.ResponseWriter, r *http.Request, c caller) {
	_, err := g.session(r, c)
	switch {
	case err == nil && g.bounced(w, r, g.to(r)):
		g.loopPage(w, r, g.to(r))
	case err == nil:
		g.goTo(w, r, g.to(r), "/account")
	case !errors.Is(err, nightlatch.ErrUnauthenticated):
		g.errorPage(w, r, err)
	case g.options.Accounts == nil:
		g.sendAway(w, r)
	default:
		v := g.newSignIn(r)
		_, v.Status = g.told(w, r)
		g.showSignIn(w, r, http.StatusOK, v)
	}
}

// showSignIn shows the sign-in form, with a new challenge for a passkey.
func (g *Gate) showSignIn(w http.ResponseWriter, r *http.Request, status int, v signInView) {
	v.Passkey = g.offerPasskey(w, r)
	v.Offered = v.Passkey != ""
	g.pages.render(w, r, status, "sign-in", v)
}

// formSignIn takes a name and a password. What is asked for next may be a code: then it is sent.
func (g *Gate) formSignIn(w http.ResponseWriter, r *http.Request, c caller) {
	if g.options.Accounts == nil {
		g.errorPage(w, r, nightlatch.ErrNotFound)
		return
	}
	if !g.readForm(w, r) {
		return
	}
	v := g.newSignIn(r)
	v.Identifier, v.Stay = r.PostFormValue("identifier"), r.PostFormValue("stay") != ""
	next, err := g.proveFirst(r, c, v)
	if err != nil {
		g.signInFailed(w, r, v, err)
		return
	}
	g.keep(w, r, next)
	if g.sendFirst(w, r, c, next) {
		g.goOn(w, r, next, next.To, saidSignedIn)
	}
}

func (g *Gate) proveFirst(r *http.Request, c caller, v signInView) (nightlatch.Next, error) {
	password := r.PostFormValue("password")
	missing := FieldsError{}
	if v.Identifier == "" {
		missing["identifier"] = "missing"
	}
	if password == "" {
		missing["password"] = "missing"
	}
	if len(missing) > 0 {
		return nightlatch.Next{}, missing
	}
	start := g.newStart(r, c, false)
	start.Stay, start.To = v.Stay, v.To
	return g.provePassword(r, v.Identifier, password, start)
}

// signInFailed shows the form again with what was wrong; the name stays, the password does not.
func (g *Gate) signInFailed(w http.ResponseWriter, r *http.Request, v signInView, err error) {
	f := faultOf(err)
	lang := g.pages.language(r)
	switch f.Code {
	case "wrong_credentials":
		v.Alert = g.pages.say(r, "Wrong name or password.")
	case "throttled":
		v.Alert = throttledText(lang, wait(err))
	case "invalid_request":
		v.Problems = g.fieldProblems(r, f)
	default:
		g.errorPage(w, r, err)
		return
	}
	g.retryAfter(w, f)
	g.showSignIn(w, r, f.Status, v)
}

// goOn leads to the next step, and at the end where to names, else to the account, with a message.
func (g *Gate) goOn(w http.ResponseWriter, r *http.Request, next nightlatch.Next, to, said string) {
	page, done := pageOf(next)
	if !done {
		g.redirect(w, r, page)
		return
	}
	to = g.mayLead(to)
	g.tellAt(w, to, said)
	g.goTo(w, r, to, page)
}

// pageOf is the page of ours where a sign-in goes on, and whether it is done.
func pageOf(next nightlatch.Next) (page string, done bool) {
	switch next.Step {
	case nightlatch.StepVerify:
		return "/verify", false
	case nightlatch.StepEnroll:
		return "/account/authenticators/new", false
	}
	return "/account", true
}
