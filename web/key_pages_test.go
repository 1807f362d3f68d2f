package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Two keys: both answer, one that was chosen answers alone, and another person's never.
func TestSecurityKeys(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	v.press("Add security key", "", nil)
	v.want(200, "/account/authenticators/new/webauthn")
	blue, red, other := newKey(1), newKey(2), newKey(3)
	v.touch(blue, "Add security key", map[string]string{"Name": "Blue key"})
	v.want(200, "/account/authenticators/finish/webauthn")
	v.announced("status", "Authenticator added.")
	if len(v.codes()) != 10 {
		t.Fatal("no recovery codes with the first key")
	}
	v.press("Continue", "", nil)
	v.says("Blue key", "Add a second authenticator")

	// The same key once more: the browser refuses it, and the page has words for that.
	v.get("/account/authenticators/new/webauthn")
	if _, _, err := v.touched(blue, "Add security key", nil); err == nil {
		t.Error("a key that is enrolled is not excluded")
	}
	if !strings.Contains(v.body, "InvalidStateError") || !strings.Contains(v.body, "This key is added already.") {
		t.Error("no words for a key that is added already")
	}
	v.touch(red, "Add security key", map[string]string{"Name": "blue KEY"})
	v.want(409, "/account/authenticators/finish/webauthn")
	v.alerted("Name", "Another authenticator has this name.")
	v.touch(red, "Add security key", map[string]string{"Name": "Red key"})
	v.want(200, "/account")
	if strings.Contains(v.body, "Add a second authenticator") {
		t.Error("a second one is suggested to who has two")
	}

	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.want(200, "/verify")
	v.says(`touch "`, "Another of your keys will do, too.")
	v.touch(red, "Use security key", nil)
	v.want(200, "/account")
	v.announced("status", "You are signed in.")

	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.follow("Try another way")
	v.press("Red key", "", nil)
	v.says(`touch "Red key"`)
	if _, _, err := v.touched(blue, "Use security key", nil); err == nil {
		t.Error("another key answers than the one that was chosen")
	}
	if _, _, err := v.touched(other, "Use security key", nil); err == nil {
		t.Error("a stranger's key answers")
	}
	v.touch(red, "Use security key", nil)
	v.want(200, "/account")
}

// What a key says wrong is told above the list of all other ways, with options to try once more.
// A key remembers the browser as a code does, by the box in its own form; a passkey that is the whole sign-in does not.
func TestKeyRemembers(t *testing.T) {
	t.Parallel()
	f := newFull(t, remembering)
	v := f.visitor()
	v.signUp("alice")
	v.get("/account/authenticators/new/webauthn?passkey=1")
	key := newKey(1)
	v.touch(key, "Add a passkey", map[string]string{"Name": "Laptop"})
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	v.get("/sign-in")
	v.touch(key, "Sign in with a passkey", nil)
	v.want(200, "/account")
	v.says("None. Every sign-in asks for the second factor.")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.touch(key, "Use security key", map[string]string{"Remember this device": "true"})
	v.want(200, "/account")
	v.says("A device was remembered")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.want(200, "/account")
}

func TestKeyRefused(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	key := newKey(1)
	v.addKey(key, "Blue key")
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	if !strings.Contains(v.body, `id="others"`) || !strings.Contains(v.body, ` hidden>`) {
		t.Errorf("the list is not there, or not hidden:\n%s", v.body)
	}
	action, form, err := v.touched(key, "Use security key", nil)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("credential", strings.Replace(form.Get("credential"), `"signature":"M`, `"signature":"N`, 1))
	v.request("POST", action, form)
	v.want(401, "/verify")
	v.announced("alert", "That key was not accepted. Is it one of this account? Try again, or choose another way.")
	alert, list := strings.Index(v.body, `role="alert"`), strings.Index(v.body, `class="offers"`)
	if alert < 0 || list < alert || strings.Contains(v.body, `aria-labelledby="others-title" hidden`) {
		t.Errorf("the message is not above the list: %d %d", alert, list)
	}
	v.says("Or choose another way", "Blue key", "10 codes left")

	for _, nothing := range []string{"", "null", "[]", "{", "x"} {
		v.request("POST", "/verify", url.Values{"kind": {"webauthn"}, "credential": {nothing}})
		v.want(400, "/verify")
		v.announced("alert", "A security key needs JavaScript. Switch it on, or try another way.")
	}
	v.touch(key, "Use security key", nil)
	v.want(200, "/account")
}

func TestKeyRefusedAtSetUp(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	key := newKey(1)
	v.get("/account/authenticators/new/webauthn?passkey=1")
	v.says("Add a passkey")
	action, form, err := v.touched(key, "Add a passkey", map[string]string{"Name": "Laptop"})
	if err != nil {
		t.Fatal(err)
	}
	form.Set("credential", "")
	v.request("POST", action, form)
	v.want(400, "/account/authenticators/finish/webauthn")
	v.announced("alert", "A key or a passkey needs JavaScript. Switch it on, or choose another kind.")
	form.Set("credential", `{"id":"AAAA"}`)
	v.request("POST", action, form)
	v.want(401, "/account/authenticators/finish/webauthn")
	v.announced("alert", "That key was not accepted. Please try again, or take another one.")
	if input(t, v.all, "label")["value"] != "Laptop" {
		t.Error("the name is gone")
	}
	v.touch(key, "Add a passkey", nil) // the page still asks for a passkey
	v.want(200, "/account/authenticators/finish/webauthn")
	v.get("/account")
	v.says("Laptop")

	v.press("Replace", "Laptop", nil)
	v.says(`It takes the place of "Laptop"`)
	v.follow("Take a passkey instead")
	v.says("Add a passkey", `It takes the place of "Laptop"`)
}

// Who signed in with a passkey, and wants what asks for the password, is told to sign in again, and gets there.
func TestPasskeyWherePasswordIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFull(t, func(_ *nightlatch.Config, o *Options) {
		o.Needs = func(_ *http.Request, to string) (n Need) {
			if to == "/vault" {
				n.Kinds = []factor.Kind{passwordKind}
			}
			return n
		}
	})
	v := f.visitor()
	v.signUp("alice")
	key := newKey(1)
	v.get("/account/authenticators/new/webauthn?passkey=1")
	v.touch(key, "Add a passkey", map[string]string{"Name": "Laptop"})
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	v.get("/sign-in")
	v.touch(key, "Sign in with a passkey", nil)
	for _, page := range []string{"/verify?to=%2Fvault", "/account/authenticators/new?to=%2Fvault"} {
		v.get(page)
		v.want(200, "/verify?to=%2Fvault")
		v.says("Sign in again, and this time use the password.")
		if strings.Contains(v.body, "None can be added") || strings.Contains(v.body, "Lost your device?") {
			t.Errorf("%s leads elsewhere:\n%s", page, v.body)
		}
	}
	v.press("Sign in again", "", nil)
	v.want(200, "/?to=%2Fvault")
	if v.cookie(sessionCookie) != "" {
		t.Error("the session is still there")
	}
	if !strings.Contains(v.body, `name="to" value="/vault"`) {
		t.Errorf("the sign-in does not lead back:\n%s", v.body)
	}
}

// Somebody who only opens the sign-in page costs the store nothing; a passkey is the whole sign-in.
func TestPasskeySignIn(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	key := newKey(1)
	v.get("/account/authenticators/new/webauthn?passkey=1")
	v.touch(key, "Add a passkey", map[string]string{"Name": "Laptop"})
	v.get("/sign-out")
	v.press("Sign out", "", nil)

	before := f.store.written()
	for _, page := range []string{"/", "/sign-in", "/sign-in?to=/account/recovery-codes"} {
		v.get(page)
		if got := input(t, v.all, "identifier")["autocomplete"] == "username webauthn"; got != (page != "/") {
			t.Errorf("%s: offered in the name field: %v", page, got)
		}
		if v.cookie(challengeCookie) == "" {
			t.Errorf("%s leaves no challenge", page)
		}
	}
	if n := f.store.written() - before; n > 0 {
		t.Errorf("looking at the page wrote %d times", n)
	}
	v.touch(key, "Sign in with a passkey", nil)
	v.want(200, "/account/recovery-codes")
	if v.cookie(challengeCookie) != "" {
		t.Error("the challenge is still there")
	}
	v.get("/account")
	v.says("Your account", "Laptop")
}

func TestPasskeyRefused(t *testing.T) {
	t.Parallel()
	f := newFull(t, nil)
	v := f.visitor()
	v.signUp("alice")
	key := newKey(1)
	v.get("/account/authenticators/new/webauthn?passkey=1")
	v.touch(key, "Add a passkey", nil)
	v.get("/account")
	v.press("Sign out", "", nil)

	const again = "That passkey was not accepted. Try again, or sign in with your password."
	v.get("/sign-in?to=/account/recovery-codes")
	action, form, err := v.touched(key, "Sign in with a passkey", nil)
	if err != nil {
		t.Fatal(err)
	}
	v.get("/sign-in") // another page, another challenge
	v.request("POST", action, form)
	v.want(401, "/sign-in/passkey")
	v.announced("alert", again)
	v.request("POST", action, url.Values{"credential": {`{"id":"x"}`}})
	v.want(401, "/sign-in/passkey")
	v.announced("alert", again)
	v.request("POST", action, nil)
	v.want(400, "/sign-in/passkey")
	v.announced("alert", "A passkey needs JavaScript. Switch it on, or sign in with your password.")

	v.get("/sign-in")
	action, form, _ = v.touched(key, "Sign in with a passkey", nil)
	f.clock.advance(time.Hour)
	v.request("POST", action, form)
	v.want(401, "/sign-in/passkey")

	// What was good once is good once.
	v.get("/sign-in")
	action, form, _ = v.touched(key, "Sign in with a passkey", nil)
	challenge := v.cookie(challengeCookie)
	v.request("POST", action, form)
	v.want(200, "/account")
	thief := f.visitor()
	thief.header.Set("Cookie", challengeCookie+"="+challenge)
	thief.request("POST", action, form)
	thief.want(401, "/sign-in/passkey")
}

// Where there are no passkeys, none is spoken of.
func TestNoPasskeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.get("/sign-in")
	if strings.Contains(v.body, "passkey") || v.cookie(challengeCookie) != "" {
		t.Error("a passkey is offered")
	}
	v.request("POST", "/sign-in/passkey", url.Values{"credential": {"{}"}})
	v.want(404, "/sign-in/passkey")
	b := beside(t).visitor()
	b.request("POST", "/sign-in/passkey", url.Values{"credential": {"{}"}})
	b.want(404, "/sign-in/passkey")
}

// The browser is told what it should know, and nothing that is no JSON.
func TestSignals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{`{"rpId":"localhost"}`: true, "": false, "no JSON": false} {
		f := newFull(t, func(_ *nightlatch.Config, o *Options) {
			o.Signals = func(_ context.Context, user string) ([]byte, error) {
				if user == "" {
					t.Error("of nobody")
				}
				return []byte(text), nil
			}
		})
		v := f.visitor()
		v.signUp("alice")
		v.get("/account")
		got := ""
		for _, e := range v.all {
			got += e.attrs["data-signals"]
		}
		if got != text && want || !want && got != "" {
			t.Errorf("%q: the page has %q", text, got)
		}
	}
}
