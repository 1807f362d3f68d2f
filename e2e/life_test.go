package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// What happens to an account in its life: a device that is remembered, a phone that is lost, a password that is
// forgotten.

var link = regexp.MustCompile(`http://localhost:\d+(/[a-z/-]+\?token=[A-Za-z0-9_-]+)`)

// mailed waits for the newest mail whose subject has the words, and returns it.
func (p *page) mailed(subject string) mail {
	p.t.Helper()
	for end := time.Now().Add(patience); ; {
		for _, m := range p.mails() {
			if strings.Contains(m.Subject, subject) {
				return m
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("no mail says %q: %+v", subject, p.mails())
		}
		pause(p.t)
	}
}

// followMailed opens the link of a page in the newest mail that has one.
func (p *page) followMailed(page string) { p.t.Helper(); p.followMailedFor(page, 200) }

// followMailedFor is followMailed for an answer with another status.
func (p *page) followMailedFor(page string, status int) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; {
		for _, m := range p.mails() {
			for _, found := range link.FindAllStringSubmatch(m.Text, -1) {
				if strings.HasPrefix(found[1], page+"?") {
					p.visit(found[1], status)
					return
				}
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("no mail leads to %s: %+v", page, p.mails())
		}
		pause(p.t)
	}
}

// confirmAddress follows the link that a sign-up mails.
func (p *page) confirmAddress() {
	p.t.Helper()
	p.followMailed("/email/confirm")
	p.press("Continue")
	p.visit("/account", 200)
	p.wantText("confirmed")
	p.wantNoText("not confirmed")
}

// addFirstApp sets up the first authenticator of an account whose address is confirmed: a mailed code comes before.
func (p *page) addFirstApp() (*phone, []string) {
	p.t.Helper()
	p.press("Add authenticator app")
	p.wantHeading("Please verify once more")
	p.press("Send code")
	p.giveCode(p.sent(1), 200)
	p.wantHeading("Set up an authenticator app")
	phone := newPhone(p.t, p.scan())
	p.fill("Code", phone.code())
	p.press("Continue")
	p.wantStatus("Authenticator added.")
	return phone, p.recoveryCodes()
}

// TestRememberedDevice spares the second factor in one browser until it is forgotten.
func TestRememberedDevice(t *testing.T) {
	origin := serve(t)
	p := open(t, origin, options{})
	p.signUp("ada")
	phone, _ := p.addApp(p.scan)
	p.press("Continue")
	p.signOut()
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	p.click("checkbox", "Remember this device")
	p.giveCode(phone.code(), 200)
	p.wantStatus("You are signed in.")
	p.signOut()

	t.Log("here the password is enough now, elsewhere it is not")
	p.givePassword("ada")
	p.wantHeading("Your account")
	other := open(t, origin, options{})
	other.visit("/sign-in", 200)
	other.givePassword("ada")
	other.wantHeading("Verify that it is you")
	p.press("Forget device")
	p.wantText("None. Every sign-in asks for the second factor.")
	p.signOut()
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
}

// TestFreshProofInAForm: what was typed is there again after the proof.
func TestFreshProofInAForm(t *testing.T) {
	p := open(t, serve(t, "POLICY_FRESH=10s"), options{})
	p.signUp("ada")
	phone, _ := p.addApp(p.scan)
	p.press("Continue")
	p.fill("Name", "The blue phone")
	time.Sleep(10 * time.Second) // until the proof is old
	p.press("Rename")
	p.wantHeading("Please verify once more")
	p.giveCode(phone.code(), 200)
	p.wantHeading("Your account")
	if got := p.find("textbox", "Name").value; got != "The blue phone" {
		t.Errorf("the name that was typed became %q", got)
	}
	p.press("Rename")
	p.wantStatus("Authenticator renamed.")
	p.find("heading", "The blue phone")
}

// TestForcedEnrollment: where the policy requires a second factor, nothing opens without one.
func TestForcedEnrollment(t *testing.T) {
	p := open(t, serve(t, "POLICY_REQUIRE=required", "POLICY_FIRST_ENROLLMENT=password"), options{})
	p.visit("/sign-up", 200)
	p.fill("Username", "ada")
	p.fill("Email", "ada@example.com")
	p.fill("Password", password)
	p.fill("Confirm password", password)
	p.press("Create account")
	p.visit("/account", 200)
	p.wantHeading("Add an authenticator")
	phone, _ := p.addApp(p.scan)
	p.press("Continue")
	p.wantHeading("Your account")
	p.pressFor("Remove", 409)
	p.wantAlert("This is your last authenticator, and one is required. Add another one first.")
	p.signOut()
	p.givePassword("ada")
	p.giveCode(phone.code(), 200)
	p.wantStatus("You are signed in.")
}

// TestForgottenPassword: the mailbox gives a new password and nothing else.
func TestForgottenPassword(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	p.confirmAddress()
	phone, _ := p.addFirstApp()
	p.press("Continue")
	p.signOut()

	p.follow("Forgot your password?")
	p.fill("Username or email", "ada")
	p.press("Continue")
	p.followMailed("/password/reset")
	p.wantHeading("Choose a new password")
	p.fill("Password", "short")
	p.fill("Confirm password", "short")
	p.pressFor("Continue", 400)
	const renewed = "five words that nobody put together"
	p.fill("Password", renewed)
	p.fill("Confirm password", renewed)
	p.press("Continue")
	p.wantHeading("Sign in")

	p.givePasswordFor("ada", password, 401)
	p.wantAlert("Wrong name or password.")
	p.givePasswordFor("ada", renewed, 200)
	p.wantHeading("Verify that it is you")
	p.giveCode(phone.code(), 200)
	p.wantStatus("You are signed in.")
	p.mailed("password")
}

func (p *page) givePasswordFor(name, password string, status int) {
	p.t.Helper()
	p.fill("Username or email", name)
	p.fill("Password", password)
	p.pressFor("Sign in", status)
}

// TestLostPhoneWithCode: an administrator gives a code, and the owner puts a new phone in the place of the lost one.
func TestLostPhoneWithCode(t *testing.T) {
	dir := t.TempDir()
	origin := serveAt(t, dir)
	p := open(t, origin, options{})
	p.signUp("ada")
	lost, codes := p.addApp(p.scan)
	p.press("Continue")
	p.signOut()

	admin := open(t, origin, options{})
	admin.signUp("root")
	guard, _ := admin.addApp(admin.scan)
	admin.press("Continue")
	command(t, "account", "admin", "root", "on", "--data-dir", dir)
	admin.visit("/admin", 200)
	admin.follow("ada")
	admin.fill("Reason for the code", "called back, phone lost")
	admin.press("Give a one-time code")
	if admin.has("heading", "Please verify once more") {
		admin.giveCode(guard.code(), 200)
		admin.press("Give a one-time code")
	}
	admin.wantHeading("One-time code")
	code := recoveryCode.FindString(admin.nodes().text())
	p.mailed("one-time code")

	p.givePassword("ada")
	p.follow("Lost your device?")
	p.wantHeading("Lost your device?")
	p.pressStarting("Use a recovery code")
	p.fill("Recovery code", code)
	p.press("Continue")
	p.wantHeading("Your account")
	p.press("Replace")
	found := newPhone(t, p.scan())
	p.fill("Code", found.code())
	p.press("Continue")
	p.wantStatus("Authenticator added.")
	p.signOut()

	t.Log("the lost phone is good for nothing, the code neither; the codes on paper still are")
	p.givePassword("ada")
	p.giveCode(lost.code(), 401)
	p.wantAlert("That code is wrong.")
	p.giveRecoveryCode(code, 401)
	p.fill("Recovery code", codes[0])
	p.press("Continue")
	p.wantStatus("You are signed in.")
}

// TestLostPhoneWithHold: with all else lost, the mailbox, a hold and the password lead to a new enrollment.
func TestLostPhoneWithHold(t *testing.T) {
	p := open(t, serve(t, "RECOVERY_EMAIL=true", "RECOVERY_HOLD=3s"), options{})
	p.signUp("ada")
	p.confirmAddress()
	lost, codes := p.addFirstApp()
	p.press("Continue")
	p.signOut()

	p.givePassword("ada")
	p.follow("Lost your device?")
	p.pressStarting("Recover by email")
	p.followMailed("/recover")
	p.wantHeading("Recover your account")
	p.press("Begin the recovery")
	p.wantHeading("The recovery has begun")
	var code string
	for end := time.Now().Add(patience); code == ""; pause(t) {
		for _, m := range p.mails() {
			if c := recoveryCode.FindString(m.Text); c != "" {
				code = c
			}
		}
		if time.Now().After(end) {
			t.Fatalf("no code was mailed: %+v", p.mails())
		}
	}
	p.visit("/sign-in", 200)
	if p.has("textbox", "Username or email") {
		p.givePassword("ada")
	}
	p.visit("/verify", 200)
	p.giveRecoveryCode(code, 200)
	p.wantHeading("Add an authenticator")
	p.visit("/account", 200)
	p.wantHeading("Add an authenticator")
	found, renewed := p.addApp(p.scan)
	p.press("Continue")
	p.wantHeading("Your account")
	p.signOut()

	t.Log("what was lost is good for nothing")
	p.givePassword("ada")
	p.giveCode(lost.code(), 401)
	p.giveRecoveryCode(codes[0], 401)
	p.fill("Recovery code", renewed[0])
	p.press("Continue")
	p.wantStatus("You are signed in.")
	p.signOut()
	p.givePassword("ada")
	p.giveCode(found.code(), 200)
	p.wantStatus("You are signed in.")
}

// TestThisWasNotMe: the link of a mail takes away, needs no sign-in, and works once.
func TestThisWasNotMe(t *testing.T) {
	origin := serve(t)
	p := open(t, origin, options{})
	p.signUp("ada")
	p.addApp(p.scan)
	p.press("Continue")
	owner := open(t, origin, options{narrow: true})
	owner.followMailed("/not-me")
	owner.wantHeading("This was not me")
	owner.press("This was not me")
	owner.wantText("What to do now")
	p.visit("/account", 200)
	p.wantHeading("Sign in")
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	if p.has("textbox", "Code") {
		t.Error("the authenticator that was disowned is asked for")
	}
}
