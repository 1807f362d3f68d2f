package server

import (
	"net/http"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// An assertion never says of the user what is no more so, though one serves for 30 seconds.
func TestAssertionOfGroupsThatWereTakenAway(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	ada, _ := o.signUp(Account{Username: "ada", Groups: []string{"ops", "staff"}})
	ada.enroll(o.p.clock)
	groups := func() any {
		text := o.ask("https://ops.example.com/", ada.token).Header.Get("Remote-Assertion")
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(text, claims); err != nil {
			t.Fatal(err)
		}
		return claims["groups"]
	}
	if diff := cmp.Diff([]any{"ops", "staff"}, groups()); diff != "" {
		t.Error(diff)
	}
	if err := o.s.SetGroup(t.Context(), find(t, o.s, "ada"), "staff", false, "test"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"ops"}, groups()); diff != "" {
		t.Error(diff)
	}
}

// A rule for networks sees the client's address, as far as trusted proxies tell of it.
func TestForwardAuthByNetwork(t *testing.T) {
	t.Parallel()
	o := newPortal(t, `
public_url = "https://auth.example.com"
trusted_proxies = ["192.0.2.0/24"]
[[rule]]
networks = ["203.0.113.0/24"]
level = 0
`)
	for sent, status := range map[string]int{
		"203.0.113.7": 200, "203.0.113.7, 192.0.2.1": 200, "198.51.100.1": 401, "203.0.113.7, 198.51.100.1": 401, "": 401, "nonsense": 401,
	} {
		if got := o.ask("https://app.example.com/", "", func(r *http.Request) { r.Header.Set("X-Forwarded-For", sent) }); got.StatusCode != status {
			t.Errorf("%q: %d, want %d", sent, got.StatusCode, status)
		}
	}
}

// Every host that a rule may be for is one that the pages can be made with.
func TestHostsOfRules(t *testing.T) {
	t.Parallel()
	o := newPortal(t, `
public_url = "https://auth.example.com"
trusted_proxies = ["192.0.2.0/24"]
[[rule]]
host = "my_app.example.com"
level = 0
[[rule]]
host = "2001:db8::1"
level = 0
[[rule]]
host = "192.0.2.7"
level = 0
`)
	for _, address := range []string{"https://my_app.example.com/", "https://[2001:db8::1]:8443/", "https://192.0.2.7/"} {
		if got := o.ask(address, ""); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", address, got.StatusCode)
		}
	}
}
