package web

import (
	"errors"
	"net/http"

	"github.com/nightlatch/nightlatch"
)

// Confirm asks whoever is signed in to confirm one thing with a second factor, whatever was proven before: it leads to
// our page, and from there back, a path of the application's. An application calls it in the handler of its own form
// when TakeConfirmation says that nothing was confirmed. what is shown to the person and bound to the proof, so it says
// all that counts: "Pay 100.00 EUR to ACME, order 4711" (1 to 500 bytes, one line).
//
// It always answers: with the way there; with the way to the set-up of an authenticator where none is held; with the way
// to the sign-in where nobody is signed in; with an error page, for a request from another site too.
func (g *Gate) Confirm(w http.ResponseWriter, r *http.Request, what, back string) {
	if err := g.cross.Check(r); err != nil {
		g.errorPage(w, r, errCrossOrigin)
		return
	}
	c, back := g.caller(r), localPath(back)
	confirmation, err := g.confirmation(r, c, what)
	if err == nil {
		var next nightlatch.Next
		start := nightlatch.Start{Client: c.client, To: back}
		if next, err = g.svc.BeginConfirmation(r.Context(), confirmation, start); err == nil {
			g.keep(w, r, next)
		}
	}
	switch {
	case err == nil:
		g.redirect(w, r, withTo("/verify", back))
	case errors.Is(err, nightlatch.ErrEnrollmentNeeded):
		g.redirect(w, r, withTo(choosePage, back))
	case errors.Is(err, nightlatch.ErrUnauthenticated) && g.options.Accounts == nil:
		pageHeaders(w.Header())
		http.Redirect(w, r, g.options.SignIn, http.StatusSeeOther)
	case errors.Is(err, nightlatch.ErrUnauthenticated):
		g.redirect(w, r, withTo("/sign-in", back))
	default:
		g.errorPage(w, r, err)
	}
}

// TakeConfirmation returns nil once when whoever is signed in has confirmed that very text with a second factor, in this
// browser, in this session of the application's, at most 5 minutes ago. The application then does it, once.
//
// Errors: nightlatch.ErrUnauthenticated (nothing of the kind was confirmed: call Confirm), nightlatch.ErrUnavailable
// (nobody can tell: do not do it), and an error for a request from another site (do not do it).
func (g *Gate) TakeConfirmation(w http.ResponseWriter, r *http.Request, what string) error {
	if err := g.cross.Check(r); err != nil {
		return err
	}
	c := g.caller(r)
	tok := g.cookie(r, confirmationCookie)
	if tok == "" {
		return nightlatch.ErrUnauthenticated
	}
	confirmation, err := g.confirmation(r, c, what)
	if err == nil {
		err = g.svc.UseConfirmation(r.Context(), tok, confirmation, c.client)
	}
	if err == nil {
		g.drop(w, r, confirmationCookie)
	}
	return err
}

// confirmation is one by whoever is signed in.
func (g *Gate) confirmation(r *http.Request, c caller, what string) (nightlatch.Confirmation, error) {
	if g.options.CurrentUser != nil {
		login, ok := g.options.CurrentUser(r)
		if !ok {
			return nightlatch.Confirmation{}, nightlatch.ErrUnauthenticated
		}
		return nightlatch.Confirmation{User: login.User, What: what, Binding: binding(login)}, nil
	}
	ses, err := g.session(r, c)
	return nightlatch.Confirmation{User: ses.User, What: what, Binding: ses.ID}, err
}
