package web

import "net/http"

// putEmail asks for another address.
func (g *Gate) putEmail(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	email, err := emailIn(body)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, none{}, p.ChangeEmail(r.Context(), c.session, email, c.client)
}

// emailIn reads a body that is an address alone.
func emailIn(body []byte) (string, error) {
	var in struct {
		Email string `json:"email"`
	}
	if err := decode(body, &in); err != nil {
		return "", err
	}
	return in.Email, missing(map[string]string{"email": in.Email})
}

// postConfirmationRequests has the link mailed once more by which an address is confirmed.
func (g *Gate) postConfirmationRequests(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	email, err := emailIn(body)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, none{}, p.AskConfirmation(r.Context(), email, c.client)
}

// postConfirmations confirms an address by a mailed token. Nobody is signed in by that.
func (g *Gate) postConfirmations(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Token string `json:"token"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if err := missing(map[string]string{"token": in.Token}); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, p.Confirm(r.Context(), in.Token, c.client)
}

// postEmailUndo puts the address before the last change back.
func (g *Gate) postEmailUndo(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	p, err := g.profiles()
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		if err := decode(body, &struct{}{}); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusNoContent, nil, p.RestoreEmail(r.Context(), c.session, c.client)
}
