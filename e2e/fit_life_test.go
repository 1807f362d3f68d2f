package e2e

import (
	"testing"
)

// TestPagesFitOfALife goes on with the pages of an account's life: what its owner changes, what a mail leads to, and
// the ways back.
func TestPagesFitOfALife(t *testing.T) {
	origin := serve(t, "RECOVERY_EMAIL=true", "RECOVERY_HOLD=1h", "RECOVERY_ADMIN_EMAIL=help@example.com")
	p := open(t, origin, options{narrow: true})
	p.signUp("ada")
	p.walkFirst()
	p.walkOwner()
	p.signOut()
	p.walkForgotten()
	p.visit("/sign-in", 200)
	p.givePassword("ada") // the device is remembered
	lost := open(t, origin, options{narrow: true})
	lost.walkLost()
	p.walkHold(lost)
	p.walkNotMe()
}

// walkFirst confirms the address, sets up the first authenticator and has the device remembered.
func (p *page) walkFirst() {
	p.t.Helper()
	p.visit("/account/email", 200)
	p.seen("change-email-unconfirmed")
	p.followMailed("/email/confirm")
	p.seen("confirm-email")
	p.press("Continue")
	p.seen("confirm-email-done")
	p.visit("/email/confirm?token=none", 401)
	p.seen("confirm-email-wrong")
	p.visit("/account", 200)
	p.press("Add authenticator app")
	p.wantHeading("Please verify once more")
	p.seen("verify-first")
	p.press("Send code")
	p.seen("verify-first-sent")
	p.giveCode(p.sent(1), 200)
	phone := newPhone(p.t, p.scan())
	p.fill("Code", phone.code())
	p.press("Continue")
	p.recoveryCodes()
	p.press("Continue")
	p.signOut()
	p.givePassword("ada")
	p.click("checkbox", "Remember this device")
	p.seen("verify-remember")
	p.giveCode(phone.code(), 200)
	p.seen("account-remembered")
}

// walkOwner looks at the pages on which people change their own account.
func (p *page) walkOwner() {
	p.t.Helper()
	p.visit("/account/password", 200)
	p.seen("change-password")
	p.fill("Current password", "something else entirely")
	p.fill("New password", "short")
	p.fill("Confirm password", "other")
	p.pressFor("Change password", 400)
	p.seen("change-password-wrong")
	p.visit("/account/name", 200)
	p.seen("change-name")
	p.visit("/account/delete", 200)
	p.seen("delete")
	p.fill("Name of the account", "bob")
	p.pressFor("Delete account", 400)
	p.seen("delete-wrong")
	p.visit("/account/email", 200)
	p.fill("Email", "no address")
	p.pressFor("Continue", 400)
	p.seen("change-email-wrong")
	p.fill("Email", "ada@elsewhere.example")
	p.press("Continue")
	p.seen("change-email-wanted")
	p.visit("/account", 200)
}

// walkForgotten goes from a forgotten password to the page of a new one, and stops there.
func (p *page) walkForgotten() {
	p.t.Helper()
	p.visit("/password/forgot", 200)
	p.seen("forgot")
	p.fill("Username or email", "ada")
	p.press("Continue")
	p.seen("forgot-asked")
	p.followMailed("/password/reset")
	p.seen("reset")
	p.fill("Password", "short")
	p.fill("Confirm password", "other")
	p.pressFor("Continue", 400)
	p.seen("reset-wrong")
	p.visit("/password/reset?token=none", 401)
	p.seen("reset-no-link")
}

// walkLost begins a recovery by mail.
func (p *page) walkLost() {
	p.t.Helper()
	p.visit("/sign-in", 200)
	p.givePassword("ada")
	p.follow("Lost your device?")
	p.seen("recover-ways")
	p.press("Mail the administrators")
	p.seen("recover-asked")
	p.pressStarting("Recover by email")
	p.seen("recover-mailed")
	p.followMailed("/recover")
	p.seen("hold")
	p.press("Begin the recovery")
	p.seen("hold-begun")
	p.visit("/recover?token=none", 401)
	p.seen("hold-no-link")
	p.visit("/recover", 200)
	p.seen("recover-waiting")
}

// walkHold looks at a recovery that waits, from a session, and cancels it.
func (p *page) walkHold(lost *page) {
	p.t.Helper()
	p.visit("/", 200)
	p.seen("home-hold")
	p.visit("/account", 200)
	p.seen("account-hold")
	p.visit("/recover", 200)
	p.seen("recover-session")
	p.press("Cancel the recovery")
	p.seen("account-hold-canceled")
	lost.visit("/recover", 200)
	lost.seen("recover-canceled")
}

// walkNotMe disowns what the newest notice tells of.
func (p *page) walkNotMe() {
	p.t.Helper()
	p.followMailed("/not-me")
	p.seen("not-me")
	p.press("This was not me")
	p.seen("not-me-done")
	p.followMailedFor("/not-me", 401)
	p.seen("not-me-used")
}

// TestPagesFitOfAdministrators goes through the pages of administrators.
func TestPagesFitOfAdministrators(t *testing.T) {
	dir := t.TempDir()
	origin := serveAt(t, dir)
	open(t, origin, options{}).signUp("ada")
	p := open(t, origin, options{narrow: true})
	p.signUp("root")
	guard, _ := p.addApp(p.scan)
	p.press("Continue")
	command(t, "account", "admin", "root", "on", "--data-dir", dir)
	p.visit("/account", 200)
	p.seen("account-administrator")
	p.visit("/", 200)
	p.seen("home-administrator")
	p.visit("/admin", 200)
	if p.has("heading", "Please verify once more") {
		p.seen("verify-administrator")
		p.giveCode(guard.code(), 200)
	}
	p.seen("admin")
	p.fill("Search", "nobody")
	p.press("Search")
	p.seen("admin-nobody")
	p.visit("/admin", 200)
	both := p.nodes().named("link", "root") // who is signed in, and the account in the list
	p.visit(p.attribute(both[len(both)-1], "href"), 200)
	p.seen("admin-own")
	p.visit("/admin", 200)
	p.follow("ada")
	p.seen("admin-account")
	p.fill("Groups", "staff, Not A Group")
	p.pressFor("Save groups", 400)
	p.seen("admin-groups-wrong")
	p.fill("Groups", "staff")
	p.press("Save groups")
	p.seen("admin-saved")
	p.pressFor("Give a one-time code", 400)
	p.seen("admin-no-reason")
	p.fill("Reason for the code", "called back, phone lost")
	p.press("Give a one-time code")
	p.seen("given")
	p.press("Done")
	p.seen("admin-given")
	p.fill("Reason for the reset", "called back, phone lost")
	p.press("Reset the second factor")
	p.seen("given-reset")
	p.press("Done")
	p.press("Disable account")
	p.seen("admin-disabled")
	p.visit("/admin/events", 200)
	p.seen("admin-events")
}
