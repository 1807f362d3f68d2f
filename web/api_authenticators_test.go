package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAuthenticators: list, rename, prefer, replace, remove; fresh proof for each change.
func TestAuthenticators(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	list := p.get("/authenticators").want(http.StatusOK)
	if len(list.list()) != 1 || list.at(0, "id") != p.authID || list.at(0, "preferred") != false {
		t.Fatalf("authenticators: %s", list.body)
	}
	at := "/authenticators/" + p.authID
	p.patch(at, map[string]any{"label": "Old phone", "preferred": true}).want(http.StatusOK).is("label", "Old phone").is("preferred", true)
	p.get("/factors").want(http.StatusOK).is("preferred", p.authID)
	p.patch(at, map[string]any{"label": "  "}).refuses(http.StatusBadRequest, "invalid_request")
	p.post("/authenticators", map[string]any{"kind": "totp", "label": "OLD PHONE"}).refuses(http.StatusConflict, "conflict")
	p.post("/authenticators", map[string]any{"kind": "recovery"}).refuses(http.StatusBadRequest, "invalid_request")
	p.post("/authenticators", map[string]any{"kind": "sms"}).refuses(http.StatusBadRequest, "invalid_request")
	p.post("/authenticators", map[string]any{"kind": "totp", "replaces": "nobody"}).refuses(http.StatusNotFound, "not_found")

	token := p.post("/authenticators", map[string]any{"kind": "hotp", "replaces": p.authID}).want(http.StatusCreated)
	if token.at("totp") != nil || token.at("hotp", "counter") != 0.0 || token.at("hotp", "period") != nil ||
		!strings.HasPrefix(token.text("hotp", "qr_svg"), "<svg ") || !strings.HasPrefix(token.text("hotp", "uri"), "otpauth://hotp/") {
		t.Fatalf("a counter token: %s", token.body)
	}
	first, err := generator(t, token.text("hotp", "secret")).Code(0)
	if err != nil {
		t.Fatal(err)
	}
	enrollment := token.text("enrollment")
	made := p.post("/authenticators/finish", map[string]any{"enrollment": enrollment, "code": first, "label": "Token"}).want(http.StatusCreated)
	if made.at("recovery_codes") != nil || made.text("authenticator", "kind") != "hotp" {
		t.Fatalf("the second authenticator: %s", made.body)
	}
	p.post("/authenticators/finish", map[string]any{"enrollment": enrollment, "code": first}).refuses(http.StatusNotFound, "not_found")
	list = p.get("/authenticators").want(http.StatusOK)
	if len(list.list()) != 1 || list.text(0, "label") != "Token" || list.at(0, "preferred") != true {
		t.Fatalf("what was replaced is still there: %s", list.body)
	}
	p.del(at).refuses(http.StatusNotFound, "not_found")

	h.clock.move(11 * time.Minute)
	at = "/authenticators/" + list.text(0, "id")
	p.patch(at, map[string]any{"label": "x"}).refuses(http.StatusForbidden, "fresh_proof_needed")
	p.post("/authenticators", map[string]any{"kind": "totp"}).refuses(http.StatusForbidden, "fresh_proof_needed")
	p.post("/recovery-codes", nil).refuses(http.StatusForbidden, "fresh_proof_needed")
	stale := p.del(at).refuses(http.StatusForbidden, "fresh_proof_needed")
	if stale.text("offers", 0, "kind") != "hotp" {
		t.Errorf("offers for a fresh proof: %s", stale.body)
	}
	p.post("/verifications", map[string]any{"kind": "password", "password": secret}).refuses(http.StatusUnauthorized, "refused")
	second, err := generator(t, token.text("hotp", "secret")).Code(1)
	if err != nil {
		t.Fatal(err)
	}
	p.verify("hotp", second).want(http.StatusOK).is("next", "done")
	p.del(at).want(http.StatusNoContent)
	p.get("/recovery-codes").want(http.StatusOK).is("left", 0.0).is("created_at", nil)
}

// TestEnrollmentBearsFiveWrongAnswers, and is nobody else's.
func TestEnrollmentBearsFiveWrongAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.add("anna"), h.add("bert")
	p.signIn(false)
	q.signIn(false)
	begin := func() map[string]any {
		begun := p.post("/authenticators", map[string]any{"kind": "totp"}).want(http.StatusCreated)
		p.phone = generator(t, begun.text("totp", "secret"))
		return map[string]any{"enrollment": begun.text("enrollment")}
	}
	body := begin()
	body["code"] = p.wrongCode()
	for range 5 {
		p.post("/authenticators/finish", body).refuses(http.StatusUnauthorized, "refused")
	}
	body["code"] = p.code()
	p.post("/authenticators/finish", body).refuses(http.StatusNotFound, "not_found")

	body = begin()
	body["code"] = p.code()
	q.post("/authenticators/finish", body).refuses(http.StatusNotFound, "not_found")
	body["label"] = "  Blue phone "
	p.post("/authenticators/finish", body).want(http.StatusCreated)
	if list := p.get("/authenticators").want(http.StatusOK); len(list.list()) != 1 || list.at(0, "label") != "Blue phone" {
		t.Errorf("authenticators: %s", list.body)
	}

	body = begin()
	h.clock.move(16 * time.Minute)
	body["code"] = p.code()
	p.post("/authenticators/finish", body).refuses(http.StatusNotFound, "not_found")
}

// TestCounterIsBroughtBack: two codes in a row bring a token back that is far ahead.
func TestCounterIsBroughtBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	begun := p.post("/authenticators", map[string]any{"kind": "hotp"}).want(http.StatusCreated)
	token := generator(t, begun.text("hotp", "secret"))
	code := func(n uint64) string {
		c, err := token.Code(n)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p.post("/authenticators/finish", map[string]any{"enrollment": begun.text("enrollment"), "code": code(0)}).want(http.StatusCreated)
	p.signIn(false)
	p.verify("hotp", code(200)).refuses(http.StatusUnauthorized, "refused")
	both := map[string]any{"kind": "hotp", "code": code(200), "next_code": code(201)}
	p.post("/verifications", both).want(http.StatusOK).is("next", "done")
}

// TestFreshProofByPassword: a password is a fresh proof only while no second factor is held.
func TestFreshProofByPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	h.clock.move(11 * time.Minute)
	needed := p.post("/authenticators", map[string]any{"kind": "totp"}).refuses(http.StatusForbidden, "fresh_proof_needed")
	if needed.at("offers", 0, "kind") != "password" || len(needed.list("offers")) != 1 {
		t.Errorf("offers: %s", needed.body)
	}
	p.post("/verifications", map[string]any{"kind": "password", "password": "not " + secret}).refuses(http.StatusUnauthorized, "refused")
	p.post("/verifications", map[string]any{"kind": "password", "password": secret}).want(http.StatusOK).is("next", "done")
	p.enroll()
}

// TestChallenges: an id or a kind that is on offer; all else is refused like a wrong code.
func TestChallenges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.add("anna"), h.add("bert")
	for _, someone := range []*person{p, q} {
		someone.signIn(false)
		someone.enroll()
	}
	for name, state := range map[string]func(){
		"a session": func() {}, "a sign-in": func() { p.signIn(false) },
	} {
		state()
		p.post("/challenges", map[string]any{"id": p.authID}).want(http.StatusOK).is("kind", "totp").is("sent_to", nil)
		p.post("/challenges", map[string]any{"kind": "recovery"}).want(http.StatusOK).is("kind", "recovery")
		for _, body := range []map[string]any{
			{"id": q.authID},
			{"kind": "webauthn"},
			{"kind": "hotp"},
			{"kind": "password"},
			{"id": p.authID, "kind": "recovery"},
			{"id": q.authID, "kind": "totp"},
		} {
			if a := p.post("/challenges", body).refuses(http.StatusUnauthorized, "refused"); a.at("reason") != "wrong" {
				t.Errorf("in %s, %v: %s", name, body, a.body)
			}
		}
	}
	wrong := map[string]any{"id": q.authID, "kind": "totp", "code": p.nextCode()}
	p.post("/verifications", wrong).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
}

// TestRecoveryCodes: a new set kills the old one; without a second factor there is none.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.post("/recovery-codes", nil).refuses(http.StatusForbidden, "enrollment_needed")
	p.get("/recovery-codes").want(http.StatusOK).is("left", 0.0)
	p.enroll()
	h.clock.move(time.Minute)
	made := p.post("/recovery-codes", map[string]any{}).want(http.StatusCreated)
	p.get("/recovery-codes").want(http.StatusOK).is("left", 10.0).is("created_at", "2026-11-22T09:31:10Z")
	p.signIn(false)
	p.verify("recovery", p.codes[0]).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	p.verify("recovery", made.text("recovery_codes", 9)).want(http.StatusOK)
}
