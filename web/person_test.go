package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// From nothing to a second sign-in with the app, as a person goes.
func TestFirstVisit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.get("/")
	v.want(200, "/")
	v.press("Create account", "", nil)
	v.press("Create account", "", map[string]string{"Username": "Alice", "Password": phrase, "Confirm password": phrase})
	v.want(200, "/account")
	v.announced("status", "You are signed in.")
	v.says("Not set up")
	v.get("/account")
	if got := v.role("status"); got != nil {
		t.Errorf("a message comes twice: %q", got)
	}

	v.press("Add authenticator app", "", nil)
	v.want(200, "/account/authenticators/new/totp")
	p := v.scan()
	v.get("/account/authenticators/new/totp")
	if p.Secret.Base32() != v.scan().Secret.Base32() {
		t.Error("the same page shows another secret")
	}
	v.press("Continue", "", map[string]string{"Code": "000000", "Name": "My phone"})
	v.want(401, "/account/authenticators/finish/totp")
	v.alerted("Code", "That code is wrong.")
	if p.Secret.Base32() != v.scan().Secret.Base32() || input(t, v.all, "label")["value"] != "My phone" {
		t.Error("after a wrong code the secret or the name is another")
	}
	v.press("Continue", "", map[string]string{"Code": ""})
	v.want(400, "/account/authenticators/finish/totp")
	v.alerted("Code", "This must be filled in.")
	code := p.code()
	v.press("Continue", "", map[string]string{"Code": code[:3] + " " + code[3:], "Name": "My phone"})
	v.want(200, "/account/authenticators/finish/totp")
	v.announced("status", "Authenticator added.")
	codes := v.codes()
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	v.sent()
	v.want(200, "/account/recovery-codes")
	if v.codes() != nil {
		t.Error("the codes are shown twice")
	}
	v.get("/account")
	v.says("My phone", "10 recovery codes left.", "An authenticator was added")
	for _, secret := range append(codes, p.Secret.Base32()) {
		if strings.Contains(v.body, secret) {
			t.Errorf("%s is shown again", secret)
		}
	}

	v.press("Sign out", "", nil)
	v.want(200, "/")
	v.says("Sign in")
	if v.cookie(sessionCookie) != "" {
		t.Error("signed out with a cookie")
	}
	v.get("/account")
	v.want(200, "/sign-in?to=%2Faccount")

	v.press("Sign in", "", map[string]string{"Username or email": "alice", "Password": phrase})
	v.want(200, "/verify")
	v.says(`the code from "My phone"`)
	v.press("Continue", "", map[string]string{"Code": code})
	v.want(401, "/verify")
	v.alerted("Code", "That code was already used.")
	v.says("Each code is good once: wait for the next one.")
	v.press("Continue", "", map[string]string{"Code": "000000"})
	v.want(401, "/verify")
	v.alerted("Code", "That code is wrong.")
	v.press("Continue", "", map[string]string{"Code": p.next()})
	v.want(200, "/account")
	v.announced("status", "You are signed in.")
	v.get("/")
	v.says("Signed in as Alice")
}

func TestRecoveryCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.enroll("My phone")
	codes := v.codes()
	v.press("Continue", "", nil)
	v.want(200, "/account")
	v.press("Sign out", "", nil)

	v.signIn("alice")
	v.follow("Try another way")
	v.want(200, "/verify/another")
	v.says("My phone", "Authenticator app", "10 codes left", "Added 22 November 2026")
	v.press("Recovery codes", "", nil)
	v.want(200, "/verify?kind=recovery")
	v.press("Continue", "", map[string]string{"Recovery code": "AAAA-AAAA-AAAA-AAAA"})
	v.want(401, "/verify")
	v.alerted("Recovery code", "That code is wrong.")
	v.press("Continue", "", map[string]string{"Recovery code": strings.ToLower(codes[3])})
	v.want(200, "/account")
	v.announced("status", "You are signed in.")
	v.says("9 are left", "9 recovery codes left.")

	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.follow("Lost your device?")
	v.want(200, "/recover")
	v.press("Use a recovery code", "", nil)
	v.press("Continue", "", map[string]string{"Recovery code": codes[3]})
	v.want(401, "/verify")
	v.alerted("Recovery code", "That code was already used.")
	v.press("Continue", "", map[string]string{"Recovery code": codes[0]})
	v.want(200, "/account")

	v.press("New recovery codes", "", nil)
	v.want(200, "/account/recovery-codes")
	if fresh := v.codes(); len(fresh) != 10 || slices.Contains(fresh, codes[1]) {
		t.Errorf("new codes %q", fresh)
	}
	v.get("/account")
	v.says("10 recovery codes left.")
}

// Who has lost everything may enter what an administrator gives, and is told whom to ask.
func TestRecoverWithoutCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *nightlatch.Config, _ *Options) { c.Policy.Enroll = []kind{"totp"} })
	v := s.visitor()
	v.signUp("alice")
	v.enroll("My phone")
	v.want(200, "/account")
	v.announced("status", "Authenticator added.")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.follow("Lost your device?")
	v.says("Ask an administrator")
	v.press("Enter a one-time code", "", nil)
	v.want(200, "/verify?kind=recovery")
	v.press("Continue", "", map[string]string{"Recovery code": "AAAA-AAAA-AAAA-AAAA"})
	v.want(401, "/verify")
	v.alerted("Recovery code", "That code is wrong.")
}

func TestUnfinishedSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.press("Continue", "", nil)
	v.press("Sign out", "", nil)
	v.get("/sign-in?to=/account/recovery-codes")
	v.press("Sign in", "", map[string]string{"Username or email": "alice", "Password": phrase})
	for _, page := range []string{"/account", "/account/recovery-codes", "/account/authenticators/new", "/account/authenticators/new/totp"} {
		if to := v.once("GET", page, nil); v.status != 303 || to != "/verify" {
			t.Errorf("%s: %d %s", page, v.status, to)
		}
	}
	for _, form := range []string{"/account/recovery-codes", "/account/sessions/end", "/account/authenticators/finish/totp"} {
		if to := v.once("POST", form, url.Values{}); v.status != 303 || to != "/verify" {
			t.Errorf("%s: %d %s", form, v.status, to)
		}
	}
	v.get("/verify?kind=totp&id=nonsense")
	v.want(200, "/verify?kind=totp&id=nonsense")
	v.get("/verify")
	v.press("Continue", "", map[string]string{"Code": p.next()})
	v.want(200, "/account/recovery-codes") // where to named
	if to := v.once("GET", "/sign-in?to=/account/recovery-codes", nil); to != "/account/recovery-codes" {
		t.Errorf("signed in, /sign-in leads to %q", to)
	}
	if to := v.once("GET", "/sign-in", nil); to != "/account" {
		t.Errorf("signed in, /sign-in leads to %q", to)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.get("/account/authenticators/new/totp")
	shown := v.scan()
	v.follow("Cancel")
	v.want(200, "/account")
	v.get("/account/authenticators/new/totp")
	again := v.scan()
	if shown.Secret.Base32() == again.Secret.Base32() {
		t.Error("a canceled secret is shown again")
	}
	v.header.Set("Sec-Fetch-Site", "cross-site")
	v.get("/account/authenticators/new/totp/cancel")
	v.header.Set("Sec-Fetch-Site", "same-origin")
	v.get("/account/authenticators/new/totp")
	if again.Secret.Base32() != v.scan().Secret.Base32() {
		t.Error("a link on another site cancels a set-up")
	}
	v.enroll("My phone")
	v.get("/sign-out")
	v.press("Sign out", "", nil)

	v.signIn("alice")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	if to := v.once("GET", "/verify/cancel", nil); to != "/verify" {
		t.Errorf("a link on another site leads to %q", to)
	}
	v.header.Set("Sec-Fetch-Site", "same-origin")
	v.get("/verify")
	v.want(200, "/verify")
	v.follow("Cancel")
	v.want(200, "/")
	v.get("/verify")
	v.want(401, "/verify")
	v.announced("alert", "Your sign-in has ended. Are cookies enabled?")
	v.follow("Start again")
	v.want(200, "/sign-in")
	for _, form := range []url.Values{{"kind": {"totp"}, "code": {"000000"}}, {}} {
		v.request("POST", "/verify", form)
		v.want(401, "/verify")
		v.announced("alert", "Your sign-in has ended. Are cookies enabled?")
	}
}

func TestFreshProofOnPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	s.clock.advance(11 * time.Minute)
	v.get("/account/authenticators/new/totp")
	v.want(200, "/verify?to=%2Faccount%2Fauthenticators%2Fnew%2Ftotp")
	v.press("Continue", "", map[string]string{"Password": "wrong"})
	v.want(401, "/verify")
	v.alerted("Password", "That password is wrong.")
	v.press("Continue", "", map[string]string{"Password": ""})
	v.want(400, "/verify")
	before := v.cookie(sessionCookie)
	v.press("Continue", "", map[string]string{"Password": phrase})
	v.want(200, "/account/authenticators/new/totp")
	if v.cookie(sessionCookie) == before {
		t.Error("a fresh proof leaves the session's value as it was")
	}
	p := v.enroll("My phone")

	s.clock.advance(11 * time.Minute)
	v.get("/account")
	v.press("Remove", "My phone", nil)
	v.want(200, "/verify?to=%2Faccount")
	v.press("Continue", "", map[string]string{"Code": p.code()})
	v.want(200, "/account")
	v.announced("status", "Nothing was changed yet. Please repeat what you were about to do.")
	v.says("My phone")
	v.press("Remove", "My phone", nil)
	v.announced("status", "Authenticator removed.")

	// Whoever leads here may want a younger proof than the one that is there.
	v.get("/verify?to=/account")
	v.want(200, "/verify?to=/account")
	v.press("Continue", "", map[string]string{"Password": phrase})
	v.want(200, "/account")
	v.announced("status", "Thank you, that was right.")
	v.get("/verify")
	v.follow("Cancel")
	v.want(200, "/account")
}

func TestThrottledOnPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	for range 5 {
		v.press("Continue", "", map[string]string{"Code": "000000"})
		v.want(401, "/verify")
	}
	v.press("Continue", "", map[string]string{"Code": p.code()})
	v.want(429, "/verify")
	v.announced("alert", "Too many wrong tries. Please wait 30 seconds.")
	if got := v.head.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After %q", got)
	}
	v.follow("Try another way")
	v.want(200, "/verify/another")
	v.get("/verify")
	s.clock.advance(time.Minute)
	v.press("Continue", "", map[string]string{"Code": p.code()})
	v.want(200, "/account")

	w := s.visitor()
	w.get("/sign-in")
	for range 5 {
		w.press("Sign in", "", map[string]string{"Username or email": "nobody", "Password": "x"})
		w.want(401, "/sign-in")
	}
	w.press("Sign in", "", map[string]string{"Username or email": "nobody", "Password": "x"})
	w.want(429, "/sign-in")
	w.announced("alert", "Too many wrong tries. Please wait 30 seconds.")
	if w.head.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q", w.head.Get("Retry-After"))
	}
}

func TestClockWords(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	s.clock.advance(10 * time.Minute)
	v.signIn("alice")
	ahead, err := p.At(s.clock.Now().Add(90 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	v.press("Continue", "", map[string]string{"Code": ahead})
	v.want(401, "/verify")
	v.says("That code is wrong. The clock of your device is about 90 seconds ahead")
}

func TestSignInForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.visitor().signUp("alice")
	v := s.visitor()
	for _, name := range []string{"alice", "nobody", strings.Repeat("x", 5000)} {
		v.get("/sign-in?to=/account")
		v.press("Sign in", "", map[string]string{"Username or email": name, "Password": "wrong", "Stay signed in": "true"})
		v.want(401, "/sign-in")
		v.alerted("Username or email", "Wrong name or password.")
		v.alerted("Password", "Wrong name or password.")
		if input(t, v.all, "identifier")["value"] != name || input(t, v.all, "password")["value"] != "" {
			t.Error("the name has gone, or the password has stayed")
		}
		if _, stay := input(t, v.all, "stay")["checked"]; !stay {
			t.Error("what was ticked is not")
		}
		if v.cookie(sessionCookie)+v.cookie(signInCookie) != "" {
			t.Error("a cookie for a wrong password")
		}
	}
	v.press("Sign in", "", map[string]string{"Username or email": "", "Password": ""})
	v.want(400, "/sign-in")
	v.alerted("Username or email", "This must be filled in.")
	v.alerted("Password", "This must be filled in.")

	v.once("POST", "/sign-in", url.Values{"identifier": {"alice"}, "password": {phrase}, "stay": {"true"}})
	for _, c := range (&http.Response{Header: v.head}).Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
			t.Errorf("cookie %v", c)
		}
		if c.Name == sessionCookie && c.MaxAge != int((720*time.Hour).Seconds()) {
			t.Errorf("who stays signed in has a cookie for %d seconds", c.MaxAge)
		}
	}
	if v.status != 303 || v.head.Get("Location") != "/account" || v.head.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", v.status, v.head)
	}
}

func TestSignUpForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.visitor().signUp("alice")
	v := s.visitor()
	fill := func(name, password, confirm string) {
		t.Helper()
		v.get("/sign-up")
		v.press("Create account", "", map[string]string{"Username": name, "Password": password, "Confirm password": confirm})
	}
	fill("ALICE", phrase, phrase)
	v.want(409, "/sign-up")
	v.alerted("Username", "This username is taken.")
	if input(t, v.all, "username")["value"] != "ALICE" || input(t, v.all, "password")["value"] != "" {
		t.Error("the name has gone, or the password has stayed")
	}
	fill("bob", phrase, phrase+"!")
	v.want(400, "/sign-up")
	v.alerted("Confirm password", "The passwords do not match.")
	fill("bob", "short", "short")
	v.want(400, "/sign-up")
	v.alerted("Password", "Too short: it needs 15 characters at least.")
	fill("bob", "passwordpassword", "passwordpassword")
	v.want(400, "/sign-up")
	v.alerted("Password", "This password is among those that are tried first. Choose another one.")
	fill("", "", "")
	v.want(400, "/sign-up")
	v.alerted("Username", "Enter a username or an email address: one is enough.")
	v.alerted("Password", "This must be filled in.")
	fill("alice", phrase, "other") // that the name is taken is told to whole sign-ups alone, which are counted
	v.want(400, "/sign-up")
	v.alerted("Confirm password", "The passwords do not match.")
	if slices.Contains(v.role("alert"), "This username is taken.") {
		t.Error("a sign-up that is not counted told that a name is taken")
	}
	fill("", "short", "other")
	v.want(400, "/sign-up")
	v.alerted("Username", "Enter a username or an email address: one is enough.")
	v.alerted("Password", "Too short: it needs 15 characters at least.")
	v.alerted("Confirm password", "The passwords do not match.")
	fill("throttled", phrase, phrase)
	v.want(429, "/sign-up")
	if len(v.role("alert")) != 1 || v.head.Get("Retry-After") != "3600" {
		t.Errorf("alerts %q, Retry-After %q", v.role("alert"), v.head.Get("Retry-After"))
	}

	s.people.closed = true
	v.get("/sign-up")
	v.want(403, "/sign-up")
	v.request("POST", "/sign-up", url.Values{"username": {"bob"}, "password": {phrase}, "confirm": {phrase}})
	v.want(403, "/sign-up")
	v.get("/")
	if strings.Contains(v.body, "Create account") {
		t.Error("what cannot be done is offered")
	}
}
