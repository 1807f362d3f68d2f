package e2e

import (
	"slices"
	"strings"
	"testing"
)

// many is what one person holds at once.
type many struct {
	phone      *phone // the authenticator app's
	blue, red  *device
	home       *device // of the passkey
	codes      []string
	sentBefore int
}

// hold sets up one of each kind, and a second key.
func (p *page) hold() *many {
	p.t.Helper()
	m := &many{}
	p.press("Add authenticator app")
	m.phone = newPhone(p.t, p.scan())
	p.fill("Name", "App")
	p.fill("Code", m.phone.code())
	p.press("Continue")
	m.codes = p.recoveryCodes()
	p.press("Continue")

	p.press("Add email")
	p.press("Send code") // to the address of the sign-up
	p.wantStatus("Code sent to a•••@example.com.")
	p.fill("Name", "Mail")
	p.giveCode(p.sent(1), 200)
	p.wantStatus("Authenticator added.")

	p.press("Add phone")
	p.fill("Phone number", "+49 1512 3456712")
	p.press("Continue")
	p.press("Send code")
	p.wantStatus("Code sent to •••• 12.")
	p.fill("Name", "Mobile")
	p.giveCode(p.sent(2), 200)
	p.wantStatus("Authenticator added.")

	m.blue = p.plugIn(u2fKey)
	p.addKey("Blue key")
	m.red = p.plugIn(plainKey)
	only(m.red, m.blue)
	p.addKey("Red key")
	m.home = p.plugIn(passkeyHome)
	only(m.home, m.blue, m.red)
	p.addPasskey("This laptop")
	m.sentBefore = 2
	return m
}

// next is the newest code, when one more than before was sent.
func (m *many) next(p *page) string {
	p.t.Helper()
	m.sentBefore++
	return p.sent(m.sentBefore)
}

// TestChooseAmongMany holds an app, two keys, a passkey, a phone and an address at once, and signs in by each.
func TestChooseAmongMany(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	m := p.hold()
	p.visit("/account", 200)
	for _, name := range []string{"App", "Mail", "Mobile", "Blue key", "Red key", "This laptop"} {
		p.find("heading", name)
	}
	p.signOut()

	t.Log("the strongest is asked for; all are on offer, and each says what it is")
	p.another()
	if got := p.offers(); !slices.Equal(got, []string{"a key", "a key", "a key", "App", "Mail", "Mobile", "Recovery codes"}) {
		t.Errorf("on offer are %q\nthe page:\n%s", got, p.tree())
	}
	p.choose("App")
	p.wantText(`Enter the code from "App".`)
	p.giveCode(m.phone.code(), 200)
	p.arrive()

	for _, c := range []struct{ name, to string }{{"Mobile", "•••• 12"}, {"Mail", "a•••@example.com"}} {
		p.another()
		p.choose(c.name)
		p.wantText("We send a code to " + c.to + ".")
		p.sent(m.sentBefore) // choosing sends nothing
		p.press("Send code")
		p.wantStatus("Code sent to " + c.to + ".")
		p.giveCode(m.next(p), 200)
		p.arrive()
	}

	t.Log("a chosen key answers, another one does not")
	p.another()
	p.choose("Red key")
	p.wantText(`then touch "Red key"`)
	only(m.blue, m.red, m.home)
	p.click("button", "Use security key")
	p.wantAlertAbove(keyFailed, "Or choose another way")
	only(m.red, m.blue, m.home)
	p.press("Use security key")
	p.arrive()
	for name, d := range map[string]*device{"Blue key": m.blue, "This laptop": m.home} {
		p.another()
		p.choose(name)
		only(d, m.blue, m.red, m.home)
		p.press("Use security key")
		p.arrive()
	}

	p.givePassword("ada")
	p.giveRecoveryCode(m.codes[4], 200)
	p.wantText("9 recovery codes left.")
	p.sent(m.sentBefore)

	t.Log("what is preferred is asked for, and the password sends its code")
	p.pressOf("Make preferred", "Mobile")
	p.signOut()
	p.givePassword("ada")
	p.wantStatus("Code sent to •••• 12.")
	p.wantText("Enter the code sent to •••• 12.")
	p.giveCode(m.next(p), 200)
	p.arrive()
}

// another gives the password and asks for the list of all ways.
func (p *page) another() {
	p.t.Helper()
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	p.follow("Try another way")
	p.wantHeading("Try another way")
}

// choose takes the way that has the name.
func (p *page) choose(name string) {
	p.t.Helper()
	p.pressStarting(name)
	p.wantHeading("Verify that it is you")
}

// arrive is the end of a sign-in, and leaves again.
func (p *page) arrive() {
	p.t.Helper()
	p.wantHeading("Your account")
	p.wantStatus("You are signed in.")
	p.signOut()
}

// offers are what the list of all ways holds, in its order. A key is as good as another one.
func (p *page) offers() (names []string) {
	p.t.Helper()
	known := map[string]string{
		"Blue key": "a key", "Red key": "a key", "This laptop": "a key",
		"App": "App", "Mail": "Mail", "Mobile": "Mobile", "Recovery codes": "Recovery codes",
	}
	for _, n := range p.nodes() {
		if n.ignored || n.role != "button" {
			continue
		}
		name := n.name
		for start, as := range known {
			if strings.HasPrefix(n.name, start) {
				name = as
			}
		}
		names = append(names, name)
	}
	return names
}
