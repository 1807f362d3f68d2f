package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
)

// newAdmin is an administrator with a fresh second factor, who holds a token.
func (h *house) newAdmin(name string) *person {
	h.t.Helper()
	p := h.add(name)
	h.setAdmin(name, true)
	p.signIn(true)
	p.enroll()
	return p
}

// newUser is somebody with an authenticator app, who is signed in with a token.
func (h *house) newUser(name string) *person {
	h.t.Helper()
	p := h.add(name)
	p.signIn(true)
	p.enroll()
	return p
}

// id is the account's.
func (h *house) id(name string) string {
	h.t.Helper()
	a, err := h.all.Accounts.Find(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.ID
}

type body = map[string]any

var reason = body{"reason": "lost the phone, called back"}

// eventOf returns the newest event of that name of an account.
func (h *house) eventOf(name, event string) nightlatch.Event {
	h.t.Helper()
	events, err := h.all.Service.EventsOf(h.t.Context(), h.id(name), 0, 50)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		if e.Name == event {
			return e
		}
	}
	h.t.Fatalf("%s has no event %s", name, event)
	return nightlatch.Event{}
}

func TestAdministratorSees(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	boss, anna := h.newAdmin("boss"), h.newUser("anna")
	h.add("zoe")

	list := boss.get("/admin/accounts?q=ANN").want(http.StatusOK)
	if len(list.list("accounts")) != 1 || list.at("accounts", 0, "username") != "anna" || list.at("accounts", 0, "enrolled") != true || list.at("next") != nil {
		t.Errorf("the list: %s", list.body)
	}
	first := boss.get("/admin/accounts?limit=2").want(http.StatusOK)
	second := boss.get("/admin/accounts?limit=2&after=" + url.QueryEscape(first.text("next"))).want(http.StatusOK)
	if len(first.list("accounts")) != 2 || len(second.list("accounts")) != 1 || second.at("accounts", 0, "username") != "zoe" || second.at("next") != nil {
		t.Errorf("two pages: %s %s", first.body, second.body)
	}
	if a := boss.get("/admin/accounts?enrolled=false"); len(a.list("accounts")) != 1 || a.at("accounts", 0, "username") != "zoe" {
		t.Errorf("who has not enrolled: %s", a.body)
	}
	for _, query := range []string{
		"q=" + strings.Repeat("x", 255), "q=a&q=b", "q=%ff", "q=%00", "limit=0", "limit=201", "limit=x", "enrolled=maybe", "enrolled=", "after=%21",
		"after=" + strings.Repeat("x", 3000),
	} {
		want := http.StatusBadRequest
		if query == "enrolled=" {
			want = http.StatusOK
		}
		boss.get("/admin/accounts?" + query).want(want)
	}

	anna.signIn(true)
	for range 5 {
		anna.verify("totp", anna.wrongCode())
	}
	one := boss.get("/admin/accounts/" + h.id("anna")).want(http.StatusOK)
	one.is("username", "anna").is("recovery_codes_left", 10.0).is("after_reset", false).is("hold", nil)
	if one.at("authenticators", 0, "label") != "My phone" || len(one.list("sessions")) != 1 || one.at("throttled", 0) != "totp" {
		t.Errorf("one account: %s", one.body)
	}
	all := string(one.body) + string(boss.get("/admin/accounts").body) + string(boss.get("/admin/events?limit=200").body)
	for _, s := range append([]string{anna.phone.Secret.Base32(), secret, anna.token, boss.token}, anna.codes...) {
		if strings.Contains(all, s) {
			t.Errorf("an administrator is shown %q", s)
		}
	}
	for _, id := range []string{"nothing", strings.ToUpper(h.id("anna")), "%00", "..%2f" + h.id("anna")} {
		boss.get("/admin/accounts/"+id).refuses(http.StatusNotFound, "not_found")
		boss.patch("/admin/accounts/"+id, body{"disabled": true}).refuses(http.StatusNotFound, "not_found")
		boss.post("/admin/accounts/"+id+"/reset", reason).refuses(http.StatusNotFound, "not_found")
		boss.post("/admin/accounts/"+id+"/code", reason).refuses(http.StatusNotFound, "not_found")
		boss.del("/admin/accounts/"+id+"/sessions").refuses(http.StatusNotFound, "not_found")
	}
}

// TestNeverToOneself: whoever holds an administrator's session must not help himself past the own second factor.
func TestNeverToOneself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	boss := h.newAdmin("boss")
	own := "/admin/accounts/" + h.id("boss")
	before := h.dump()
	boss.patch(own, body{"admin": false}).refuses(http.StatusForbidden, "forbidden")
	boss.patch(own, body{"groups": []string{"ops"}}).refuses(http.StatusForbidden, "forbidden")
	boss.patch(own, body{}).refuses(http.StatusForbidden, "forbidden")
	boss.post(own+"/reset", reason).refuses(http.StatusForbidden, "forbidden")
	boss.post(own+"/code", reason).refuses(http.StatusForbidden, "forbidden")
	boss.del(own+"/sessions").refuses(http.StatusForbidden, "forbidden")
	if h.dump() != before {
		t.Error("something changed")
	}
	boss.get(own).want(http.StatusOK)
}

func TestAdministratorChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "MAIL_URL=outbox:", "MAIL_FROM=lock@example.com")
	boss, anna := h.newAdmin("boss"), h.newUser("anna")
	path := "/admin/accounts/" + h.id("anna")

	a := boss.patch(path, body{"groups": []string{"qa", "ops", "qa"}, "admin": true}).want(http.StatusOK)
	a.is("admin", true).is("disabled", false)
	if diff := cmp.Diff([]any{"ops", "qa"}, a.list("groups")); diff != "" {
		t.Error(diff)
	}
	e := h.eventOf("anna", "account_changed")
	want := map[string]string{"groups": "ops,qa", "groups_before": "", "admin": "yes", "administrator": "boss", "administrator_id": h.id("boss")}
	if diff := cmp.Diff(want, e.Detail); diff != "" || e.By != "administrator" {
		t.Errorf("by %q (-want +got)\n%s", e.By, diff)
	}
	want = map[string]string{"did": "account_changed", "account": h.id("anna"), "name": "anna"}
	if diff := cmp.Diff(want, h.eventOf("boss", "administrator_acted").Detail); diff != "" {
		t.Error(diff)
	}
	anna.get("/session").want(http.StatusOK) // goes on
	before := h.dump()
	boss.patch(path, body{"groups": []string{"ops", "qa"}, "admin": true, "disabled": false}).want(http.StatusOK)
	boss.patch(path, body{}).want(http.StatusOK)
	for _, wrong := range []body{{"groups": []string{"No Group"}}, {"groups": []string{""}}, {"groups": "ops"}, {"admin": "yes"}, {"username": "x"}, {"groups": make([]string, 101)}} {
		boss.patch(path, wrong).refuses(http.StatusBadRequest, "invalid_request")
	}
	if h.dump() != before {
		t.Error("what changes nothing, or is refused, was written")
	}

	// Who is disabled is out at once, everywhere, and cannot come back.
	half := &person{client: h.client(), name: "anna"}
	half.signIn(true).is("next", "verify")
	boss.patch(path, body{"disabled": true, "groups": []string{}}).want(http.StatusOK).is("disabled", true).is("admin", true)
	anna.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	half.get("/sign-in").refuses(http.StatusUnauthorized, "unauthenticated")
	h.client().post("/sign-in", body{"identifier": "anna", "password": secret}).refuses(http.StatusUnauthorized, "wrong_credentials")
	h.eventOf("anna", "account_disabled")
	boss.patch(path, body{"disabled": false}).want(http.StatusOK).is("disabled", false)
	h.eventOf("anna", "account_enabled")
	anna.signIn(true).is("next", "verify")
	anna.verify("totp", anna.nextCode()).want(http.StatusOK)

	boss.del(path + "/sessions").want(http.StatusNoContent)
	anna.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	if e := h.eventOf("anna", "sessions_ended"); e.By != "administrator" {
		t.Errorf("sessions were ended by %q", e.By)
	}
}

// TestAdministratorsAtOnce: of two who take the role from each other at once one stays.
func TestAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.newAdmin("anna"), h.newAdmin("bert")
	for _, edit := range []body{{"admin": false}, {"disabled": true}} {
		statuses := make([]int, 2)
		var both sync.WaitGroup
		both.Go(func() { statuses[0] = a.patch("/admin/accounts/"+h.id("bert"), edit).status })
		both.Go(func() { statuses[1] = b.patch("/admin/accounts/"+h.id("anna"), edit).status })
		both.Wait()
		left := 0
		for _, name := range []string{"anna", "bert"} {
			acc, err := h.all.Accounts.Find(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if acc.Admin && !acc.Disabled {
				left++
			}
		}
		if left != 1 || (statuses[0] == http.StatusOK) == (statuses[1] == http.StatusOK) {
			t.Errorf("%v: %d administrators are left, answered %v", edit, left, statuses)
		}
		for _, name := range []string{"anna", "bert"} {
			acc, err := h.all.Accounts.Find(t.Context(), name)
			if err == nil {
				err = h.all.SetDisabled(t.Context(), acc, false, "test")
			}
			if err != nil {
				t.Fatal(err)
			}
			h.setAdmin(name, true)
		}
	}
}

func TestResetByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	boss, anna := h.newAdmin("boss"), h.newUser("anna")
	path := "/admin/accounts/" + h.id("anna")
	for _, doing := range []string{"/reset", "/code"} {
		for _, wrong := range []any{body{}, body{"reason": ""}, body{"reason": " \t"}, body{"reason": strings.Repeat("ü", 501)}, body{"reason": "a\nb"}, body{"reason": 7}} {
			a := boss.post(path+doing, wrong).refuses(http.StatusBadRequest, "invalid_request")
			if a.at("fields", "reason") == nil {
				t.Errorf("%v: %s", wrong, a.body)
			}
		}
	}
	anna.get("/session").want(http.StatusOK)

	given := boss.post(path+"/reset", body{"reason": strings.Repeat("ü", 500)}).want(http.StatusOK)
	if got, want := given.text("expires_at"), h.clock.now().Add(72*time.Hour).Format(time.RFC3339); got != want {
		t.Errorf("good until %s, want %s", got, want)
	}
	anna.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	one := boss.get(path).want(http.StatusOK).is("after_reset", true)
	if len(one.list("authenticators")) != 0 || strings.Contains(string(one.body), given.text("code")) {
		t.Errorf("after the reset: %s", one.body)
	}
	anna.signIn(true).is("next", "verify")
	anna.verify("recovery", given.text("code")).want(http.StatusOK).is("next", "enroll")
	e := h.eventOf("anna", "reset")
	if e.By != "administrator" || e.Reason != strings.Repeat("ü", 500) || e.Detail["administrator"] != "boss" {
		t.Errorf("the event: %+v", e)
	}
	if e := h.eventOf("boss", "administrator_acted"); e.Detail["did"] != "reset" || e.Reason == "" {
		t.Errorf("the administrator's event: %+v", e)
	}
}

// TestGivenCode: it stands for the second factor once, makes no remembered device, and is dead after five wrong ones, when
// a new one was given, and after ten minutes.
func TestGivenCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "THROTTLE_FREE_TRIES=20")
	boss, anna := h.newAdmin("boss"), h.newUser("anna")
	path := "/admin/accounts/" + h.id("anna")
	give := func() string {
		t.Helper()
		boss.signIn(true)
		boss.verify("totp", boss.nextCode()).want(http.StatusOK)
		a := boss.post(path+"/code", reason).want(http.StatusOK)
		if got, want := a.text("expires_at"), h.clock.now().Add(10*time.Minute).Format(time.RFC3339); got != want {
			t.Errorf("good until %s, want %s", got, want)
		}
		return a.text("code")
	}
	refused := func(code string) {
		t.Helper()
		anna.signIn(true).is("next", "verify")
		anna.verify("recovery", code).refuses(http.StatusUnauthorized, "refused")
	}

	anna.signIn(false).is("next", "verify")
	first := give() // while she waits
	done := anna.post("/verifications", body{"kind": "recovery", "code": strings.ToUpper(strings.ReplaceAll(first, "-", " ")), "remember_device": true})
	done.want(http.StatusOK).is("next", "done")
	if done.at("session", "level") != 2.0 {
		t.Errorf("the session: %s", done.body)
	}
	if devices, err := h.all.Service.DevicesOf(t.Context(), h.id("anna")); err != nil || len(devices) > 0 {
		t.Errorf("%d remembered devices, %v", len(devices), err)
	}
	anna.get("/recovery-codes").is("left", 10.0)
	refused(first)

	second := give()
	third := give()
	refused(second)
	for range 4 {
		refused("aaaa-aaaa-aaaa-aaaa")
	}
	refused(third) // the sixth

	fourth := give()
	h.clock.move(10*time.Minute + time.Second)
	refused(fourth)
	for _, code := range []string{first, second, third, fourth} {
		if strings.Contains(h.dump(), fmt.Sprintf("%x", code)) || strings.Contains(h.log.String(), code) {
			t.Errorf("the code %s is written down", code)
		}
	}
	anna.signIn(true)
	anna.verify("recovery", anna.codes[0]).want(http.StatusOK) // her own are as before
}

func TestEventsOfAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	boss, anna := h.newAdmin("boss"), h.newUser("anna")
	for range 3 {
		anna.signIn(true)
		anna.verify("totp", anna.nextCode()).want(http.StatusOK)
	}
	boss.signIn(true)
	boss.verify("totp", boss.nextCode()).want(http.StatusOK)
	seen := map[string]int{}
	last := ""
	for path, n := "/admin/events?limit=4", 0; ; n++ {
		a := boss.get(path).want(http.StatusOK)
		for i, line := range a.list("events") {
			e := line.(map[string]any)
			seen[fmt.Sprint(a.at("events", i, "account", "name"), e["seq"])]++
			if at := e["at"].(string); last != "" && at > last {
				t.Errorf("%s comes after %s", at, last)
			} else {
				last = at
			}
		}
		if a.at("next") == nil || n > 20 {
			break
		}
		path = "/admin/events?limit=4&before=" + url.QueryEscape(a.text("next"))
	}
	events := 0
	for _, name := range []string{"anna", "boss"} {
		list, err := h.all.Service.EventsOf(t.Context(), h.id(name), 0, 200)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if seen[fmt.Sprint(name, float64(e.Seq))] != 1 {
				t.Errorf("event %d of %s comes %d times", e.Seq, name, seen[fmt.Sprint(name, float64(e.Seq))])
			}
		}
		events += len(list)
	}
	if len(seen) != events {
		t.Errorf("%d events, want %d", len(seen), events)
	}
	for _, who := range []string{"ANNA", h.id("anna")} {
		a := boss.get("/admin/events?name=signed_in&account=" + who).want(http.StatusOK)
		if len(a.list("events")) != 4 || a.at("events", 0, "account", "id") != h.id("anna") {
			t.Errorf("%s: %s", who, a.body)
		}
	}
	if a := boss.get("/admin/events?account=nobody"); len(a.list("events")) != 0 {
		t.Errorf("nobody's events: %s", a.body)
	}
	for _, query := range []string{"before=x", "before=%21", "before=" + strings.Repeat("A", 4000), "limit=0", "account=%ff", "name=a&name=b", "name=" + strings.Repeat("x", 65)} {
		boss.get("/admin/events?"+query).refuses(http.StatusBadRequest, "invalid_request")
	}
}
