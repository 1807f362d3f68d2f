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
	phone := p.walkIn()
	p.walkAccount()
	p.walkSignIn(phone)
	p.visit("/nowhere", 404)
	p.seen("error")
}

// TestPagesFitKeysAndSentCodes goes on with the kinds that TestPagesFit leaves out.
func TestPagesFitKeysAndSentCodes(t *testing.T) {
	p := open(t, serve(t), options{narrow: true})
	p.signUp("ada")
	p.walkKeys()
	p.walkSent()
	p.signOut()
	p.walkChosen()
}

// seen looks at one page, and with -shots saves its picture.
func (p *page) seen(name string) {
	p.t.Helper()
	p.wantFit(name)
	if *shotsDir != "" {
		p.shoot(*shotsDir, name)
	}
}

// walkKeys sets up a key and a passkey.
func (p *page) walkKeys() {
	p.t.Helper()
	key := p.plugIn(plainKey)
	p.press("Add security key")
	p.seen("key")
	p.follow("Cancel")
	p.addKey("Blue key")
	p.press("Continue")
	p.press("Add security key")
	p.click("button", "Add security key")
	p.wantAlert("This key is added already. Take another one.")
	p.seen("key-held")
	p.follow("Cancel")
	p.press("Add a passkey")
	p.seen("passkey")
	p.follow("Cancel")
	home := p.plugIn(passkeyHome)
	only(home, key)
	p.addPasskey("This laptop")
	only(key, home)
}

// walkSent sets up an address and a phone.
func (p *page) walkSent() {
	p.t.Helper()
	p.press("Add email")
	p.seen("email")
	p.press("Send code")
	p.wantStatus("Code sent to a•••@example.com.")
	p.seen("email-sent")
	p.fill("Name", "Mail")
	p.giveCode(p.sent(1), 200)
	p.press("Add phone")
	p.seen("sms")
	p.fill("Phone number", "+49 123")
	p.pressFor("Continue", 400)
	p.seen("sms-wrong")
	p.fill("Phone number", "+49 1512 3456712")
	p.press("Continue")
	p.wantText("+49 1512 3456712")
	p.seen("sms-read-back")
	p.press("Send code")
	p.wantStatus("Code sent to •••• 12.")
	p.seen("sms-sent")
	p.fill("Name", "Mobile")
	p.giveCode(p.sent(2), 200)
	p.wantStatus("Authenticator added.")
	p.seen("account-many")
}

// walkChosen signs in by what walkKeys and walkSent have set up.
func (p *page) walkChosen() {
	p.t.Helper()
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	p.seen("verify-key")
	p.follow("Try another way")
	p.seen("another-many")
	p.choose("Mobile")
	p.seen("verify-send")
	p.press("Send code")
	p.wantStatus("Code sent to •••• 12.")
	p.seen("verify-sent")
	p.giveCode(p.sent(3), 200)
	p.pressOf("Make preferred", "Mail")
	p.signOut()
	p.givePassword("ada")
	p.wantStatus("Code sent to a•••@example.com.")
	p.seen("verify-sent-by-password")
}

// walkIn makes an account with an authenticator app.
func (p *page) walkIn() *phone {
	p.t.Helper()
	p.visit("/", 200)
	p.seen("home")
	p.press("Create account")
	p.wantHeading("Create account")
	p.seen("sign-up")
	p.fill("Password", "short")
	p.fill("Confirm password", "short")
	p.pressFor("Create account", 400)
	p.seen("sign-up-wrong")
	p.signUp("ada")
	p.seen("account-new")
	p.visit("/account/authenticators/new", 200)
	p.seen("choose")
	p.press("Add authenticator app")
	p.seen("set-up")
	p.copySecret()
	phone := newPhone(p.t, p.scan())
	p.giveCode(phone.wrong(), 401)
	p.wantAlert("That code is wrong.")
	p.seen("set-up-wrong")
	p.giveCode(phone.code(), 200)
	p.recoveryCodes()
	p.seen("recovery-codes")
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
func (p *page) walkAccount() {
	p.t.Helper()
	p.wantHeading("Your account")
	p.seen("account")
	p.visit("/account/recovery-codes", 200)
	p.seen("recovery-codes-left")
	p.visit("/account/authenticators/new/hotp", 200)
	p.seen("set-up-token")
	p.visit("/", 200)
	p.seen("home-signed-in")
	p.visit("/verify", 200)
	p.seen("verify-fresh")
	p.visit("/sign-out", 200)
	p.wantHeading("Sign out?")
	p.seen("sign-out")
	p.signOut()
}

// walkSignIn goes through a sign-in by each of its doors.
func (p *page) walkSignIn(phone *phone) {
	p.t.Helper()
	p.visit("/verify", 401)
	p.wantAlert("Your sign-in has ended. Are cookies enabled?")
	p.seen("ended")
	p.visit("/sign-in", 200)
	p.seen("sign-in")
	p.fill("Username or email", "ada")
	p.fill("Password", "something else entirely")
	p.pressFor("Sign in", 401)
	p.seen("sign-in-wrong")
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	p.seen("verify")
	p.giveCode(phone.wrong(), 401)
	p.seen("verify-wrong")
	p.follow("Try another way")
	p.seen("another")
	p.pressStarting("Recovery codes")
	p.seen("verify-recovery")
	p.follow("Lost your device?")
	p.wantHeading("Lost your device?")
	p.seen("recover")
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
