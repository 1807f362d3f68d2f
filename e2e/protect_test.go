package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestProtect is a person's whole way through the program that stands before one application by itself: led to the
// sign-in, through enrollment, back to what was asked for; a form and a WebSocket of the application; sign-out.
func TestProtect(t *testing.T) {
	app := newApplication(t)
	origin := launch(t, []string{"--protect", "http://" + app.addr, "--listen", "localhost:0", "--data-dir", t.TempDir()}, "SIGN_UP_ENABLED=true")
	p := open(t, origin, options{})
	p.visit("/secret?x=1&y=2", 200)
	p.wantHeading("Sign in")
	p.press("Create account")
	p.fill("Username", "grace")
	p.fill("Password", password)
	p.fill("Confirm password", password)
	p.press("Create account")
	p.wantHeading("Add an authenticator")
	p.wantText("To go on you need a second factor")
	p.press("Add authenticator app")
	p.wantHeading("Please verify once more") // what signed her up serves no change
	p.fill("Password", password)
	p.press("Continue")
	p.wantHeading("Set up an authenticator app")
	phone := newPhone(t, p.scan())
	p.fill("Code", phone.wrong())
	p.pressFor("Continue", 401)
	p.wantHeading("Enter the code") // and the secret is not shown again
	p.fill("Code", phone.code())
	p.press("Continue")
	p.wantHeading("Your recovery codes")
	p.press("Continue")
	p.wantHeading("Application")
	p.wantText("User grace GET /secret?x=1&y=2")
	p.press("Send it")
	p.wantText("User grace POST /form")
	if got := evaluate[string](p, strings.Replace(greeting, "wss:", "ws:", 1)); got != "hello grace, and back" {
		t.Errorf("the WebSocket said %q", got)
	}

	t.Log("each change asks for a proof of its own")
	p.visit("/.nightlatch/account", 200)
	p.press("New recovery codes")
	p.wantHeading("Please verify once more")
	p.giveCode(phone.code(), 200)
	p.press("New recovery codes")
	p.wantHeading("Your recovery codes")
	p.visit("/.nightlatch/account", 200)
	p.press("New recovery codes")
	p.wantHeading("Please verify once more")

	p.visit("/.nightlatch/account", 200)
	p.signOut()
	p.visit("/again", 200)
	p.givePassword("grace")
	p.wantHeading("Verify that it is you")
	p.giveCode(phone.code(), 200)
	p.wantHeading("Application")
	p.wantText("User grace GET /again")
	for _, g := range app.take() {
		if c := g.Header.Get("Cookie"); strings.Contains(c, "nightlatch") {
			t.Errorf("the application got the cookies %q", c)
		}
	}
}

// TestSentInACircle: where no cookie reaches the application's host, a page says so instead of going round for ever.
func TestSentInACircle(t *testing.T) {
	serve := func(f *front) string {
		text := strings.Replace(frontSettings, `cookie_domain   = "example.com"`, "", 1)
		return f.serveWith(text)
	}
	behindWith(t, serve, func(t *testing.T, f *front) {
		p := open(t, f.appOrigin(), options{also: []string{f.authOrigin()}})
		p.visit("/one/page", 200)
		p.fill("Username or email", "ada")
		p.fill("Password", password)
		p.pressFor("Sign in", 508)
		p.wantHeading("You are sent in a circle")
		p.wantAlert(fmt.Sprintf("You are signed in here, and %s does not see it.", f.appOrigin()))
		p.wantText("Set cookie_domain to a domain that covers both hosts.")
		p.resize(narrow, 844)
		p.seen("loop")
		p.follow("Your account")
		p.wantHeading("Your account")
		if seen := f.app.take(); len(seen) > 0 {
			t.Errorf("the application was asked for %v", seen)
		}
	})
}
