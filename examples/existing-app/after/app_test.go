package main

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/nightlatch/nightlatch/nightlatchtest"
)

type house struct {
	*app
	clock   *nightlatchtest.Clock
	browser *nightlatchtest.Browser
}

// newHouse is the application with ada and bob, before a browser.
func newHouse(t *testing.T) *house {
	t.Helper()
	dir, clock := t.TempDir(), nightlatchtest.NewClock(nightlatchtest.Start)
	h := &house{app: open(dir, nightlatchtest.Origin, clock.Now, bcrypt.MinCost), clock: clock}
	t.Cleanup(func() { _ = h.db.Close() })
	for _, name := range []string{"ada", "bob"} {
		if err := h.addUser(t.Context(), name, "a long password"); err != nil {
			t.Fatal(err)
		}
	}
	h.browser = nightlatchtest.NewBrowser(t, clock, h.handler(dir))
	return h
}

func (h *house) login(name string) nightlatchtest.Page {
	return h.browser.Post("/login", url.Values{"name": {name}, "password": {"a long password"}})
}

// TestPasswordIsNotEnough: the application's own pages lead through the second factor, and back.
func TestPasswordIsNotEnough(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if p := h.browser.Get("/"); p.Path != "/login" {
		t.Errorf("a stranger is at %s", p.Path)
	}
	if p := h.login("ada"); p.Path != "/2fa/account/authenticators/new?to=%2F" {
		t.Errorf("the first sign-in leads to %s", p.Path)
	}
	phone := h.browser.EnrollPhone("/2fa", "My phone")
	if p := h.browser.Get("/"); p.Path != "/" || !strings.Contains(p.Body, "The orders of ada") {
		t.Errorf("with an authenticator: %s %s", p.Path, p.Body)
	}
	h.browser.Post("/logout", nil)
	if p := h.login("ada"); p.Path != "/2fa/verify?to=%2F" {
		t.Errorf("the second sign-in leads to %s", p.Path)
	}
	if p := h.browser.Verify("/2fa", phone); p.Path != "/" || !strings.Contains(p.Body, "The orders of ada") {
		t.Errorf("the code leads to %s %s", p.Path, p.Body)
	}
}

// TestNobodyInherits: what one proved in a browser is no other's, and not the same person's at another sign-in.
func TestNobodyInherits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.login("ada")
	phone := h.browser.EnrollPhone("/2fa", "Ada's phone")
	h.browser.Post("/logout", nil)

	if p := h.login("bob"); strings.Contains(p.Body, "The orders of") || p.Path != "/2fa/account/authenticators/new?to=%2F" {
		t.Errorf("bob after ada: %s %s", p.Path, p.Body)
	}
	h.browser.EnrollPhone("/2fa", "Bob's phone")
	if p := h.browser.Get("/"); !strings.Contains(p.Body, "The orders of bob") {
		t.Errorf("bob with his own: %s %s", p.Path, p.Body)
	}

	// Not even without signing out in between.
	if p := h.login("ada"); strings.Contains(p.Body, "The orders of") || p.Path != "/2fa/verify?to=%2F" {
		t.Errorf("ada after bob: %s %s", p.Path, p.Body)
	}
	if p := h.browser.Verify("/2fa", phone); !strings.Contains(p.Body, "The orders of ada") {
		t.Errorf("ada with her own: %s %s", p.Path, p.Body)
	}
	if p := h.login("ada"); strings.Contains(p.Body, "The orders of") || p.Path != "/2fa/verify?to=%2F" {
		t.Errorf("ada once more: %s %s", p.Path, p.Body)
	}
}

// TestHalfASignInIsNobodyElses: what one has begun another cannot finish.
func TestHalfASignInIsNobodyElses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.login("ada")
	phone := h.browser.EnrollPhone("/2fa", "The phone of ada")
	h.browser.Post("/logout", nil)
	h.login("bob")
	h.browser.EnrollPhone("/2fa", "The phone of bob")
	h.browser.Post("/logout", nil)

	h.login("ada") // as far as /2fa/verify
	h.login("bob") // the same browser
	if p := h.browser.Get("/2fa/verify"); strings.Contains(p.Body, "The phone of ada") || !strings.Contains(p.Body, "The phone of bob") {
		t.Errorf("bob is asked for ada's: %s %s", p.Path, p.Body)
	}
	if p := h.browser.Verify("/2fa", phone); strings.Contains(p.Body, "The orders of") {
		t.Errorf("ada's code let bob in: %s %s", p.Path, p.Body)
	}
}
