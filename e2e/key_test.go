package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

const keyFailed = "The key was not used: that was canceled, it took too long, or it is not a key of this account. Try again, or choose another way."

// TestSecurityKey is the life of a key: added, used, refused a second time, lost, and another one in its place.
func TestSecurityKey(t *testing.T) {
	for _, c := range []struct {
		name string
		key  webauthn.VirtualAuthenticatorOptions
	}{{"u2f", u2fKey}, {"ctap2", plainKey}, {"ctap2 with PIN", keyWithPIN}} {
		t.Run(c.name, func(t *testing.T) { testSecurityKey(t, c.key) })
	}
}

func testSecurityKey(t *testing.T, kind webauthn.VirtualAuthenticatorOptions) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	key := p.plugIn(kind)
	p.addKey("Blue key")
	p.wantHeading("Your recovery codes")
	codes := p.recoveryCodes()
	p.press("Continue")

	t.Log("the same key is not added twice")
	p.press("Add security key")
	p.click("button", "Add security key")
	p.wantAlert("This key is added already. Take another one.")
	p.follow("Cancel")
	p.signOut()

	p.givePassword("ada")
	p.wantText(`then touch "Blue key"`)
	p.press("Use security key")
	p.wantHeading("Your account")
	p.wantStatus("You are signed in.")
	p.signOut()

	if kind.HasUserVerification {
		t.Log("a PIN that is not given is as good as canceling")
		key.knows(false)
		p.givePassword("ada")
		p.click("button", "Use security key")
		p.wantAlertAbove(keyFailed, "Or choose another way")
		key.knows(true)
		p.press("Use security key")
		p.wantStatus("You are signed in.")
		p.signOut()
	}

	t.Log("a key that was erased does not sign in, a recovery code does")
	key.erase()
	p.givePassword("ada")
	p.click("button", "Use security key")
	p.wantAlertAbove(keyFailed, "Or choose another way")
	p.visitUnfinished("/account")
	p.giveRecoveryCode(codes[0], 200)
	p.wantStatus("You are signed in.")

	t.Log("a second key: either will do, a removed one not")
	key.pullOut()
	second := p.plugIn(kind)
	p.addKey("Red key")
	p.pressOf("Remove", "Blue key")
	p.wantStatus("Authenticator removed.")
	p.signOut()
	p.givePassword("ada")
	p.wantText(`then touch "Red key"`)
	p.press("Use security key")
	p.wantStatus("You are signed in.")
	second.pullOut()
	p.plugIn(kind) // a stranger's
	p.signOut()
	p.givePassword("ada")
	p.click("button", "Use security key")
	p.wantAlertAbove(keyFailed, "Or choose another way")
}

const passkeyFailed = "No passkey was used: that was canceled, it took too long, or there is none for this site here. Try again, or sign in with your password."

// TestPasskey signs in without a name, a password or a code.
func TestPasskey(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	home := p.plugIn(passkeyHome)
	p.addPasskey("This laptop")
	p.recoveryCodes()
	p.press("Continue")
	p.signOut()

	p.press("Sign in with a passkey")
	p.wantHeading("Your account")
	p.wantStatus("You are signed in.")
	p.signOut()

	t.Log("the wrong finger")
	home.knows(false)
	p.click("button", "Sign in with a passkey")
	p.wantAlert(passkeyFailed)
	p.visitAsStranger("/account")
	home.knows(true)
	p.visit("/", 200)
	p.press("Sign in with a passkey")
	p.wantStatus("You are signed in.")

	t.Log("a removed passkey")
	p.pressOf("Remove", "This laptop")
	p.wantStatus("Authenticator removed.")
	p.signOut()
	if home.holds() == 0 { // the browser was told
		p.click("button", "Sign in with a passkey")
		p.wantAlert(passkeyFailed)
	} else {
		p.pressFor("Sign in with a passkey", 401)
		p.wantAlert("That key was not accepted. Is it one of this account? Try again, or choose another way.")
	}
	p.visitAsStranger("/account")
}
