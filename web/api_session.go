package web

import (
	"context"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch"
)

// sessionLineJSON is one of the sessions of an account.
type sessionLineJSON struct {
	ID         string           `json:"id"`
	Current    bool             `json:"current"`
	Level      nightlatch.Level `json:"level"`
	Browser    string           `json:"browser"`
	Addr       string           `json:"addr"`
	CreatedAt  time.Time        `json:"created_at"`
	LastUsedAt time.Time        `json:"last_used_at"`
	ExpiresAt  time.Time        `json:"expires_at"`
}

// getSession shows the session.
func (g *Gate) getSession(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	ses, err := g.session(r, c)
	if err != nil {
		return 0, nil, err
	}
	by, err := g.svc.EnrollBy(r.Context(), c.session)
	if err != nil {
		return 0, nil, err
	}
	j, err := g.sessionOf(r.Context(), ses)
	if err != nil {
		return 0, nil, err
	}
	j.EnrollBy = timeJSON(by)
	return http.StatusOK, j, nil
}

// deleteSession signs out.
func (g *Gate) deleteSession(w http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	if err := g.svc.SignOut(r.Context(), c.session, c.client); err != nil {
		return 0, nil, err
	}
	g.drop(w, r, sessionCookie)
	return http.StatusNoContent, nil, nil
}

// getSessions shows all sessions of the account, the last used first.
func (g *Gate) getSessions(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	own, err := g.session(r, c)
	if err != nil {
		return 0, nil, err
	}
	list, err := g.sessionLines(r.Context(), own, c.client.Lang)
	return http.StatusOK, list, err
}

// sessionLines are all sessions of an account.
func (g *Gate) sessionLines(ctx context.Context, own nightlatch.Session, lang string) ([]sessionLineJSON, error) {
	sessions, err := g.svc.SessionsOf(ctx, own.User)
	list := make([]sessionLineJSON, 0, len(sessions))
	for _, s := range sessions {
		list = append(list, sessionLineJSON{
			ID: s.ID, Current: s.ID == own.ID, Level: s.Level,
			Browser: browserText(lang, s.Client.Agent), Addr: s.Client.Addr,
			CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt, ExpiresAt: s.ExpiresAt,
		})
	}
	return list, err
}

// deleteSessions ends all other sessions of the account.
func (g *Gate) deleteSessions(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	return http.StatusNoContent, nil, g.svc.EndOtherSessions(r.Context(), c.session, c.client)
}

// deleteSessionsID ends one session of the account, which may be this one.
func (g *Gate) deleteSessionsID(w http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	own, err := g.session(r, c)
	if err != nil {
		return 0, nil, err
	}
	id := r.PathValue("id")
	if err := g.svc.EndSession(r.Context(), c.session, id, c.client); err != nil {
		return 0, nil, err
	}
	if id == own.ID {
		g.drop(w, r, sessionCookie)
	}
	return http.StatusNoContent, nil, nil
}
