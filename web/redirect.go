package web

import (
	"net/http"
	"net/url"
	"strings"
)

// sendAway leads who may not have a page to where that begins.
func (g *Gate) sendAway(w http.ResponseWriter, r *http.Request) {
	if _, err := g.svc.SignIn(r.Context(), g.cookie(r, signInCookie)); err == nil {
		g.redirect(w, r, "/verify")
		return
	}
	if g.options.Accounts == nil {
		if _, ok := g.options.CurrentUser(r); ok { // attach has just begun our part
			g.redirect(w, r, "/verify")
			return
		}
		pageHeaders(w.Header())
		http.Redirect(w, r, g.options.SignIn, http.StatusSeeOther)
		return
	}
	to := ""
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		to = "?to=" + url.QueryEscape(r.URL.RequestURI())
	}
	g.redirect(w, r, "/sign-in"+to)
}

// redirect sends the browser to one of our own pages.
func (g *Gate) redirect(w http.ResponseWriter, r *http.Request, page string) {
	pageHeaders(w.Header())
	http.Redirect(w, r, g.options.Prefix+page, http.StatusSeeOther) //nolint:gosec // it begins with a path of ours
}

// to is where to go afterwards: a path here, a place elsewhere that we may lead to, else "".
func (g *Gate) to(r *http.Request) string { return g.mayLead(r.FormValue("to")) }

// localPath returns a path of this host as it is, and "" for anything that a browser might take for another host.
func localPath(to string) string {
	if len(to) > 2048 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\x00\t\r\n") {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") {
		return ""
	}
	for _, r := range to {
		if r < ' ' || r == 0x7f {
			return ""
		}
	}
	return to
}
