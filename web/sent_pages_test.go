package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// An address is added, asked for at the next sign-in, and the code is under way before the page is there.
func TestEmailFromSetUpToSignIn(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.get("/sign-up")
	v.press("Create account", "", map[string]string{"Username": "alice", "Email": "alice@example.com", "Password": phrase, "Confirm password": phrase})
	v.press("Add email", "", nil)
	v.want(200, "/account/authenticators/new/email")
	if got := input(t, v.all, "email")["value"]; got != "alice@example.com" {
		t.Errorf("the field begins with %q", got)
	}
	v.press("Send code", "", map[string]string{"Email": "no address"})
	v.want(400, "/account/authenticators/new/email")
	v.alerted("Email", "Check that you entered your email address correctly.")
	v.press("Send code", "", map[string]string{"Email": ""})
	v.want(400, "/account/authenticators/new/email")
	v.alerted("Email", "This must be filled in.")
	v.press("Send code", "", map[string]string{"Email": "alice@example.com"})
	v.want(200, "/account/authenticators/new/email")
	v.announced("status", "Code sent to a•••@example.com.")
	v.says("Enter the code sent to a•••@example.com.", "You can ask for another code in 30 seconds.")
	if f.post.count() != 1 {
		t.Fatalf("%d messages", f.post.count())
	}
	v.press("Continue", "", map[string]string{"Code": "000000", "Name": "Mail"})
	v.want(401, "/account/authenticators/finish/email")
	v.alerted("Code", "That code is wrong.")
	v.get("/account/authenticators/new/email") // opened again, it waits for the same code
	v.says("Enter the code sent to a•••@example.com.")
	v.press("Continue", "", map[string]string{"Code": f.post.code(t), "Name": "Mail"})
	v.want(200, "/account/authenticators/finish/email")
	v.announced("status", "Authenticator added.")
	v.get("/account")
	v.says("Mail Enabled for a•••@example.com")

	v.get("/account/authenticators/new/email")
	v.press("Send code", "", map[string]string{"Email": "ALICE@example.com"})
	v.want(409, "/account/authenticators/new/email")
	v.alerted("Email", "Codes go there already.")

	v.get("/sign-out")
	v.press("Sign out", "", nil)
	before := f.post.count()
	v.signIn("alice")
	v.want(200, "/verify")
	if f.post.count() != before+1 {
		t.Fatalf("the password sent %d messages", f.post.count()-before)
	}
	v.announced("status", "Code sent to a•••@example.com.")
	v.get(v.path)
	if got := v.role("status"); got != nil {
		t.Errorf("the message comes twice: %q", got)
	}
	v.press("Continue", "", map[string]string{"Code": f.post.code(t)})
	v.want(200, "/account")
}

// A number is read back before anything is sent to it.
func TestPhoneIsReadBack(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	v.press("Add phone", "", nil)
	v.says("the weakest way")
	v.press("Continue", "", map[string]string{"Phone number": "12345"})
	v.want(400, "/account/authenticators/new/sms")
	v.alerted("Phone number", "Check that you entered your phone number correctly.")
	v.press("Continue", "", map[string]string{"Phone number": "+44 (20) 7946-0958"})
	v.says("+44 20 79460958 (United Kingdom)")
	if f.post.count() != 0 {
		t.Fatal("sent before it was read back")
	}
	v.press("Correct the number", "", nil)
	if got := input(t, v.all, "phone")["value"]; got != "+44 (20) 7946-0958" {
		t.Errorf("to correct: %q", got)
	}
	v.press("Continue", "", nil)
	f.post.fail(errors.New("the provider is down"))
	v.press("Send code", "", nil)
	v.want(502, "/account/authenticators/new/sms")
	v.announced("alert", "The code could not be sent. Try again in a moment, or choose another way.")
	v.says("+44 20 79460958 (United Kingdom)")
	f.post.fail(factor.ErrDestination)
	v.press("Send code", "", nil)
	v.want(400, "/account/authenticators/new/sms")
	v.alerted("Phone number", "Check that you entered your phone number correctly.")
	f.post.fail(nil)
	v.press("Continue", "", nil)
	v.press("Send code", "", nil)
	v.announced("status", "Code sent to •••• 58.")
	v.press("Send code", "", nil) // once more, without typing anything
	v.announced("status", "Code sent to •••• 58.")
	v.press("Continue", "", map[string]string{"Code": "", "Name": ""})
	v.want(400, "/account/authenticators/finish/sms")
	v.alerted("Code", "This must be filled in.")
	v.press("Continue", "", map[string]string{"Code": f.post.code(t)})
	v.want(200, "/account/authenticators/finish/sms")
	v.get("/account")
	v.says("Enabled for •••• 58")
}

// Another number may be taken, and an enrollment that is over says so.
func TestDestinationMayChange(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	v.get("/account/authenticators/new/email")
	v.press("Send code", "", map[string]string{"Email": "one@example.com"})
	v.follow("Take another address")
	v.press("Send code", "", map[string]string{"Email": "two@example.com"})
	v.says("t•••@example.com")
	code := f.post.code(t)
	wrong := strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, code)
	for range 4 {
		v.press("Continue", "", map[string]string{"Code": wrong})
		v.want(401, "/account/authenticators/finish/email")
		v.alerted("Code", "That code is wrong.")
	}
	action, _, form := v.form("Continue", "", map[string]string{"Code": code})
	v.press("Continue", "", map[string]string{"Code": wrong})
	v.want(401, "/account/authenticators/finish/email")
	v.announced("alert", "This set-up was over. Please begin again with what you see below.")
	v.request("POST", action, form)
	v.want(404, "/account/authenticators/finish/email")
	v.announced("alert", "This set-up was over. Please begin again with what you see below.")
	v.press("Send code", "", nil) // the address is there still
	v.announced("status", "Code sent to t•••@example.com.")
	v.follow("Cancel")
	v.want(200, "/account")
	v.get("/account/authenticators/new/email")
	v.says("Whoever reads your mail")
}

// Budgets, outages, and what is not on offer.
func TestSendFails(t *testing.T) {
	t.Parallel()
	f := newFull(t, func(c *nightlatch.Config, _ *Options) { c.Limits.Messages.PerDestination = 3 })
	v := f.visitor()
	v.signUp("alice")
	v.addEmail(f, "alice@example.com")
	v.get("/sign-out")
	v.press("Sign out", "", nil)

	f.post.fail(errors.New("no route to host"))
	v.signIn("alice")
	v.want(502, "/sign-in")
	v.announced("alert", "The code could not be sent. Try again in a moment, or choose another way.")
	v.follow("Try another way")
	v.want(200, "/verify/another")
	f.post.fail(nil)

	v.get("/verify")
	f.clock.advance(31 * time.Second)
	v.press("Send code", "", nil)
	v.announced("status", "Code sent to a•••@example.com.")
	f.clock.advance(31 * time.Second)
	v.press("Send code", "", nil)
	v.want(429, "/verify/send")
	if v.head.Get("Retry-After") == "" || len(v.role("alert")) != 1 || !strings.HasPrefix(v.role("alert")[0], "Too many codes were asked for.") {
		t.Errorf("Retry-After %q, alert %q", v.head.Get("Retry-After"), v.role("alert"))
	}
	v.request("POST", "/verify/send", url.Values{"kind": {"sms"}, "id": {"nothing"}})
	v.want(401, "/verify/send")
	v.press("Continue", "", map[string]string{"Code": f.post.code(t)})
	v.want(200, "/account")

	stranger := f.visitor()
	stranger.request("POST", "/verify/send", url.Values{"kind": {"email"}})
	stranger.want(401, "/verify/send")
	stranger.says("Your sign-in has ended. Are cookies enabled?")
}

// A fresh proof by a code does not lose the word that a form must be sent again.
func TestFreshProofByEmail(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	v.addEmail(f, "alice@example.com")
	f.clock.advance(time.Hour)
	v.get("/account")
	v.press("New recovery codes", "", nil)
	v.want(200, "/verify?to=%2Faccount%2Frecovery-codes")
	v.says("We send a code to a•••@example.com.")
	before := f.post.count()
	v.press("Send code", "", nil)
	if v.status != 200 || f.post.count() != before+1 {
		t.Fatalf("%d, %d messages", v.status, f.post.count()-before)
	}
	v.announced("status", "Code sent to a•••@example.com.")
	v.press("Continue", "", map[string]string{"Code": f.post.code(t)})
	v.want(200, "/account/recovery-codes")
	v.announced("status", "Nothing was changed yet. Please repeat what you were about to do.")
}

// No GET sends, whoever asks.
func TestNoGetSends(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	v.addEmail(f, "alice@example.com")
	for _, standing := range []string{"a session", "a session without a fresh proof", "an unfinished sign-in"} {
		switch standing {
		case "a session without a fresh proof":
			f.clock.advance(time.Hour)
		case "an unfinished sign-in":
			v.get("/sign-out")
			v.press("Sign out", "", nil)
			v.signIn("alice")
			f.clock.advance(12 * time.Minute) // the code that the password sent is over
		}
		before := f.post.count()
		for _, route := range pageRoutes {
			if route.method != http.MethodGet || strings.Contains(route.path, "cancel") {
				continue
			}
			for _, kind := range []string{"email", "sms", "webauthn", "totp", "nonsense"} {
				path := strings.NewReplacer("{kind}", kind, "{name}", "mark.svg", "{$}", "").Replace(route.path)
				v.once(http.MethodGet, path, nil)
				v.once(http.MethodGet, path+"?kind="+kind+"&email=eve@example.com&phone=%2B442079460958&sure=1&passkey=1", nil)
			}
		}
		if n := f.post.count() - before; n != 0 {
			t.Errorf("%s: the GETs sent %d messages", standing, n)
		}
	}
}

// Kinds that are not sent have no such form, and kinds that may not be added none at all.
func TestDestinationOfOtherKinds(t *testing.T) {
	t.Parallel()
	f := newFull(t, func(c *nightlatch.Config, _ *Options) { c.Policy.Enroll = []kind{"totp", "sms"} })
	v := f.visitor()
	v.signUp("alice")
	for path, want := range map[string]int{
		"/account/authenticators/new/totp": 404, "/account/authenticators/new/nonsense": 404, "/account/authenticators/new/email": 403,
	} {
		v.request("POST", path, url.Values{"email": {"a@example.com"}})
		v.want(want, path)
	}
	v.get("/account/authenticators/new/email")
	v.want(403, "/account/authenticators/new/email")
	f.clock.advance(time.Hour)
	v.request("POST", "/account/authenticators/new/sms", url.Values{"phone": {"+44 20 7946 0958"}})
	if v.status != 200 || !strings.HasPrefix(v.path, "/verify?to=") {
		t.Errorf("without a fresh proof: %d %s", v.status, v.path)
	}
	if f.post.count() != 0 {
		t.Error("something was sent")
	}
}
