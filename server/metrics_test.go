package server

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// scrape is what Prometheus would read.
func scrape(t *testing.T, s *Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func wantMetric(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("there is no line %q; lines of %s:\n%s", line, name, strings.Join(regexp.MustCompile(`(?m)^`+name+`[{ ].*$`).FindAllString(text, -1), "\n"))
		}
	}
}

func measured(t *testing.T) (*Server, *site) {
	t.Helper()
	p := newSite(t)
	s, err := p.start(p.settings("METRICS_LISTEN=localhost:0", "MAIL_URL=outbox:", "POLICY_FACTORS=totp,email,recovery"))
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// TestMetrics walks sign-ins and reads what came of them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s, p := measured(t)
	add(t, s, Account{Username: "anna"})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	app, codes := c.enroll(p.clock)
	c.signIn("anna", "not this one at all")
	p.clock.move(time.Minute)
	c.mustSignIn("anna", secret, "verify")
	c.refusedFor("clock", object{"kind": "totp", "code": codeOf(t, app, p.clock.now().Add(2*time.Minute))})
	c.want(200, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, p.clock.now().Add(-30*time.Second))})
	c.mustSignIn("anna", secret, "verify")
	c.want(200, "POST", "/verifications", object{"kind": "recovery", "code": codes[0]})
	c.want(200, "GET", "/session", nil)
	c.want(404, "DELETE", "/devices/nobody-s", nil)
	c.want(404, "GET", "/nowhere", nil)
	text := scrape(t, s)
	wantMetric(t, text,
		`nightlatch_sign_ins_total{kind="password",outcome="done"} 1`,
		`nightlatch_sign_ins_total{kind="password",outcome="wrong"} 1`,
		`nightlatch_sign_ins_total{kind="password",outcome="continued"} 2`,
		`nightlatch_sign_ins_total{kind="totp",outcome="clock"} 1`,
		`nightlatch_sign_ins_total{kind="totp",outcome="done"} 1`,
		`nightlatch_sign_ins_total{kind="recovery",outcome="done"} 1`,
		`nightlatch_verdict_seconds_count{kind="totp",outcome="right",step="enrollment"} 1`,
		`nightlatch_verdict_seconds_count{kind="totp",outcome="right",step="second"} 1`,
		`nightlatch_clock_offset_seconds_bucket{le="-45"} 0`,
		`nightlatch_clock_offset_seconds_bucket{le="-15"} 1`,
		`nightlatch_clock_offset_seconds_bucket{le="105"} 1`,
		`nightlatch_clock_offset_seconds_bucket{le="135"} 2`,
		`nightlatch_http_requests_total{route="/api/v1/sign-in",status="2xx"} 3`,
		`nightlatch_http_requests_total{route="/api/v1/sign-in",status="4xx"} 1`,
		`nightlatch_http_requests_total{route="/api/v1/devices/{id}",status="4xx"} 1`,
		`nightlatch_http_requests_total{route="other",status="4xx"} 1`,
		`nightlatch_hashes_running 0`, `nightlatch_hashes_waiting 0`, `nightlatch_messages_waiting 0`,
	)
	for _, name := range []string{"build_info", "pool_connections_open", "transaction_seconds_count", "hashes_total"} {
		if !strings.Contains(text, "nightlatch_"+name) {
			t.Errorf("there is no nightlatch_%s", name)
		}
	}
	w := httptest.NewRecorder()
	s.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if w.Code != 404 {
		t.Errorf("GET / of the metrics: %d", w.Code)
	}
	if status, _ := c.send("GET", "/../../metrics", nil); status == 200 {
		t.Errorf("/metrics of the public listener: %d", status)
	}
	if (&Server{}).Metrics() != nil || newServer(t).Metrics() != nil {
		t.Error("there are metrics that nobody asked for")
	}
}

// TestMetricsNameNobody: nothing that a client sends becomes a label.
func TestMetricsNameNobody(t *testing.T) {
	t.Parallel()
	s, p := measured(t)
	const odd = "oddname"
	add(t, s, Account{Username: odd + "-user", Email: odd + "@example.com"})
	c := newClient(t, s)
	c.mustSignIn(odd+"-user", secret, "done")
	app, _ := c.enroll(p.clock)
	session := c.token
	c.signIn(odd+"\n} 1\n{x=\"", odd+" is no password")
	c.send("POST", "/sign-in", object{"identifier": odd, "password": odd, odd: odd})
	c.mustSignIn(odd+"@example.com", secret, "verify")
	for _, kind := range []string{odd, "totp\",x=\"" + odd, "", "password", strings.Repeat(odd, 1000)} {
		c.verify(kind, odd)
		c.send("POST", "/challenges", object{"kind": kind, "id": odd})
	}
	for range 8 {
		c.verify("totp", "000000")
	}
	c.token = session
	c.send("POST", "/authenticators", object{"kind": odd, "label": odd})
	c.send("PATCH", "/authenticators/"+odd, object{"label": odd})
	c.send(strings.ToUpper(odd), "/session", nil)
	c.send("GET", "/"+odd+"/%0a", nil)
	c.send("GET", "/events?before="+odd, nil)
	for _, o := range []nightlatch.Observation{
		{What: nightlatch.ObservedVerdict, Kind: odd, Outcome: "right"}, {What: nightlatch.ObservedDelivery, Kind: odd, Outcome: "sent"},
	} {
		s.metrics.Observe(t.Context(), o)
	}
	text := scrape(t, s)
	if strings.Contains(strings.ToLower(text), odd) || strings.Contains(text, codeOf(t, app, p.clock.now())) {
		t.Errorf("a client's own words are in the metrics: %s", text)
	}
	allowed := map[string][]string{
		"kind":    {"none", "password", "totp", "hotp", "webauthn", "email", "sms", "recovery"},
		"channel": {"none", "email", "sms"}, "access": {"read", "write"}, "pool": {"read", "write", "all"},
		"step": {"", "first", "second", "passkey", "fresh", "enrollment"}, "what": {"verdict", "message"},
		"outcome": {"right", "wrong", "used", "expired", "clock", "throttled", "busy", "sent", "refused", "done", "failed", "continued"},
		"status":  {"1xx", "2xx", "3xx", "4xx", "5xx", "none"},
	}
	for _, label := range regexp.MustCompile(`([a-z_]+)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if values, closed := allowed[label[1]]; closed && !slices.Contains(values, label[2]) {
			t.Errorf("label %s has the value %q", label[1], label[2])
		}
		if !slices.Contains([]string{"le", "route", "version", "go", "quantile"}, label[1]) && allowed[label[1]] == nil {
			t.Errorf("there is a label %q", label[1])
		}
	}
	if !strings.Contains(text, `nightlatch_throttled_total{kind="totp",what="verdict"}`) {
		t.Error("what was throttled was not counted")
	}
}

// TestObserveOutcomes: what ends otherwise than with an answer is a fault.
func TestObserveOutcomes(t *testing.T) {
	t.Parallel()
	s, _ := measured(t)
	if _, err := s.Service.MessagesWaiting(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Service.ProveFirst(t.Context(), nightlatch.First{User: "x", Name: "x", Response: factor.Response{Kind: "password", Password: "x"}})
	if !errors.Is(err, nightlatch.ErrUnavailable) {
		t.Fatal(err)
	}
	text := scrape(t, s)
	wantMetric(t, text,
		`nightlatch_sign_ins_total{kind="password",outcome="failed"} 1`,
		`nightlatch_transaction_seconds_count{access="read",outcome="done"} 1`)
	if strings.Contains(text, "nightlatch_messages_waiting ") {
		t.Error("messages were counted without a database")
	}
}
