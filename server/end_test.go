package server

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
)

// eventually waits for what another process has changed: it is seen within a second.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 100 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s is not seen", what)
}

// pair is a server, and a tool on the same database as a process of its own would be.
func pair(t *testing.T) (s, tool *Server, clock *clock) {
	t.Helper()
	site := newSite(t)
	s = site.mustStart()
	tool, err := site.startAs(t.Context(), site.settings(), true)
	if err != nil {
		t.Fatal(err)
	}
	return s, tool, site.clock
}

// TestPasswordEndsAll: a new password ends every session and every unfinished sign-in, also on another node.
func TestPasswordEndsAll(t *testing.T) {
	t.Parallel()
	s, tool, clock := pair(t)
	anna := add(t, s, Account{Username: "anna"})
	first, second, half, other := newClient(t, s), newClient(t, s), newClient(t, s), newClient(t, s)
	add(t, s, Account{Username: "berta"})
	other.mustSignIn("berta", secret, "done")
	first.mustSignIn("anna", secret, "done")
	first.enroll(clock)
	half.mustSignIn("anna", secret, "verify")
	second.mustSignIn("anna", secret, "verify")
	first.want(http.StatusOK, "GET", "/session", nil)

	if err := tool.SetPassword(t.Context(), anna, otherSecret, "test"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of a session", func() bool { status, _ := first.send("GET", "/session", nil); return status == 401 })
	half.want(http.StatusUnauthorized, "GET", "/sign-in", nil)
	half.want(http.StatusUnauthorized, "POST", "/verifications", object{"kind": "totp", "code": "123456"})
	second.want(http.StatusUnauthorized, "DELETE", "/sign-in", nil)
	other.want(http.StatusOK, "GET", "/session", nil)
	if status, answer := newClient(t, s).signIn("anna", secret); status != 401 || answer["code"] != "wrong_credentials" {
		t.Errorf("the old password: %d %v", status, answer)
	}
	newClient(t, s).mustSignIn("anna", otherSecret, "verify") // no factor was removed
	if !hasEvent(t, s, anna.ID, eventPassword) {
		t.Error("there is no event")
	}
}

func TestPasswordRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := add(t, s, Account{Username: "anna"})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	for password, want := range map[string]string{"": "missing", "short": "too_short", "password12345678": "too_common"} {
		err := s.SetPassword(t.Context(), anna, password, "test")
		if diff := cmp.Diff(&nightlatch.InvalidError{Field: "password", Problem: want}, err); diff != "" {
			t.Errorf("%q (-want +got)\n%s", password, diff)
		}
	}
	c.want(http.StatusOK, "GET", "/session", nil)
	newClient(t, s).mustSignIn("anna", secret, "done")
}

// TestDisabled: sessions and unfinished sign-ins end at once, and a sign-in is answered as a wrong one.
func TestDisabled(t *testing.T) {
	t.Parallel()
	s, tool, clock := pair(t)
	anna := add(t, s, Account{Username: "anna"})
	c, half := newClient(t, s), newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	app, _ := c.enroll(clock)
	c.want(http.StatusOK, "GET", "/session", nil)
	half.mustSignIn("anna", secret, "verify")

	if err := s.SetDisabled(t.Context(), anna, true, "test"); err != nil {
		t.Fatal(err)
	}
	c.want(http.StatusUnauthorized, "GET", "/session", nil)
	clock.move(30 * time.Second)
	half.want(http.StatusUnauthorized, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, clock.now())})
	_, wrong := newClient(t, s).signIn("anna", otherSecret)
	for _, password := range []string{secret, otherSecret} {
		status, answer := newClient(t, s).signIn("anna", password)
		if diff := cmp.Diff(wrong, answer); status != 401 || diff != "" {
			t.Errorf("%q: %d (-want +got)\n%s", password, status, diff)
		}
	}
	if err := tool.SetDisabled(t.Context(), find(t, tool, "anna"), false, "test"); err != nil {
		t.Fatal(err)
	}
	c.want(http.StatusUnauthorized, "GET", "/session", nil) // what ended does not come back
	if err := s.Unlock(t.Context(), anna, "test"); err != nil {
		t.Fatal(err)
	}
	c.mustSignIn("anna", secret, "verify")
	want := []string{eventDisabled, eventEnabled}
	for _, name := range want {
		if !hasEvent(t, s, anna.ID, name) {
			t.Errorf("there is no event %s", name)
		}
	}
}

// TestSeenBySessions: what the command line changes is seen by a running server's sessions, which go on.
func TestSeenBySessions(t *testing.T) {
	t.Parallel()
	s, tool, _ := pair(t)
	anna := add(t, s, Account{Username: "anna", Groups: []string{"ops"}})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	account := func() object { return c.want(http.StatusOK, "GET", "/session", nil)["account"].(object) }
	groups := func(want ...any) func() bool {
		return func() bool { g, _ := account()["groups"].([]any); return slices.Equal(g, want) }
	}
	eventually(t, "the group of the beginning", groups("ops"))
	for _, step := range []struct {
		what   string
		change func() error
		seen   func() bool
	}{
		{"an administrator", func() error { return tool.SetAdmin(t.Context(), anna, true, "test") }, func() bool { return account()["admin"] == true }},
		{"a group", func() error { return tool.SetGroup(t.Context(), anna, "dev", true, "test") }, groups("dev", "ops")},
		{"a group once more", func() error { return tool.SetGroup(t.Context(), anna, "dev", true, "test") }, groups("dev", "ops")},
		{"a group less", func() error { return tool.SetGroup(t.Context(), anna, "ops", false, "test") }, groups("dev")},
		{"a group that was none", func() error { return tool.SetGroup(t.Context(), anna, "none", false, "test") }, groups("dev")},
		{"no administrator", func() error { return tool.SetAdmin(t.Context(), anna, false, "test") }, func() bool { return account()["admin"] == false }},
	} {
		if err := step.change(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		eventually(t, step.what, step.seen)
	}
	err := tool.SetGroup(t.Context(), anna, "No Group", true, "test")
	if diff := cmp.Diff(&nightlatch.InvalidError{Field: "group", Problem: "invalid"}, err); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestUnlock: the waiting ends at once, and nothing else changes.
func TestUnlock(t *testing.T) {
	t.Parallel()
	s, tool, _ := pair(t)
	anna := add(t, s, Account{Username: "anna"})
	ses := newClient(t, s)
	ses.mustSignIn("anna", secret, "done")
	status := 0
	for range 7 {
		status, _ = newClient(t, s).signIn("anna", otherSecret)
	}
	if status != http.StatusTooManyRequests {
		t.Fatalf("after seven wrong ones: %d", status)
	}
	if status, _ := newClient(t, s).signIn("anna", secret); status != http.StatusTooManyRequests {
		t.Errorf("the right one while it waits: %d", status)
	}
	if err := tool.Unlock(t.Context(), anna, "test"); err != nil {
		t.Fatal(err)
	}
	newClient(t, s).mustSignIn("anna", secret, "done")
	ses.want(http.StatusOK, "GET", "/session", nil)
	if !hasEvent(t, s, anna.ID, nightlatch.EventUnlocked) {
		t.Error("there is no event")
	}
}
