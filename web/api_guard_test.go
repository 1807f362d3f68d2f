package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCrossOrigin: what changes something comes from our own pages or from a program.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	before := h.dump()
	for _, header := range []http.Header{
		{"Origin": {"https://evil.example"}},
		{"Sec-Fetch-Site": {"cross-site"}},
		{"Sec-Fetch-Site": {"same-site"}},
		{"Origin": {"null"}},
		{"Origin": {"https://evil.example"}, "Authorization": {"Basic eDp5"}},
	} {
		header.Set("Content-Type", "application/json")
		for _, target := range []string{"POST /accounts", "POST /sign-in", "POST /authenticators", "DELETE /session", "DELETE /sessions"} {
			method, path, _ := strings.Cut(target, " ")
			a := p.send(method, "/api/v1"+path, header, strings.NewReader("{}"))
			a.refuses(http.StatusForbidden, "cross_origin")
		}
		if a := p.send("GET", "/api/v1/session", header, nil); header.Get("Authorization") == "" {
			a.want(http.StatusOK)
		}
	}
	if h.dump() != before {
		t.Error("something changed")
	}
	own := http.Header{"Origin": {"http://localhost:8080"}, "Sec-Fetch-Site": {"same-origin"}}
	p.send("DELETE", "/api/v1/session", own, nil).want(http.StatusNoContent)

	q := h.add("bert")
	q.signIn(true)
	q.send("DELETE", "/api/v1/session", http.Header{"Origin": {"https://app.example"}}, nil).want(http.StatusNoContent)
}

// TestMixedCredentials: a session cookie and Authorization at once are a mistake, and nobody's.
func TestMixedCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.add("anna"), h.add("bert")
	p.signIn(false)
	q.signIn(true)
	for _, authorization := range []string{"Bearer " + q.token, "Bearer x", "Bearer", "Basic eDp5", "x"} {
		header := http.Header{"Authorization": {authorization}}
		p.send("GET", "/api/v1/session", header, nil).refuses(http.StatusBadRequest, "invalid_request")
		p.send("GET", "/api/v1/openapi.json", header, nil).refuses(http.StatusBadRequest, "invalid_request")
	}
	doubled := http.Header{"Authorization": {"Bearer " + q.token}, "Cookie": {"nightlatch_session=a; nightlatch_session=b"}}
	q.send("GET", "/api/v1/session", doubled, nil).refuses(http.StatusBadRequest, "invalid_request")
	twice := http.Header{"Authorization": {"Bearer " + q.token, "Bearer " + q.token}}
	q.send("GET", "/api/v1/session", twice, nil).refuses(http.StatusBadRequest, "invalid_request")
	other := h.client()
	for _, authorization := range []string{"bearer " + q.token} {
		other.send("GET", "/api/v1/session", http.Header{"Authorization": {authorization}}, nil).want(http.StatusOK)
	}
	for _, authorization := range []string{"", "Bearer", "Bearer  " + q.token, "Token " + q.token, q.token, "Bearer " + q.token + "x"} {
		a := other.send("GET", "/api/v1/session", http.Header{"Authorization": {authorization}}, nil)
		a.refuses(http.StatusUnauthorized, "unauthenticated")
		if a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
		}
	}
}

// TestBrowsersGetNoToken: whatever they send.
func TestBrowsersGetNoToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.add("anna")
	for _, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "sec-fetch-user", "Sec-Fetch-Storage-Access"} {
		for path, body := range map[string]string{
			"/sign-in":  `{"identifier":"anna","password":"` + secret + `","transport":"token"}`,
			"/accounts": `{"username":"zoe","password":"` + secret + `","transport":"token"}`,
		} {
			header := http.Header{"Content-Type": {"application/json"}}
			header.Set(name, "same-origin")
			a := h.client().send("POST", "/api/v1"+path, header, strings.NewReader(body))
			a.refuses(http.StatusBadRequest, "invalid_request")
			if a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s, %s: a cookie", path, name)
			}
		}
	}
}

// TestMethods: a path names the methods that it has, and a HEAD is a GET without its body.
func TestMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	for path, allow := range map[string]string{
		"/sign-in": "DELETE, GET, HEAD, POST", "/accounts": "POST", "/session": "DELETE, GET, HEAD",
		"/authenticators/finish": "POST", "/authenticators/x": "DELETE, PATCH", "/openapi.json": "GET, HEAD",
	} {
		for _, method := range []string{"PUT", "OPTIONS", "TRACE", "QUERY"} {
			a := p.send(method, "/api/v1"+path, nil, nil).refuses(http.StatusMethodNotAllowed, "method_not_allowed")
			if a.header.Get("Allow") != allow {
				t.Errorf("%s: Allow is %q, want %q", path, a.header.Get("Allow"), allow)
			}
		}
	}
	for _, path := range []string{"/session", "/sessions", "/authenticators", "/factors", "/recovery-codes", "/events", "/openapi.json"} {
		get, head := p.get(path).want(http.StatusOK), p.api("HEAD", path, nil).want(http.StatusOK)
		if len(head.body) > 0 || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d bytes of %q", path, len(head.body), head.header.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/nothing", "/", "/sign-in/", "/session/x", "/Session", "/session%2f"} {
		p.get(path).refuses(http.StatusNotFound, "not_found")
	}
}

// TestHeaders: no answer of the API may be kept, framed, sniffed or run.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "PUBLIC_URL=https://id.example.com")
	c := h.client()
	for _, a := range []answer{
		c.get("/session"), c.get("/nothing"), c.get("/openapi.json"), c.api("PUT", "/session", nil), c.post("/sign-in", 7),
	} {
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", a.path, name, got, want)
			}
		}
		if !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: the policy is %q", a.path, a.header.Get("Content-Security-Policy"))
		}
	}
	h.add("anna")
	in := c.post("/sign-in", map[string]any{"identifier": "anna", "password": secret}).want(http.StatusOK)
	cookie := in.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-nightlatch_session=") || !strings.Contains(cookie, "; Secure") {
		t.Errorf("the cookie over https: %s", cookie)
	}
}

// TestDocumentIsServed as it is.
func TestDocumentIsServed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.client().get("/openapi.json").want(http.StatusOK)
	if a.at("openapi") != "3.1.0" || !json.Valid(a.body) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%q: %.100s", a.header.Get("Content-Type"), a.body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		h.client().send("GET", path, nil, nil).want(http.StatusOK).is("status", "ok")
	}
}

// TestWrongCredentialsAreAlike: unknown, wrong and disabled, in status and body, and after too many too.
func TestWrongCredentialsAreAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.add("anna")
	h.add("bert")
	bert, err := h.all.Accounts.Find(t.Context(), "bert")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.all.SetDisabled(t.Context(), bert, true, "test"); err != nil {
		t.Fatal(err)
	}
	try := func(name, password string) answer {
		return h.client().post("/sign-in", map[string]any{"identifier": name, "password": password})
	}
	for n := range 7 {
		wrong, unknown, disabled := try("anna", "not "+secret), try("nobody", secret), try("BERT", secret)
		code, status := "wrong_credentials", http.StatusUnauthorized
		if n >= 5 {
			code, status = "throttled", http.StatusTooManyRequests
		}
		wrong.refuses(status, code)
		for _, other := range []answer{unknown, disabled} {
			if other.status != wrong.status || !bytes.Equal(other.body, wrong.body) || len(other.header) != len(wrong.header) {
				t.Errorf("try %d: %d %s %v, and %d %s %v", n, wrong.status, wrong.body, wrong.header, other.status, other.body, other.header)
			}
		}
	}
	if a := try("anna", secret).refuses(http.StatusTooManyRequests, "throttled"); a.at("retry_after") != 30.0 ||
		a.header.Get("Retry-After") != "30" || a.at("offers") != nil {
		t.Errorf("throttled: %v %s", a.header, a.body)
	}
	h.clock.move(30 * time.Second)
	try("anna", secret).want(http.StatusOK)
}

// TestThrottleNamesWhatIsOpen: one kind throttled leaves the others.
func TestThrottleNamesWhatIsOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(true)
	p.enroll()
	h.clock.move(time.Minute)
	p.signIn(true)
	for range 5 {
		p.verify("totp", p.wrongCode()).refuses(http.StatusUnauthorized, "refused")
	}
	p.signIn(true) // gives no try back
	a := p.verify("totp", p.code()).refuses(http.StatusTooManyRequests, "throttled")
	if a.at("retry_after") != 30.0 || a.header.Get("Retry-After") != "30" || len(a.list("offers")) != 1 ||
		a.at("offers", 0, "kind") != "recovery" {
		t.Errorf("throttled: %v %s", a.header, a.body)
	}
	p.verify("recovery", p.codes[0]).want(http.StatusOK)
}

// Who tries what no page of ours does is in the log, with who asked and where, without a token, and not without end.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	id := h.id("anna")
	told := func(words ...string) {
		t.Helper()
		for line := range strings.Lines(h.log.String()) {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				return
			}
		}
		t.Errorf("no line with %q in\n%s", words, h.log)
	}
	evil := http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	p.send("POST", "/api/v1/session?token=hush", evil, strings.NewReader("{}")).refuses(http.StatusForbidden, "cross_origin")
	told("a request was refused", "code=cross_origin", "method=POST", "path=/api/v1/session", "addr=127.0.0.1", "origin=https://evil.example", "user="+id)
	p.get("/admin/accounts").refuses(http.StatusForbidden, "forbidden")
	told("a request was refused", "code=forbidden", "path=/api/v1/admin/accounts", "user="+id)
	p.send("POST", "/sign-in", evil, strings.NewReader("identifier=x"))
	told("code=cross_origin", "path=/sign-in")
	for range 100 {
		p.send("POST", "/sign-in", evil, strings.NewReader("identifier=x"))
	}
	if got := strings.Count(h.log.String(), "a request was refused"); got != 61 {
		t.Errorf("%d lines of a flood, and one before", got)
	}
	p.get("/admin/events").refuses(http.StatusForbidden, "forbidden")
	told("code=forbidden", "path=/api/v1/admin/events", "user="+id) // no stranger's flood hides it
	if strings.Contains(h.log.String(), "hush") {
		t.Error("a token is in the log")
	}
}
