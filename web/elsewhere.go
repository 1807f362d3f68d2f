package web

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
)

// sharedCookie tells the hosts below Options.CookieDomain that a session is there. No page and no request of the API
// reads it: it opens nothing here.
const sharedCookie = "nightlatch_shared"

func (g *Gate) sharedName() string {
	if g.secure {
		return "__Secure-" + sharedCookie
	}
	return sharedCookie
}

// share gives the domain's hosts what they hold of a session from now on, as long as the session's own cookie lives;
// with "" it takes that away.
func (g *Gate) share(w http.ResponseWriter, token string, life time.Duration) {
	if g.options.CookieDomain == "" {
		return
	}
	c := &http.Cookie{ //nolint:gosec // Secure but on http://localhost
		Name: g.sharedName(), Value: g.svc.SharedToken(token), Path: "/", Domain: g.options.CookieDomain,
		Secure: g.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second),
	}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// Shared returns the session of a request and its user, by the session's own cookie or the one that hosts below
// Options.CookieDomain have. It reads nothing else of the request. It is for deciding about requests to other
// applications, and for nothing that changes an account; what it returns is read only.
// Errors: nightlatch.ErrUnauthenticated, nightlatch.ErrUnavailable.
func (g *Gate) Shared(r *http.Request) (*nightlatch.Session, *nightlatch.User, error) {
	if own := g.cookie(r, sessionCookie); own != "" {
		ses, u, err := g.svc.SessionAndUser(r.Context(), own)
		if !errors.Is(err, nightlatch.ErrUnauthenticated) {
			return ses, u, err
		}
	}
	if g.options.CookieDomain == "" {
		return nil, nil, nightlatch.ErrUnauthenticated
	}
	return g.svc.SharedSession(r.Context(), onlyCookie(r, g.sharedName()))
}

// Addr is where a request came from, as far as it is to be believed. The zero Addr: it cannot be told.
func (g *Gate) Addr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if len(r.Header["X-Forwarded-For"]) == 0 || !g.trusted(addr) {
		return addr
	}
	// From the right, as long as whoever wrote it is trusted.
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0 && g.trusted(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap().WithZone("")
	}
	return addr
}

// mayLead returns where to go afterwards as it is: a path of this host, or an address at a host of Options.Elsewhere or
// CookieDomain; and "" for anything else, or what a browser might take for anything else.
func (g *Gate) mayLead(to string) string {
	if local := localPath(to); local != "" {
		return local
	}
	u, err := url.Parse(to)
	if err != nil || len(to) > 2048 || u.Opaque != "" || u.User != nil || u.Host == "" || strings.ContainsAny(to, "\\\t\r\n") {
		return ""
	}
	if u.Scheme != "https" && (u.Scheme != "http" || g.secure) {
		return ""
	}
	if !g.isElsewhere(u.Hostname()) || u.String() != to {
		return ""
	}
	return to
}

func (g *Gate) isElsewhere(host string) bool {
	host = strings.ToLower(host)
	if !isPlainHost(host) {
		return false
	}
	domain := g.options.CookieDomain
	if domain != "" && (host == domain || strings.HasSuffix(host, "."+domain)) {
		return true
	}
	return slices.ContainsFunc(g.options.Elsewhere, func(pattern string) bool {
		if below, wild := strings.CutPrefix(strings.ToLower(pattern), "*"); wild {
			return strings.HasSuffix(host, below) && len(host) > len(below)
		}
		return host == strings.ToLower(pattern)
	})
}

// isPlainHost says whether a host is a name that everybody reads alike, in lower case.
func isPlainHost(host string) bool {
	return host != "" && !strings.HasPrefix(host, ".") && !strings.Contains(host, "..") && !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}

// isHostPattern: "app.example.com", "*.example.com".
func isHostPattern(pattern string) bool {
	return isPlainHost(strings.TrimPrefix(strings.ToLower(pattern), "*."))
}

// elsewhereOrigins are the same places as sources of a content security policy.
func (g *Gate) elsewhereOrigins() (list []string) {
	hosts := slices.Clone(g.options.Elsewhere)
	if d := g.options.CookieDomain; d != "" {
		hosts = append(hosts, d, "*."+d)
	}
	for _, h := range hosts {
		list = append(list, "https://"+h+":*")
		if !g.secure {
			list = append(list, "http://"+h+":*")
		}
	}
	return list
}
