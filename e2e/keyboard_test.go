package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboardOnly signs in with Tab and Enter, as people do who use no mouse or see no screen.
func TestKeyboardOnly(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("linus")
	phone, _ := p.addApp(p.scan)
	p.press("Continue")
	p.signOut()

	p.wantFocus("textbox", "Username or email")
	p.keys("linus")
	p.tabTo("textbox", "Password")
	p.keys(password)
	p.enter(200)
	p.wantHeading("Verify that it is you")
	p.wantFocus("textbox", "Code")

	p.keys(phone.wrong())
	p.enter(401)
	p.wantFocus("textbox", "Code")
	p.wantAlert("That code is wrong.")
	field := p.focused()
	if !field.is(accessibility.PropertyNameInvalid) {
		t.Error("the field is not marked as wrong")
	}
	if !strings.Contains(field.description, "That code is wrong.") {
		t.Errorf("the field is described as %q, not by what is wrong with it", field.description)
	}

	t.Log("another way and back, by keys alone")
	p.tabTo("link", "Try another way")
	p.enter(200)
	p.wantHeading("Try another way")
	p.tabTo("link", "Back")
	p.enter(200)
	p.wantFocus("textbox", "Code")
	p.keys(phone.code())
	p.tabTo("button", "Continue")
	p.enter(200)
	p.wantHeading("Your account")
	p.tabTo("button", "Sign out")
	p.enter(200)
	p.wantHeading("Sign in")
}

// TestSkipLink looks that the first Tab on a page offers to pass over what is on every page.
func TestSkipLink(t *testing.T) {
	p := open(t, serve(t), options{})
	p.visit("/sign-up", 200)
	p.keys(kb.Tab)
	p.wantFocus("link", "Skip to the content")
	p.keys(kb.Enter)
	p.tabTo("textbox", "Username")
}

// wantFocus waits until keys go to an element.
func (p *page) wantFocus(role, name string) {
	p.t.Helper()
	p.await("the focus on "+role+" "+name, func(all nodes) bool {
		return slices.ContainsFunc(all.named(role, name), func(n node) bool {
			return n.is(accessibility.PropertyNameFocused)
		})
	})
}

// tabTo presses Tab until the focus is on an element.
func (p *page) tabTo(role, name string) {
	p.t.Helper()
	var passed []string
	for range 40 {
		p.keys(kb.Tab)
		n := p.focused()
		if n.role == role && n.name == name {
			return
		}
		passed = append(passed, n.role+" "+n.name)
	}
	p.t.Fatalf("Tab does not lead to %s %q but to %q", role, name, passed)
}

// enter presses Enter and waits for the page that it leads to.
func (p *page) enter(status int) {
	p.t.Helper()
	p.load("press Enter", status, chromedp.KeyEvent(kb.Enter))
}
