package e2e

import (
	"regexp"
	"strings"

	"github.com/chromedp/chromedp"
)

// What a person does again and again.

const password = "four words nobody put together"

// signUp makes an account from the start page, and ends on the account page.
func (p *page) signUp(name string) {
	p.t.Helper()
	p.visit("/", 200)
	p.wantHeading("Sign in")
	p.press("Create account")
	p.wantHeading("Create account")
	p.fill("Username", name)
	p.fill("Email", name+"@example.com")
	p.fill("Password", password)
	p.fill("Confirm password", password)
	p.press("Create account")
	p.wantHeading("Your account")
	p.wantStatus("You are signed in.")
}

// addApp sets up an authenticator app with what read takes from the page, and returns the recovery codes that come
// with the first authenticator. It ends on the page that shows them.
func (p *page) addApp(read func() (uri string)) (*phone, []string) {
	p.t.Helper()
	p.press("Add authenticator app")
	p.wantHeading("Set up an authenticator app")
	phone := newPhone(p.t, read())
	p.fill("Code", phone.code())
	p.press("Continue")
	p.wantHeading("Your recovery codes")
	p.wantStatus("Authenticator added.")
	return phone, p.recoveryCodes()
}

var recoveryCode = regexp.MustCompile(`\b[A-Za-z0-9]{4}(-[A-Za-z0-9]{4}){3}\b`)

// recoveryCodes are all on the page, which must be ten different ones.
func (p *page) recoveryCodes() []string {
	p.t.Helper()
	codes := recoveryCode.FindAllString(p.nodes().text(), -1)
	seen := map[string]bool{}
	for _, c := range codes {
		seen[c] = true
	}
	if len(codes) != 10 || len(seen) != 10 {
		p.t.Fatalf("the page has %d recovery codes, %d different ones, want 10:\n%s", len(codes), len(seen), p.tree())
	}
	return codes
}

func (p *page) signOut() {
	p.t.Helper()
	p.press("Sign out")
	p.wantHeading("Sign in")
}

// givePassword does the first step of a sign-in on the page that is there.
func (p *page) givePassword(name string) {
	p.t.Helper()
	p.fill("Username or email", name)
	p.fill("Password", password)
	p.press("Sign in")
}

// giveCode answers on the page that asks for a code.
func (p *page) giveCode(code string, status int) {
	p.t.Helper()
	p.fill("Code", code)
	p.pressFor("Continue", status)
}

// giveRecoveryCode goes from the page that asks for a code to the recovery codes, and gives one.
func (p *page) giveRecoveryCode(code string, status int) {
	p.t.Helper()
	p.follow("Try another way")
	p.wantHeading("Try another way")
	p.pressStarting("Recovery codes")
	p.wantHeading("Verify that it is you")
	p.fill("Recovery code", code)
	p.pressFor("Continue", status)
}

// pressStarting presses the one button whose name begins so: of a list whose buttons say more than a name.
func (p *page) pressStarting(start string) {
	p.t.Helper()
	var names []string
	p.await("a button that begins with "+start, func(all nodes) bool {
		names = nil
		for _, n := range all {
			if !n.ignored && n.role == "button" && strings.HasPrefix(n.name, start) {
				names = append(names, n.name)
			}
		}
		return len(names) > 0
	})
	if len(names) > 1 {
		p.t.Fatalf("%d buttons begin with %q: %q", len(names), start, names)
	}
	p.press(names[0])
}

// pressOf presses the button of that name that is described as belonging to something, and waits for the answer.
func (p *page) pressOf(name, of string) {
	p.t.Helper()
	var found nodes
	p.await("a button "+name+" of "+of, func(all nodes) bool {
		found = nil
		for _, n := range all.named("button", name) {
			if n.description == of {
				found = append(found, n)
			}
		}
		return len(found) == 1
	})
	x, y := p.middle(found[0])
	p.load("press "+name+" of "+of, 200, chromedp.MouseClickXY(x, y))
}
