package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// maxIdentifier is the longest name or address that anybody can have, in bytes. A longer one is looked for nowhere.
const maxIdentifier = 320

// postAccounts makes an account and begins its first sign-in.
func (g *Gate) postAccounts(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	if g.options.Accounts == nil {
		return 0, nil, nightlatch.ErrNotFound
	}
	if !g.options.Accounts.MayCreate() {
		return 0, nil, nightlatch.ErrForbidden
	}
	var in struct {
		Username  string `json:"username"`
		Email     string `json:"email"`
		Password  string `json:"password"`
		Transport string `json:"transport"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	byToken, err := transport(r, c, in.Transport)
	if err != nil {
		return 0, nil, err
	}
	missing := FieldsError{}
	if in.Username == "" && in.Email == "" {
		missing["username"], missing["email"] = "missing", "missing"
	}
	if in.Password == "" {
		missing["password"] = "missing"
	}
	if len(missing) > 0 {
		return 0, nil, missing
	}
	next, err := g.signUp(r, c, NewAccount{Username: in.Username, Email: in.Email, Password: in.Password, Client: c.client}, byToken)
	if errors.Is(err, errUnconfirmed) {
		return http.StatusAccepted, confirmJSON{Next: "confirm_email"}, nil
	}
	if err != nil {
		return 0, nil, err
	}
	return g.stands(w, r, http.StatusCreated, next, byToken)
}

// errUnconfirmed: there is no account before the link in a mail was used.
var errUnconfirmed = errors.New("the address must be confirmed first")

// confirmJSON is the answer to a sign-up whose address must be confirmed first.
type confirmJSON struct {
	Next string `json:"next"`
}

// signUp makes the account. Whoever has chosen a password has proven it.
func (g *Gate) signUp(r *http.Request, c caller, a NewAccount, byToken bool) (nightlatch.Next, error) {
	user, err := g.options.Accounts.CreateAccount(r.Context(), a)
	if err == nil && user == "" {
		err = errUnconfirmed
	}
	if err != nil {
		return nightlatch.Next{}, err
	}
	return g.svc.Begin(r.Context(), user, passwordProof(Login{At: g.svc.Now()}), g.newStart(r, c, byToken))
}

// postSignIn judges a name and a password.
func (g *Gate) postSignIn(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	if g.options.Accounts == nil {
		return 0, nil, nightlatch.ErrNotFound
	}
	var in struct {
		Identifier string `json:"identifier"`
		Password   string `json:"password"`
		Transport  string `json:"transport"`
		Stay       bool   `json:"stay"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	byToken, err := transport(r, c, in.Transport)
	if err != nil {
		return 0, nil, err
	}
	missing := FieldsError{}
	if in.Identifier == "" {
		missing["identifier"] = "missing"
	}
	if in.Password == "" {
		missing["password"] = "missing"
	}
	if len(missing) > 0 {
		return 0, nil, missing
	}
	start := g.newStart(r, c, byToken)
	start.Stay = in.Stay
	next, err := g.provePassword(r, in.Identifier, in.Password, start)
	if err != nil {
		return 0, nil, err
	}
	return g.stands(w, r, http.StatusOK, next, byToken)
}

// provePassword judges a name and a password as typed. What nobody can be called is judged as long as a name is.
func (g *Gate) provePassword(r *http.Request, identifier, password string, start nightlatch.Start) (nightlatch.Next, error) {
	first := nightlatch.First{
		Name: identifier, Response: factor.Response{Kind: passwordKind, Password: password}, Start: start,
	}
	if len(identifier) <= maxIdentifier {
		var err error
		if first.User, first.Name, err = g.options.Accounts.FindAccount(r.Context(), identifier); err != nil {
			return nightlatch.Next{}, err
		}
	}
	first.Start.Device = g.deviceOf(r, first.User, start.Token)
	return g.svc.ProveFirst(r.Context(), first)
}

// transport says whether the client is to hold a token. What comes with one keeps it, save a browser.
func transport(r *http.Request, c caller, asked string) (byToken bool, err error) {
	switch {
	case asked == "":
		return c.bearer && !fromBrowser(r), nil
	case asked == "cookie":
		return false, nil
	case asked != "token":
		return false, FieldsError{"transport": "invalid"}
	case fromBrowser(r):
		return false, errToken
	}
	return true, nil
}

// fromBrowser: only browsers send these headers, and no script can keep them from doing so.
func fromBrowser(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return false
}

// getSignIn says where the sign-in stands.
func (g *Gate) getSignIn(w http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	next, err := g.svc.SignIn(r.Context(), c.signIn)
	if err != nil {
		return 0, nil, err
	}
	if c.bearer {
		next.Token = c.signIn // as it was
	}
	return g.stands(w, r, http.StatusOK, next, c.bearer)
}

// deleteSignIn gives the sign-in up.
func (g *Gate) deleteSignIn(w http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	if err := g.svc.GiveUp(r.Context(), c.signIn, c.client); err != nil {
		return 0, nil, err
	}
	g.drop(w, r, signInCookie)
	return http.StatusNoContent, nil, nil
}

// stands answers with where a sign-in stands now. What the client holds from now on goes into the answer, or into
// cookies around it, never both.
func (g *Gate) stands(w http.ResponseWriter, r *http.Request, status int, next nightlatch.Next, byToken bool) (int, any, error) {
	if !byToken {
		g.keep(w, r, next)
	}
	where, err := g.whereOf(r.Context(), next, byToken)
	return status, where, err
}
