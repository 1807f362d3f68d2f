package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/webauthn"
)

var notMeLink = regexp.MustCompile(`http://localhost:8080/not-me\?token=(\S+)`)

// mailed sends what is due and returns the token of **This was not me** in the newest mail with some words in its subject.
func (h *house) mailed(words string) (token string) {
	h.t.Helper()
	if _, err := h.all.Service.SendNotices(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	for _, m := range h.sent() {
		if found := notMeLink.FindStringSubmatch(m.Text); found != nil && strings.Contains(m.Subject, words) {
			token = found[1]
		}
	}
	if token == "" {
		h.t.Fatalf("no mail about %q", words)
	}
	return token
}

// intruded is anna with an app, and a passkey that somebody else has added in her session.
func intruded(t *testing.T) (h *house, anna *person, theirs string, passkey func() answer) {
	t.Helper()
	h = newHouse(t, everyKind...)
	anna = &person{client: h.client(), name: "anna"}
	body := object{"username": "anna", "email": "anna@example.com", "password": secret, "transport": "token"}
	anna.post("/accounts", body).want(http.StatusCreated)
	anna.enroll()
	h.clock.move(time.Minute)
	k := newKey()
	theirs = anna.addKey(k, object{"label": "Theirs", "passkey": true})
	return h, anna, theirs, func() answer {
		stranger := &person{client: h.client()}
		options := stranger.post("/challenges", object{"kind": "webauthn", "transport": "token"}).want(http.StatusOK)
		return stranger.assert(options.touch(k))
	}
}

// TestNotMeByAPI: a program takes away with the token of a mail, once, and with nothing else.
func TestNotMeByAPI(t *testing.T) {
	t.Parallel()
	h, anna, theirs, passkey := intruded(t)
	passkey().want(http.StatusOK)
	token := h.mailed("authenticator was added")
	nobody := h.client()
	before := h.dump()
	for _, wrong := range []string{"x", token + "x", strings.ToUpper(token), anna.token} {
		a := nobody.post("/not-me", object{"token": wrong}).refuses(http.StatusUnauthorized, "refused")
		if a.at("reason") != "wrong" {
			t.Errorf("reason = %v", a.at("reason"))
		}
	}
	nobody.post("/not-me", object{"token": ""}).refuses(http.StatusBadRequest, "invalid_request")
	nobody.post("/not-me", object{}).refuses(http.StatusBadRequest, "invalid_request")
	nobody.post("/not-me", object{"token": 7}).refuses(http.StatusBadRequest, "invalid_request")
	abroad := http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"application/json"}}
	nobody.send("POST", "/api/v1/not-me", abroad, strings.NewReader(`{"token":"`+token+`"}`)).refuses(http.StatusForbidden, "cross_origin")
	if h.dump() != before {
		t.Error("something changed")
	}

	nobody.post("/not-me", object{"token": token}).want(http.StatusNoContent)
	a := nobody.post("/not-me", object{"token": token}).refuses(http.StatusUnauthorized, "refused")
	if a.at("reason") != "used" {
		t.Errorf("reason = %v", a.at("reason"))
	}
	anna.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	passkey().refuses(http.StatusUnauthorized, "refused")

	where := anna.signIn(true)
	for _, o := range where.list("offers") {
		if o.(object)["id"] == theirs {
			t.Errorf("offers = %s", where.body)
		}
	}
	anna.post("/challenges", object{"id": theirs}).refuses(http.StatusUnauthorized, "refused")
	anna.verify("totp", anna.nextCode()).want(http.StatusOK)
	list := anna.get("/authenticators").want(http.StatusOK)
	if all, _ := list.value.([]any); len(all) != 2 || all[0].(object)["suspended"] != nil || all[1].(object)["suspended"] != true {
		t.Errorf("authenticators = %s", list.body)
	}
	anna.patch("/authenticators/"+theirs, object{"preferred": true}).refuses(http.StatusConflict, "conflict")
	anna.post("/challenges", object{"id": theirs}).refuses(http.StatusUnauthorized, "refused")
	anna.del("/authenticators/" + theirs).want(http.StatusNoContent)
	for _, place := range []string{h.log.String(), h.dump(), string(anna.get("/events").body)} {
		if strings.Contains(place, token) {
			t.Errorf("the token stands in %.80q…", place)
		}
	}
}

// TestNotMePage: the page shows what happened and a button; only the button does it, and needs no sign-in.
func TestNotMePage(t *testing.T) {
	t.Parallel()
	h, _, _, _ := intruded(t)
	token := h.mailed("authenticator was added")
	nobody := h.client()
	before := h.dump()
	for range 2 {
		a := nobody.send("GET", "/not-me?token="+token, nil, nil).want(http.StatusOK)
		for _, words := range []string{"An authenticator was added", "Theirs", "127.0.0.1", "22 November 2026", `value="` + token + `"`} {
			if !strings.Contains(string(a.body), words) {
				t.Errorf("the page lacks %q: %s", words, a.body)
			}
		}
		if a.header.Get("Referrer-Policy") != "strict-origin" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("header = %v", a.header)
		}
		nobody.send("HEAD", "/not-me?token="+token, nil, nil).want(http.StatusOK)
	}
	for _, bad := range []string{"/not-me", "/not-me?token=", "/not-me?token=x", "/not-me?token=" + token[:20]} {
		nobody.send("GET", bad, nil, nil).want(http.StatusUnauthorized)
	}
	form := func(origin string) answer {
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {origin}}
		return nobody.send("POST", "/not-me", header, strings.NewReader("token="+token))
	}
	form("https://evil.example").want(http.StatusForbidden)
	if h.dump() != before {
		t.Error("looking at it changed something")
	}
	a := form("http://localhost:8080").want(http.StatusOK)
	for _, words := range []string{`role="status"`, "is suspended", "Change your password", `href="/password/forgot"`} {
		if !strings.Contains(string(a.body), words) {
			t.Errorf("the page lacks %q: %s", words, a.body)
		}
	}
	if strings.Contains(string(a.body), token) {
		t.Error("the token stands on the page that needs it no more")
	}
	used := form("http://localhost:8080").want(http.StatusUnauthorized)
	if !strings.Contains(string(used.body), "This link was used already") || !strings.Contains(string(used.body), `role="alert"`) {
		t.Errorf("the page says %s", used.body)
	}
	h.clock.move(7 * 24 * time.Hour)
	if strings.Contains(h.log.String(), token) {
		t.Error("the token stands in the log")
	}
}

// TestNotMeIsWhose: the link of one account does nothing to another, whoever is signed in where it is opened.
func TestNotMeIsWhose(t *testing.T) {
	t.Parallel()
	h, anna, _, passkey := intruded(t)
	token := h.mailed("authenticator was added")
	bert := h.add("bert")
	bert.signIn(false)
	bert.enroll()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"http://localhost:8080"}}
	bert.send("POST", "/not-me", header, strings.NewReader("token="+token)).want(http.StatusOK)
	bert.get("/session").want(http.StatusOK)
	anna.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	passkey().refuses(http.StatusUnauthorized, "refused")
	if _, held, err := h.all.Service.HeldOf(t.Context(), userOf(h, "anna"), webauthn.Kind); err != nil || len(held) != 0 {
		t.Errorf("browsers are told of %d passkeys, %v", len(held), err)
	}
}

// TestNoticesToRead: who has no address reads on the account page what happened, until it is read.
func TestNoticesToRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.signUp("anna", false)
	page := func() string { return string(p.send("GET", "/account", nil, nil).want(http.StatusOK).body) }
	read := func(seq string) answer {
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"http://localhost:8080"}}
		return p.send("POST", "/account/notices/read", header, strings.NewReader("seq="+seq))
	}
	if strings.Contains(page(), "I have read this") {
		t.Error("there is something to read already")
	}
	p.enroll()
	found := regexp.MustCompile(`name="seq" value="(\d+)"`).FindStringSubmatch(page())
	if found == nil || !strings.Contains(page(), "Please read") {
		t.Fatal("there is nothing to read")
	}
	for _, bad := range []string{"", "x", "-1", "0", "99999999999999999999"} {
		read(bad).want(http.StatusBadRequest)
	}
	if !strings.Contains(page(), "I have read this") {
		t.Error("it was taken for read")
	}
	read(found[1]).want(http.StatusSeeOther)
	if strings.Contains(page(), "I have read this") {
		t.Error("it is still to be read")
	}
	if a := h.client().send("POST", "/account/notices/read", http.Header{"Origin": {"http://localhost:8080"}}, nil); a.status != http.StatusSeeOther {
		t.Errorf("a stranger gets %d", a.status)
	}
}

// TestRepeatedWrongCodesAreTold: somebody who knows the password and guesses the code is told of, once, with a link.
func TestRepeatedWrongCodesAreTold(t *testing.T) {
	t.Parallel()
	h, anna, _, _ := intruded(t)
	anna.signIn(true)
	for range 7 {
		anna.verify("totp", anna.wrongCode())
		h.clock.move(2 * time.Minute)
		anna.signIn(true)
	}
	h.mailed("guess")
	n := 0
	for _, m := range h.sent() {
		if strings.Contains(m.Subject, "guess") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d mails", n)
	}
}

func userOf(h *house, name string) nightlatch.User {
	h.t.Helper()
	account, err := h.all.Accounts.Find(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := h.all.Accounts.FindUser(h.t.Context(), account.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}
