package web_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const confirmPage = "/email/confirm"

func email(address string) map[string]any { return map[string]any{"email": address} }
func token(t string) map[string]any       { return map[string]any{"token": t} }

// confirmed gives an account an address and confirms it, without the owner.
func (h *house) confirmed(name, address string) *person {
	h.t.Helper()
	p := h.addWith(name, address)
	h.client().post("/email/confirmation-requests", email(address)).want(http.StatusAccepted)
	h.client().post("/email/confirmations", token(h.token(address, confirmPage))).want(http.StatusNoContent)
	if h.account(name).EmailConfirmedAt.IsZero() {
		h.t.Fatal("not confirmed")
	}
	return p
}

// TestFirstConfirmation: an address is confirmed by the mailed link, signed in or not.
func TestFirstConfirmation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	c := h.client()
	c.post("/accounts", map[string]any{"username": "anna", "email": "anna@example.com", "password": secret}).want(http.StatusCreated)
	first := h.token("anna@example.com", confirmPage) // mailed at once
	c.post("/email/confirmation-requests", email("ANNA@example.com")).want(http.StatusAccepted)
	second := h.token("anna@example.com", confirmPage)
	if first == second {
		t.Fatal("no second mail")
	}
	before := h.dump()
	c.page(confirmPage + "?token=" + first).want(http.StatusOK)
	if h.dump() != before {
		t.Error("the page changed something")
	}
	h.client().form(confirmPage, "token", first).leads("/sign-in")
	if a := c.get("/session"); a.at("account", "email_confirmed_at") == nil {
		t.Errorf("not confirmed: %s", a.body)
	}
	c.post("/email/confirmations", token(first)).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
	c.page(confirmPage + "?token=" + first).want(http.StatusUnauthorized).says("This link was used already")
	c.page(confirmPage).want(http.StatusUnauthorized)
	c.post("/email/confirmations", token(second)).want(http.StatusNoContent) // says the same once more
	if n := len(h.mailsTo("anna@example.com")); n < 2 {
		t.Errorf("%d mails", n)
	}
	c.post("/email/confirmation-requests", email("anna@example.com")).want(http.StatusAccepted)
	if h.token("anna@example.com", confirmPage) != second {
		t.Error("a confirmed address was mailed another link")
	}
	h.clock.move(24 * hour)
	h.holdsNone(t, first, second)
}

// TestAddressChange: both addresses are told, the new one counts once it is confirmed, and links to the old one end.
func TestAddressChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.confirmed("anna", "old@example.com")
	p.signIn(true)
	for _, wrong := range []string{"x", "a@b@c", "a b@example.com", "a@example.com\r\nBcc: b@example.com", "<a@example.com>", "a,b@example.com", strings.Repeat("x", 250) + "@example.com"} {
		p.put("/email", email(wrong)).refuses(http.StatusBadRequest, "invalid_request")
	}
	p.put("/email", email("first@example.com")).want(http.StatusAccepted)
	superseded := h.token("first@example.com", confirmPage)
	p.put("/email", email("New@example.com")).want(http.StatusAccepted)
	if a := p.get("/session"); a.at("account", "email") != "old@example.com" {
		t.Errorf("changed already: %s", a.body)
	}
	h.client().post("/email/confirmations", token(superseded)).refuses(http.StatusUnauthorized, "refused")
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	reset := h.token("old@example.com", "/password/reset")

	h.client().post("/email/confirmations", token(h.token("New@example.com", confirmPage))).want(http.StatusNoContent)
	if a := p.get("/session").want(http.StatusOK); a.at("account", "email") != "New@example.com" || a.at("account", "email_confirmed_at") == nil {
		t.Errorf("not changed: %s", a.body)
	}
	h.client().post("/password/resets", map[string]any{"token": reset, "password": newSecret}).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
	subjects := func(address string) (list []string) {
		for _, m := range h.mailsTo(address) {
			list = append(list, m.Subject)
		}
		return list
	}
	for address, want := range map[string][]string{
		"old@example.com": {"Nightlatch: Another email address was asked for on your account", "Nightlatch: The email address of your account was changed"},
		"New@example.com": {"Nightlatch: Confirm your email address", "Nightlatch: The email address of your account was changed"},
	} {
		got := subjects(address)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s got no %q: %q", address, w, got)
			}
		}
	}
	// The old one is nobody else's as long as it can be put back.
	if a := h.client().post("/accounts", map[string]any{"email": "OLD@example.com", "password": secret}); a.status != http.StatusConflict {
		t.Errorf("the old address was given away: %d", a.status)
	}
	h.clock.move(7 * 24 * hour)
	h.client().post("/accounts", map[string]any{"email": "OLD@example.com", "password": secret}).want(http.StatusCreated)
}

// TestAddressChangeNeedsAProof: a fresh one, by the second factor where there is one.
func TestAddressChangeNeedsAProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.addWith("anna", "old@example.com")
	p.signIn(false)
	p.enroll()
	h.clock.move(11 * time.Minute)
	for _, a := range []answer{
		p.put("/email", email("new@example.com")), p.post("/email/undo", nil), p.patch("/account", map[string]any{"username": "bea"}),
		p.patch("/account", map[string]any{}), p.del("/account"), p.get("/account/export"),
	} {
		a.refuses(http.StatusForbidden, "fresh_proof_needed")
	}
	for page, fields := range map[string][]string{
		"/account/email": {"email", "new@example.com"}, "/account/email/undo": nil, "/account/name": {"username", "bea"}, "/account/delete": {"name", "anna"},
	} {
		if a := p.form(page, fields...); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/verify?to=") {
			t.Errorf("%s: %d %s", page, a.status, a.header.Get("Location"))
		}
	}
	p.page("/account/export").leads("/verify?to=%2Faccount%2Fexport")
	p.form("/account/email", "email", "new@example.com")
	p.verify("totp", p.nextCode()).want(http.StatusOK)
	p.page("/account/email").says(`value="new@example.com"`) // it was kept, and waits for the button
	if h.account("anna").Email != "old@example.com" || len(h.mailsTo("new@example.com")) != 0 {
		t.Error("something was changed")
	}
}

// TestTakenAddress: whoever asks for another's address is answered as for a free one, and its owner is told.
func TestTakenAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("bert", "bert@example.com")
	p := h.confirmed("anna", "anna@example.com")
	p.signIn(true)
	free := p.put("/email", email("free@example.com")).want(http.StatusAccepted)
	taken := p.put("/email", email("BERT@example.com")).want(http.StatusAccepted)
	if string(free.body) != string(taken.body) {
		t.Errorf("%s and %s", free.body, taken.body)
	}
	mails := h.mailsTo("bert@example.com")
	if len(mails) != 1 || mails[0].Subject != "Nightlatch: You have an account already" || strings.Contains(mails[0].Text, "token=") {
		t.Errorf("bert was mailed %v", mails)
	}
	if len(h.tokens("BERT@example.com", confirmPage)) != 0 {
		t.Error("a link went to another's address")
	}
}

// TestTwoWantOneAddress: of two that confirm the same address at once one gets it.
func TestTwoWantOneAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	var tokens []string
	for _, name := range []string{"anna", "bert"} {
		p := h.addWith(name, name+"@example.com")
		p.signIn(true)
		p.put("/email", email("both@example.com")).want(http.StatusAccepted)
		tokens = append(tokens, h.token("both@example.com", confirmPage))
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	answered := map[int]int{}
	for _, tok := range tokens {
		for range 10 {
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
	if answered[http.StatusNoContent] != 1 || answered[http.StatusConflict]+answered[http.StatusUnauthorized] != 19 || answered[http.StatusConflict] < 10 {
		t.Errorf("answered: %v", answered)
	}
	h.client().form(confirmPage, "token", tokens[0])
	if a := h.account("both@example.com"); a.EmailConfirmedAt.IsZero() {
		t.Error("nobody has it")
	}
}

// changed is an account whose address was changed, with its owner signed in.
func (h *house) changedAddress() *person {
	h.t.Helper()
	p := h.confirmed("anna", "old@example.com")
	p.signIn(true)
	p.put("/email", email("new@example.com")).want(http.StatusAccepted)
	h.client().post("/email/confirmations", token(h.token("new@example.com", confirmPage))).want(http.StatusNoContent)
	return p
}

// TestUndo: for 7 days the address before can be put back, with a fresh proof.
func TestUndo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.changedAddress()
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	reset := h.token("new@example.com", "/password/reset")
	p.put("/email", email("third@example.com")).want(http.StatusAccepted)
	third := h.token("third@example.com", confirmPage)
	p.post("/email/undo", nil).want(http.StatusNoContent)
	if a := h.account("anna"); a.Email != "old@example.com" || a.EmailConfirmedAt.IsZero() {
		t.Errorf("account: %+v", a)
	}
	h.client().post("/password/resets", map[string]any{"token": reset, "password": newSecret}).refuses(http.StatusUnauthorized, "refused")
	h.client().post("/email/confirmations", token(third)).refuses(http.StatusUnauthorized, "refused")
	for _, address := range []string{"old@example.com", "new@example.com"} {
		if !slices.ContainsFunc(h.mailsTo(address), func(m mail) bool { return strings.Contains(m.Subject, "old email address of your account is back") }) {
			t.Errorf("%s was not told: %v", address, h.mailsTo(address))
		}
	}
	p.post("/email/undo", nil).refuses(http.StatusNotFound, "not_found")
}

// TestUndoEnds: after 7 days, and not before.
func TestUndoEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.changedAddress()
	h.clock.move(7*24*hour - time.Minute)
	p.signIn(false)
	p.page("/account/email").says("old@example.com").says("Put the address back")
	h.clock.move(time.Minute)
	if a := p.page("/account/email"); strings.Contains(string(a.body), "old@example.com") {
		t.Errorf("still offered: %s", a.body)
	}
	p.post("/email/undo", nil).refuses(http.StatusNotFound, "not_found")
}

// TestTwoChanges: whoever changes the address twice does not get rid of the owner of the first one so.
func TestTwoChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.changedAddress()
	p.put("/email", email("third@example.com")).want(http.StatusAccepted)
	h.client().post("/email/confirmations", token(h.token("third@example.com", confirmPage))).want(http.StatusNoContent)
	n := len(slices.DeleteFunc(h.mailsTo("old@example.com"), func(m mail) bool { return !strings.Contains(m.Subject, "was changed") }))
	if n != 2 {
		t.Errorf("the first address was told %d times", n)
	}
	p.post("/email/undo", nil).want(http.StatusNoContent)
	if a := h.account("anna"); a.Email != "old@example.com" {
		t.Errorf("put back is %s", a.Email)
	}
}

// TestHoldBack: the link in the mail to the old address holds a change back: nothing that opens goes to the new one.
func TestHoldBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.changedAddress()
	notMe := h.notMe("old@example.com", "address of your account was changed")
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	reset := h.token("new@example.com", "/password/reset")
	before := len(h.mailsTo("new@example.com"))
	h.client().post("/not-me", token(notMe)).want(http.StatusNoContent)

	p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	h.client().post("/password/resets", map[string]any{"token": reset, "password": newSecret}).refuses(http.StatusUnauthorized, "refused")
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	h.client().post("/password/reset-requests", map[string]any{"identifier": "new@example.com"}).want(http.StatusAccepted)
	h.client().post("/email/confirmation-requests", email("new@example.com")).want(http.StatusAccepted)
	for _, m := range h.mailsTo("new@example.com")[before:] {
		if strings.Contains(m.Text, "token=") && !strings.Contains(m.Text, "/not-me?") {
			t.Errorf("the new address was mailed %q", m.Text)
		}
	}
	if names := h.names(h.account("anna").ID); !slices.Contains(names, "address_held_back") {
		t.Errorf("events: %v", names)
	}
	p.signIn(false)
	if a := p.get("/session"); a.at("account", "email_confirmed_at") != nil {
		t.Errorf("still confirmed: %s", a.body)
	}
	p.put("/email", email("third@example.com")).refuses(http.StatusForbidden, "forbidden")
	p.page("/account/email").says("was held back").says("old@example.com")
	p.form("/account/email/undo").leads("/account/email")
	p.page("/account/email").says("The address before is back.")
	if a := h.account("anna"); a.Email != "old@example.com" || a.EmailConfirmedAt.IsZero() || a.HeldBack {
		t.Errorf("account: %+v", a)
	}
}

// TestHoldBackBefore: the mail that tells of a wish holds it back, too.
func TestHoldBackBefore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.confirmed("anna", "old@example.com")
	p.signIn(true)
	p.put("/email", email("new@example.com")).want(http.StatusAccepted)
	link := h.token("new@example.com", confirmPage)
	h.client().post("/not-me", token(h.notMe("old@example.com", "Another email address"))).want(http.StatusNoContent)
	h.client().post("/email/confirmations", token(link)).refuses(http.StatusUnauthorized, "refused")
	if a := h.account("anna"); a.Email != "old@example.com" || a.EmailConfirmedAt.IsZero() {
		t.Errorf("account: %+v", a)
	}
	h.client().post("/email/confirmation-requests", email("new@example.com")).want(http.StatusAccepted)
	if h.token("new@example.com", confirmPage) != link {
		t.Error("the wish is alive")
	}
}

// TestEmailPage: the same by forms.
func TestEmailPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.confirmed("anna", "old@example.com")
	p.signIn(false)
	p.page("/account").says("Your email address")
	p.page("/account/email").want(http.StatusOK).says("old@example.com")
	p.form("/account/email", "email", "").want(http.StatusBadRequest).says("This must be filled in.")
	p.form("/account/email", "email", "x").want(http.StatusBadRequest).says("Check that you entered your email address correctly.")
	p.form("/account/email", "email", " new@example.com ").leads("/account/email")
	p.page("/account/email").says("A mail is on its way.").says("A mail went to new@example.com.")
	link := h.token("new@example.com", confirmPage)
	p.form("/account/email/resend").leads("/account/email")
	if h.token("new@example.com", confirmPage) == link {
		t.Error("the mail was not sent again")
	}
	p.page(confirmPage + "?token=" + link).want(http.StatusOK).says("Confirm your email address")
	p.form(confirmPage, "token", link).leads("/account")
	p.page("/account").says("Email address confirmed.").says("new@example.com")
	for range 4 {
		p.form("/account/email", "email", "other@example.com").leads("/account/email")
	}
	p.form("/account/email", "email", "other@example.com").leads("/account/email")
	p.form("/account/email", "email", "other@example.com").want(http.StatusTooManyRequests).says("Too many mails were asked for.")
}

// TestSpentBudgetTellsNothing: who has asked for as many mails as may be is answered alike about every address.
func TestSpentBudgetTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("bert", "bert@example.com")
	p := h.addWith("anna", "anna@example.com")
	p.signIn(true)
	for i := range 20 {
		p.put("/email", email("free"+strconv.Itoa(i)+"@example.com")).want(http.StatusAccepted)
	}
	free := p.put("/email", email("free@example.com")).refuses(http.StatusTooManyRequests, "throttled")
	taken := p.put("/email", email("bert@example.com")).refuses(http.StatusTooManyRequests, "throttled")
	if string(free.body) != string(taken.body) {
		t.Errorf("%s and %s", free.body, taken.body)
	}
}
