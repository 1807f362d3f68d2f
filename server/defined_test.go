package server

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/server/settings"
)

// shortSecret has 80 bits, as Google's first one had.
const shortSecret = "ONSWG4TFOQYTEMZU"

func hashOfPassword(t *testing.T, text string) string {
	t.Helper()
	hash, err := password.New(password.Options{Cost: cheap}).Hash(t.Context(), strings.NewReader(strings.Repeat("salt", 10)), text)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func ada(t *testing.T) settings.Account {
	t.Helper()
	return settings.Account{
		Username: "ada", Email: "ada@example.com", PasswordHash: hashOfPassword(t, secret), Groups: []string{"ops"}, Admin: true,
	}
}

// TestDefined: an account of the settings can sign in, is read-only, and follows what they say.
func TestDefined(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	s := site.mustStart(d)
	a := find(t, s, "ADA")
	want := Account{ID: a.ID, Username: "ada", Email: "ada@example.com", Groups: []string{"ops"}, Admin: true, Defined: true, CreatedAt: a.CreatedAt}
	same := cmp.Comparer(func(a, b Account) bool {
		a.mark, b.mark = "", ""
		return cmp.Equal(a.user(), b.user()) && a.Defined == b.Defined && a.CreatedAt.Equal(b.CreatedAt)
	})
	if diff := cmp.Diff(want, a, same); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	c := newClient(t, s)
	c.mustSignIn("ada@example.com", secret, "done")

	// Unchanged settings leave it alone, a session too.
	s = site.mustStart(d)
	again := &client{t: t, http: newClient(t, s).http, token: c.token}
	again.want(http.StatusOK, "GET", "/session", nil)
	events := len(eventsOf(t, s, a.ID))
	alter(t, site, `UPDATE accounts SET email_confirmed_at = 1`) // of the address that goes

	// Changed ones change it and end its sessions.
	d.Groups, d.Admin, d.Email, d.PasswordHash = []string{"dev", "qa"}, false, "", hashOfPassword(t, otherSecret)
	s = site.mustStart(d)
	again = &client{t: t, http: newClient(t, s).http, token: c.token}
	again.want(http.StatusUnauthorized, "GET", "/session", nil)
	if status, _ := again.signIn("ada", secret); status != 401 {
		t.Errorf("the old password: %d", status)
	}
	again.mustSignIn("ada", otherSecret, "done")
	want = Account{ID: a.ID, Username: "ada", Groups: []string{"dev", "qa"}, Defined: true, CreatedAt: a.CreatedAt}
	if diff := cmp.Diff(want, find(t, s, "ada"), same); diff != "" {
		t.Errorf("after a change (-want +got)\n%s", diff)
	}
	if n := len(eventsOf(t, s, a.ID)); n <= events {
		t.Error("the change has no event")
	}
	if _, err := s.Accounts.Find(t.Context(), "ada@example.com"); !errors.Is(err, nightlatch.ErrNotFound) {
		t.Errorf("the address that it had: %v", err)
	}
}

// TestDefinedIsReadOnly: what settings say is changed there alone.
func TestDefinedIsReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t).mustStart(ada(t))
	a, ctx := find(t, s, "ada"), t.Context()
	for what, err := range map[string]error{
		"password": s.SetPassword(ctx, a, otherSecret, "test"), "group": s.SetGroup(ctx, a, "dev", true, "test"),
		"admin": s.SetAdmin(ctx, a, false, "test"), "disable": s.SetDisabled(ctx, a, true, "test"),
		"enable": s.SetDisabled(ctx, a, false, "test"),
	} {
		if !errors.Is(err, errDefined) {
			t.Errorf("%s: %v, want errDefined", what, err)
		}
	}
	if diff := cmp.Diff(a.user(), find(t, s, "ada").user()); diff != "" {
		t.Errorf("it has changed (-before +after)\n%s", diff)
	}
	newClient(t, s).mustSignIn("ada", secret, "done")
	if err := s.Unlock(ctx, a, "test"); err != nil {
		t.Errorf("unlock: %v", err)
	}
}

// TestDefinedApp: the app of totp_secret works, and what it has used stays used over restarts and over changes that
// are not the secret's, and over a time without the account.
func TestDefinedApp(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	d.TOTPSecret = shortSecret
	app := generator(t, shortSecret)
	used := codeOf(t, app, site.clock.now())
	s := site.mustStart(d)
	c := newClient(t, s)
	c.mustSignIn("ada", secret, "verify")
	if status, answer := c.verify("totp", used); status != 200 || answer["next"] != "done" {
		t.Fatalf("the first code: %d %v", status, answer)
	}
	changed := d
	changed.Groups = nil
	for _, step := range []struct {
		what     string
		accounts []settings.Account
	}{
		{"a restart", []settings.Account{d}},
		{"another group", []settings.Account{changed}},
		{"a start without it and one with it", nil},
		{"its return", []settings.Account{changed}},
	} {
		s = site.mustStart(step.accounts...)
		if step.accounts == nil {
			continue
		}
		c := newClient(t, s)
		c.mustSignIn("ada", secret, "verify")
		if status, answer := c.verify("totp", used); status != 401 || answer["reason"] != "used" {
			t.Errorf("a used code after %s: %d %v", step.what, status, answer)
		}
	}
	held, err := s.Service.HoldingsOf(t.Context(), find(t, s, "ada").ID)
	if err != nil || len(held.Authenticators) != 1 || held.Authenticators[0].Label != definedLabel {
		t.Errorf("it holds %+v, %v", held, err)
	}
}

// TestDefinedAppIsReplaced: another secret takes the place of the one before, whatever its owner calls that, and one
// that is taken out of the settings is gone.
func TestDefinedAppIsReplaced(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	d.TOTPSecret = shortSecret
	s := site.mustStart(d)
	a := find(t, s, "ada")
	c := newClient(t, s)
	c.mustSignIn("ada", secret, "verify")
	if status, _ := c.verify("totp", codeOf(t, generator(t, shortSecret), site.clock.now())); status != 200 {
		t.Fatal("the code is refused")
	}
	held, _ := s.Service.HoldingsOf(t.Context(), a.ID)
	c.want(http.StatusOK, "PATCH", "/authenticators/"+held.Authenticators[0].ID, object{"label": "My phone"})
	own := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "totp", "label": strings.ToUpper(definedLabel)})
	site.clock.move(time.Minute)
	ownApp := generator(t, own["totp"].(object)["secret"].(string))
	c.want(http.StatusCreated, "POST", "/authenticators/finish",
		object{"enrollment": own["enrollment"], "code": codeOf(t, ownApp, site.clock.now())})

	d.TOTPSecret = "hex:00112233445566778899aabbccddeeff00112233"
	site.clock.move(time.Minute)
	s = site.mustStart(d)
	codes := map[string]totp.Generator{"the old": generator(t, shortSecret), "the new": generator(t, d.TOTPSecret), "the own": ownApp}
	for what, want := range map[string]int{"the old": 401, "the new": 200, "the own": 200} {
		c := newClient(t, s)
		c.mustSignIn("ada", secret, "verify")
		if status, answer := c.verify("totp", codeOf(t, codes[what], site.clock.now())); status != want {
			t.Errorf("%s app's code: %d %v, want %d", what, status, answer, want)
		}
	}

	d.TOTPSecret = ""
	s = site.mustStart(d)
	if held, err := s.Service.HoldingsOf(t.Context(), a.ID); err != nil || len(held.Authenticators) != 1 {
		t.Errorf("after the secret was taken out it holds %+v, %v", held, err)
	}
}

// TestUndefined: an account that settings define no longer is shut out, and let in when they define it again.
func TestUndefined(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	s := site.mustStart(d)
	c := newClient(t, s)
	c.mustSignIn("ada", secret, "done")

	// A command that runs beside, maybe in another directory with other settings, shuts nobody out.
	tool, err := site.startAs(t.Context(), site.settings(), true)
	if err != nil || find(t, tool, "ada").Disabled {
		t.Fatalf("a tool: %v, disabled %v", err, find(t, s, "ada").Disabled)
	}
	c.want(http.StatusOK, "GET", "/session", nil)

	s = site.mustStart()
	gone := find(t, s, "ada")
	if !gone.Disabled || !gone.Defined || !hasEvent(t, s, gone.ID, eventUndefined) {
		t.Errorf("without the settings: %+v", gone)
	}
	c.http = newClient(t, s).http
	c.want(http.StatusUnauthorized, "GET", "/session", nil)
	if status, _ := c.signIn("ada", secret); status != 401 {
		t.Errorf("sign-in: %d", status)
	}
	if err := s.SetDisabled(t.Context(), gone, false, "test"); !errors.Is(err, errDefined) {
		t.Errorf("enable: %v", err)
	}
	events := len(eventsOf(t, s, gone.ID))
	s = site.mustStart()
	if n := len(eventsOf(t, s, gone.ID)); n != events {
		t.Error("it was disabled twice")
	}

	s = site.mustStart(d)
	if back := find(t, s, "ada"); back.Disabled || back.ID != gone.ID {
		t.Errorf("defined again: %+v", back)
	}
	newClient(t, s).mustSignIn("ada", secret, "done")
}

// TestDefinedNames: what settings say clashes with what is there.
func TestDefinedNames(t *testing.T) {
	t.Parallel()
	site, d := newSite(t), ada(t)
	s := site.mustStart()
	add(t, s, Account{Username: "Ada"})
	add(t, s, Account{Username: "berta", Email: "Berta@example.com"})
	for want, change := range map[string]func(d *settings.Account){
		"accounts of the settings: ada: an account of that name exists already and is not of the settings; give this one another name": func(d *settings.Account) {},
		"accounts of the settings: eva: the email is another account's, or was": func(d *settings.Account) {
			d.Username, d.Email = "eva", "BERTA@example.com"
		},
	} {
		d := d
		change(&d)
		set := site.settings()
		set.Accounts = []settings.Account{d}
		if _, err := site.start(set); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if find(t, s, "ada").Defined {
		t.Error("an ordinary account was taken over")
	}

	// One that is given another name and keeps its address is the same one; the old name stays its own.
	d.Username = "adele"
	s = site.mustStart(d)
	before := find(t, s, "adele")
	d.Username = "adelheid"
	s = site.mustStart(d)
	if now := find(t, s, "adelheid"); now.ID != before.ID {
		t.Error("the renamed account is another one")
	}
	wantFields(t, s, Account{Username: "Adele"}, secret, map[string]string{"username": "taken"})
	d.Username = "adele"
	if now := find(t, site.mustStart(d), "adele"); now.ID != before.ID {
		t.Error("the account that is called as before is another one")
	}
}
