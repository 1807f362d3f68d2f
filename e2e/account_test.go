package e2e

import "testing"

// TestAuthenticators does what the account page is for: names, a second phone, which one comes first, new recovery
// codes, and taking one away.
func TestAuthenticators(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	_, old := p.addApp(p.scan)
	p.press("Continue")
	p.fill("Name", "Old phone")
	p.press("Rename")
	p.wantStatus("Authenticator renamed.")

	p.press("Add authenticator app")
	second := newPhone(t, p.scan())
	p.fill("Code", second.code())
	p.fill("Name", "New phone")
	p.press("Continue")
	p.wantHeading("Your account") // no recovery codes: they came with the first
	p.wantStatus("Authenticator added.")
	p.pressOf("Make preferred", "New phone")

	p.press("New recovery codes")
	p.wantHeading("Your recovery codes")
	codes := p.recoveryCodes()
	p.press("Continue")
	p.pressOf("Remove", "Old phone")
	p.wantStatus("Authenticator removed.")
	p.signOut()

	p.givePassword("ada")
	p.wantText(`Enter the code from "New phone".`)
	p.giveRecoveryCode(old[0], 401)
	p.fill("Recovery code", codes[0])
	p.press("Continue")
	p.wantText("9 recovery codes left.")
}

// TestCancel leaves what was begun by the link that is there for it.
func TestCancel(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	p.press("Add authenticator app")
	secret := p.find("textbox", "Secret").value
	p.visit("/account/authenticators/new/totp", 200)
	if again := p.find("textbox", "Secret").value; again != secret {
		t.Error("the page has another secret when it is loaded again")
	}
	p.follow("Cancel")
	p.wantHeading("Your account")
	p.press("Add authenticator app")
	if again := p.find("textbox", "Secret").value; again == secret {
		t.Error("the secret that was canceled is shown again")
	}
	p.addAppHere()
	p.signOut()

	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	p.follow("Cancel")
	p.wantHeading("Sign in")
	p.visit("/verify", 401)
	p.wantAlert("Your sign-in has ended. Are cookies enabled?")
	p.follow("Start again")
	p.wantHeading("Sign in")
}

// addAppHere finishes the set-up whose page is there, and goes on to the account.
func (p *page) addAppHere() {
	p.t.Helper()
	p.fill("Code", newPhone(p.t, p.scan()).code())
	p.press("Continue")
	p.wantHeading("Your recovery codes")
	p.press("Continue")
	p.wantHeading("Your account")
}
