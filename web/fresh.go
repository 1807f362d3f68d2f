package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// RequireFresh lets a request through whose session has a proof younger than maxAge (0: Policy.Fresh) by one of kinds
// (none: any); where a second factor is held, only a second factor's counts. People are led to verify once more and back:
// from a page to it, from a form to the page that it stands on. A background request gets 403 fresh_proof_needed with the
// offers. As with Require, a request without a user goes through untouched, and so do our own pages.
//
//	mux.Handle("POST /transfers", gate.RequireFresh(5*time.Minute)(transfers))
func (g *Gate) RequireFresh(maxAge time.Duration, kinds ...factor.Kind) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if g.isOwn(r.URL) || !g.hasUser(r) {
				next.ServeHTTP(w, r)
				return
			}
			c := g.caller(r)
			ses, err := g.freshSession(w, r, &c, maxAge, kinds)
			if err != nil {
				g.turnAwayStale(w, r, err, kinds)
				return
			}
			next.ServeHTTP(w, withSession(r, ses))
		})
	}
}

// freshSession returns the session, which the application's own sign-in may have begun just now, or what it lacks.
func (g *Gate) freshSession(
	w http.ResponseWriter, r *http.Request, c *caller, maxAge time.Duration, kinds []factor.Kind,
) (ses nightlatch.Session, err error) {
	if g.options.CurrentUser != nil {
		if err := g.attach(w, r, c); err != nil {
			return ses, err
		}
		if c.session == "" {
			return ses, nightlatch.ErrUnauthenticated
		}
		// What was begun just now is bound to the application's sign-in already.
		ses, err = g.svc.Session(r.Context(), c.session)
	} else {
		ses, err = g.session(r, *c)
	}
	if err == nil {
		err = g.svc.FreshWithin(r.Context(), c.session, maxAge, kinds...)
	}
	return ses, err
}

// hasUser says whether anybody is signed in to the application, as far as it says so.
func (g *Gate) hasUser(r *http.Request) bool {
	if g.options.CurrentUser == nil {
		return true
	}
	_, ok := g.options.CurrentUser(r)
	return ok
}

// turnAwayStale is turnAway for a proof of certain kinds. A form leads back to the page that it stands on.
func (g *Gate) turnAwayStale(w http.ResponseWriter, r *http.Request, err error, kinds []factor.Kind) {
	to := r.URL.RequestURI()
	if !isNavigation(r) {
		if to = g.formPage(r); to == "" {
			g.problem(w, r, err)
			return
		}
	}
	g.leadAway(w, r, err, to, kinds)
}

// formPage is the page of this host from which a person sent a form, or "".
func (g *Gate) formPage(r *http.Request) string {
	mode := r.Header.Get("Sec-Fetch-Mode")
	if r.Method != http.MethodPost || mode != "navigate" && (mode != "" || !strings.Contains(r.Header.Get("Accept"), "text/html")) {
		return ""
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Scheme+"://"+from.Host != g.origin {
		return ""
	}
	return localPath(from.RequestURI())
}

// freshOffers are what may be proven once more in a session: also where a fresh proof is there already, since
// whoever leads here may ask for a younger one. There are none where only the application's own sign-in could prove
// anything. ErrEnrollmentNeeded: that one is fresh, so that an authenticator may be added.
func (g *Gate) freshOffers(r *http.Request, a *asked) error {
	ses, err := g.session(r, a.caller)
	if err != nil {
		return err
	}
	a.user = ses.User
	var needed *nightlatch.FreshProofError
	if err = g.svc.Fresh(r.Context(), a.session); errors.As(err, &needed) {
		a.offers = needed.Offers
		return nil
	}
	if err != nil {
		return err
	}
	held, err := g.svc.Holdings(r.Context(), a.session)
	if err != nil {
		return err
	}
	first, err := g.svc.FirstOffer(r.Context(), a.session)
	if err != nil {
		return err
	}
	a.offers = working(held.Authenticators)
	if first != nil {
		a.offers = []nightlatch.Offer{*first}
		if g.options.Accounts != nil {
			a.offers = append(a.offers, nightlatch.Offer{Kind: passwordKind})
		}
		return nil
	}
	if len(held.Authenticators) == 0 && g.options.Accounts == nil {
		return nightlatch.ErrEnrollmentNeeded
	}
	if len(held.Authenticators) == 0 {
		a.offers = []nightlatch.Offer{{Kind: passwordKind}}
		return nil
	}
	for _, o := range held.Codes {
		if o.Left > 0 {
			a.offers = append(a.offers, o)
		}
	}
	return nil
}
