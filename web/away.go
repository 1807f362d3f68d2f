package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// turnAway answers a request that may not pass: a person is led to the page that helps, a program is told.
func (g *Gate) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if !isNavigation(r) || errors.Is(err, nightlatch.ErrUnavailable) {
		g.problem(w, r, err)
		return
	}
	g.leadAway(w, r, err, r.URL.RequestURI(), nil)
}

// leadAway leads a person to the page that helps, and from there to to; kinds are those that are asked for, none: any.
func (g *Gate) leadAway(w http.ResponseWriter, r *http.Request, err error, to string, kinds []factor.Kind) {
	if errors.Is(err, nightlatch.ErrUnavailable) {
		g.problem(w, r, err)
		return
	}
	page, query := "/verify", url.Values{"to": {to}}
	var needed *nightlatch.FreshProofError
	if errors.As(err, &needed) && len(kinds) > 0 && len(needed.Offers) > 0 {
		query.Set("kind", string(needed.Offers[0].Kind))
	}
	if errors.Is(err, nightlatch.ErrUnauthenticated) && g.options.Accounts != nil {
		page = "/sign-in"
	}
	if errors.Is(err, nightlatch.ErrEnrollmentNeeded) {
		page = "/account/authenticators/new"
	}
	pageHeaders(w.Header())
	http.Redirect(w, r, g.options.Prefix+page+"?"+query.Encode(), http.StatusSeeOther)
}

// isNavigation says whether a person waits for a page.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return r.Header.Get("Upgrade") == "" && !strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}
