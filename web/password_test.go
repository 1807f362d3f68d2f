package web_test

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

func change(current, chosen string) map[string]any {
	return map[string]any{"current": current, "new": chosen}
}

// TestPasswordChange: the current one is asked for, the new one judged, and all other sessions end.
func TestPasswordChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.addWith("anna", "anna@example.com")
	p.signIn(true)
	other := p.client
	p.signIn(false)
	p.post("/password", change("wrong "+secret, newSecret)).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	for next, problem := range map[string]string{"short": "too_short", "passwordpassword": "too_common", "": "missing"} {
		if a := p.post("/password", change(secret, next)).refuses(http.StatusBadRequest, "invalid_request"); a.at("fields", "new") != problem {
			t.Errorf("%q: %s", next, a.body)
		}
	}
	if h.tries("anna", secret) != http.StatusOK {
		t.Error("the password is another already")
	}
	before, id := p.cookie(t, "nightlatch_session"), p.get("/session").text("id")
	if told := p.post("/password", change(secret, newSecret)).want(http.StatusOK); told.text("id") != id || told.at("token") != nil {
		t.Errorf("%s", told.body)
	}
	if p.cookie(t, "nightlatch_session") == before {
		t.Error("the session keeps its value")
	}
	p.get("/session").want(http.StatusOK)
	other.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	if h.tries("anna", secret) != http.StatusUnauthorized || h.tries("anna", newSecret) != http.StatusOK {
		t.Error("the password is not the new one")
	}
	mails := h.mailsTo("anna@example.com")
	if !slices.ContainsFunc(mails, func(m mail) bool { return m.Subject == "Nightlatch: The password of your account was changed" }) {
		t.Errorf("mails: %v", mails)
	}
	h.holdsNone(t, secret, newSecret)
	p.signInWith(newSecret, true)
	token := p.token
	p.post("/password", change(newSecret, thirdSecret)).want(http.StatusOK)
	if p.token = token; p.get("/session").status != http.StatusOK {
		t.Error("the token of a program has ended")
	}
}

// TestPasswordChangeNeedsTheSecondFactor: with a second factor the current password alone does not do.
func TestPasswordChangeNeedsTheSecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	h.clock.move(11 * time.Minute)
	p.post("/password", change(secret, newSecret)).refuses(http.StatusForbidden, "fresh_proof_needed")
	p.post("/password", change("wrong "+secret, newSecret)).refuses(http.StatusForbidden, "fresh_proof_needed")
	p.page("/account/password").leads("/verify?to=%2Faccount%2Fpassword")
	p.verify("totp", p.nextCode()).want(http.StatusOK)
	p.page("/account/password").want(http.StatusOK)
	p.post("/password", change(secret, newSecret)).want(http.StatusOK)

	// Without one the current password is proof enough.
	q := h.add("bert")
	q.signIn(false)
	h.clock.move(11 * time.Minute)
	q.page("/account/password").want(http.StatusOK)
	q.post("/password", change(secret, newSecret)).want(http.StatusOK)
}

// TestPasswordChangeIsThrottled: the tries count as those of a sign-in do, also of fifty at once.
func TestPasswordChangeIsThrottled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(true)
	var mu sync.Mutex
	var all sync.WaitGroup
	answered := map[int]int{}
	for range 20 {
		all.Go(func() {
			a := p.post("/password", change("wrong "+secret, newSecret))
			mu.Lock()
			defer mu.Unlock()
			answered[a.status]++
		})
	}
	all.Wait()
	if answered[http.StatusUnauthorized] != 5 || answered[http.StatusTooManyRequests] != 15 {
		t.Errorf("answered: %v", answered)
	}
	p.post("/password", change(secret, newSecret)).refuses(http.StatusTooManyRequests, "throttled")
	h.clock.move(30 * time.Second)
	p.post("/password", change(secret, newSecret)).want(http.StatusOK)
}

// TestPasswordPage: the same by the form.
func TestPasswordPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	const page = "/account/password"
	p.page("/account").says("Change your password")
	p.form(page, "current", secret, "new", newSecret, "confirm", "x").want(http.StatusBadRequest).says("The passwords do not match.")
	p.form(page, "current", "wrong", "new", newSecret, "confirm", newSecret).want(http.StatusUnauthorized).says("That password is wrong.")
	p.form(page, "current", secret, "new", "short", "confirm", "short").want(http.StatusBadRequest).says("it needs 15 characters at least")
	p.form(page, "current", "", "new", "", "confirm", "").want(http.StatusBadRequest).says("This must be filled in.")
	p.form(page, "current", secret, "new", newSecret, "confirm", newSecret).leads("/account")
	p.page("/account").says("Password changed. All other sessions were ended.")
	for range 5 {
		p.form(page, "current", "wrong", "new", secret, "confirm", secret)
	}
	p.form(page, "current", newSecret, "new", secret, "confirm", secret).want(http.StatusTooManyRequests).says("Too many wrong tries.")
}

// TestPasswordReset: forgotten, mailed, set; nobody is signed in by that, and no factor is removed.
func TestPasswordReset(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.addWith("anna", "Anna@example.com")
	p.signIn(false)
	p.enroll()
	c := h.client()
	for _, name := range []string{"anna", "ANNA@example.com"} {
		c.post("/password/reset-requests", map[string]any{"identifier": name}).want(http.StatusAccepted)
	}
	tokens := h.tokens("Anna@example.com", "/password/reset")
	if len(tokens) != 2 {
		t.Fatalf("%d links", len(tokens))
	}
	reset := func(token, password string) answer {
		return c.post("/password/resets", map[string]any{"token": token, "password": password})
	}
	if a := reset(tokens[0], "short").refuses(http.StatusBadRequest, "invalid_request"); a.at("fields", "password") != "too_short" {
		t.Errorf("%s", a.body)
	}
	before := h.dump()
	c.page("/password/reset?token=" + tokens[0]).want(http.StatusOK).says("Confirm password")
	if h.dump() != before {
		t.Error("the page changed something")
	}
	reset(tokens[0], newSecret).want(http.StatusNoContent)
	if len(c.http.Jar.Cookies(mustURL(t, h.http.URL))) != 0 {
		t.Error("cookies were set")
	}
	reset(tokens[0], thirdSecret).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
	reset(tokens[1], thirdSecret).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
	p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	if h.tries("anna", secret) != http.StatusUnauthorized {
		t.Error("the old password is good")
	}
	p.client = h.client()
	p.post("/sign-in", map[string]any{"identifier": "anna", "password": newSecret}).want(http.StatusOK).is("next", "verify")
	p.verify("totp", p.nextCode()).want(http.StatusOK).is("next", "done")
	if names := h.names(h.account("anna").ID); !slices.Contains(names, "password_reset") || !slices.Contains(names, "password_reset_asked") {
		t.Errorf("events: %v", names)
	}
	h.holdsNone(t, secret, newSecret, tokens[0], tokens[1], thirdSecret)
}

// TestResetLink: it is good for an hour, for nothing else, and tells why not.
func TestResetLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("anna", "anna@example.com")
	c := h.client()
	ask := func() string {
		c.post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
		return h.token("anna@example.com", "/password/reset")
	}
	old := ask()
	h.clock.move(hour)
	body := map[string]any{"token": old, "password": newSecret}
	c.post("/password/resets", body).refuses(http.StatusUnauthorized, "refused").is("reason", "expired")
	c.page("/password/reset?token=" + old).want(http.StatusUnauthorized).says("This link is too old.")
	token := ask()
	c.post("/email/confirmations", map[string]any{"token": token}).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	for _, wrong := range []string{"x", token + "x", token[:len(token)-1], "nl_s_" + token[5:]} {
		c.post("/password/resets", map[string]any{"token": wrong, "password": newSecret}).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	}
	c.page("/password/reset").want(http.StatusUnauthorized).says("This link is not complete")
	if a := h.account("anna"); h.all.SetDisabled(t.Context(), a, true, "test") != nil {
		t.Fatal("not disabled")
	}
	body["token"] = token
	c.post("/password/resets", body).refuses(http.StatusForbidden, "forbidden")
	if n := len(h.mails()); ask() != token || len(h.tokens("anna@example.com", "/password/reset")) != 2 {
		t.Errorf("a disabled account is mailed a link: %d", n)
	}
}

// TestResetAtOnce: of twenty with one link one wins.
func TestResetAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("anna", "anna@example.com")
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	token := h.token("anna@example.com", "/password/reset")
	var mu sync.Mutex
	var all sync.WaitGroup
	answered := map[int]int{}
	for range 20 {
		c := h.client()
		all.Go(func() {
			a := c.post("/password/resets", map[string]any{"token": token, "password": newSecret})
			mu.Lock()
			defer mu.Unlock()
			answered[a.status]++
		})
	}
	all.Wait()
	if answered[http.StatusNoContent] != 1 || answered[http.StatusUnauthorized] != 19 {
		t.Errorf("answered: %v", answered)
	}
}

// TestResetPages: the same by pages, in a browser where somebody else is signed in.
func TestResetPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	h.addWith("anna", "anna@example.com")
	bert := h.add("bert")
	bert.signIn(false)
	c := h.client()
	c.page("/sign-in").says("Forgot your password?")
	c.page("/password/forgot").want(http.StatusOK).says("Username or email")
	c.form("/password/forgot", "identifier", "").want(http.StatusBadRequest)
	known := c.form("/password/forgot", "identifier", "anna").want(http.StatusOK).says("a mail is on its way")
	unknown := c.form("/password/forgot", "identifier", "nobody").want(http.StatusOK)
	if !bytes.Equal(known.body, unknown.body) {
		t.Error("the pages differ")
	}
	token := h.token("anna@example.com", "/password/reset")
	bert.page("/password/reset?token=" + token).want(http.StatusOK)
	bert.form("/password/reset", "token", token, "password", newSecret, "confirm", "x").want(http.StatusBadRequest).says("The passwords do not match.")
	bert.form("/password/reset", "token", token, "password", "short", "confirm", "short").want(http.StatusBadRequest).says("it needs 15 characters")
	bert.form("/password/reset", "token", token, "password", newSecret, "confirm", newSecret).leads("/sign-in")
	if a := bert.get("/session").want(http.StatusOK); a.at("account", "username") != "bert" {
		t.Errorf("the session is another: %s", a.body)
	}
	c.form("/password/reset", "token", token, "password", newSecret, "confirm", newSecret).want(http.StatusUnauthorized).says("This link was used already")
	if h.tries("anna", newSecret) != http.StatusOK {
		t.Error("the password was not set")
	}
}
