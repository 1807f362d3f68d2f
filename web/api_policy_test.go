package web_test

import (
	"net/http"
	"testing"
	"time"
)

// TestGraceIsSaid: the date stands in the answers and in the session, while grace lasts and nobody has enrolled.
func TestGraceIsSaid(t *testing.T) {
	t.Parallel()
	byBoth(t, func(t *testing.T, byToken bool) {
		h := newHouse(t, "POLICY_REQUIRE=required", "POLICY_GRACE=7d")
		p := h.add("anna")
		by := p.signIn(byToken).text("enroll_by")
		if want := h.clock.now().Add(7 * 24 * time.Hour).UTC().Format(time.RFC3339); by != want {
			t.Errorf("enroll_by is %s, want %s", by, want)
		}
		p.get("/session").want(http.StatusOK).is("enroll_by", by)
		p.post("/verifications", map[string]string{"kind": "password", "password": secret}).want(http.StatusOK).is("enroll_by", by)
		if done := p.enroll(); done.at("sign_in", "enroll_by") != nil {
			t.Errorf("enrolled: %s", done.body)
		}
		p.get("/session").want(http.StatusOK).is("enroll_by", nil)
	})
}

// TestAtLeastTwoByAPI: a sign-in with one goes on to enroll another, after the second proof, and the last that is
// needed is replaced and not removed.
func TestAtLeastTwoByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	p.h = h.again("POLICY_REQUIRE=required", "POLICY_AUTHENTICATORS=2")
	p.signIn(false).is("next", "verify")
	p.post("/authenticators", map[string]string{"kind": "totp"}).refuses(http.StatusUnauthorized, "unauthenticated")
	p.verify("totp", p.nextCode()).want(http.StatusOK).is("next", "enroll")
	p.get("/account/export").refuses(http.StatusUnauthorized, "unauthenticated")
	first := p.authID
	begun := p.post("/authenticators", map[string]any{"kind": "totp", "label": "My tablet"}).want(http.StatusCreated)
	p.phone = generator(t, begun.text("totp", "secret"))
	second := p.post("/authenticators/finish", map[string]any{"enrollment": begun.text("enrollment"), "code": p.code()}).want(http.StatusCreated)
	if second.at("sign_in", "next") != "done" || second.at("recovery_codes") != nil {
		t.Fatalf("after the second: %s", second.body)
	}
	p.del("/authenticators/"+first).refuses(http.StatusConflict, "conflict")
}

// TestPolicyTurnsOptional: GET /sign-in never says that what waits is done.
func TestPolicyTurnsOptional(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "POLICY_REQUIRE=required")
	p := h.add("anna")
	p.signIn(false).is("next", "enroll")
	p.h = h.again("POLICY_REQUIRE=optional")
	p.client.h = p.h
	p.get("/sign-in").refuses(http.StatusUnauthorized, "unauthenticated")
	p.signIn(false).is("next", "done")
}
