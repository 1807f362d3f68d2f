package server

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What panics is answered like any other fault of ours, says nothing to the client, and all to the log.
func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings())
	if err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	s.log = slog.New(slog.NewTextHandler(log, nil))
	site := httptest.NewServer(s.lastResort(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "half", Value: "done"}) //nolint:gosec // it is never set
		switch r.URL.Path {
		case "/begun":
			_, _ = io.WriteString(w, "half of")
			_ = http.NewResponseController(w).Flush()
		case "/meant":
			panic(http.ErrAbortHandler)
		}
		panic("hush: a secret detail")
	})))
	defer site.Close()
	ask := func(path string) (*http.Response, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", site.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := site.Client().Do(r)
		if err != nil {
			return nil, "", err
		}
		defer func() { _ = got.Body.Close() }()
		body, err := io.ReadAll(got.Body)
		return got, string(body), err
	}
	for path, kind := range map[string]string{"/api/v1/session": "application/problem+json", "/account": "text/plain; charset=utf-8"} {
		got, body, err := ask(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Content-Type") != kind ||
			got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Set-Cookie") != "" || strings.Contains(body, "hush") {
			t.Errorf("%s: %s %v %s", path, got.Status, got.Header, body)
		}
		var problem struct{ Code string }
		if strings.HasPrefix(path, "/api") && (json.Unmarshal([]byte(body), &problem) != nil || problem.Code != "unavailable") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if text := log.String(); strings.Count(text, "a request panicked") != 2 || !strings.Contains(text, "hush: a secret detail") || !strings.Contains(text, "last_resort_test.go") {
		t.Errorf("the log: %s", text)
	}
	if _, _, err := ask("/begun"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that had begun: %v", err)
	}
	if _, _, err := ask("/meant"); !errors.Is(err, io.EOF) {
		t.Errorf("an end that was meant: %v", err)
	}
	if strings.Count(log.String(), "a request panicked") != 3 {
		t.Errorf("the log: %s", log)
	}
}

// A store that panics cuts off no connection: the handler of the server has the last resort.
func TestHandlerHasTheLastResort(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings())
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s.Accounts.store = nil // what asks for an account falls over it
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost:8080/api/v1/sign-in", strings.NewReader(`{"identifier":"ada","password":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"code":"unavailable"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Who sends too much is answered and cut off: nobody reads on.
func TestTooLargeEndsTheConnection(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings())
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(h)
	defer site.Close()
	for path, kind := range map[string]string{"/api/v1/sign-in": "application/json", "/sign-in": "application/x-www-form-urlencoded"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", site.URL+path, strings.NewReader(strings.Repeat("x", 70_000)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		got, err := site.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != http.StatusRequestEntityTooLarge || !got.Close {
			t.Errorf("%s: %s, closed: %v", path, got.Status, got.Close)
		}
	}
}
