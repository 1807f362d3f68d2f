package web_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nightlatch/nightlatch/sqlstore"
)

func username(name string) map[string]any { return map[string]any{"username": name} }

// TestRename: a name is taken once for all, and its former owner may have it back.
func TestRename(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.add("bert")
	p := h.add("anna")
	p.signIn(true)
	p.patch("/account", username("Bert")).refuses(http.StatusConflict, "conflict")
	for name, problem := range map[string]string{"": "missing", "a@b": "invalid", " a": "invalid", strings.Repeat("x", 65): "too_long"} {
		if a := p.patch("/account", username(name)).refuses(http.StatusBadRequest, "invalid_request"); a.at("fields", "username") != problem {
			t.Errorf("%q: %s", name, a.body)
		}
	}
	p.patch("/account", map[string]any{}).want(http.StatusOK).is("username", "anna")
	p.patch("/account", username("Clara")).want(http.StatusOK).is("username", "Clara")
	p.get("/session").want(http.StatusOK)
	if h.tries("anna", secret) != http.StatusUnauthorized || h.tries("clara", secret) != http.StatusOK {
		t.Error("the old name is good for a sign-in, or the new one is not")
	}
	h.client().post("/accounts", map[string]any{"username": "ANNA", "password": secret}).refuses(http.StatusConflict, "conflict")
	p.patch("/account", username("anna")).want(http.StatusOK)
	for _, name := range []string{"d", "e", "f", "g"} {
		p.patch("/account", username(name)).want(http.StatusOK)
	}
	a := p.patch("/account", username("h")).refuses(http.StatusTooManyRequests, "throttled")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	h.clock.move(31 * 24 * hour)
	p.name = "g"
	p.signIn(true)
	p.patch("/account", username("h")).want(http.StatusOK)
}

// TestNamePage: the same by the form.
func TestNamePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.add("bert")
	p := h.add("anna")
	p.signIn(false)
	p.page("/account/name").want(http.StatusOK).says(`value="anna"`)
	p.form("/account/name", "username", "bert").want(http.StatusConflict).says("This username is taken.")
	p.form("/account/name", "username", "a@b").want(http.StatusBadRequest)
	p.form("/account/name", "username", "clara").leads("/account")
	p.page("/account").says("Username changed.").says("clara")
}

// TestDeleteAccount: all is gone but the trail, and the name stays taken.
func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.addWith("anna", "anna@example.com")
	p.signIn(true)
	p.enroll()
	other := h.client()
	id := h.account("anna").ID
	h.client().post("/password/reset-requests", map[string]any{"identifier": "anna"}).want(http.StatusAccepted)
	reset := h.token("anna@example.com", "/password/reset")
	p.del("/account").want(http.StatusNoContent)
	p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	if h.tries("anna", secret) != http.StatusUnauthorized {
		t.Error("there is an account")
	}
	other.post("/password/resets", map[string]any{"token": reset, "password": newSecret}).refuses(http.StatusUnauthorized, "refused")
	other.post("/accounts", map[string]any{"username": "Anna", "password": secret}).refuses(http.StatusConflict, "conflict")
	other.post("/accounts", map[string]any{"email": "anna@example.com", "password": secret}).want(http.StatusCreated)
	if names := h.names(id); names[0] != "account_removed" {
		t.Errorf("events: %v", names)
	}
	removed := slices.DeleteFunc(h.mailsTo("anna@example.com"), func(m mail) bool { return m.Subject != "Nightlatch: Your account was removed" })
	if len(removed) != 1 || strings.Contains(removed[0].Text, "token=") {
		t.Errorf("the owner was told %v", removed)
	}
	for _, table := range []string{"nl_authenticators", "nl_sessions", "nl_sign_ins", "nl_devices", "nl_links", "nl_pendings"} {
		err := h.store.Read(t.Context(), func(q sqlstore.Querier) error {
			left, err := column(q, "SELECT user_id FROM "+table+" WHERE user_id = '"+id+"'")
			if len(left) > 0 {
				t.Errorf("%s holds %d of it", table, len(left))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestDeletePage: the name must be typed, and cookies go.
func TestDeletePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	p.signIn(false)
	p.page("/account/delete").want(http.StatusOK)
	p.form("/account/delete", "name", "bert").want(http.StatusBadRequest).says("This is not the name of your account.")
	p.form("/account/delete", "name", "").want(http.StatusBadRequest)
	p.form("/account/delete", "name", "ANNA").leads("/")
	if c := p.cookie(t, "nightlatch_session"); c != "" {
		t.Error("a cookie is left")
	}
	p.page("/").says("Your account was deleted.")
}

// TestLastAdministrator: does not go, nor do two at once.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := func(name string) *person {
		p := h.add(name)
		if err := h.all.SetAdmin(t.Context(), h.account(name), true, "test"); err != nil {
			t.Fatal(err)
		}
		p.signIn(true)
		return p
	}
	p := admin("anna")
	p.del("/account").refuses(http.StatusConflict, "conflict")
	p.form("/account/delete", "name", "anna")
	q := admin("bert")
	var mu sync.Mutex
	var all sync.WaitGroup
	answered := map[int]int{}
	for _, one := range []*person{p, q} {
		all.Go(func() {
			a := one.del("/account")
			mu.Lock()
			defer mu.Unlock()
			answered[a.status]++
		})
	}
	all.Wait()
	if answered[http.StatusNoContent] != 1 || answered[http.StatusConflict] != 1 {
		t.Errorf("answered: %v", answered)
	}
}

// TestExport: all that is kept, and no secret.
func TestExport(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.addWith("anna", "anna@example.com")
	p.signIn(false)
	p.enroll()
	p.patch("/account", username("clara")).want(http.StatusOK)
	before := h.dump()
	a := p.get("/account/export").want(http.StatusOK)
	file := p.page("/account/export").want(http.StatusOK)
	if h.dump() != before {
		t.Error("it changed something")
	}
	if file.header.Get("Content-Disposition") != `attachment; filename="account.json"` || file.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", file.header)
	}
	if a.at("account", "username") != "clara" || a.at("kept", "former_usernames", 0) != "anna" || a.at("authenticators", 0, "label") != "My phone" ||
		a.at("recovery_codes_left") != 10.0 || len(a.list("sessions")) != 1 || len(a.list("events")) < 4 {
		t.Errorf("%s", a.body)
	}
	for _, s := range append(slices.Clone(p.codes), secret, "argon2", p.phone.Secret.Base32(), p.cookie(t, "nightlatch_session")) {
		if strings.Contains(string(a.body)+string(file.body), s) {
			t.Errorf("%.12s… is in it", s)
		}
	}
}

// TestManyEvents: an export pages through the trail.
func TestManyEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.add("anna")
	for range 120 {
		p.signIn(true)
	}
	if n := len(p.get("/account/export").want(http.StatusOK).list("events")); n < 241 {
		t.Errorf("%d events", n)
	}
}

// TestRemovalIsToldToTheAddressBefore: whoever changed the address does not remove the account unseen.
func TestRemovalIsToldToTheAddressBefore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withMail...)
	p := h.changedAddress()
	before := len(h.mailsTo("old@example.com"))
	p.del("/account").want(http.StatusNoContent)
	if told := h.mailsTo("old@example.com")[before:]; len(told) != 1 || !strings.Contains(told[0].Subject, "deleted") && !strings.Contains(told[0].Subject, "removed") {
		t.Errorf("the address before was mailed %v", told)
	}
}
