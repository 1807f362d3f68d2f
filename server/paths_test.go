package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// ask sends a request without a body and returns the answer as it is.
func ask(t *testing.T, h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, home+path, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestMethodsOfTheRoot: what the server adds to the pages and the API names the methods that it has, too.
func TestMethodsOfTheRoot(t *testing.T) {
	t.Parallel()
	h := newClient(t, newServer(t)).http
	for _, path := range []string{"/healthz", "/readyz", "/forward-auth", "/.well-known/jwks.json", "/.well-known/webauthn", "/.well-known/change-password", "/.well-known/passkey-endpoints"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "QUERY"} {
			w := ask(t, h, method, path, nil)
			var problem struct {
				Code   string
				Status int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
				t.Errorf("%s %s: %v", method, path, err)
			}
			if w.Code != 405 || problem.Status != 405 || problem.Code != "method_not_allowed" ||
				w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s: %d, %s", method, path, w.Code, w.Body)
			}
			if got := w.Header().Get("Allow"); got != "GET, HEAD" {
				t.Errorf("%s %s: Allow is %q", method, path, got)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s %s: Cache-Control is %q", method, path, got)
			}
		}
	}
	if get, head := ask(t, h, "GET", "/healthz", nil), ask(t, h, "HEAD", "/healthz", nil); get.Code != 200 || head.Code != 200 {
		t.Errorf("GET answers %d, HEAD %d", get.Code, head.Code)
	}
}

// TestNothingIsKept: an address that is put right, and the root of the API, say no-store as all others do.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	h := newClient(t, newServer(t)).http
	for path, status := range map[string]int{
		"/api/v1": 404, "/api/v1/": 404, "/api/v1//session": 307, "/api/v1/./session": 307, "//sign-in": 307, "/account/../sign-in": 307,
	} {
		w := ask(t, h, "GET", path, nil)
		if w.Code != status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, Cache-Control %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	o := newProtected(t, http.HandlerFunc(echo))
	for path, header := range map[string]http.Header{"/.nightlatch": {}, "/.nightlatch/sign-in": {"Service-Worker": {"script"}}} {
		w := ask(t, o.http.Config.Handler, "GET", path, header)
		if w.Code == 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, Cache-Control %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
}
