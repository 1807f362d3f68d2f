package web

import (
	"errors"
	"net/http"

	"github.com/nightlatch/nightlatch"
)

// pageSignOut asks whether to sign out. A link alone never does.
func (g *Gate) pageSignOut(w http.ResponseWriter, r *http.Request, c caller) {
	u, err := g.userOf(r, c)
	if err != nil && !errors.Is(err, nightlatch.ErrUnauthenticated) && !errors.Is(err, nightlatch.ErrNotFound) {
		g.errorPage(w, r, err)
		return
	}
	v := signOutView{}
	if err == nil {
		v.User = nameOf(u)
	}
	g.pages.render(w, r, http.StatusOK, "sign-out", v)
}

// formSignOut ends the session, and an unfinished sign-in too. A remembered device stays remembered.
func (g *Gate) formSignOut(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	for _, err := range []error{
		g.svc.SignOut(r.Context(), c.session, c.client),
		g.svc.GiveUp(r.Context(), c.signIn, c.client),
	} {
		if err != nil && !errors.Is(err, nightlatch.ErrUnauthenticated) {
			g.errorPage(w, r, err)
			return
		}
	}
	for _, name := range []string{sessionCookie, signInCookie, saidCookie} {
		g.drop(w, r, name)
	}
	g.redirect(w, r, "/")
}

// getAsset serves a file that pages link to.
func (g *Gate) getAsset(w http.ResponseWriter, r *http.Request, _ caller) {
	if !g.pages.serveAsset(w, r, r.PathValue("name")) {
		g.errorPage(w, r, nightlatch.ErrNotFound)
	}
}

// getIcon serves what browsers ask for without being told to.
func (g *Gate) getIcon(w http.ResponseWriter, r *http.Request, _ caller) {
	if !g.pages.serveAsset(w, r, "mark.svg") {
		g.errorPage(w, r, nightlatch.ErrNotFound)
	}
}
