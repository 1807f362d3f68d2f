package web_test

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var verified = append(slices.Clone(withMail), "SIGN_UP_VERIFY_EMAIL=true")

func newcomer(name, address string) map[string]any {
	return map[string]any{"username": name, "email": address, "password": secret}
}

// TestVerifiedSignUp: the account exists after the link, and a taken address is answered as a free one.
func TestVerifiedSignUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t, verified...)
	h.addWith("bert", "bert@example.com")
	c := h.client()
	free := c.post("/accounts", newcomer("anna", "Anna@example.com")).want(http.StatusAccepted)
	taken := h.client().post("/accounts", newcomer("clara", "BERT@example.com")).want(http.StatusAccepted)
	if !bytes.Equal(free.body, taken.body) || free.at("next") != "confirm_email" || len(free.header) != len(taken.header) || free.header.Get("Set-Cookie") != "" {
		t.Errorf("%s %v and %s %v", free.body, free.header, taken.body, taken.header)
	}
	if h.tries("anna", secret) != http.StatusUnauthorized {
		t.Error("the account exists before its address is confirmed")
	}
	if mails := h.mailsTo("bert@example.com"); len(mails) != 1 || !strings.Contains(mails[0].Text, "/password/forgot") || strings.Contains(mails[0].Text, "token=") {
		t.Errorf("bert was mailed %v", mails)
	}
	link := h.token("Anna@example.com", confirmPage)
	h.holdsNone(t, link, secret, "Anna@example.com", "anna@example.com")
	c.post("/email/confirmation-requests", email("anna@example.com")).want(http.StatusAccepted)
	c.page(confirmPage + "?token=" + link).want(http.StatusOK)
	c.form(confirmPage, "token", link).leads("/sign-in")
	if c.cookie(t, "nightlatch_session") != "" {
		t.Error("a mailed link signs in")
	}
	in := c.post("/sign-in", map[string]any{"identifier": "anna@example.com", "password": secret}).want(http.StatusOK)
	if in.at("session", "account", "email_confirmed_at") == nil || in.at("session", "account", "username") != "anna" {
		t.Errorf("%s", in.body)
	}
	h.client().post("/email/confirmations", token(link)).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
}

// TestVerifiedSignUpFaults: what is told at once, and what a late link meets.
func TestVerifiedSignUpFaults(t *testing.T) {
	t.Parallel()
	h := newHouse(t, verified...)
	h.addWith("bert", "bert@example.com")
	c := h.client()
	if a := c.post("/accounts", newcomer("BERT", "free@example.com")).refuses(http.StatusConflict, "conflict"); a.at("fields", "username") != "taken" {
		t.Errorf("%s", a.body)
	}
	if a := c.post("/accounts", newcomer("bert", "bert@example.com")).refuses(http.StatusConflict, "conflict"); a.at("fields", "email") != nil {
		t.Errorf("%s", a.body)
	}
	if a := c.post("/accounts", map[string]any{"username": "anna", "password": secret}).refuses(http.StatusBadRequest, "invalid_request"); a.at("fields", "email") != "missing" {
		t.Errorf("%s", a.body)
	}
	c.post("/accounts", newcomer("anna", "anna@example.com")).want(http.StatusAccepted)
	late := h.token("anna@example.com", confirmPage)
	h.addWith("ANNA", "")
	c.post("/email/confirmations", token(late)).refuses(http.StatusConflict, "conflict")
	c.page(confirmPage + "?token=" + late).want(http.StatusOK)
	c.form(confirmPage, "token", late).want(http.StatusConflict).says("belongs to another account")
	c.post("/accounts", newcomer("dora", "dora@example.com")).want(http.StatusAccepted)
	old := h.token("dora@example.com", confirmPage)
	h.clock.move(24 * hour)
	c.post("/email/confirmations", token(old)).refuses(http.StatusUnauthorized, "refused").is("reason", "expired")
}

// TestVerifiedSignUpPages: the page says where to look, whoever has the address.
func TestVerifiedSignUpPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, verified...)
	h.addWith("bert", "bert@example.com")
	fill := func(name, address string) answer {
		return h.client().form("/sign-up", "username", name, "email", address, "password", secret, "confirm", secret)
	}
	free := fill("anna", "anna@example.com").want(http.StatusAccepted).says("Look into your mailbox")
	taken := fill("clara", "bert@example.com").want(http.StatusAccepted)
	if !bytes.Equal(free.body, taken.body) {
		t.Error("the pages differ")
	}
	fill("bert", "dora@example.com").want(http.StatusConflict).says("This username is taken.")
	fill("dora", "").want(http.StatusBadRequest).says("This must be filled in.")
	h.client().form("/sign-up", "username", "dora", "email", "bert@example.com", "password", "short", "confirm", "x").want(http.StatusBadRequest)
}

// TestVerifiedAtOnce: of many links for one name or address one makes an account.
func TestVerifiedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, verified...)
	var tokens []string
	for _, address := range []string{"a@example.com", "b@example.com", "c@example.com", "a@example.com"} {
		h.client().post("/accounts", newcomer("anna", address)).want(http.StatusAccepted)
		tokens = append(tokens, h.token(address, confirmPage))
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	answered := map[int]int{}
	for _, tok := range tokens {
		for range 5 {
			c := h.client()
			all.Go(func() {
				a := c.post("/email/confirmations", token(tok))
				mu.Lock()
				defer mu.Unlock()
				answered[a.status]++
			})
		}
	}
	all.Wait()
	if answered[http.StatusNoContent] != 1 || answered[http.StatusConflict]+answered[http.StatusUnauthorized] != 19 {
		t.Errorf("answered: %v", answered)
	}
}

// TestLinksAreCounted: a stranger fills nobody's mailbox, and learns nothing from it.
func TestLinksAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("anna", "anna@example.com")
	for _, name := range []string{"anna", "anna@example.com", "ANNA", "anna", "anna", "anna", "nobody", "nobody", "nobody", "nobody", "nobody", "nobody"} {
		if a := h.client().post("/password/reset-requests", map[string]any{"identifier": name}).want(http.StatusAccepted); string(a.body) != "{}\n" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	h.client().post("/email/confirmation-requests", email("anna@example.com")).want(http.StatusAccepted)
	if n := len(h.mailsTo("anna@example.com")); n != 5 {
		t.Errorf("%d mails", n)
	}
	h.clock.move(hour)
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	if n := len(h.mailsTo("anna@example.com")); n != 6 {
		t.Errorf("%d mails after an hour", n)
	}
	h.holdsNone(t, "nobody")
}

// TestWithoutMail: nothing can be mailed, and nothing says so to strangers.
func TestWithoutMail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.addWith("anna", "anna@example.com")
	p.signIn(false)
	if a := h.client().page("/sign-in"); strings.Contains(string(a.body), "Forgot your password?") {
		t.Error("a reset is offered")
	}
	h.client().page("/password/forgot").want(http.StatusNotFound)
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	h.client().post("/email/confirmation-requests", email("anna@example.com")).want(http.StatusAccepted)
	p.put("/email", email("new@example.com")).refuses(http.StatusForbidden, "forbidden")
	if a := p.page("/account"); strings.Contains(string(a.body), "/account/email") {
		t.Error("a change of address is offered")
	}
}

// TestLinksToOneMailbox: what follows a plus sign makes no other mailbox, and the codes of its owner have their own share.
func TestLinksToOneMailbox(t *testing.T) {
	t.Parallel()
	h := newHouse(t, append([]string{"SIGN_UP_VERIFY_EMAIL=true"}, withMail...)...)
	for i := range 8 {
		body := map[string]any{"email": "anna+" + strconv.Itoa(i) + "@example.com", "password": secret}
		h.client().post("/accounts", body).want(http.StatusAccepted)
	}
	if n := len(h.mails()); n != 5 {
		t.Errorf("%d mails to one mailbox", n)
	}
}

// TestResetIsNotKeptFrom: whatever strangers have mailed, or ask for that is mailed to nobody, the owner of an address can
// have a link for a new password.
func TestResetIsNotKeptFrom(t *testing.T) {
	t.Parallel()
	tagged := func(i int) string { return "anna+" + strconv.Itoa(i) + "@example.com" }
	for name, ask := range map[string]func(h *house, i int){
		"confirmations of what is confirmed": func(h *house, _ int) {
			h.client().post("/email/confirmation-requests", email("anna@example.com")).want(http.StatusAccepted)
		},
		"resets of what nobody is called": func(h *house, i int) {
			h.client().post("/password/reset-requests", map[string]any{"identifier": tagged(i)}).want(http.StatusAccepted)
		},
		"sign-ups with the address": func(h *house, _ int) {
			body := map[string]any{"email": "anna@example.com", "password": secret}
			h.client().post("/accounts", body).want(http.StatusAccepted)
		},
		"enrollments of others": func(h *house, i int) {
			bob := h.addWith("bob"+strconv.Itoa(i), "")
			bob.signIn(false)
			bob.post("/authenticators", map[string]any{"kind": "email", "email": tagged(i)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, append([]string{"SIGN_UP_VERIFY_EMAIL=true", "POLICY_FACTORS=totp,email"}, withMail...)...)
			h.confirmed("anna", "anna@example.com")
			h.clock.move(2 * hour)
			for i := range 12 {
				ask(h, i)
			}
			before := len(h.mailsTo("anna@example.com"))
			h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
			if n := len(h.mailsTo("anna@example.com")) - before; n != 1 {
				t.Errorf("%d links for a new password", n)
			}
		})
	}
}
