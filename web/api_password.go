package web

import (
	"net/http"

	"github.com/nightlatch/nightlatch"
)

// none is the answer of a request that was understood and has nothing to tell.
type none struct{}

// profiles returns what the application brings for changes of accounts, or nightlatch.ErrNotFound.
func (g *Gate) profiles() (Profiles, error) {
	if g.options.Profiles == nil {
		return nil, nightlatch.ErrNotFound
	}
	return g.options.Profiles, nil
}

// missing names the fields that are empty, or returns nil.
func missing(fields map[string]string) error {
	wrong := FieldsError{}
	for name, value := range fields {
		if value == "" {
			wrong[name] = "missing"
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// postPassword changes the password, and tells the session.
func (g *Gate) postPassword(w http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if err := missing(map[string]string{"current": in.Current, "new": in.New}); err != nil {
		return 0, nil, err
	}
	// A program goes on with the token that it has.
	next, err := p.ChangePassword(r.Context(), PasswordChange{
		Session: c.session, Current: in.Current, New: in.New, Renew: !c.bearer, Client: c.client,
	})
	if err != nil {
		return 0, nil, err
	}
	g.keep(w, r, next)
	if next.Token != "" {
		c.session = next.Token
	}
	return g.getSession(w, r, c, nil)
}

// postResetRequests has the link mailed by which a forgotten password is set anew.
func (g *Gate) postResetRequests(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Identifier string `json:"identifier"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if err := missing(map[string]string{"identifier": in.Identifier}); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, none{}, p.AskReset(r.Context(), in.Identifier, c.client)
}

// postResets sets a password by a mailed token. Nobody is signed in by that.
func (g *Gate) postResets(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Token    string `json:"token"`
		Password string `json:"password"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if err := missing(map[string]string{"token": in.Token, "password": in.Password}); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, p.ResetPassword(r.Context(), in.Token, in.Password, c.client)
}
