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

// formSignOut ends the session, and an unfinished sign-in too. A remembered device stays remembered. The page that
// follows has the sign-in form, from which the way leads on to where to says.
func (g *Gate) formSignOut(w http.ResponseWriter, r *http.Request, c caller) {
	if !g.readForm(w, r) {
		return
	}
	if err := g.signOut(w, r, c); err != nil {
		g.errorPage(w, r, err)
		return
	}
	g.redirect(w, r, withTo("/", g.to(r)))
}

// SignOut ends our part of what a browser is signed in to, an unfinished sign-in too, and takes its cookies away. An
// application calls it where it ends its own session. Without that ours opens nothing either, since it holds for that
// session of the application's alone, but its owner sees it among the sessions until it expires.
// A browser without a session is no error. Errors: nightlatch.ErrUnavailable.
func (g *Gate) SignOut(w http.ResponseWriter, r *http.Request) error {
	return g.signOut(w, r, g.caller(r))
}

func (g *Gate) signOut(w http.ResponseWriter, r *http.Request, c caller) error {
	for _, err := range []error{
		g.svc.SignOut(r.Context(), c.session, c.client),
		g.svc.GiveUp(r.Context(), c.signIn, c.client),
	} {
		if err != nil && !errors.Is(err, nightlatch.ErrUnauthenticated) {
			return err
		}
	}
	for _, name := range []string{sessionCookie, signInCookie, confirmationCookie, saidCookie} {
		g.drop(w, r, name)
	}
	return nil
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
