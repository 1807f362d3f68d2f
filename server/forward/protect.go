package forward

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"
)

// ProtectPrefix is where our own pages are when we stand before an application alone.
const ProtectPrefix = "/.nightlatch"

// Protector stands before one application: what may pass goes there, and our own pages stand beside it.
type Protector struct {
	d     *Decider
	own   http.Handler // below ProtectPrefix
	proxy *httputil.ReverseProxy
	page  func(w http.ResponseWriter, r *http.Request, status int, title, text string)
	log   *slog.Logger
}

// Protection is what NewProtector needs. All must be set.
type Protection struct {
	Decider *Decider
	Own     http.Handler // our own pages and API, mounted at ProtectPrefix
	Target  *url.URL     // where the application is
	// Page writes a page of ours to a person: an outage, a refusal.
	Page func(w http.ResponseWriter, r *http.Request, status int, title, text string)
}

// NewProtector makes a Protector.
func NewProtector(p Protection) *Protector {
	out := &Protector{d: p.Decider, own: p.Own, page: p.Page, log: p.Decider.o.Log}
	transport := &http.Transport{
		Proxy:       nil, // the application is where it was said to be
		DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext, ForceAttemptHTTP2: true,
		MaxIdleConns: 200, MaxIdleConnsPerHost: 100, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		DisableCompression: true, // what the application sends goes on as it is
	}
	out.proxy = &httputil.ReverseProxy{
		Rewrite: out.rewrite(p.Target), Transport: transport, FlushInterval: -1, // at once: streams are streams
		ModifyResponse: func(r *http.Response) error {
			dropOwnSetCookies(r.Header)
			r.Header.Del("Service-Worker-Allowed") // it would widen what a service worker may take over
			return nil
		},
		ErrorHandler: out.outage, ErrorLog: slog.NewLogLogger(out.log.Handler(), slog.LevelWarn),
	}
	return out
}

// errTunnel: what runs in a tunnel is asked about once.
var errTunnel = errors.New("a tunnel is not to be had")

type passedKey struct{}

// passed is what was decided of a request that goes on.
type passed struct {
	out  Decision
	id   *Identity
	addr string
	path string // as it was sent
}

// ServeHTTP lets a request through to the application, or not.
func (p *Protector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, err := NewRequest(r.Method, p.scheme(), r.Host, r.RequestURI)
	if err == nil && r.Method == http.MethodConnect {
		err = errTunnel
	}
	if err != nil {
		p.d.refused.Warn("a request was refused", "reason", err, "addr", r.RemoteAddr)
		p.refuse(w, r, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if asked.Path == ProtectPrefix || strings.HasPrefix(asked.Path, ProtectPrefix+"/") {
		p.serveOwn(w, r)
		return
	}
	asked.Addr = p.d.o.Sessions.Addr(r)
	out, err := p.d.Decide(r, asked)
	if err != nil {
		p.log.Error("a decision could not be made", "error", err)
		p.refuse(w, r, http.StatusServiceUnavailable, "unavailable", "it cannot be told now")
		return
	}
	if isServiceWorker(r.Header) && path.Dir(asked.Path) == "/" {
		p.d.refuse(w, http.StatusForbidden, "forbidden", "a service worker here would see the pages that guard the account")
		return
	}
	switch out.Answer {
	case Pass:
		sent, _, _ := strings.Cut(asked.URI, "?")
		p.pass(w, r, passed{out: out, addr: addrText(asked.Addr), path: sent}, asked)
	case Forbid:
		p.d.logForbidden(r, out, asked)
		p.refuse(w, r, http.StatusForbidden, "forbidden", out.Why)
	default:
		p.lead(w, r, out, asked)
	}
}

// scheme is what people reach us by: we speak no TLS ourselves.
func (p *Protector) scheme() string {
	scheme, _, _ := strings.Cut(p.d.o.PublicURL, "://")
	return scheme
}

// serveOwn serves our own pages. Scripts of the application share their host: none may be a service worker there.
func (p *Protector) serveOwn(w http.ResponseWriter, r *http.Request) {
	if isServiceWorker(r.Header) {
		w.Header().Set("Cache-Control", "no-store")
		p.d.refuse(w, http.StatusForbidden, "forbidden", "there are no service workers here")
		return
	}
	p.own.ServeHTTP(w, r)
}

// isServiceWorker says whether a browser asks for the script of a service worker. One whose script lies at the root of
// the host may take every page of it over, ours too (Service Workers §3.4.3).
func isServiceWorker(h http.Header) bool {
	return h.Get("Service-Worker") != "" || h.Get("Sec-Fetch-Dest") == "serviceworker"
}

func (p *Protector) pass(w http.ResponseWriter, r *http.Request, what passed, asked Request) {
	var err error
	if what.id, err = p.d.o.Signer.Identify(what.out.Session, what.out.User, asked.Hostname(), p.d.o.Now()); err != nil {
		p.log.Error("an assertion could not be made", "error", err)
		p.refuse(w, r, http.StatusServiceUnavailable, "unavailable", "it cannot be told now")
		return
	}
	// An upload or a download may take as long as it takes.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	_ = control.EnableFullDuplex() // an answer may begin before the upload has ended
	if r.Header.Get("Upgrade") != "" {
		watched := &upgraded{ResponseWriter: w, p: p, asked: asked, r: r}
		defer watched.end()
		w = watched
	}
	p.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passedKey{}, what)))
}

// addrText is "" where it cannot be told who asks.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// rewrite makes the request that the application gets: as it came, without what is ours, with who asks.
func (p *Protector) rewrite(target *url.URL) func(*httputil.ProxyRequest) {
	return func(pr *httputil.ProxyRequest) {
		what, _ := pr.In.Context().Value(passedKey{}).(passed)
		pr.Out.URL.Scheme, pr.Out.URL.Host = target.Scheme, target.Host
		// What was decided about goes on, byte for byte: ReverseProxy drops parameters with a ";", and net/url writes
		// some paths anew.
		pr.Out.URL.Opaque, pr.Out.URL.RawQuery = what.path, pr.In.URL.RawQuery
		pr.Out.Host = pr.In.Host
		pr.Out.Trailer = nil // no values would follow, and no name of ours may be announced
		h := pr.Out.Header
		ClearIdentity(h)
		clearForwarded(h)
		onlyWebSockets(h)
		dropOwnCookies(h)
		what.id.Set(h)
		h.Set("X-Forwarded-For", what.addr)
		h.Set("X-Forwarded-Host", pr.In.Host)
		h.Set("X-Forwarded-Proto", p.scheme())
	}
}

// clearForwarded removes what only a proxy may say, in any spelling.
func clearForwarded(h http.Header) {
	for name := range h {
		f := folded(name)
		if strings.HasPrefix(f, "x-forwarded-") || strings.HasPrefix(f, "x-original-") || strings.HasPrefix(f, "x-rewrite-") ||
			f == "forwarded" || f == "x-real-ip" {
			delete(h, name)
		}
	}
}

// onlyWebSockets lets no other protocol be agreed on: what runs in a tunnel is asked about once, and in one of HTTP/2
// there would be any number of requests.
func onlyWebSockets(h http.Header) {
	delete(h, "Http2-Settings")
	if v := h["Upgrade"]; len(v) != 1 || !strings.EqualFold(v[0], "websocket") {
		delete(h, "Upgrade")
		delete(h, "Connection")
	}
}

// lead sends a person to the page that helps, and tells a program.
func (p *Protector) lead(w http.ResponseWriter, r *http.Request, out Decision, asked Request) {
	page := ProtectPrefix + "/sign-in"
	if out.Answer == Verify {
		page = ProtectPrefix + "/verify"
	}
	w.Header().Set("Cache-Control", "no-store")
	if !IsNavigation(r.Header, r.Method) {
		w.Header().Set("Location", p.d.o.PublicURL+page)
		p.d.refuse(w, http.StatusUnauthorized, "unauthenticated", out.Why)
		return
	}
	http.Redirect(w, r, page+"?to="+url.QueryEscape(asked.URI), http.StatusSeeOther)
}

// refuse tells a person by a page, and a program by a problem.
func (p *Protector) refuse(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	w.Header().Set("Cache-Control", "no-store")
	if IsNavigation(r.Header, r.Method) && strings.Contains(r.Header.Get("Accept"), "text/html") {
		p.page(w, r, status, titles[code], "")
		return
	}
	p.d.refuse(w, status, code, detail)
}

// outage tells that the application does not answer.
func (p *Protector) outage(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // whoever asked has gone
	}
	p.log.Error("the application does not answer", "error", err)
	p.refuse(w, r, http.StatusBadGateway, "upstream_unavailable", "the application does not answer")
}
