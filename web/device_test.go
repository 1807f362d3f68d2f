package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// again signs in once more in the same browser.
func (p *person) again() answer {
	p.t.Helper()
	return p.post("/sign-in", map[string]any{"identifier": p.name, "password": secret})
}

// remembered signs in and has the browser remembered.
func (p *person) remembered() answer {
	p.t.Helper()
	if in := p.again().want(http.StatusOK); in.at("may_remember") != true {
		p.t.Fatalf("may not remember: %s", in.body)
	}
	done := p.post("/verifications", map[string]any{"kind": "totp", "code": p.nextCode(), "remember_device": true})
	return done.want(http.StatusOK)
}

// cookies are those whose name begins so.
func (c *client) cookies(prefix string) (values []string) {
	at, err := url.Parse(c.h.http.URL)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, k := range c.http.Jar.Cookies(at) {
		if strings.HasPrefix(k.Name, prefix) {
			values = append(values, k.Name+"="+k.Value)
		}
	}
	return values
}

const devicePrefix = "nightlatch_device_"

func TestDevicesByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signUp("Anna", false)
	p.enroll()
	if len(p.cookies(devicePrefix)) != 0 {
		t.Error("a device is remembered unasked")
	}
	done := p.remembered()
	made := h.clock.now()
	var cookie string
	for _, c := range done.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, devicePrefix) {
			cookie = c
		}
	}
	for _, attribute := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("the device's cookie has no %s: %s", attribute, cookie)
		}
	}
	first := p.cookies(devicePrefix)
	if done.at("session", "proofs", 1, "remembered") != nil {
		t.Errorf("a proof of this sign-in is called remembered: %s", done.body)
	}

	h.clock.move(time.Hour)
	p.del("/session").want(http.StatusNoContent)
	if got := p.cookies(devicePrefix); len(got) != 1 || got[0] != first[0] {
		t.Error("signing out takes the remembered device")
	}
	in := p.again().want(http.StatusOK)
	if in.at("next") != "done" || in.at("session", "level") != 2.0 || in.at("session", "proofs", 1, "remembered") != true ||
		in.text("session", "proofs", 1, "at") != made.Format(time.RFC3339) {
		t.Fatalf("in a remembered browser: %s", in.body)
	}
	if got := p.cookies(devicePrefix); len(got) != 1 || got[0] == first[0] {
		t.Errorf("the value stays as it was: %q", got)
	}
	p.post("/recovery-codes", map[string]any{}).refuses(http.StatusForbidden, "fresh_proof_needed")

	list := p.get("/devices").want(http.StatusOK)
	if len(list.list()) != 1 || list.at(0, "current") != true || list.text(0, "address") != "127.0.0.1" ||
		list.text(0, "expires_at") != made.Add(720*time.Hour).Format(time.RFC3339) {
		t.Errorf("devices: %s", list.body)
	}
	id := list.text(0, "id")

	other := &person{client: h.client(), name: "Anna", phone: p.phone}
	if in := other.again(); in.at("next") != "verify" {
		t.Errorf("elsewhere: %s", in.body)
	}
	other.verify("totp", other.nextCode()).want(http.StatusOK)
	if l := other.get("/devices").want(http.StatusOK); l.at(0, "current") != false {
		t.Errorf("elsewhere: %s", l.body)
	}
	bert := h.signUp("Bert", false)
	bert.del("/devices/"+id).refuses(http.StatusNotFound, "not_found")
	if len(bert.get("/devices").want(http.StatusOK).list()) != 0 {
		t.Error("another's device is listed")
	}
	other.del("/devices/" + id).want(http.StatusNoContent)
	other.del("/devices/"+id).refuses(http.StatusNotFound, "not_found")
	if in := p.again(); in.at("next") != "verify" {
		t.Errorf("forgotten: %s", in.body)
	}
	p.verify("totp", p.nextCode()).want(http.StatusOK)

	p.remembered()
	if len(p.cookies(devicePrefix)) != 1 {
		t.Error("one browser has two cookies of one account")
	}
	p.del("/devices/" + p.get("/devices").text(0, "id")).want(http.StatusNoContent)
	if got := p.cookies(devicePrefix); len(got) != 0 {
		t.Errorf("the forgotten browser keeps %q", got)
	}
}

// Several people share a browser; each has a device of their own, and none opens another's account.
func TestDevicesOfOneBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.signUp("anna", false)
	anna.enroll()
	anna.remembered()
	bert := h.signUp("bert", false)
	bert.enroll()
	bert.http.Jar, anna.client.http.Jar = anna.http.Jar, anna.http.Jar
	if in := bert.again(); in.at("next") != "verify" {
		t.Fatalf("bert in anna's browser: %s", in.body)
	}
	bert.post("/verifications", map[string]any{"kind": "totp", "code": bert.nextCode(), "remember_device": true}).want(http.StatusOK)
	for range 2 {
		for _, p := range []*person{anna, bert} {
			if in := p.again(); in.at("next") != "done" || in.text("session", "account", "username") != p.name {
				t.Errorf("%s: %s", p.name, in.body)
			}
		}
	}
	if got := anna.cookies(devicePrefix); len(got) != 2 {
		t.Errorf("cookies %q", got)
	}
}

// A browser that asks for nothing, a client with tokens and a policy of 0 get no device.
func TestNotRememberedByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signUp("Anna", false)
	p.enroll()
	p.remembered()
	never := h.again("POLICY_REMEMBER=0s")
	q := &person{client: never.client(), name: "Anna", phone: p.phone}
	q.http.Jar = p.http.Jar // the same browser
	if h.http.URL[:17] != never.http.URL[:17] {
		t.Fatal("not the same host")
	}
	if in := q.again(); in.at("next") != "verify" || in.at("may_remember") != false {
		t.Errorf("remember = 0s: %s", in.body)
	}
	q.post("/verifications", map[string]any{"kind": "totp", "code": q.nextCode(), "remember_device": true}).want(http.StatusOK)
	if list := q.get("/devices").list(); len(list) != 0 {
		t.Errorf("remember = 0s: %v", list)
	}
	byToken := &person{client: h.client(), name: "Anna", phone: p.phone}
	if in := byToken.signIn(true); in.at("may_remember") != false {
		t.Errorf("with tokens: %s", in.body)
	}
	done := byToken.post("/verifications", map[string]any{"kind": "totp", "code": byToken.nextCode(), "remember_device": true})
	if done.want(http.StatusOK); done.header.Get("Set-Cookie") != "" {
		t.Errorf("with tokens: %v", done.header)
	}
}

// Strangers who guess keep nobody out of a browser that is remembered. What a header says of the address is nothing
// unless a proxy of ours wrote it: another one with each try gives no tries back.
func TestGuessingStrangers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signUp("Anna", false)
	p.enroll()
	p.remembered()
	stranger := h.client()
	throttled := 0
	for i := range 12 {
		header := http.Header{"Content-Type": {"application/json"}, "X-Forwarded-For": {"203.0.113." + string(rune('0'+i%10))}}
		a := stranger.send("POST", "/api/v1/sign-in", header, strings.NewReader(`{"identifier":"anna","password":"a wrong password"}`))
		if a.status == http.StatusTooManyRequests {
			throttled++
		}
	}
	if throttled != 7 {
		t.Errorf("%d of 12 tries were throttled, want 7", throttled)
	}
	elsewhere := &person{client: h.client(), name: "Anna"}
	elsewhere.again().refuses(http.StatusTooManyRequests, "throttled")
	if in := p.again(); in.at("next") != "done" {
		t.Errorf("in a known browser: %s", in.body)
	}
}

// The value of a device is good for nothing else, in whatever cookie or header it comes.
func TestDeviceOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signUp("Anna", false)
	p.enroll()
	p.remembered()
	_, value, _ := strings.Cut(p.cookies(devicePrefix)[0], "=")
	stays, turns, _ := strings.Cut(value, ".")
	for _, v := range []string{value, stays, turns} {
		for _, header := range []http.Header{
			{"Cookie": {"nightlatch_session=" + v}},
			{"Cookie": {"nightlatch_sign_in=" + v}},
			{"Authorization": {"Bearer " + v}},
			{"Cookie": {p.cookies(devicePrefix)[0]}},
		} {
			for _, path := range []string{"/session", "/sign-in", "/devices"} {
				h.client().send("GET", "/api/v1"+path, header, nil).refuses(http.StatusUnauthorized, "unauthenticated")
			}
		}
		if strings.Contains(h.dump(), v) || strings.Contains(h.log.String(), v) {
			t.Error("the value of a device is kept or logged")
		}
	}
}

// TestDisabledForgetsDevices: who was shut out is asked for the second factor when let in again, whoever did it.
func TestDisabledForgetsDevices(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signUp("anna", false)
	p.enroll()
	boss := h.signUp("boss", false)
	boss.enroll()
	h.setAdmin("boss", true)
	id := h.account("anna").ID
	for who, set := range map[string]func(disabled bool){
		"an administrator": func(disabled bool) {
			boss.patch("/admin/accounts/"+id, map[string]any{"disabled": disabled}).want(http.StatusOK)
		},
		"the command line": func(disabled bool) {
			if err := h.all.SetDisabled(t.Context(), h.account("anna"), disabled, "test"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		p.remembered()
		set(true)
		set(false)
		if in := p.again().want(http.StatusOK); in.at("next") != "verify" {
			t.Errorf("%s: a device outlives it: %s", who, in.body)
		}
	}
}
