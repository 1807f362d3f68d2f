package web

import (
	"errors"
	"net/http"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// passkeyKind is the factor by which a sign-in may begin without a name.
const passkeyKind factor.Kind = "webauthn"

// beginPasskey makes a challenge for whoever has neither a sign-in nor a session. The store hears nothing of it.
func (g *Gate) beginPasskey(w http.ResponseWriter, r *http.Request, c caller, kind factor.Kind, id, asked string) (int, any, error) {
	if kind != passkeyKind || id != "" {
		return 0, nil, nightlatch.ErrUnauthenticated
	}
	byToken, err := transport(r, c, asked)
	if err != nil {
		return 0, nil, err
	}
	ch, token, err := g.svc.BeginPasskey(r.Context(), kind, c.client)
	if err != nil {
		return 0, nil, err
	}
	j := challengeOf(ch)
	if byToken {
		j.Token = token
	} else {
		g.setCookie(w, challengeCookie, token, ch.ExpiresAt.Sub(g.svc.Now()))
	}
	return http.StatusOK, j, nil
}

// provePasskey judges the response to it.
func (g *Gate) provePasskey(w http.ResponseWriter, r *http.Request, c caller, response factor.Response) (int, any, error) {
	if !nightlatch.IsAnonymousChallenge(c.passkey) || response.Kind != passkeyKind {
		return 0, nil, nightlatch.ErrUnauthenticated
	}
	if len(response.Credential) == 0 {
		return 0, nil, FieldsError{"credential": "missing"}
	}
	start := g.newStart(r, c, c.bearer)
	start.Replaces = g.cookie(r, sessionCookie)
	next, err := g.svc.ProvePasskey(r.Context(), c.passkey, response, start)
	if !c.bearer && (err == nil || errors.Is(err, factor.ErrRefused)) {
		g.drop(w, r, challengeCookie)
	}
	if err != nil {
		return 0, nil, err
	}
	return g.stands(w, r, http.StatusOK, next, c.bearer)
}
