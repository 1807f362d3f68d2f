package web_test

import (
	"net/http"
	"slices"
	"testing"
)

// reads is a browser that says what language its owner reads.
type reads struct {
	http.RoundTripper
	lang string
}

func (r reads) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Header.Set("Accept-Language", r.lang)
	return r.RoundTripper.RoundTrip(req)
}

// TestMailsThatStrangersAskFor are in the language of who gets them.
func TestMailsThatStrangersAskFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("anna", "anna@example.com")
	reader := func(lang string) *client {
		c := h.client()
		c.http.Transport = reads{c.http.Transport, lang}
		return c
	}
	reader("de").post("/sign-in", map[string]any{"identifier": "anna", "password": secret}).want(http.StatusOK)
	bert := h.confirmed("bert", "bert@example.com")
	bert.signIn(false)
	wantMail := func(subject string) {
		t.Helper()
		mails := h.mailsTo("anna@example.com")
		if !slices.ContainsFunc(mails, func(m mail) bool { return m.Subject == "Nightlatch: "+subject }) {
			t.Errorf("anna was not mailed %q", subject)
		}
	}

	stranger := reader("en")
	stranger.post("/email/confirmation-requests", email("anna@example.com")).want(http.StatusAccepted)
	wantMail("E-Mail-Adresse bestätigen")
	h.client().post("/email/confirmations", token(h.token("anna@example.com", confirmPage))).want(http.StatusNoContent)
	stranger.post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	wantMail("Ein neues Passwort wählen")
	bert.put("/email", email("anna@example.com")).want(http.StatusAccepted)
	wantMail("Sie haben schon ein Konto")
}
