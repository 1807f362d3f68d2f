package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPagesFit goes through all pages on a phone and looks at each: nothing scrolls sideways, and everything has a
// name. With -shots it saves their pictures too.
func TestPagesFit(t *testing.T) {
	p := open(t, serve(t), options{narrow: true})
	seen := func(name string) {
		t.Helper()
		p.wantFit(name)
		if *shotsDir != "" {
			p.shoot(*shotsDir, name)
		}
	}
	phone := p.walkIn(seen)
	p.walkAccount(seen)
	p.walkSignIn(phone, seen)
	p.visit("/nowhere", 404)
	seen("error")
}

// walkIn makes an account with an authenticator app.
func (p *page) walkIn(seen func(string)) *phone {
	p.t.Helper()
	p.visit("/", 200)
	seen("home")
	p.press("Create account")
	p.wantHeading("Create account")
	seen("sign-up")
	p.fill("Password", "short")
	p.fill("Confirm password", "short")
	p.pressFor("Create account", 400)
	seen("sign-up-wrong")
	p.signUp("ada")
	seen("account-new")
	p.visit("/account/authenticators/new", 200)
	seen("choose")
	p.press("Add authenticator app")
	seen("set-up")
	p.copySecret()
	phone := newPhone(p.t, p.scan())
	p.giveCode(phone.wrong(), 401)
	p.wantAlert("That code is wrong.")
	seen("set-up-wrong")
	p.giveCode(phone.code(), 200)
	p.recoveryCodes()
	seen("recovery-codes")
	p.press("Continue")
	return phone
}

// copySecret presses the button and looks that it does, and says, what it is called.
func (p *page) copySecret() {
	p.t.Helper()
	p.click("button", "Copy secret")
	p.wantStatus("Secret copied.")
	secret := strings.ReplaceAll(p.find("textbox", "Secret").value, " ", "")
	if got := evaluate[string](p, "navigator.clipboard.readText()"); got != secret {
		p.t.Errorf("the clipboard holds %q, want %q", got, secret)
	}
}

// walkAccount looks at the pages of an account.
func (p *page) walkAccount(seen func(string)) {
	p.t.Helper()
	p.wantHeading("Your account")
	seen("account")
	p.visit("/account/recovery-codes", 200)
	seen("recovery-codes-left")
	p.visit("/account/authenticators/new/hotp", 200)
	seen("set-up-token")
	p.visit("/", 200)
	seen("home-signed-in")
	p.visit("/verify", 200)
	seen("verify-fresh")
	p.visit("/sign-out", 200)
	p.wantHeading("Sign out?")
	seen("sign-out")
	p.signOut()
}

// walkSignIn goes through a sign-in by each of its doors.
func (p *page) walkSignIn(phone *phone, seen func(string)) {
	p.t.Helper()
	p.visit("/verify", 401)
	p.wantAlert("Your sign-in has ended. Are cookies enabled?")
	seen("ended")
	p.visit("/sign-in", 200)
	seen("sign-in")
	p.fill("Username or email", "ada")
	p.fill("Password", "something else entirely")
	p.pressFor("Sign in", 401)
	seen("sign-in-wrong")
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	seen("verify")
	p.giveCode(phone.wrong(), 401)
	seen("verify-wrong")
	p.follow("Try another way")
	seen("another")
	p.pressStarting("Recovery codes")
	seen("verify-recovery")
	p.follow("Lost your device?")
	p.wantHeading("Lost your device?")
	seen("recover")
}

// TestLongNamesFit takes the longest name that an account may have.
func TestLongNamesFit(t *testing.T) {
	p := open(t, serve(t), options{narrow: true})
	name := strings.Repeat("Mississippi", 6)[:64]
	p.signUp(name)
	p.wantFit("account")
	p.addApp(p.scan)
	p.wantFit("recovery-codes")
	p.press("Continue")
	p.fill("Name", strings.Repeat("M", 60))
	p.press("Rename")
	p.wantFit("account with a long name")
	p.visit("/", 200)
	p.wantFit("home")
}

// wantFit looks at one page.
func (p *page) wantFit(name string) {
	p.t.Helper()
	if wide := evaluate[int](p, "document.scrollingElement.scrollWidth"); wide > narrow {
		p.t.Errorf("%s: the page is %d pixels wide on a screen of %d", name, wide, narrow)
	}
	all := p.nodes()
	if h := all.headings(); len(h) != 1 {
		p.t.Errorf("%s: the main headings are %q, want one", name, h)
	}
	if all[0].name == "" {
		p.t.Errorf("%s: the page has no title", name)
	}
	for _, n := range all.nameless() {
		p.t.Errorf("%s: a %s has no name\nthe page:\n%s", name, n.role, p.tree())
	}
}

// nameless are the elements that a person must be able to name and cannot. What a picture consists of is no element:
// the picture's own name stands for it.
func (all nodes) nameless() nodes {
	within := map[int]bool{}
	for _, n := range all {
		if n.role == "image" {
			for _, i := range n.inside {
				within[i] = true
			}
		}
	}
	var found nodes
	for i, n := range all {
		switch n.role {
		case "textbox", "checkbox", "button", "link", "image", "spinbutton", "combobox", "searchbox":
			if !n.ignored && n.name == "" && !within[i] {
				found = append(found, n)
			}
		}
	}
	return found
}

// evaluate asks the page by script, which no other test does: people cannot.
func evaluate[T any](p *page, script string) T {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}
