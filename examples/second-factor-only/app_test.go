package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/nightlatchtest"
)

type bank struct {
	*app
	clock   *nightlatchtest.Clock
	browser *nightlatchtest.Browser
	phone   *nightlatchtest.Phone
}

// newBank is the application with ada, who is signed in, has a phone, and has a payment to make.
func newBank(t *testing.T) *bank {
	t.Helper()
	clock := nightlatchtest.NewClock(nightlatchtest.Start)
	a, stop, err := open(t.Context(), t.TempDir(), nightlatchtest.Origin, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for _, id := range []string{"1", "2"} {
		a.payments[id] = &payment{id: id, payer: "ada", payee: "ACME", amount: "100.00 EUR"}
	}
	b := &bank{app: a, clock: clock, browser: nightlatchtest.NewBrowser(t, clock, a.handler())}
	b.login("ada")
	b.phone = b.browser.EnrollPhone("/2fa", "My phone")
	return b
}

func (b *bank) login(name string) { b.browser.Post("/login", url.Values{"name": {name}}) }

func (b *bank) pay(id string) nightlatchtest.Page { return b.browser.Post("/payments/"+id, nil) }

func (b *bank) paid(id string) bool { return b.payments[id].paid }

func TestPayment(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	p := b.pay("1")
	if p.Path != "/2fa/verify?to=%2Fpayments%2F1" || !strings.Contains(p.Body, "Pay 100.00 EUR to ACME (payment 1)") {
		t.Errorf("the first press leads to %s: %s", p.Path, p.Body)
	}
	if p := b.browser.Verify("/2fa", b.phone); p.Path != "/payments/1" || b.paid("1") {
		t.Errorf("the code leads to %s, paid %t", p.Path, b.paid("1"))
	}
	if p := b.pay("1"); p.Path != "/payments/1" || !b.paid("1") || !strings.Contains(p.Body, "Done") {
		t.Errorf("the second press: %s %s", p.Path, p.Body)
	}
	// It is good once, although nothing else stands in the way here.
	b.payments["1"].paid = false
	if p := b.pay("1"); !strings.HasPrefix(p.Path, "/2fa/verify") || b.paid("1") {
		t.Errorf("once more: %s", p.Path)
	}
}

// TestOtherPayment: what was confirmed is that payment, to the letter, by that person in that session.
func TestOtherPayment(t *testing.T) {
	t.Parallel()
	tests := map[string]func(b *bank){
		"another payment": func(b *bank) { b.pay("2") },
		"another amount":  func(b *bank) { b.payments["1"].amount = "999.00 EUR"; b.pay("1") },
		"another person":  func(b *bank) { b.login("eve"); b.payments["1"].payer = "eve"; b.pay("1") },
		"another sign-in": func(b *bank) { b.login("ada"); b.pay("1") },
		"too late":        func(b *bank) { b.clock.Pass(5 * time.Minute); b.pay("1") },
	}
	for name, attempt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			b.pay("1")
			b.browser.Verify("/2fa", b.phone)
			attempt(b)
			if b.paid("1") || b.paid("2") {
				t.Error("it was paid")
			}
		})
	}
}

// TestUnconfirmed: a second factor that was proven for another purpose, or half of one, pays nothing.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.login("ada")
	b.browser.Get("/2fa/verify")
	b.browser.Verify("/2fa", b.phone) // a sign-in at level 2
	b.pay("1")
	b.pay("1")
	b.browser.Post("/2fa/verify", url.Values{"kind": {"totp"}, "code": {b.phone.Wrong()}})
	b.pay("1")
	if p := b.browser.Get("/2fa/verify/cancel"); p.Path != "/payments/1" {
		t.Errorf("Cancel leads to %s", p.Path)
	}
	b.pay("1")
	if b.paid("1") {
		t.Error("it was paid")
	}
}

// TestNothingToConfirmWith: who holds no second factor sets one up first, and is led back.
func TestNothingToConfirmWith(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.login("eve")
	b.payments["1"].payer = "eve"
	if p := b.pay("1"); p.Path != "/2fa/account/authenticators/new?to=%2Fpayments%2F1" || b.paid("1") {
		t.Errorf("the way leads to %s", p.Path)
	}
}
