package e2e

import (
	"net/url"
	"strings"
	"testing"
)

// TestWithoutJavaScript goes the whole way with scripts switched off, and with the secret typed in, not scanned.
func TestWithoutJavaScript(t *testing.T) {
	p := open(t, serve(t), options{noScript: true})
	p.signUp("grace")
	phone, codes := p.addApp(p.typedSecret)
	if p.has("button", "Copy codes") {
		t.Error("there is a button that only a script could serve")
	}
	p.press("Continue")
	p.wantHeading("Your account")
	p.signOut()

	p.givePassword("grace")
	p.wantHeading("Verify that it is you")
	p.giveCode(phone.wrong(), 401)
	p.wantAlert("That code is wrong.")
	code := phone.code()
	p.giveCode(code[:3]+" "+code[3:], 200)
	p.wantStatus("You are signed in.")
	p.signOut()

	p.givePassword("grace")
	p.giveCode(phone.used(), 401)
	p.wantAlert("That code was already used.")
	p.giveRecoveryCode(strings.ToUpper(codes[9]), 200)
	p.wantStatus("You are signed in.")
	p.wantText("9 recovery codes left.")
}

// typedSecret is what a person types from the set-up page into an app that has no camera.
func (p *page) typedSecret() (uri string) {
	p.t.Helper()
	if p.has("button", "Copy secret") {
		p.t.Error("there is a button that only a script could serve")
	}
	secret := p.find("textbox", "Secret").value
	for _, group := range strings.Fields(secret) {
		if len(group) > 4 {
			p.t.Errorf("the secret %q is not in groups of four", secret)
			break
		}
	}
	query := url.Values{"secret": {strings.ReplaceAll(secret, " ", "")}}
	return "otpauth://totp/typed?" + query.Encode()
}
