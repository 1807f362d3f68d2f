package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/nightlatchtest"
	"github.com/nightlatch/nightlatch/web"
)

// newShop is an application behind the gate whose users are who the header X-User says, in the session of X-Session.
func newShop(t *testing.T, change func(*web.Options)) (*nightlatchtest.Kit, *web.Gate, http.Handler) {
	t.Helper()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(nightlatch.User{ID: "7", Name: "ada"}))
	o := web.Options{
		PublicURL: nightlatchtest.Origin, Prefix: "/2fa", SignIn: "/login?again=1", SignOut: "/logout",
		CurrentUser: func(r *http.Request) (web.Login, bool) {
			c, err := r.Cookie("shop")
			if err != nil {
				return web.Login{}, false
			}
			return web.Login{User: "7", Session: c.Value, At: kit.Clock.Now()}, true
		},
	}
	if change != nil {
		change(&o)
	}
	gate, err := web.New(kit.Service, o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(o.Prefix+"/", gate.Handler())
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "shop", Value: r.FormValue("session"), Path: "/", Secure: true})
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := gate.SignOut(w, r); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the shop")) })
	return kit, gate, gate.Require(nightlatch.Level2, mux)
}

// TestHalfSignedInMaySignOut: who is signed in below the level may reach the application's sign-in and sign-out, and
// nothing that only looks like them.
func TestHalfSignedInMaySignOut(t *testing.T) {
	t.Parallel()
	_, _, shop := newShop(t, nil)
	_, _, rooted := newShop(t, func(o *web.Options) { o.SignIn, o.SignOut = "/", "" })
	ask := func(h http.Handler, method, path string) string {
		r := httptest.NewRequestWithContext(t.Context(), method, nightlatchtest.Origin+path, nil)
		r.AddCookie(&http.Cookie{Name: "shop", Value: "1"})
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 300 {
			return "away"
		}
		return "through"
	}
	for _, path := range []string{"/login", "/logout"} {
		if got := ask(shop, http.MethodPost, path); got != "through" {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, path := range []string{
		"/", "/login/", "/login/x", "/Login", "/%6cogin", "//login", "/login/../orders", "/orders/../login", "/login;x", "/logout%2f", "/orders",
	} {
		if got := ask(shop, http.MethodPost, path); got != "away" {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := ask(rooted, http.MethodGet, "/"); got != "away" {
		t.Errorf("a sign-in page at the root: %s", got)
	}
}

// TestApplicationSignsOut: our session ends with the application's, and its cookies go.
func TestApplicationSignsOut(t *testing.T) {
	t.Parallel()
	kit, _, shop := newShop(t, nil)
	b := kit.Browser(shop)
	b.Post("/login", url.Values{"session": {"1"}})
	b.EnrollPhone("/2fa", "My phone")
	if p := b.Get("/orders"); p.Body != "the shop" {
		t.Fatalf("signed in: %d %s", p.Status, p.Path)
	}
	b.Post("/logout", nil)
	sessions, err := kit.SessionsOf(t.Context(), "7")
	if err != nil || len(sessions) != 0 {
		t.Errorf("%d sessions are left, %v", len(sessions), err)
	}
	// The application forgot to end its own: ours does not come back by itself.
	if p := b.Get("/orders"); !strings.HasPrefix(p.Path, "/2fa/verify") {
		t.Errorf("after that: %s", p.Path)
	}
	b.Post("/logout", nil)
	if p := b.Post("/logout", nil); p.Status != http.StatusOK {
		t.Errorf("once more: %d", p.Status)
	}
}

// TestOneSessionForAll: an application that gives every sign-in the same Session still has one level a user.
func TestOneSessionForAll(t *testing.T) {
	t.Parallel()
	users := nightlatchtest.NewUsers(nightlatch.User{ID: "7", Name: "ada"}, nightlatch.User{ID: "8", Name: "bob"})
	kit := nightlatchtest.New(t, users)
	gate, err := web.New(kit.Service, web.Options{
		PublicURL: nightlatchtest.Origin, Prefix: "/2fa", SignIn: "/login",
		CurrentUser: func(r *http.Request) (web.Login, bool) {
			c, err := r.Cookie("user")
			return web.Login{User: cookieValue(c), At: kit.Clock.Now()}, err == nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2fa/", gate.Handler())
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("id"), Path: "/", Secure: true})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the shop")) })
	b := kit.Browser(gate.Require(nightlatch.Level2, mux))
	b.Post("/login", url.Values{"id": {"7"}})
	b.EnrollPhone("/2fa", "My phone")
	if p := b.Get("/orders"); p.Body != "the shop" {
		t.Fatalf("ada: %s", p.Path)
	}
	b.Post("/login", url.Values{"id": {"8"}})
	if p := b.Get("/orders"); p.Body == "the shop" {
		t.Error("bob has ada's level")
	}
}

func cookieValue(c *http.Cookie) string {
	if c == nil {
		return ""
	}
	return c.Value
}
