package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

type kind = factor.Kind

// beside is a site whose application signs people in by itself: a cookie of its own says who they are.
func beside(t *testing.T, change ...func(*nightlatch.Config, *Options)) *site {
	t.Helper()
	var s *site
	s = newSite(t, func(cfg *nightlatch.Config, o *Options) {
		for _, c := range change {
			c(cfg, o)
		}
		o.Accounts, o.SignIn = nil, "/app/sign-in"
		o.CurrentUser = func(r *http.Request) (Login, bool) {
			who := r.Header.Get("X-App-User")
			return Login{User: who, Session: r.Header.Get("X-App-Session"), At: s.clock.Now()}, who != ""
		}
	})
	s.people.byID["u"] = nightlatch.User{ID: "u", Name: "alice"}
	return s
}

// In front of an application that signs people in, the pages begin where that ends.
func TestBesideAnApplication(t *testing.T) {
	t.Parallel()
	s := beside(t)
	v := s.visitor()
	for _, page := range []string{"/", "/sign-in", "/verify", "/account"} {
		if to := v.once("GET", page, nil); v.status != 303 || to != "/app/sign-in" {
			t.Errorf("a stranger at %s: %d %q", page, v.status, to)
		}
	}
	for _, page := range []string{"/sign-up"} {
		v.get(page)
		v.want(404, page)
	}
	v.request("POST", "/sign-in", nil)
	v.want(404, "/sign-in")

	v.header.Set("X-App-User", "u")
	v.header.Set("X-App-Session", "1")
	v.get("/")
	v.says("Signed in as alice")
	if strings.Contains(v.body, "Sign out") {
		t.Error("**Sign out** is offered, and would leave the application's own session")
	}
	p := v.enroll("My phone")
	v.get("/account")
	v.want(200, "/account")

	// Another sign-in to the application is another one here.
	v.header.Set("X-App-Session", "2")
	v.get("/account")
	v.want(200, "/verify")
	v.press("Continue", "", map[string]string{"Code": p.next()})
	v.want(200, "/account")
	v.announced("status", "You are signed in.")
	s.clock.advance(time.Minute)
	v.header.Set("X-App-Session", "3")
	v.get("/verify?to=/app/page")
	v.press("Continue", "", map[string]string{"Code": p.next()})
	if v.path != "/app/page" {
		t.Errorf("the way on leads to %s", v.path)
	}
	v.header.Del("X-App-User")
	if to := v.once("GET", "/account", nil); to != "/app/sign-in" {
		t.Errorf("without the application's session: %d %q", v.status, to)
	}
}

// Who holds nothing yet is led from the application to the set-up of a first authenticator, and back.
func TestFirstAuthenticatorBesideAnApplication(t *testing.T) {
	t.Parallel()
	var at time.Time
	s := newSite(t, func(cfg *nightlatch.Config, o *Options) {
		o.Accounts, o.SignIn = nil, "/app/sign-in"
		o.CurrentUser = func(r *http.Request) (Login, bool) { return Login{User: "u", Session: "1", At: at}, true }
	})
	s.people.byID["u"] = nightlatch.User{ID: "u", Name: "alice"}

	// A sign-in of long ago guards nothing: the application's own has to come first.
	at = s.clock.Now().Add(-time.Hour)
	v := s.visitor()
	v.get("/verify?to=/app/page")
	v.want(200, "/verify?to=/app/page")
	v.says("Please sign in again")
	if to := v.once("GET", "/account/authenticators/new/totp", nil); v.status != 303 || !strings.HasPrefix(to, "/verify?") {
		t.Errorf("a set-up after an old sign-in: %d %q", v.status, to)
	}
	v.get("/verify")
	v.follow("Sign in again")
	if v.path != "/app/sign-in" {
		t.Errorf("**Sign in again** leads to %s", v.path)
	}

	at = s.clock.Now()
	v = s.visitor()
	v.get("/verify?to=/app/page")
	v.want(200, "/account/authenticators/new?to=%2Fapp%2Fpage")
	v.press("Add authenticator app", "", nil)
	p := v.scan()
	v.press("Continue", "", map[string]string{"Code": p.code()})
	v.says("Your recovery codes")
	v.press("Continue", "", nil)
	if v.path != "/app/page" {
		t.Errorf("the way back leads to %s", v.path)
	}
}
