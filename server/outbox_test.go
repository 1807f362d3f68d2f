package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/server/settings"
)

// demonstration starts a server as --demo does.
func (p *site) demonstration() *Server {
	p.t.Helper()
	set, err := settings.Load(settings.Sources{Dir: p.dir, Demo: true, Env: []string{"NIGHTLATCH_DATA_DIR=" + filepath.Join(p.dir, "data")}})
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := p.start(set)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// TestDemoOutbox: all that would have been sent, the newest first, as a page and as JSON.
func TestDemoOutbox(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.demonstration()
	if w := get(t, s, "/demo/outbox", "application/json"); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("an empty one: %d %s", w.Code, w.Body)
	}
	name, password, err := s.Demonstrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s)
	c.mustSignIn(name, password, "done")
	c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "email", "email": "me@example.com"})
	p.clock.move(time.Second)
	c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "sms", "phone": "+49 1512 3456712"})

	w := get(t, s, "/demo/outbox", "application/json")
	var list []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	for i, want := range []map[string]any{
		{"kind": "sms", "to": "+4915123456712", "subject": "", "at": "2026-11-22T09:30:11Z"},
		{"kind": "email", "to": "me@example.com", "at": "2026-11-22T09:30:10Z"},
	} {
		var names []string
		for name := range list[i] {
			names = append(names, name)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"at", "id", "kind", "subject", "text", "to"}, names); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		for key, value := range want {
			if list[i][key] != value {
				t.Errorf("message %d: %s is %v, want %v", i, key, list[i][key], value)
			}
		}
		if list[i]["id"] == "" || list[i]["text"] == "" {
			t.Errorf("message %d: %v", i, list[i])
		}
	}
	if list[0]["id"] == list[1]["id"] || list[1]["subject"] == "" {
		t.Errorf("messages = %v", list)
	}
	if h := w.Header(); h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("header = %v", h)
	}
	page := get(t, s, "/demo/outbox", "text/html")
	text := page.Body.String()
	if page.Code != http.StatusOK || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") ||
		strings.Index(text, "+4915123456712") > strings.Index(text, "me@example.com") || !strings.Contains(text, "me@example.com") {
		t.Errorf("the page: %d %s\n%s", page.Code, page.Header(), text)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "data", outboxFile)); err == nil {
		t.Error("a demonstration writes its messages down")
	}
}

// TestOutboxFile: outside the demonstration an outbox is a file for its owner, and no page.
func TestOutboxFile(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, _ := p.startLogged("MAIL_URL=outbox:", "SMS_PROVIDER=outbox", "SMS_COUNTRIES=DE", "POLICY_FACTORS=email,sms,recovery")
	add(t, s, Account{Username: "anna"})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "email", "email": "me@example.com"})
	c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "sms", "phone": "+49 1512 3456712"})
	name := filepath.Join(p.dir, "data", outboxFile)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, kind := range []string{"email", "sms"} {
		var m map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &m); err != nil || m["kind"] != kind || len(m) != 6 {
			t.Errorf("line %d: %v, %v", i, m, err)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	for _, accept := range []string{"", "application/json", "text/html"} {
		if w := get(t, s, "/demo/outbox", accept); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "me@example.com") {
			t.Errorf("Accept %q: %d", accept, w.Code)
		}
	}
}

// TestSenders: settings that cannot send are a fault at start, and kinds without a way to send them are not there.
func TestSenders(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	set := p.settings("MAIL_URL=outbox:")
	set.Mail.URL = "smtp://user@host:1" // what settings would not have let pass
	if _, err := p.start(set); err == nil || !strings.HasPrefix(err.Error(), "mail: ") {
		t.Errorf("mail: %v", err)
	}
	set = p.settings("SMS_PROVIDER=outbox", "SMS_COUNTRIES=DE")
	set.SMS.Provider = "pigeon"
	if _, err := p.start(set); err == nil || !strings.HasPrefix(err.Error(), "sms: ") {
		t.Errorf("sms: %v", err)
	}
	for name, env := range map[string][]string{
		"twilio":          {"SMS_PROVIDER=twilio", "SMS_COUNTRIES=DE", "SMS_TWILIO_ACCOUNT_SID=AC1", "SMS_TWILIO_AUTH_TOKEN=x", "SMS_TWILIO_FROM=+15005550006"},
		"webhook":         {"SMS_PROVIDER=webhook", "SMS_COUNTRIES=DE", "SMS_WEBHOOK_URL=https://example.com/sms", "SMS_WEBHOOK_SECRET=x"},
		"without country": {"SMS_PROVIDER=outbox"},
		"SMTP":            {"MAIL_URL=smtps://user:pass@mail.example.com:465", "MAIL_FROM=a@example.com"},
		"nothing":         nil,
	} {
		s, _ := newSite(t).startLogged(env...)
		for kind, want := range map[factor.Kind]bool{"sms": name == "twilio" || name == "webhook", "email": name == "SMTP"} {
			if _, has := s.Service.Factor(kind); has != want {
				t.Errorf("%s: %s is there: %v", name, kind, has)
			}
		}
	}
}
