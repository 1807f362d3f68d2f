package web

import "net/http"

// postNotMe takes away what the mail of a token told of. It needs no sign-in.
func (g *Gate) postNotMe(_ http.ResponseWriter, r *http.Request, c caller, body []byte) (int, any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if in.Token == "" {
		return 0, nil, FieldsError{"token": "missing"}
	}
	_, err := g.svc.NotMe(r.Context(), in.Token, c.client)
	return http.StatusNoContent, nil, err
}
