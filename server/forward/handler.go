package forward

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/sparing"
	"github.com/nightlatch/nightlatch/locale"
	"github.com/nightlatch/nightlatch/server/settings"
)

// Sessions says who is signed in.
type Sessions interface {
	// SessionOf returns the session of a request's cookies and its user. It returns nightlatch.ErrUnauthenticated
	// where there is none, any other error when it cannot be told now.
	SessionOf(r *http.Request) (*nightlatch.Session, *nightlatch.User, error)
	// Addr is where a request came from, as far as it is to be believed. The zero Addr: it cannot be told.
	Addr(r *http.Request) netip.Addr
}

// Options are what New needs. Sessions, PublicURL and Signer must be set.
type Options struct {
	Sessions Sessions
	Rules    Rules // their zero value: level 2 everywhere
	Signer   *Signer
	// PublicURL is where people find us, and Prefix the path below which our own pages are.
	PublicURL, Prefix string
	// Trusted are the networks of the proxies that may ask.
	Trusted []netip.Prefix
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default: discards
}

// Decider answers what becomes of requests.
type Decider struct {
	o         Options
	byNetwork bool
	refused   *sparing.Log // anybody can be refused
	forbidden *sparing.Log // whoever is signed in: a flood of strangers hides none of these
	noStore   []string     // shared by all answers, which may replace it
}

// New makes a Decider.
func New(o Options) *Decider {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Decider{o, o.Rules.ByNetwork(), sparing.New(o.Log, o.Now), sparing.New(o.Log, o.Now), []string{"no-store"}}
}

// Decision is what becomes of one request, and who asks.
type Decision struct {
	Found
	Session *nightlatch.Session
	User    *nightlatch.User // nil without a session
}

// Decide says what becomes of a request whose cookies are r's. The error says that it cannot be told now.
func (d *Decider) Decide(r *http.Request, asked Request) (Decision, error) {
	return d.decide(r, asked, d.o.Now())
}

func (d *Decider) decide(r *http.Request, asked Request, now time.Time) (Decision, error) {
	var out Decision
	ses, u, err := d.o.Sessions.SessionOf(r)
	var groups []string
	if err == nil {
		out.Session, out.User, groups = ses, u, u.Groups
	}
	out.Found = d.o.Rules.Judge(asked, out.Session, groups, now)
	if err != nil && !errors.Is(err, nightlatch.ErrUnauthenticated) && out.Answer != Pass {
		return out, err
	}
	return out, nil
}

// Lacks returns the rule for a request where its session must prove more; false: it need not, or that cannot be told.
func (d *Decider) Lacks(r *http.Request, asked Request) (settings.Rule, bool) {
	asked.Addr = d.o.Sessions.Addr(r)
	out, err := d.Decide(r, asked)
	if err != nil || out.Answer != Verify {
		return settings.Rule{}, false
	}
	return out.Rule, true
}

// ServeHTTP is GET /forward-auth.
func (d *Decider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = d.noStore
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !trusted(d.o.Trusted, peer.Addr().Unmap().WithZone("")) {
		d.refused.Warn("a decision was asked for by somebody who is no trusted proxy", "addr", r.RemoteAddr)
		d.refuse(w, http.StatusForbidden, "forbidden", "only a trusted proxy may ask")
		return
	}
	asked, err := ReadRequest(r.Header)
	if err != nil {
		status := http.StatusBadRequest
		if AsksByOriginalURL(r.Header) {
			status = http.StatusForbidden
		}
		d.refused.Warn("a request was refused", "reason", err, "addr", r.RemoteAddr)
		d.refuse(w, status, "invalid_request", err.Error())
		return
	}
	if d.byNetwork {
		asked.Addr = d.o.Sessions.Addr(r)
	}
	now := d.o.Now()
	out, err := d.decide(r, asked, now)
	if err != nil {
		d.o.Log.Error("a decision could not be made", "error", err)
		d.refuse(w, http.StatusServiceUnavailable, "unavailable", "it cannot be told now")
		return
	}
	switch out.Answer {
	case Pass:
		d.pass(w, out, asked, now)
	case Forbid:
		d.logForbidden(r, out, asked)
		d.refuse(w, http.StatusForbidden, "forbidden", out.Why)
	default:
		d.lead(w, r, out, asked)
	}
}

// logForbidden tells the operator who asked for what is not for him (ASVS 16.3.2). The query is the application's own.
func (d *Decider) logForbidden(r *http.Request, out Decision, asked Request) {
	const most = 200
	d.forbidden.WarnWith("a request was forbidden", func() []any {
		args := []any{
			"reason", out.Why, "method", asked.Method, "host", asked.Host, "path", asked.Path[:min(len(asked.Path), most)],
			"addr", addrText(d.o.Sessions.Addr(r)),
		}
		if out.Session != nil {
			args = append(args, "user", out.Session.User)
		}
		return args
	})
}

func (d *Decider) pass(w http.ResponseWriter, out Decision, asked Request, now time.Time) {
	id, err := d.o.Signer.Identify(out.Session, out.User, asked.Hostname(), now)
	if err != nil {
		d.o.Log.Error("an assertion could not be made", "error", err)
		d.refuse(w, http.StatusServiceUnavailable, "unavailable", "it cannot be told now")
		return
	}
	id.Set(w.Header())
	w.WriteHeader(http.StatusOK)
}

// Page is the page of ours that helps, and leads back to what was asked for.
func (d *Decider) Page(out Decision, asked Request) string {
	page := "/sign-in"
	if out.Answer == Verify {
		page = "/verify"
	}
	to := d.o.PublicURL + d.o.Prefix + page
	if asked.Method == http.MethodGet || asked.Method == http.MethodHead {
		to += "?to=" + url.QueryEscape(asked.URL())
	}
	return to
}

// lead sends a person to the page that helps; a program, whose proxy cannot tell, is told where that is.
func (d *Decider) lead(w http.ResponseWriter, r *http.Request, out Decision, asked Request) {
	w.Header().Set("Location", d.Page(out, asked))
	if r.URL.Query().Get("redirect") == "true" && IsNavigation(r.Header, asked.Method) {
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	d.refuse(w, http.StatusUnauthorized, "unauthenticated", out.Why)
}

// IsNavigation says whether a person waits for a page. It does not ask for the User-Agent.
func IsNavigation(h http.Header, method string) bool {
	if method != http.MethodGet && method != http.MethodHead {
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	if dest := h.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return false
	}
	if h.Get("Upgrade") != "" || h.Get("Sec-WebSocket-Key") != "" { // Traefik does not tell of Upgrade
		return false
	}
	return h.Get("X-Requested-With") == "" && !strings.HasPrefix(h.Get("Accept"), "application/json")
}

func trusted(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// titles are what the codes say to people, as in the API.
var titles = map[string]string{
	"forbidden":            "You may not do that.",
	"invalid_request":      "The request cannot be understood.",
	"unauthenticated":      "Please sign in.",
	"unavailable":          "The service is not available now. Please try again later.",
	"upstream_unavailable": locale.Mark("The application does not answer. Please try again later."),
}

func (d *Decider) refuse(w http.ResponseWriter, status int, code, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail,omitempty"`
	}{"about:blank", titles[code], status, code, detail})
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
