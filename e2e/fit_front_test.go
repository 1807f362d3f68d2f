package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// TestPagesFitBeforeAnApplication goes through the pages of ours that stand before one application: what leads there,
// what refuses, and what is said when the application is away.
func TestPagesFitBeforeAnApplication(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,"><h1>Application</h1>`))
	}))
	t.Cleanup(app.Close)
	dir := t.TempDir()
	file := filepath.Join(dir, "nightlatch.toml")
	save(t, file, []byte("[[rule]]\npath = \"/staff/**\"\ngroups = [\"staff\"]\n"+
		"[[rule]]\npath = \"/vault\"\nlevel = 1\nkinds = [\"password\"]\n"))
	origin := launch(t, []string{"--protect", app.URL, "--listen", "localhost:0", "--config", file, "--data-dir", filepath.Join(dir, "data")}, "SIGN_UP_ENABLED=true")
	p := open(t, origin, options{narrow: true})
	p.visit("/page", 200)
	p.seen("protect-sign-in")
	p.walkToApplication()

	p.visit("/.nightlatch/account", 200)
	p.seen("protect-account")
	p.press("New recovery codes")
	p.wantHeading("Please verify once more")
	p.seen("protect-verify")
	p.press("Use security key")
	p.seen("protect-verified")
	p.visit("/staff/list", 403)
	p.wantHeading("You may not do that.")
	p.wantText("This is open to some accounts only")
	p.seen("protect-refused")
	p.visit("/a//b", 400)
	p.seen("protect-ambiguous")
	p.visit("/.nightlatch/nowhere", 404)
	p.seen("protect-nowhere")

	app.Close()
	p.visit("/page", 502)
	p.seen("protect-outage")
}

// walkToApplication makes an account with an app and a passkey, and signs in with the passkey.
func (p *page) walkToApplication() {
	p.t.Helper()
	p.press("Create account")
	p.fill("Username", "grace")
	p.fill("Password", password)
	p.fill("Confirm password", password)
	p.press("Create account")
	p.seen("protect-choose")
	p.press("Add authenticator app")
	p.wantHeading("Please verify once more") // what signed her up serves no change
	p.seen("protect-verify-password")
	p.fill("Password", password)
	p.press("Continue")
	phone := newPhone(p.t, p.scan())
	p.giveCode(phone.code(), 200)
	p.wantHeading("Your recovery codes")
	p.seen("protect-recovery-codes")
	p.press("Continue")
	p.wantHeading("Application")
	p.visit("/.nightlatch/account", 200)
	p.press("Add a passkey")
	p.giveCode(phone.code(), 200)
	p.plugIn(passkeyHome)
	p.press("Add a passkey")
	p.wantStatus("Authenticator added.")
	p.visit("/.nightlatch/account", 200)
	p.signOut()
	p.visit("/vault", 200)
	p.press("Sign in with a passkey")
	p.wantHeading("Please sign in again")
	p.seen("protect-anew")
	p.press("Sign in again")
	p.fill("Username or email", "grace")
	p.fill("Password", password)
	p.press("Sign in")
	p.follow("Try another way")
	p.choose("Authenticator app")
	p.giveCode(phone.code(), 200)
	p.wantHeading("Application")
}
