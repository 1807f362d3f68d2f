package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/internal/softkey"
)

// TestKeysByAPI: security keys and passkeys are enrolled, shown with what they are, and asked for.
func TestKeysByAPI(t *testing.T) {
	t.Parallel()
	byBoth(t, func(t *testing.T, byToken bool) {
		h := newHouse(t, everyKind...)
		p := h.add("anna")
		p.signIn(byToken)
		blue, red, own := newKey(), newKey(), newKey()
		blue.Verifies, blue.Resident = false, false
		blue.AAGUID = [16]byte{0xcb, 0x69, 0x48, 0x1e, 0x8f, 0xf7, 0x40, 0x39, 0x93, 0xec, 0x0a, 0x27, 0x29, 0xa1, 0x54, 0xa8}

		begun := p.post("/authenticators", object{"kind": "webauthn"}).want(http.StatusCreated)
		begun.is("public_key.rp.id", "localhost").is("public_key.authenticatorSelection.userVerification", "preferred").
			is("public_key.authenticatorSelection.residentKey", "discouraged").is("public_key.user.name", "anna")
		if begun.list("public_key", "excludeCredentials") != nil {
			t.Error("something is excluded before anything is held")
		}
		finish := object{"enrollment": begun.text("enrollment"), "code": "123456"}
		p.post("/authenticators/finish", finish).refuses(http.StatusUnauthorized, "refused")
		finish = object{"enrollment": begun.text("enrollment"), "credential": begun.made(blue)}
		done := p.post("/authenticators/finish", finish).want(http.StatusCreated)
		done.is("authenticator.kind", "webauthn").is("authenticator.label", "Security key").is("authenticator.model", "YubiKey 5")
		if len(done.list("recovery_codes")) != 10 {
			t.Error("no recovery codes with the first key")
		}
		p.get("/session").is("level", 2.0)

		begun = p.post("/authenticators", object{"kind": "webauthn", "label": "Red key"}).want(http.StatusCreated)
		if n := len(begun.list("public_key", "excludeCredentials")); n != 1 {
			t.Errorf("%d are excluded, want the one that is held", n)
		}
		if _, err := blue.Create(begun.options()); err != softkey.ErrExcluded {
			t.Errorf("the same key once more: %v", err)
		}
		h.clock.move(time.Second)
		redID := p.addKey(red, object{"label": "Red key"})
		h.clock.move(time.Second)
		begun = p.post("/authenticators", object{"kind": "webauthn", "passkey": true}).want(http.StatusCreated)
		begun.is("public_key.authenticatorSelection.userVerification", "required").is("public_key.authenticatorSelection.residentKey", "required")
		ownID := p.addKey(own, object{"passkey": true})

		list := p.get("/authenticators").want(http.StatusOK)
		for i, want := range []string{"Security key", "Red key", "Passkey"} {
			if got := list.text(i, "label"); got != want {
				t.Errorf("label %q, want %q", got, want)
			}
		}
		for _, secret := range []string{"publicKey", "signCount", "lookup", "credential"} {
			if strings.Contains(string(list.body), secret) {
				t.Errorf("the list has %s", secret)
			}
		}

		// Any of them answers, save where one was chosen.
		p.signIn(byToken).is("offers.0.kind", "webauthn").is("offers.3.kind", "recovery")
		whole := p.challenge(object{"kind": "webauthn"})
		if n := len(whole.list("public_key", "allowCredentials")); n != 3 {
			t.Errorf("%d may answer, want 3", n)
		}
		chosen := p.challenge(object{"id": redID})
		if n := len(chosen.list("public_key", "allowCredentials")); n != 1 {
			t.Errorf("%d may answer, want the chosen one", n)
		}
		if _, err := blue.Get(chosen.options()); err != softkey.ErrNotAllowed {
			t.Errorf("another key: %v", err)
		}
		p.assert(chosen.touch(red)).want(http.StatusOK).is("next", "done").is("session.level", 2.0)
		// The passkey is a second factor, too.
		p.signIn(byToken)
		p.assert(p.challenge(object{"id": ownID}).touch(own)).want(http.StatusOK).is("next", "done")

		p.del("/authenticators/" + redID).want(http.StatusNoContent)
		p.signIn(byToken)
		if _, err := red.Get(p.challenge(object{"kind": "webauthn"}).options()); err != softkey.ErrNotAllowed {
			t.Errorf("a removed key: %v", err)
		}
		p.post("/challenges", object{"id": redID}).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	})
}

// TestAssertions: each is good once, in the sign-in and for the purpose that it was asked for.
func TestAssertions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.add("anna")
	p.signIn(true)
	key := newKey()
	p.addKey(key, object{})
	session := p.token

	// Without a challenge, and of another sign-in.
	p.signIn(true)
	first := p.token
	credential := p.challenge(object{"kind": "webauthn"}).touch(key)
	p.signIn(true)
	p.assert(credential).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	p.challenge(object{"kind": "webauthn"})
	p.assert(credential).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")

	// A fresh proof is none for a sign-in.
	second := p.token
	p.token = session
	fresh := p.challenge(object{"kind": "webauthn"}).touch(key)
	p.token = second
	p.assert(fresh).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	p.token = session
	p.assert(credential).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")

	p.token = first
	p.assert(credential).want(http.StatusOK).is("next", "done")
	done := p.token
	p.token = first
	p.assert(credential).refuses(http.StatusUnauthorized, "unauthenticated")
	p.token = done // a session by now
	p.assert(credential).refuses(http.StatusUnauthorized, "refused")
	p.token = session
	p.assert(fresh).want(http.StatusOK).is("next", "done")
	p.assert(fresh).refuses(http.StatusUnauthorized, "refused")

	for _, body := range []string{
		`{"kind":"webauthn"}`, `{"kind":"webauthn","code":"123456"}`, `{"kind":"webauthn","credential":"x"}`,
		`{"kind":"webauthn","credential":[]}`, `{"kind":"webauthn","credential":null}`, `{"kind":"webauthn","credential":7}`,
	} {
		a := p.send("POST", "/api/v1/verifications", http.Header{"Content-Type": asJSON}, strings.NewReader(body))
		a.refuses(http.StatusBadRequest, "invalid_request")
	}
	// A flood of wrong assertions throttles nobody.
	p.signIn(true)
	for range 30 {
		p.assert(credential).refuses(http.StatusUnauthorized, "refused")
	}
	p.assert(p.challenge(object{"kind": "webauthn"}).touch(key)).want(http.StatusOK)
}

// TestPasskeyByAPI: a passkey is the whole sign-in, with cookies and with tokens.
func TestPasskeyByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.add("anna")
	p.signIn(false)
	key := newKey()
	p.addKey(key, object{"passkey": true})
	other := newKey()
	p.addKey(other, object{"label": "second step"})

	// With cookies.
	before := h.dump()
	c := &person{client: h.client()}
	asked := c.challenge(object{"kind": "webauthn"})
	if h.dump() != before {
		t.Error("who only asks changes something")
	}
	asked.is("public_key.userVerification", "required").is("public_key.rpId", "localhost")
	if asked.at("token") != nil || asked.list("public_key", "allowCredentials") != nil {
		t.Errorf("asked: %s", asked.body)
	}
	cookie := asked.header.Get("Set-Cookie")
	for _, want := range []string{"nightlatch_challenge=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=300"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie is %q, without %s", cookie, want)
		}
	}
	c.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	c.get("/sign-in").refuses(http.StatusUnauthorized, "unauthenticated")
	credential := asked.touch(key)
	done := c.assert(credential).want(http.StatusOK)
	done.is("next", "done").is("session.level", 2.0).is("session.account.username", "anna").is("session.proofs.0.kind", "webauthn")
	if !strings.Contains(strings.Join(done.header.Values("Set-Cookie"), "\n"), "nightlatch_challenge=; Path=/; Max-Age=0") {
		t.Errorf("the challenge's cookie stays: %q", done.header.Values("Set-Cookie"))
	}
	c.get("/session").want(http.StatusOK)
	// The same answer in another browser that got hold of the challenge.
	value, _, _ := strings.Cut(strings.TrimPrefix(cookie, "nightlatch_challenge="), ";")
	thief := h.client()
	header := http.Header{"Content-Type": asJSON, "Cookie": {"nightlatch_challenge=" + value}}
	body := `{"kind":"webauthn","credential":` + string(credential) + `}`
	thief.send("POST", "/api/v1/verifications", header, strings.NewReader(body)).refuses(http.StatusUnauthorized, "refused").is("reason", "used")

	// With tokens.
	c = &person{client: h.client()}
	asked = c.challenge(object{"kind": "webauthn", "transport": "token"})
	if asked.header.Get("Set-Cookie") != "" || !strings.HasPrefix(c.token, "nl_a_") {
		t.Errorf("token %q, cookie %q", c.token, asked.header.Get("Set-Cookie"))
	}
	for _, path := range []string{"/session", "/sign-in", "/authenticators", "/factors"} {
		c.get(path).refuses(http.StatusUnauthorized, "unauthenticated")
	}
	challenge := c.token
	c.assert(asked.touch(key)).want(http.StatusOK).is("next", "done")
	if c.token == challenge || !strings.HasPrefix(c.token, "nl_s_") {
		t.Errorf("token %q", c.token)
	}
	c.get("/session").want(http.StatusOK)

	// The key that was enrolled as a second step is not offered by its browser, and if it were, refused.
	c = &person{client: h.client()}
	asked = c.challenge(object{"kind": "webauthn"})
	if _, err := other.Get(asked.options()); err != softkey.ErrNotAllowed {
		t.Errorf("the second step: %v", err)
	}
	// Late.
	credential = asked.touch(key)
	h.clock.move(5 * time.Minute)
	c.assert(credential).refuses(http.StatusUnauthorized, "refused").is("reason", "expired")
	c.assert(credential).refuses(http.StatusUnauthorized, "unauthenticated") // the cookie went with it
}

// TestWhoMayBeginWithoutAName: nobody yet, by a passkey only, and no browser with a token.
func TestWhoMayBeginWithoutAName(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.add("anna")
	p.signIn(true)
	key := newKey()
	id := p.addKey(key, object{"passkey": true})
	c := h.client()
	for _, kind := range []string{"totp", "hotp", "email", "sms", "recovery", "password", "x"} {
		c.post("/challenges", object{"kind": kind}).refuses(http.StatusUnauthorized, "unauthenticated")
		c.post("/verifications", object{"kind": kind, "code": "123456"}).refuses(http.StatusUnauthorized, "unauthenticated")
	}
	c.post("/challenges", object{"id": id}).refuses(http.StatusUnauthorized, "unauthenticated")
	c.post("/challenges", object{"kind": "webauthn", "id": id}).refuses(http.StatusUnauthorized, "unauthenticated")
	c.post("/challenges", object{"kind": "webauthn", "transport": "pigeon"}).refuses(http.StatusBadRequest, "invalid_request")
	c.post("/verifications", object{"kind": "webauthn", "credential": object{"id": "AAAA"}}).refuses(http.StatusUnauthorized, "unauthenticated")
	for _, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		header := http.Header{"Content-Type": asJSON, name: {"same-origin"}}
		a := c.send("POST", "/api/v1/challenges", header, strings.NewReader(`{"kind":"webauthn","transport":"token"}`))
		a.refuses(http.StatusBadRequest, "invalid_request")
		c.send("POST", "/api/v1/challenges", header, strings.NewReader(`{"kind":"webauthn"}`)).want(http.StatusOK)
	}
	elsewhere := http.Header{"Content-Type": asJSON, "Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}
	c.send("POST", "/api/v1/challenges", elsewhere, strings.NewReader(`{"kind":"webauthn"}`)).refuses(http.StatusForbidden, "cross_origin")

	// A session's token asks for a fresh proof, a dead one for nothing, and neither may say how it is held.
	p.challenge(object{"kind": "webauthn"}).is("public_key.allowCredentials.0.type", "public-key")
	p.post("/challenges", object{"kind": "webauthn", "transport": "token"}).refuses(http.StatusBadRequest, "invalid_request")
	stranger := h.client()
	for _, token := range []string{"nl_s_" + strings.Repeat("A", 43), "nl_i_" + strings.Repeat("A", 43), "x"} {
		stranger.token = token
		stranger.post("/challenges", object{"kind": "webauthn"}).refuses(http.StatusUnauthorized, "unauthenticated")
	}
	stranger.token = "nl_a_" + strings.Repeat("A", 60)
	stranger.post("/verifications", object{"kind": "webauthn", "credential": object{"id": "AAAA"}}).
		refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")

	// Where there are no passkeys there is nothing to begin.
	off := newHouse(t, "PUBLIC_URL=http://127.0.0.1:8080")
	off.client().post("/challenges", object{"kind": "webauthn"}).refuses(http.StatusUnauthorized, "unauthenticated")
}

// TestOneKeyTwoAccounts: a credential leads to one account. Whoever brings another's is told of a conflict.
func TestOneKeyTwoAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	anna, bert := h.add("anna"), h.add("bert")
	anna.signIn(true)
	key := newKey()
	anna.addKey(key, object{})
	stolen := key.Credentials[0].ID
	liar := newKey()
	liar.Forge.AuthData = func(a *softkey.AuthData) { a.CredentialID = stolen }
	liar.Forge.Response = func(r *softkey.Response) { r.ID, r.RawID = stolen, stolen }
	bert.signIn(true)
	begun := bert.post("/authenticators", object{"kind": "webauthn"}).want(http.StatusCreated)
	finish := object{"enrollment": begun.text("enrollment"), "credential": begun.made(liar)}
	bert.post("/authenticators/finish", finish).refuses(http.StatusConflict, "conflict").is("fields.credential", "taken")
	if n := len(bert.get("/authenticators").want(http.StatusOK).value.([]any)); n != 0 {
		t.Errorf("bert holds %d", n)
	}
	anna.signIn(true)
	anna.assert(anna.challenge(object{"kind": "webauthn"}).touch(key)).want(http.StatusOK)
}

// TestCounterGoesBack: a copy of a key is let in, and told of.
func TestCounterGoesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.add("anna")
	p.signIn(true)
	key := newKey()
	p.addKey(key, object{"label": "Blue key"})
	for _, counter := range []uint32{5, 3} {
		key.Credentials[0].Counter = counter
		p.signIn(true)
		p.assert(p.challenge(object{"kind": "webauthn"}).touch(key)).want(http.StatusOK).is("next", "done")
	}
	events := p.get("/events").want(http.StatusOK)
	if n := strings.Count(string(events.body), `"warning"`); n != 1 || !strings.Contains(string(events.body), "counter_went_back") {
		t.Errorf("%d warnings: %s", n, events.body)
	}
}
