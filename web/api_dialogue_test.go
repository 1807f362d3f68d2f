package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// byBoth runs a test for a client that holds cookies and for one that holds a token.
func byBoth(t *testing.T, f func(t *testing.T, byToken bool)) {
	t.Helper()
	for name, byToken := range map[string]bool{"cookie": false, "token": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, byToken)
		})
	}
}

// TestDialogue is a person's whole way: an account, an authenticator app, out, in again with each kind of code.
func TestDialogue(t *testing.T) {
	t.Parallel()
	byBoth(t, func(t *testing.T, byToken bool) {
		h := newHouse(t)
		p := h.signUp("Anna", byToken)
		ses := p.get("/session").want(http.StatusOK)
		if ses.text("account", "username") != "Anna" || ses.at("account", "email") != nil || ses.at("level") != 1.0 {
			t.Fatalf("session after sign-up: %s", ses.body)
		}
		done := p.enroll()
		if len(p.codes) != 10 || done.at("sign_in") != nil || done.text("authenticator", "label") != "My phone" {
			t.Fatalf("first authenticator: %s", done.body)
		}
		if ses = p.get("/session").want(http.StatusOK); ses.at("level") != 2.0 {
			t.Fatalf("the level did not rise: %s", ses.body)
		}
		p.del("/session").want(http.StatusNoContent)
		p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")

		in := p.signIn(byToken)
		if in.at("next") != "verify" || in.at("session") != nil || in.at("may_remember") != !byToken {
			t.Fatalf("after the password: %s", in.body)
		}
		if in.text("offers", 0, "id") != p.authID || in.text("offers", 0, "label") != "My phone" ||
			in.text("offers", 1, "kind") != "recovery" || in.at("offers", 1, "left") != 10.0 || in.at("offers", 1, "id") != nil {
			t.Fatalf("offers: %s", in.body)
		}
		if again := p.get("/sign-in").want(http.StatusOK); again.at("next") != "verify" {
			t.Fatalf("GET /sign-in: %s", again.body)
		}
		p.verify("totp", p.code()).refuses(http.StatusUnauthorized, "refused").is("reason", "used") // at enrollment
		p.verify("totp", p.wrongCode()).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
		late := p.verify("totp", p.codeAt(-5*time.Minute)).refuses(http.StatusUnauthorized, "refused").is("reason", "clock")
		late.is("clock_off_by", -300.0)
		proven := p.verify("totp", p.nextCode()).want(http.StatusOK)
		if proven.at("next") != "done" || proven.at("session", "level") != 2.0 || len(proven.list("session", "proofs")) != 2 {
			t.Fatalf("after the code: %s", proven.body)
		}
		p.get("/sign-in").refuses(http.StatusUnauthorized, "unauthenticated")

		p.signIn(byToken)
		p.verify("totp", p.code()).refuses(http.StatusUnauthorized, "refused").is("reason", "used") // in the sign-in before
		p.verify("recovery", strings.ToUpper(p.codes[3])).want(http.StatusOK).is("next", "done")
		p.get("/recovery-codes").want(http.StatusOK).is("left", 9.0)
		p.signIn(byToken)
		p.verify("recovery", p.codes[3]).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
	})
}

// is fails the test unless a member has the value. A key walks into the answer: "offers.0.kind".
func (a answer) is(key string, want any) answer {
	a.t.Helper()
	var keys []any
	for part := range strings.SplitSeq(key, ".") {
		if n, err := strconv.Atoi(part); err == nil {
			keys = append(keys, n)
		} else {
			keys = append(keys, part)
		}
	}
	if got := a.at(keys...); got != want {
		a.t.Fatalf("%s: %s is %v, want %v: %s", a.path, key, got, want, a.body)
	}
	return a
}

// TestWhatAClientHolds: cookies or a token, never both; the value changes at every step up, and the old one is dead.
func TestWhatAClientHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")

	a := p.signIn(true)
	first := p.token
	if a.header.Values("Set-Cookie") != nil || first == "" {
		t.Fatalf("with transport token: cookies %v, token %q", a.header.Values("Set-Cookie"), first)
	}
	done := p.enroll()
	if done.header.Values("Set-Cookie") != nil || p.token == first || done.text("token") != p.token {
		t.Fatalf("finishing an enrollment: cookies %v, %s", done.header.Values("Set-Cookie"), done.body)
	}
	newest := p.token
	p.token = first
	p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	p.token = newest
	p.get("/session").want(http.StatusOK)
	fresh := p.verify("totp", p.nextCode()).want(http.StatusOK)
	if fresh.at("next") != "done" || p.token == newest {
		t.Fatalf("a fresh proof: %s", fresh.body)
	}

	p.signIn(true)
	signIn := p.token
	for _, path := range []string{"/session", "/sessions", "/authenticators", "/events"} {
		p.get(path).refuses(http.StatusUnauthorized, "unauthenticated")
	}
	if p.post("/challenges", map[string]any{"kind": "totp"}).want(http.StatusOK).text("token") != signIn {
		t.Error("a challenge does not say which token holds")
	}
	p.verify("totp", p.nextCode()).want(http.StatusOK)
	if p.token == signIn {
		t.Error("the token of the sign-in became the session's")
	}

	q := h.add("bert")
	a = q.signIn(false)
	if a.at("token") != nil || !strings.HasPrefix(a.header.Get("Set-Cookie"), "nightlatch_session=") {
		t.Fatalf("with cookies: %s, %v", a.body, a.header.Values("Set-Cookie"))
	}
	for _, attribute := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(a.header.Get("Set-Cookie"), attribute) {
			t.Errorf("a cookie without %s: %s", attribute, a.header.Get("Set-Cookie"))
		}
	}
	if strings.Contains(a.header.Get("Set-Cookie"), "Max-Age") || strings.Contains(a.header.Get("Set-Cookie"), "Domain") {
		t.Errorf("the cookie outlives the browser or leaves the host: %s", a.header.Get("Set-Cookie"))
	}
	stay := q.h.client().post("/sign-in", map[string]any{"identifier": "bert", "password": secret, "stay": true})
	if c := stay.want(http.StatusOK).header.Get("Set-Cookie"); !strings.Contains(c, "Max-Age=2592000") {
		t.Errorf("with stay: %s", c)
	}
	enrolled := q.enroll()
	if enrolled.at("token") != nil || !strings.HasPrefix(enrolled.header.Get("Set-Cookie"), "nightlatch_session=") {
		t.Fatalf("an enrollment with cookies: %s %v", enrolled.body, enrolled.header)
	}
	q.get("/session").want(http.StatusOK).is("level", 2.0)
	out := q.del("/session").want(http.StatusNoContent)
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out leaves the cookie: %v", out.header.Values("Set-Cookie"))
	}
	q.post("/sign-in", map[string]any{"identifier": "bert", "password": secret}).want(http.StatusOK).is("next", "verify")
	gone := q.del("/sign-in").want(http.StatusNoContent)
	if !strings.Contains(gone.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("giving up leaves the cookie: %v", gone.header.Values("Set-Cookie"))
	}
	q.get("/sign-in").refuses(http.StatusUnauthorized, "unauthenticated")
}

// TestSessionIsReplaced: the session of a browser ends when its next sign-in is done, and not before.
func TestSessionIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	before := p.get("/session").want(http.StatusOK).text("id")
	p.post("/sign-in", map[string]any{"identifier": "anna", "password": secret}).want(http.StatusOK).is("next", "verify")
	p.get("/session").want(http.StatusOK).is("id", before)
	p.verify("totp", p.nextCode()).want(http.StatusOK).is("next", "done")
	after := p.get("/session").want(http.StatusOK).text("id")
	list := p.get("/sessions").want(http.StatusOK)
	if after == before || len(list.list()) != 1 || list.at(0, "id") != after || list.at(0, "current") != true {
		t.Errorf("session %s after %s, all: %s", after, before, list.body)
	}
}

// TestMustEnroll: where the policy requires a second factor, the sign-in goes on with an enrollment.
func TestMustEnroll(t *testing.T) {
	t.Parallel()
	byBoth(t, func(t *testing.T, byToken bool) {
		h := newHouse(t, "POLICY_REQUIRE=required")
		p := h.add("anna")
		in := p.signIn(byToken).is("next", "enroll")
		if kinds := in.list("kinds"); !slices.Equal(kinds, []any{"totp", "hotp"}) {
			t.Errorf("kinds %v", kinds)
		}
		p.get("/authenticators").refuses(http.StatusUnauthorized, "unauthenticated")
		factors := p.get("/factors").want(http.StatusOK).is("require", "required").is("preferred", nil)
		want := []any{
			map[string]any{"kind": "totp", "enrolled": false, "may_add": true},
			map[string]any{"kind": "hotp", "enrolled": false, "may_add": true},
			map[string]any{"kind": "recovery", "enrolled": false, "may_add": false},
		}
		for i := range want {
			for key, value := range want[i].(map[string]any) {
				if factors.at("kinds", i, key) != value {
					t.Errorf("factors: %s", factors.body)
				}
			}
		}
		done := p.enroll()
		if done.at("sign_in", "next") != "done" || done.at("sign_in", "session", "level") != 2.0 || len(p.codes) != 10 {
			t.Fatalf("the sign-in did not go on: %s", done.body)
		}
		if byToken && done.at("sign_in", "token") != p.token {
			t.Errorf("two tokens: %s", done.body)
		}
		p.get("/session").want(http.StatusOK).is("level", 2.0)
		p.del("/authenticators/"+p.authID).refuses(http.StatusConflict, "conflict")
	})
}

// TestGrace: enrollment may be put off for a while, and the answer says until when.
func TestGrace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "POLICY_REQUIRE=required", "POLICY_GRACE=7d")
	p := h.add("anna")
	p.signIn(false).is("next", "done").is("enroll_by", "2026-11-29T09:30:10Z")
	h.clock.move(8 * 24 * time.Hour)
	p.signIn(false).is("next", "enroll")
}

// TestSessions: they are listed with what tells them apart, and end one by one or all at once.
func TestSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, stranger := h.add("anna"), h.add("bert")
	stranger.signIn(false)
	p.signIn(false)
	first := p.client
	p.signIn(true)
	list := p.get("/sessions").want(http.StatusOK)
	if len(list.list()) != 2 || list.text(0, "addr") != "127.0.0.1" {
		t.Fatalf("sessions: %s", list.body)
	}
	other := first.get("/session").want(http.StatusOK).text("id")
	stranger.del("/sessions/"+other).refuses(http.StatusNotFound, "not_found")
	p.del("/sessions/" + other).want(http.StatusNoContent)
	first.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	p.del("/sessions/"+other).refuses(http.StatusNotFound, "not_found")
	last := p.client
	p.signIn(false)
	p.del("/sessions").want(http.StatusNoContent)
	last.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	own := p.get("/session").want(http.StatusOK).text("id")
	ended := p.del("/sessions/" + own).want(http.StatusNoContent)
	if !strings.Contains(ended.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("ending this session leaves the cookie: %v", ended.header)
	}
	stranger.get("/session").want(http.StatusOK)
}

// TestEvents: the newest first, in pages, and nobody else's.
func TestEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.add("anna"), h.add("bert")
	q.signIn(false)
	p.signIn(false)
	p.enroll()
	all := p.get("/events").want(http.StatusOK)
	var names []any
	for i := range all.list() {
		names = append(names, all.at(i, "event"))
	}
	want := []any{"recovery_codes_made", "authenticator_added", "enrollment_begun", "signed_in", "first_factor_proven"}
	if len(names) != 6 || !slices.Equal(names[:5], want) { // the first of all is the server's own
		t.Errorf("events %v, want %v", names, want)
	}
	page := p.get("/events?before=5&limit=2").want(http.StatusOK)
	if len(page.list()) != 2 || page.at(0, "seq") != 4.0 || page.at(1, "seq") != 3.0 {
		t.Errorf("a page: %s", page.body)
	}
	for _, query := range []string{
		"before=", "before=x", "before=0", "before=-1", "before=1.5", "before=99999999999999999999", "before=1&before=2",
		"limit=0", "limit=201", "limit=x",
	} {
		p.get("/events?"+query).refuses(http.StatusBadRequest, "invalid_request")
	}
}

// A session that came to the browser while a sign-in waited, from another tab, ends when that sign-in is done.
func TestSessionOfAnotherTabIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.enroll()
	p.signIn(false)
	waiting := p.client
	p.signIn(false)
	p.verify("totp", p.nextCode()).want(http.StatusOK)
	other := p.client
	here, err := url.Parse(h.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	waiting.http.Jar.SetCookies(here, other.http.Jar.Cookies(here))
	p.client = waiting
	p.verify("totp", p.nextCode()).want(http.StatusOK).is("next", "done")
	p.get("/session").want(http.StatusOK)
	other.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	if told := p.get("/events").want(http.StatusOK); !strings.Contains(string(told.body), `"reason":"replaced"`) {
		t.Errorf("the trail does not say so: %s", told.body)
	}
}
