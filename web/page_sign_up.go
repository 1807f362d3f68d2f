package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/nightlatch/nightlatch"
)

// maySignUp answers a request for an account where none can be made, and says whether that was so.
func (g *Gate) maySignUp(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case g.options.Accounts == nil:
		g.errorPage(w, r, nightlatch.ErrNotFound)
	case !g.options.Accounts.MayCreate():
		g.errorPage(w, r, nightlatch.ErrForbidden)
	default:
		return true
	}
	return false
}

// lookView is the page "look": a mail was sent, and the account exists after the link in it.
type lookView struct{ Frame }

// pageSignUp shows the form that makes an account.
func (g *Gate) pageSignUp(w http.ResponseWriter, r *http.Request, _ caller) {
	if g.maySignUp(w, r) {
		g.pages.render(w, r, http.StatusOK, "sign-up", signUpView{Frame: Frame{To: g.to(r)}, MinLength: g.minPassword()})
	}
}

// minPassword is the fewest characters of a password, for the words on a page.
func (g *Gate) minPassword() int {
	if g.options.MinPassword > 0 {
		return g.options.MinPassword
	}
	return 15
}

// formSignUp makes an account and begins its first sign-in.
func (g *Gate) formSignUp(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.maySignUp(w, r) || !g.readForm(w, r) {
		return
	}
	v := signUpView{
		Frame: Frame{To: g.to(r)}, MinLength: g.minPassword(),
		Username: strings.TrimSpace(r.PostFormValue("username")), Email: strings.TrimSpace(r.PostFormValue("email")),
	}
	next, err := g.createAccount(r, c, v)
	if errors.Is(err, errUnconfirmed) {
		g.pages.render(w, r, http.StatusAccepted, "look", lookView{})
		return
	}
	if err != nil {
		g.signUpFailed(w, r, v, err)
		return
	}
	g.keep(w, r, next)
	g.goOn(w, r, next, next.To, saidSignedIn)
}

func (g *Gate) createAccount(r *http.Request, c caller, v signUpView) (nightlatch.Next, error) {
	password := r.PostFormValue("password")
	wrong := FieldsError{}
	if v.Username == "" && v.Email == "" {
		wrong["username"] = "missing"
	}
	if password == "" {
		wrong["password"] = "missing"
	} else if r.PostFormValue("confirm") != password {
		wrong["confirm"] = "invalid"
	}
	a := NewAccount{Username: v.Username, Email: v.Email, Password: password, Client: c.client}
	if len(wrong) > 0 {
		return nightlatch.Next{}, g.withFaults(r, wrong, a)
	}
	user, err := g.options.Accounts.CreateAccount(r.Context(), a)
	if err == nil && user == "" {
		err = errUnconfirmed
	}
	if err != nil {
		return nightlatch.Next{}, err
	}
	start := g.newStart(r, c, false)
	start.To = v.To
	return g.svc.Begin(r.Context(), user, passwordProof(Login{At: g.svc.Now()}), start)
}

// withFaults adds to what the form found wrong what else is, so that nobody learns it piece by piece. That a name is
// taken is told by a whole sign-up alone, since only those are counted.
func (g *Gate) withFaults(r *http.Request, wrong FieldsError, a NewAccount) error {
	f := faultOf(g.options.Accounts.CheckAccount(r.Context(), a))
	for field, problem := range f.Fields {
		if wrong[field] == "" && problem != "taken" {
			wrong[field] = problem
		}
	}
	return wrong
}

// signUpFailed shows the form again with what was wrong; the name and the address stay, the passwords do not.
func (g *Gate) signUpFailed(w http.ResponseWriter, r *http.Request, v signUpView, err error) {
	f := faultOf(err)
	switch {
	case len(f.Fields) > 0:
		v.Problems = g.fieldProblems(r, f)
	case f.Code == "throttled":
		v.Alert = g.pages.say(r, "Too many accounts were made from here. Please try again later.")
	case errors.Is(err, nightlatch.ErrForbidden), f.Code != "invalid_request":
		g.errorPage(w, r, err)
		return
	}
	g.retryAfter(w, f)
	g.pages.render(w, r, f.Status, "sign-up", v)
}
