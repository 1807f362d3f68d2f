package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/nightlatch/nightlatch"
)

// Our own pages pass Require. A path that only begins like one of them, and that an application may read as one of
// its own, must not.
func TestRequireLetsOnlyOurPagesPass(t *testing.T) {
	t.Parallel()
	s := beside(t)
	gate, err := New(s.svc, Options{
		PublicURL: s.url, Prefix: "/2fa", SignIn: "/app/sign-in",
		CurrentUser: func(*http.Request) (Login, bool) { return Login{User: "u", Session: "1", At: s.clock.Now()}, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	var reached bool
	h := gate.Require(nightlatch.Level2, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	for path, own := range map[string]bool{
		"/2fa/": true, "/2fa/verify": true, "/2fa/account/authenticators/new/totp": true, "/2fa/asset/nightlatch.css": true,
		"/2fa/api/v1/openapi.json": true, "/2fa/account/sessions/abc2/end": true,
		"/2fa": false, "/2fas": false, "/admin": false, "/2FA/verify": false,
		"/2fa/../admin": false, "/2fa/%2e%2e/admin": false, "/2fa/x/../../admin": false, "/2fa/..": false, "/2fa/./../admin": false,
		"/2fa/..%2fadmin": false, "/2fa%2f..%2fadmin": false, "/2fa%2fadmin": false, "/2fa/%252e%252e/admin": false,
		"/2fa/..;/admin": false, "/2fa/;x/../admin": false, "/2fa/..\\admin": false, "/2fa/..%5cadmin": false,
		"/2fa//admin": false, "/2fa/%00": false, "/2fa/.%2e/admin": false,
	} {
		for _, method := range []string{"GET", "POST", "CONNECT"} {
			r := httptest.NewRequestWithContext(t.Context(), method, s.url+"/", nil)
			u, err := url.ParseRequestURI(path)
			if err != nil {
				t.Fatal(err)
			}
			r.URL, r.RequestURI, reached = u, path, false
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); reached != own {
				t.Errorf("%s %s: passed %v (%d), want %v", method, path, reached, w.Code, own)
			}
		}
	}
}
