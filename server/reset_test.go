package server

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/pgtest"
)

// TestReset: from the code that is printed once to a new authenticator, over the API.
func TestReset(t *testing.T) {
	t.Parallel()
	s, tool, clock := pair(t)
	anna := add(t, s, Account{Username: "anna"})
	old := newClient(t, s)
	old.mustSignIn("anna", secret, "done")
	oldApp, oldCodes := old.enroll(clock)
	half := newClient(t, s)
	half.mustSignIn("anna", secret, "verify")

	code, until, err := tool.Reset(t.Context(), anna, "test", "lost the phone")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-z]{4}(-[0-9a-z]{4}){3}$`).MatchString(code) {
		t.Errorf("the code is %q", code)
	}
	if want := clock.now().Add(72 * time.Hour); !until.Equal(want) {
		t.Errorf("it is good until %v, want %v", until, want)
	}
	eventually(t, "the end of a session", func() bool { status, _ := old.send("GET", "/session", nil); return status == 401 })
	half.want(http.StatusUnauthorized, "GET", "/sign-in", nil)
	held, err := s.Service.HoldingsOf(t.Context(), anna.ID)
	if err != nil || len(held.Authenticators)+len(held.Codes) != 0 {
		t.Errorf("it still holds %+v, %v", held, err)
	}

	// The password leads to the one offer, whatever was held before is wrong, and nothing is open.
	c := newClient(t, s)
	wantOffer(t, c.mustSignIn("anna", secret, "verify"))
	clock.move(30 * time.Second)
	for _, wrong := range [][2]string{{"totp", codeOf(t, oldApp, clock.now())}, {"recovery", oldCodes[0].(string)}} {
		if status, answer := c.verify(wrong[0], wrong[1]); status != 401 || answer["code"] != "refused" || answer["reason"] != "wrong" {
			t.Errorf("an old %s: %d %v", wrong[0], status, answer)
		}
	}
	c.want(http.StatusUnauthorized, "GET", "/session", nil)
	if status, _ := c.send("POST", "/authenticators", object{"kind": "totp"}); status < 400 {
		t.Errorf("an enrollment before the code: %d", status)
	}

	// The code leads to an enrollment and nothing else; that to level 2.
	answer := c.want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": code})
	if answer["next"] != "enroll" || answer["session"] != nil {
		t.Fatalf("after the code: %v", answer)
	}
	c.want(http.StatusUnauthorized, "GET", "/session", nil)
	if status, answer := newSignIn(t, s).verify("recovery", code); status != 401 || answer["code"] != "refused" {
		t.Errorf("the code once more: %d %v", status, answer)
	}
	app, codes := c.enroll(clock)
	if len(codes) != 10 {
		t.Errorf("%d recovery codes", len(codes))
	}
	if got := c.want(http.StatusOK, "GET", "/session", nil)["level"]; got != float64(2) {
		t.Errorf("the session has level %v", got)
	}

	// From now on it is as ever.
	again := newClient(t, s)
	again.mustSignIn("anna", secret, "verify")
	clock.move(30 * time.Second)
	if answer := again.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, clock.now())}); answer["next"] != "done" {
		t.Errorf("the new app: %v", answer)
	}
}

func newSignIn(t *testing.T, s *Server) *client {
	t.Helper()
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "verify")
	return c
}

// wantOffer demands the one offer of a reset.
func wantOffer(t *testing.T, answer object) {
	t.Helper()
	offers, _ := answer["offers"].([]any)
	if len(offers) != 1 || offers[0].(object)["kind"] != "recovery" {
		t.Errorf("the offers are %v, want the one of kind recovery", offers)
	}
}

// TestResetExpires: after 72 hours the code is nothing, the account still asks for one, and another reset gives another.
func TestResetExpires(t *testing.T) {
	t.Parallel()
	s, _, clock := pair(t)
	anna := add(t, s, Account{Username: "anna"})
	code, _, err := s.Reset(t.Context(), anna, "test", "lost")
	if err != nil {
		t.Fatal(err)
	}
	clock.move(72*time.Hour - time.Second)
	wantOffer(t, newClient(t, s).mustSignIn("anna", secret, "verify"))
	clock.move(2 * time.Second)
	for range 2 { // before and after what is over was removed
		c := newClient(t, s)
		wantOffer(t, c.mustSignIn("anna", secret, "verify"))
		if status, answer := c.verify("recovery", code); status != 401 || answer["code"] != "refused" {
			t.Errorf("a code that is over: %d %v", status, answer)
		}
		if _, err := s.Service.Expire(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Unlock(t.Context(), anna, "test"); err != nil {
		t.Fatal(err)
	}
	second, _, err := s.Reset(t.Context(), anna, "test", "lost again")
	if err != nil {
		t.Fatal(err)
	}
	third, _, err := s.Reset(t.Context(), anna, "test", "lost the code")
	if err != nil {
		t.Fatal(err)
	}
	c := newSignIn(t, s)
	if status, _ := c.verify("recovery", second); status != 401 {
		t.Errorf("a code that another reset replaced: %d", status)
	}
	if answer := c.want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": third}); answer["next"] != "enroll" {
		t.Errorf("the newest code: %v", answer)
	}
}

// TestResetIsToldToTheTrail: who did it and why, and never the code.
func TestResetIsToldToTheTrail(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	anna := add(t, s, Account{Username: "anna"})
	code, _, err := s.Reset(t.Context(), anna, "operator", "lost the phone")
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Service.EventsOf(t.Context(), anna.ID, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{events[0].Name, events[0].By, events[0].Reason}
	if diff := cmp.Diff([]string{nightlatch.EventReset, "operator", "lost the phone"}, got); diff != "" {
		t.Errorf("the newest event (-want +got)\n%s", diff)
	}
	if site.url != "" {
		if data := pgtest.Dump(t, site.url); strings.Contains(data, code) || !strings.Contains(data, "lost the phone") {
			t.Error("the database holds the code, or not the event")
		}
		return
	}
	for _, query := range []string{
		`SELECT count(*) FROM nl_events WHERE instr(CAST(data AS TEXT), '` + code + `') > 0`,
		`SELECT count(*) FROM nl_authenticators WHERE instr(hex(sealed), hex('` + code + `')) > 0`,
	} {
		if n, err := count(t.Context(), s, query); err != nil || n > 0 {
			t.Errorf("%s: %d, %v", query, n, err)
		}
	}
}
