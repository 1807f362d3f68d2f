package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/nightlatch/nightlatch/nightlatchtest"
)

// TestPasswordIsEnough: so it was.
func TestPasswordIsEnough(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), nightlatchtest.NewClock(nightlatchtest.Start)
	a := open(dir, nightlatchtest.Origin, clock.Now, bcrypt.MinCost)
	t.Cleanup(func() { _ = a.db.Close() })
	if err := a.addUser(t.Context(), "ada", "a long password"); err != nil {
		t.Fatal(err)
	}
	b := nightlatchtest.NewBrowser(t, clock, a.handler(dir))
	if p := b.Get("/"); p.Path != "/login" {
		t.Errorf("a stranger is at %s", p.Path)
	}
	for name, password := range map[string]string{"ada": "a wrong password", "bob": "a long password"} {
		if p := b.Post("/login", url.Values{"name": {name}, "password": {password}}); p.Status != http.StatusUnauthorized {
			t.Errorf("%s with %q: %d", name, password, p.Status)
		}
	}
	if p := b.Post("/login", url.Values{"name": {"ada"}, "password": {"a long password"}}); p.Path != "/" || !strings.Contains(p.Body, "The orders of ada") {
		t.Errorf("signed in: %s %s", p.Path, p.Body)
	}
	if p := b.Post("/logout", nil); p.Path != "/login" {
		t.Errorf("signed out: %s", p.Path)
	}
	if p := b.Get("/"); p.Path != "/login" {
		t.Errorf("after that: %s", p.Path)
	}
}
