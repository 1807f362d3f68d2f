package server

import (
	"net/http"
	"net/url"

	"github.com/nightlatch/nightlatch/locale"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/web"
)

// prefix is where our own pages are: at the root, or beside the application that we stand before.
func (s *Server) prefix() string {
	if s.settings.Protect != "" {
		return forward.ProtectPrefix
	}
	return ""
}

// pagesURL is the address of our own pages, for links.
func (s *Server) pagesURL() string { return s.settings.PublicURL + s.prefix() }

// refusedView is the page "refused".
type refusedView struct {
	web.Frame
	Title     string // in the reader's language
	Code      int
	Outage    bool
	Forbidden bool   // to the account that is signed in
	Unclear   bool   // the address could be read in more than one way
	Again     string // the path that was asked for
}

// protect stands before the application of the settings, with our own pages beside it.
func (s *Server) protect(gate *web.Gate, decider *forward.Decider, own http.Handler) (http.Handler, error) {
	target, err := url.Parse(s.settings.Protect)
	if err != nil {
		return nil, err
	}
	return forward.NewProtector(forward.Protection{
		Decider: decider, Own: own, Target: target,
		Page: func(w http.ResponseWriter, r *http.Request, status int, title, _ string) {
			v := refusedView{
				Title: locale.T(locale.Match(r.Header.Get("Accept-Language")), title), Code: status,
				Outage: status == http.StatusBadGateway, Forbidden: status == http.StatusForbidden,
				Unclear: status == http.StatusBadRequest, Again: r.URL.RequestURI(),
			}
			gate.Page(w, r, status, "refused", v)
		},
	}), nil
}
