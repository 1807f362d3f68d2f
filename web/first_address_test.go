package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestFirstEnrollmentAfterAnAddressChange: who has the password alone does not get around the code that is mailed before
// the first enrollment by another address: for as long as the change can be undone the address before is asked.
func TestFirstEnrollmentAfterAnAddressChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t, append([]string{"POLICY_FACTORS=totp,recovery"}, withMail...)...)
	p := h.changedAddress()
	p.post("/authenticators", map[string]any{"kind": "totp"}).refuses(http.StatusForbidden, "fresh_proof_needed")
	p.post("/challenges", map[string]any{"kind": "email"}).want(http.StatusOK).is("sent_to", "o•••@example.com")

	// Nor does it help that the owner has held the change back: what happens then is told to the owner.
	h.client().post("/not-me", token(h.notMe("old@example.com", "address of your account was changed"))).want(http.StatusNoContent)
	before, other := len(h.mailsTo("old@example.com")), len(h.mailsTo("new@example.com"))
	p.signIn(true)
	p.post("/authenticators", map[string]any{"kind": "totp"}).refuses(http.StatusForbidden, "fresh_proof_needed")
	p.post("/challenges", map[string]any{"kind": "email"}).want(http.StatusOK).is("sent_to", "o•••@example.com")
	told := h.mailsTo("old@example.com")[before:]
	if len(told) != 2 || !strings.Contains(told[0].Subject, "browser") && !strings.Contains(told[1].Subject, "browser") {
		t.Errorf("the owner was mailed %v", told)
	}
	if n := len(h.mailsTo("new@example.com")); n != other {
		t.Errorf("the address that is held back was mailed %v", h.mailsTo("new@example.com")[other:])
	}

	h.clock.move(7 * 24 * hour)
	p.signIn(true)
	p.post("/challenges", map[string]any{"kind": "email"}).want(http.StatusOK).is("sent_to", "o•••@example.com")
}

// TestFirstEnrollmentLater: a change that nobody has undone counts after 7 days.
func TestFirstEnrollmentLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t, append([]string{"POLICY_FACTORS=totp,recovery"}, withMail...)...)
	p := h.changedAddress()
	h.clock.move(7 * 24 * hour)
	p.signIn(true)
	p.post("/challenges", map[string]any{"kind": "email"}).want(http.StatusOK).is("sent_to", "n•••@example.com")
}
