package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/server/forward"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/web"
)

// gateSessions is what package forward needs of the gate.
type gateSessions struct{ *web.Gate }

// SessionOf is as in forward.Sessions.
func (g gateSessions) SessionOf(r *http.Request) (*nightlatch.Session, *nightlatch.User, error) {
	return g.Shared(r)
}

// decider decides about requests to other applications.
func (s *Server) decider(gate *web.Gate) *forward.Decider {
	return forward.New(forward.Options{
		Sessions: gateSessions{gate}, Rules: s.rules, Signer: s.signer, PublicURL: s.settings.PublicURL, Prefix: s.prefix(),
		Trusted: s.settings.TrustedProxies, Now: s.now, Log: s.log,
	})
}

// needs says what the rule for a GET of to asks for that the session of r has not proven.
func (s *Server) needs(d *forward.Decider, r *http.Request, to string) (n web.Need) {
	asked, err := s.askedFor(r, to)
	if err != nil {
		return n
	}
	rule, ok := d.Lacks(r, asked)
	if !ok {
		return n
	}
	n.Level = nightlatch.Level(rule.Level)
	for _, kind := range rule.Kinds {
		n.Kinds = append(n.Kinds, factor.Kind(kind))
	}
	return n
}

// errOurs is for addresses that no rule is for.
var errOurs = errors.New("it is a page of ours")

// askedFor is the request that a browser will make for an address elsewhere, or for one of the application that we
// stand before.
func (s *Server) askedFor(r *http.Request, to string) (forward.Request, error) {
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return forward.Request{}, err
	case u.Host != "":
		return forward.NewRequest(http.MethodGet, u.Scheme, u.Host, u.RequestURI())
	case s.settings.Protect == "" || u.Path == forward.ProtectPrefix || strings.HasPrefix(u.Path, forward.ProtectPrefix+"/"):
		return forward.Request{}, errOurs
	}
	return forward.NewRequest(http.MethodGet, s.settings.Public().Scheme, r.Host, to)
}

// newSigner makes the key of assertions from the key ring, so that it is the same on every node and none is kept.
func newSigner(publicURL string, key *nightlatch.KeyRing) *forward.Signer {
	return forward.NewSigner(publicURL, forward.SignerKeys(key))
}

// keySet is /.well-known/jwks.json.
func (s *Server) keySet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	text, err := s.signer.KeySet()
	if err != nil {
		s.log.Error("the key set could not be written", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write(text)
}

// elsewhere are the hosts that rules name: people may be led back there, save to bare IPv6 addresses, which no cookie of a
// domain reaches.
func elsewhere(rules []settings.Rule) (hosts []string) {
	for _, r := range rules {
		if r.Host != "" && !strings.Contains(r.Host, ":") {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}
