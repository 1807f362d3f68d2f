package server

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// startLogged starts a server with settings and returns it with what it logged.
func (p *site) startLogged(env ...string) (*Server, string) {
	p.t.Helper()
	var log bytes.Buffer
	set := p.settings(env...)
	store, key, err := Open(p.t.Context(), set, Opening{Drivers: drivers, Now: p.clock.now()})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = store.Close() })
	s, err := New(p.t.Context(), Config{
		Settings: set, Store: store, Key: key, Now: p.clock.now, Cost: cheap, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(s.Close)
	return s, log.String()
}

// get asks the whole server, as a browser would.
func get(t *testing.T, s *Server, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:8080"+path, http.NoBody)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestKeysNeedAName: browsers refuse IP addresses. The server says so in one line and does without keys.
func TestKeysNeedAName(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env []string
		log string
	}{
		"IPv4":            {[]string{"PUBLIC_URL=http://127.0.0.1:8080"}, "browsers refuse IP addresses"},
		"IPv6":            {[]string{"PUBLIC_URL=http://[::1]:8080"}, "browsers refuse IP addresses"},
		"an AppID apart":  {[]string{"PUBLIC_URL=https://id.example.com", "WEBAUTHN_APP_ID=https://example.net"}, "of another site"},
		"a related IP":    {[]string{"PUBLIC_URL=https://id.example.com", "WEBAUTHN_ORIGINS=https://192.0.2.1"}, "is not https with a domain name"},
		"a name":          {[]string{"PUBLIC_URL=https://id.example.com", "WEBAUTHN_RP_ID=example.com"}, ""},
		"what comes with": {nil, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := newSite(t).startLogged(tc.env...)
			_, has := s.Service.Factor("webauthn")
			if has != (tc.log == "") || s.Service.Policy().MayEnroll("webauthn") != has {
				t.Errorf("keys: %v; log: %s", has, log)
			}
			if lines := strings.Count(log, "security keys and passkeys are off"); tc.log != "" && (lines != 1 || !strings.Contains(log, tc.log)) || tc.log == "" && lines > 0 {
				t.Errorf("log: %s", log)
			}
			if w := get(t, s, "/sign-in", ""); w.Code != http.StatusOK {
				t.Errorf("the server answers %d", w.Code)
			}
		})
	}
}

// TestNothingThatMayBeEnrolled: kinds that cannot work leave none over, not all.
func TestNothingThatMayBeEnrolled(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t).startLogged("PUBLIC_URL=http://127.0.0.1:8080", "POLICY_FACTORS=webauthn")
	if kinds := s.Service.Policy().Kinds(); len(kinds) > 0 {
		t.Errorf("%v may be enrolled", kinds)
	}
}

// TestRelatedOrigins: /.well-known/webauthn is there where further origins are set (WebAuthn L3 §5.11).
func TestRelatedOrigins(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t).startLogged("PUBLIC_URL=https://id.example.com", "WEBAUTHN_ORIGINS=https://example.net,https://example.org:8443")
	w := get(t, s, "/.well-known/webauthn", "")
	var got map[string][]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := map[string][]string{"origins": {"https://id.example.com", "https://example.net", "https://example.org:8443"}}
	if diff := cmp.Diff(want, got); diff != "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s (-want +got):\n%s", w.Header(), diff)
	}
	alone, _ := newSite(t).startLogged("PUBLIC_URL=https://id.example.com")
	if w := get(t, alone, "/.well-known/webauthn", ""); w.Code != http.StatusNotFound {
		t.Errorf("without further origins: %d", w.Code)
	}
}

// TestWellKnownPages: what keeps passwords and passkeys for people finds the pages for them, and nothing where there is none.
func TestWellKnownPages(t *testing.T) {
	t.Parallel()
	const password, keys = "/.well-known/change-password", "/.well-known/passkey-endpoints"
	s, _ := newSite(t).startLogged("PUBLIC_URL=https://id.example.com")
	if w := get(t, s, password, ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://id.example.com/account/password" {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	w := get(t, s, keys, "")
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := map[string]string{"enroll": "https://id.example.com/account/authenticators/new", "manage": "https://id.example.com/account"}
	if diff := cmp.Diff(want, got); diff != "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s (-want +got):\n%s", w.Header(), diff)
	}
	for name, env := range map[string][]string{
		"no keys may be added":  {"PUBLIC_URL=https://id.example.com", "POLICY_FACTORS=totp,recovery"},
		"another host's RP ID":  {"PUBLIC_URL=https://id.example.com", "WEBAUTHN_RP_ID=example.com"},
		"no host name, no keys": {"PUBLIC_URL=http://127.0.0.1:8080"},
	} {
		s, _ := newSite(t).startLogged(env...)
		if w := get(t, s, keys, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// TestSignals: a browser is told of all passkeys that are good, and what the account is called.
func TestSignals(t *testing.T) {
	t.Parallel()
	s, _ := newSite(t).startLogged()
	anna := add(t, s, Account{Username: "anna"})
	if text, err := s.signals(t.Context(), anna.ID); err != nil || !strings.Contains(string(text), `"allAcceptedCredentialIds":[]`) {
		t.Errorf("with none: %s, %v", text, err)
	}
	k := softkey.New(rand.Reader)
	k.Origin = "http://localhost:8080"
	tok := mustSession(t, s, "anna")
	e, err := s.Service.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{
		Kind: "webauthn", Response: factor.Response{Passkey: true},
	}, nightlatch.Client{})
	if err != nil {
		t.Fatal(err)
	}
	credential, err := k.Create(e.Prompt.(factor.PublicKey).Options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Service.FinishEnrollment(t.Context(), tok, e.ID, "", factor.Response{Credential: credential}, nightlatch.Client{}); err != nil {
		t.Fatal(err)
	}
	text, err := s.signals(t.Context(), anna.ID)
	var got struct {
		RPID, UserID, Name, DisplayName string
		Accepted                        []softkey.Bytes `json:"allAcceptedCredentialIds"`
	}
	if err != nil || json.Unmarshal(text, &got) != nil {
		t.Fatalf("%s, %v", text, err)
	}
	if got.RPID != "localhost" || got.Name != "anna" || len(got.Accepted) != 1 || !bytes.Equal(got.Accepted[0], k.Credentials[0].ID) {
		t.Errorf("signals = %s", text)
	}
	off, _ := newSite(t).startLogged("PUBLIC_URL=http://127.0.0.1:8080")
	if text, err := off.signals(t.Context(), anna.ID); text != nil || err != nil {
		t.Errorf("without keys: %s, %v", text, err)
	}
}

// mustSession signs in with the password and returns the session's token.
func mustSession(t *testing.T, s *Server, name string) string {
	t.Helper()
	c := newClient(t, s)
	c.mustSignIn(name, secret, "done")
	return c.token
}
