package scale

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// answer is what we read of any.
type answer struct {
	Next, Token string
	Accounts    []json.RawMessage
}

// ask sends one request, which must be answered with the status, and returns what came and how long it took.
func (h *house) ask(t *testing.T, method, path, token string, body any, status int) (got answer, took time.Duration) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost:8080"+path, bytes.NewReader(text))
	if text != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return h.answered(t, r, status)
}

func (h *house) answered(t *testing.T, r *http.Request, status int) (got answer, took time.Duration) {
	t.Helper()
	w := httptest.NewRecorder()
	begun := time.Now()
	h.h.ServeHTTP(w, r)
	took = time.Since(begun)
	if w.Code != status {
		t.Fatalf("%s, %d accounts: %s %s: %d, not %d: %s", h.what, h.size, r.Method, r.URL, w.Code, status, w.Body)
	}
	if bytes.HasPrefix(w.Body.Bytes(), []byte("{")) {
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v in %s", r.URL, err, w.Body)
		}
	}
	return got, took
}

// signIn signs the account of a number in and returns its session's token and how long both steps took.
func (h *house) signIn(t *testing.T, n int) (token string, first, second time.Duration) {
	t.Helper()
	in, first := h.ask(t, "POST", "/api/v1/sign-in", "", map[string]string{"identifier": nameOf(n), "password": words, "transport": "token"}, 200)
	if in.Next != "verify" {
		t.Fatalf("%s: the next step is %q", nameOf(n), in.Next)
	}
	code, err := totp.Generator{Secret: secret}.At(h.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	done, second := h.ask(t, "POST", "/api/v1/verifications", in.Token, map[string]string{"kind": "totp", "code": code}, 200)
	if done.Next != "done" {
		t.Fatalf("%s: the next step is %q", nameOf(n), done.Next)
	}
	return done.Token, first, second
}

// decide asks as a proxy does whether a session may pass.
func (h *house) decide(t *testing.T, token string) time.Duration {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8080/forward-auth", nil)
	r.RemoteAddr = "192.0.2.10:4711"
	r.Header.Set("Cookie", "nightlatch_session="+token)
	for name, value := range map[string]string{"Method": "GET", "Proto": "https", "Host": "wiki.example.com", "Uri": "/page"} {
		r.Header.Set("X-Forwarded-"+name, value)
	}
	_, took := h.answered(t, r, http.StatusOK)
	return took
}

// list reads a page of the list of accounts that begins after a name, and search what a search for one finds.
func (h *house) list(t *testing.T, name string) time.Duration {
	t.Helper()
	got, took := h.ask(t, "GET", "/api/v1/admin/accounts?after="+base64.RawURLEncoding.EncodeToString([]byte(name)), h.admin, nil, 200)
	if len(got.Accounts) == 0 {
		t.Fatalf("no account stands after %s", name)
	}
	return took
}

func (h *house) search(t *testing.T, name string) time.Duration {
	t.Helper()
	got, took := h.ask(t, "GET", "/api/v1/admin/accounts?q="+url.QueryEscape(name), h.admin, nil, 200)
	if len(got.Accounts) != 1 {
		t.Fatalf("a search for %s finds %d accounts", name, len(got.Accounts))
	}
	return took
}
