package main

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/nightlatch/nightlatch/nightlatchtest"
)

// TestOrders: what is open stays open, and the rest asks for the second factor once.
func TestOrders(t *testing.T) {
	t.Parallel()
	kit := nightlatchtest.New(t, users{})
	h, err := handler(kit.Service, nightlatchtest.Origin)
	if err != nil {
		t.Fatal(err)
	}
	b := kit.Browser(h)
	if p := b.Get("/"); p.Body != "open to all" {
		t.Errorf("the open page: %d %s", p.Status, p.Body)
	}
	if p := b.Get("/orders"); p.Status != http.StatusUnauthorized || p.Body != "" {
		t.Errorf("a stranger: %d %s", p.Status, p.Body)
	}
	if p := b.Post("/login", url.Values{"name": {"ada"}}); p.Path != "/2fa/account/authenticators/new?to=%2Forders" {
		t.Errorf("the first sign-in leads to %s: %s", p.Path, p.Body)
	}
	phone := b.EnrollPhone("/2fa", "My phone")
	if p := b.Get("/orders"); p.Body != "the orders of ada" {
		t.Errorf("with an authenticator: %d %s", p.Status, p.Body)
	}
	b = kit.Browser(h)
	if p := b.Post("/login", url.Values{"name": {"ada"}}); p.Path != "/2fa/verify?to=%2Forders" {
		t.Errorf("the second sign-in leads to %s: %s", p.Path, p.Body)
	}
	if p := b.Verify("/2fa", phone); p.Path != "/orders" || p.Body != "the orders of ada" {
		t.Errorf("the code leads to %s: %s", p.Path, p.Body)
	}
	if p := b.Get("/"); p.Body != "open to all" {
		t.Errorf("the open page: %d %s", p.Status, p.Body)
	}
}
