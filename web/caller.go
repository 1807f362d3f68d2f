package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
)

// The names of the cookies. An unfinished sign-in and a session are different things in different cookies.
const (
	signInCookie  = "nightlatch_sign_in"
	sessionCookie = "nightlatch_session"
	// challengeCookie holds the challenge of a sign-in that begins without a name, sealed.
	challengeCookie = "nightlatch_challenge"
	// confirmationCookie holds what was confirmed and not yet used.
	confirmationCookie = "nightlatch_confirmation"
)

// caller is what a request brings to say who asks.
type caller struct {
	signIn  string // the token of an unfinished sign-in, or ""
	session string // the token of a session, or ""
	passkey string // a challenge of a sign-in that begins without a name, or ""
	bearer  bool   // they came as Authorization: Bearer
	mixed   bool   // a session cookie and Authorization at once
	client  nightlatch.Client
}

func (g *Gate) caller(r *http.Request) caller {
	c := caller{client: g.client(r)}
	c.signIn, c.session, c.passkey = g.cookie(r, signInCookie), g.cookie(r, sessionCookie), g.cookie(r, challengeCookie)
	authorization := r.Header.Values("Authorization")
	if len(authorization) == 0 || g.options.CurrentUser != nil { // there it is the application's own
		return c
	}
	_, came := cookieNamed(r, g.cookieName(sessionCookie))
	c.mixed = came > 0 || len(authorization) > 1
	scheme, token, _ := strings.Cut(authorization[0], " ")
	if strings.EqualFold(scheme, "Bearer") {
		// The engine tells a session's token from a sign-in's by its type.
		c.bearer, c.signIn, c.session, c.passkey = true, token, token, token
	}
	return c
}

// step is the token that the requests of a sign-in serve: the unfinished sign-in's, else the session's.
func (c caller) step() string {
	if c.signIn != "" {
		return c.signIn
	}
	return c.session
}

// client is where a request came from, as far as it is to be believed.
func (g *Gate) client(r *http.Request) nightlatch.Client {
	agent := r.UserAgent()
	if len(agent) > 200 {
		agent = agent[:200]
	}
	return nightlatch.Client{
		Addr: g.addr(r), Agent: strings.ToValidUTF8(agent, "?"), Lang: g.pages.language(r),
	}
}

// addr is Addr as text, "" where it cannot be told.
func (g *Gate) addr(r *http.Request) string {
	if a := g.Addr(r); a.IsValid() {
		return a.String()
	}
	return ""
}

func (g *Gate) trusted(addr netip.Addr) bool {
	for _, p := range g.options.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (g *Gate) cookieName(name string) string {
	if g.secure {
		return "__Host-" + name
	}
	return name
}

// cookie returns the value of one of our own cookies, as onlyCookie does.
func (g *Gate) cookie(r *http.Request, name string) string {
	return onlyCookie(r, g.cookieName(name))
}

func (g *Gate) setCookie(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	c := &http.Cookie{ //nolint:gosec // Secure but on http://localhost
		Name: g.cookieName(name), Value: value, Path: "/", Secure: g.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case value == "":
		c.MaxAge = -1
	case maxAge > 0:
		c.MaxAge = int(maxAge / time.Second)
	}
	http.SetCookie(w, c)
}

// keep gives the client what it holds from now on: the token of the step, and nothing of the step before.
func (g *Gate) keep(w http.ResponseWriter, r *http.Request, next nightlatch.Next) {
	if next.Token == "" {
		return
	}
	if next.Step == nightlatch.StepDone {
		g.keepSession(w, r, next)
	} else {
		g.setCookie(w, signInCookie, next.Token, 0)
	}
	g.keepDevice(w, next)
}

func (g *Gate) keepSession(w http.ResponseWriter, r *http.Request, next nightlatch.Next) {
	if next.Confirms != "" {
		g.setCookie(w, confirmationCookie, next.Token, 0)
		g.drop(w, r, signInCookie)
		return
	}
	g.endBefore(r, next.Token)
	var life time.Duration
	if next.Stay {
		life = next.Session.CreatedAt.Add(g.svc.SessionLife()).Sub(next.Session.LastUsedAt)
	}
	g.setCookie(w, sessionCookie, next.Token, life)
	g.share(w, next.Token, life)
	if g.cookie(r, signInCookie) != "" {
		g.setCookie(w, signInCookie, "", 0)
	}
}

// endBefore ends the session that the browser came with, of which nobody holds the token from now on. The engine has ended
// the one that the browser had when the sign-in began; another tab may have brought a younger one.
func (g *Gate) endBefore(r *http.Request, token string) {
	before := g.cookie(r, sessionCookie)
	if before == "" || before == token {
		return
	}
	if err := g.svc.EndReplaced(r.Context(), before, g.client(r)); err != nil {
		g.log.Warn("a session that was replaced goes on", "error", err)
	}
}

// drop takes a cookie away that leads nowhere any more.
func (g *Gate) drop(w http.ResponseWriter, r *http.Request, name string) {
	if _, came := cookieNamed(r, g.cookieName(name)); came > 0 {
		g.setCookie(w, name, "", 0)
	}
	if name == sessionCookie {
		g.share(w, "", 0)
	}
}

// binding is what our session remembers of the application's own.
func binding(l Login) string {
	sum := sha256.Sum256([]byte(l.Session))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
