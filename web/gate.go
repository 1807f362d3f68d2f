package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/sparing"
)

// Login is what an application says of a request that it has signed in by itself.
type Login struct {
	User string
	// Session is any value that the application changes at each of its sign-ins. Our session holds for that
	// pair only, so that a second proof never outlives the first.
	Session string
	At      time.Time // when the application's own factor was proven
}

// Accounts is what an application brings that leaves sign-up and sign-in to this package. The server does.
type Accounts interface {
	// FindAccount returns the id of the user that a name or an e-mail address, as typed, belongs to ("" when
	// nobody has it), and the identifier as it is compared. Any error means that it cannot be told now.
	FindAccount(ctx context.Context, identifier string) (user, key string, err error)
	// CheckAccount makes nothing and returns what CreateAccount would refuse, all of it; a form asks it for what
	// else is wrong. nil: nothing is.
	CheckAccount(ctx context.Context, a NewAccount) error
	// CreateAccount makes an account and returns the id of its user, or "" where there is none before a link that was
	// mailed is used (Addresses.Confirm). It returns FieldsError for what cannot be
	// used, nightlatch.ErrForbidden when accounts cannot be made here, and *nightlatch.ThrottledError when too many were.
	CreateAccount(ctx context.Context, a NewAccount) (user string, err error)
	// MayCreate says whether people may make accounts.
	MayCreate() bool
}

// NewAccount is what somebody typed to sign up. One of Username and Email at least is not empty.
type NewAccount struct {
	Username, Email, Password string
	Client                    nightlatch.Client
}

// FieldsError names the fields that cannot be used, and why: "taken", "too_short", "too_long", "too_common", "invalid", "missing".
type FieldsError map[string]string

// Error names the fields.
func (e FieldsError) Error() string {
	var names []string
	for name := range e {
		names = append(names, name)
	}
	return "cannot use " + strings.Join(names, ", ")
}

// Options are what New needs beside the Service. Either CurrentUser or Accounts is set.
type Options struct {
	// PublicURL is where people find the application: "https://example.com". Links and the Secure attribute of
	// cookies come from it.
	PublicURL string
	// Prefix is where Handler is mounted: "", "/2fa" or "/my/account/2fa". A "/" at its end does not count.
	Prefix string

	// CurrentUser says who is signed in to the application, for one that does that by itself.
	CurrentUser func(*http.Request) (Login, bool)
	// SignIn is the path of that application's own sign-in page. It should let people who are signed in sign in
	// again: setting up a first authenticator needs a sign-in that is not older than Policy.Fresh. SignOut is where its
	// sign-out is, or "". Require lets both paths through whatever the level, so that nobody is caught half-way: they
	// must show and do nothing else. "/" is never let through.
	SignIn, SignOut string

	// Accounts lets this package do the sign-in.
	Accounts Accounts
	// Profiles lets this package do what people change of their accounts by themselves; nil: it does not, and the
	// routes answer 404.
	Profiles Profiles
	// MinPassword is the fewest characters that a password may have, for the words on the page. Default 15.
	MinPassword int

	// ReadBack returns a destination of a kind ("sms") as it is shown to the person before anything is sent to it: a
	// phone number in its international form, with its country in lang. It returns a *factor.Refused with its field
	// for what cannot be sent to; the method ReadBack of package sentcode's Factor does all that. nil: nothing is read
	// back.
	ReadBack func(kind factor.Kind, text, lang string) (spoken string, err error)
	// Signals returns what a browser should know of a user's passkeys, as JSON: rpId, userId, allAcceptedCredentialIds,
	// name and displayName, for the methods signalAllAcceptedCredentials and signalCurrentUserDetails (WebAuthn Level 3
	// §5.1.10); the method Signals of package webauthn's Factor makes it of what Service.HeldOf returns. nil, or an empty
	// text: browsers are told nothing.
	Signals func(ctx context.Context, user string) ([]byte, error)

	// CookieDomain is a domain above PublicURL's host. One more cookie goes to it, which tells the hosts below that a
	// session is there and opens nothing here; Shared reads it. "": there is none.
	CookieDomain string
	// Elsewhere are the hosts to which people may be led after a sign-in, besides CookieDomain and what lies below:
	// "app.example.com", "*.example.com".
	Elsewhere []string

	// Needs says what a place where people may be led to asks for that the session of a request has not proven, so that
	// /verify asks for that. nil: nothing beyond a fresh proof.
	Needs func(r *http.Request, to string) Need

	// Administration lets administrators look after accounts here; nil: their routes answer 404.
	Administration Administration

	// TrustedProxies are the networks whose X-Forwarded-For is believed; default nobody.
	TrustedProxies []netip.Prefix
	// Overlay holds pages (page/NAME.html), assets (asset/NAME) and sentences (text/LANG.json) that stand in the place
	// of ours, by the same names; docs/pages.md says how. It is read once, by New.
	Overlay fs.FS
	// Service is what the service calls itself to people. Default "Nightlatch".
	Service string
	Demo    bool         // says on every page that this is a demonstration
	OpenAPI []byte       // served at /api/v1/openapi.json; nil: not at all
	Log     *slog.Logger // default: discards
}

// Gate is the lock before an application: its pages, its API, and Require.
type Gate struct {
	svc     *nightlatch.Service
	options Options
	pages   *pages
	cross   *http.CrossOriginProtection
	secure  bool
	origin  string
	log     *slog.Logger
	crossed *sparing.Log // anybody can send what comes from elsewhere
	refused *sparing.Log // whoever is signed in can be refused
	handler http.Handler
}

// New makes a Gate. It returns an error that names the option that is missing or wrong.
func New(svc *nightlatch.Service, o Options) (*Gate, error) {
	if (o.CurrentUser == nil) == (o.Accounts == nil) {
		return nil, errors.New("web: set one of Options.CurrentUser and Options.Accounts")
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" || public.Scheme != "https" && public.Scheme != "http" {
		return nil, errors.New("web: Options.PublicURL is no http or https URL")
	}
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	if o.Prefix != "" && (o.Prefix != path.Clean("/"+o.Prefix) || !plain(o.Prefix)) {
		return nil, fmt.Errorf("web: Options.Prefix %q is no plain path", o.Prefix)
	}
	for _, host := range o.Elsewhere {
		if !isHostPattern(host) {
			return nil, fmt.Errorf("web: Options.Elsewhere: %q is no host", host)
		}
	}
	g := &Gate{
		svc: svc, options: o, cross: http.NewCrossOriginProtection(), log: o.Log,
		secure: public.Scheme == "https", origin: public.Scheme + "://" + public.Host,
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.crossed, g.refused = sparing.New(g.log, svc.Now), sparing.New(g.log, svc.Now)
	if err := g.cross.AddTrustedOrigin(g.origin); err != nil {
		return nil, err
	}
	g.pages, err = newPages(pageOptions{
		Prefix: o.Prefix, Overlay: o.Overlay, Service: o.Service, Demo: o.Demo,
		Fault: func(r *http.Request, err error) { g.log.Error("a page could not be made", "error", err) },
	})
	if err != nil {
		return nil, err
	}
	g.pages.policy = policyFor(g.elsewhereOrigins())
	g.handler = g.routes()
	return g, nil
}

// Handler serves the pages and the API. Mount it at Options.Prefix.
func (g *Gate) Handler() http.Handler { return g.handler }

// Require lets a request through to next when its session has the level. It sends others to the second step, or to the
// set-up of a first authenticator where none is held, and from there back; a background request gets 401 or 403 with
// JSON. A request without a user goes through untouched, since the application refuses it, and so do our own pages,
// Options.SignIn and Options.SignOut.
func (g *Gate) Require(level nightlatch.Level, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.isOwn(r.URL) || g.isSigning(r.URL) {
			next.ServeHTTP(w, r)
			return
		}
		c := g.caller(r)
		if !g.hasUser(r) {
			next.ServeHTTP(w, r)
			return
		}
		ses, err := g.session(r, c)
		if err == nil && ses.Level >= level {
			next.ServeHTTP(w, withSession(r, ses))
			return
		}
		if err == nil {
			err = g.lacks(r, c)
		}
		g.turnAway(w, r, err)
	})
}

// isOwn says whether a path is one of our own pages, however an application reads it: one with "..", "//", ";", "\" or
// an escape may be another's to whoever unescapes or tidies it further.
func (g *Gate) isOwn(u *url.URL) bool {
	if g.options.Prefix == "" || u.EscapedPath() != u.Path {
		return false
	}
	rest, ok := strings.CutPrefix(u.Path, g.options.Prefix+"/")
	return ok && strings.Trim(path.Clean("/"+rest), "/") == strings.TrimSuffix(rest, "/") && plain(rest)
}

// plain says whether a path has only what everybody reads alike.
func plain(path string) bool {
	return !strings.ContainsFunc(path, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("/-_.", r)
	})
}

// isSigning says whether a path is the application's own sign-in or sign-out, to the letter.
func (g *Gate) isSigning(u *url.URL) bool {
	for _, page := range []string{g.options.SignIn, g.options.SignOut} {
		page, _, _ = strings.Cut(page, "?")
		if g.options.CurrentUser != nil && len(page) > 1 && page == u.EscapedPath() && page == u.Path {
			return true
		}
	}
	return false
}

// lacks says what a session below the level needs: a proof of what its user holds, or an enrollment.
func (g *Gate) lacks(r *http.Request, c caller) error {
	held, err := g.svc.Holdings(r.Context(), c.session)
	switch {
	case err != nil:
		return err
	case len(held.Authenticators) > 0:
		return &nightlatch.FreshProofError{Offers: working(held.Authenticators)}
	}
	return nightlatch.ErrEnrollmentNeeded
}

type sessionKey struct{}

func withSession(r *http.Request, ses nightlatch.Session) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), sessionKey{}, ses))
}

// SessionOf returns the session that Require or RequireFresh found for a request.
func SessionOf(r *http.Request) (nightlatch.Session, bool) {
	ses, ok := r.Context().Value(sessionKey{}).(nightlatch.Session)
	return ses, ok
}

// session returns the session of a request, bound to the application's own where it has one.
func (g *Gate) session(r *http.Request, c caller) (nightlatch.Session, error) {
	if c.session == "" {
		return nightlatch.Session{}, nightlatch.ErrUnauthenticated
	}
	ses, err := g.svc.Session(r.Context(), c.session)
	if err != nil {
		return ses, err
	}
	if g.options.CurrentUser != nil {
		login, ok := g.options.CurrentUser(r)
		if !ok || login.User != ses.User || binding(login) != ses.Binding {
			return nightlatch.Session{}, nightlatch.ErrUnauthenticated
		}
	}
	return ses, nil
}

// passwordProof is what an application's own sign-in proves.
func passwordProof(l Login) factor.Proof {
	return factor.Proof{Kind: "password", Classes: []factor.Class{factor.Knowledge}, At: l.At}
}
