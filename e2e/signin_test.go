package e2e

import "testing"

// TestFirstSignIn is the first day of a person: an account, a phone, the next sign-in, and a phone left at home.
func TestFirstSignIn(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	phone, codes := p.addApp(p.scan)
	p.visit("/account/recovery-codes", 200)
	p.wantText("10 recovery codes left.")
	for _, code := range codes { // they were shown once
		p.wantNoText(code)
	}
	p.visit("/account", 200)
	p.signOut()
	p.visitAsStranger("/account")

	t.Log("the next code of the phone is good")
	p.givePassword("ada")
	p.wantHeading("Verify that it is you")
	p.giveCode(phone.code(), 200)
	p.wantHeading("Your account")
	p.wantStatus("You are signed in.")
	p.signOut()

	t.Log("a used code is not, nor is a wrong one; a recovery code is")
	p.givePassword("ada@example.com")
	p.giveCode(phone.used(), 401)
	p.wantAlert("That code was already used.")
	p.giveCode(phone.wrong(), 401)
	p.wantAlert("That code is wrong.")
	p.visitUnfinished("/account")
	p.giveRecoveryCode(codes[3], 200)
	p.wantHeading("Your account")
	p.wantStatus("You are signed in.")
	p.wantText("9 recovery codes left.")
	p.signOut()

	t.Log("the same recovery code is not good again, another one is")
	p.givePassword("ADA")
	p.giveRecoveryCode(codes[3], 401)
	p.wantAlert("That code was already used.")
	p.fill("Recovery code", codes[0])
	p.press("Continue")
	p.wantText("8 recovery codes left.")
}

// TestWrongPassword looks at what the first step says to those who do not get through it.
func TestWrongPassword(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	p.signOut()
	for _, name := range []string{"ada", "nobody"} {
		p.fill("Username or email", name)
		p.fill("Password", "something else entirely")
		p.pressFor("Sign in", 401)
		p.wantHeading("Sign in")
		p.wantAlert("Wrong name or password.")
	}
	p.visit("/sign-up", 200)
	p.fill("Username", "Ada")
	p.fill("Password", password)
	p.fill("Confirm password", "another one than before")
	p.pressFor("Create account", 400)
	p.wantAlert("The passwords do not match.")
	p.fill("Password", password)
	p.fill("Confirm password", password)
	p.pressFor("Create account", 409)
	p.wantAlert("This username is taken.")
	if got := p.find("textbox", "Username").value; got != "Ada" {
		t.Errorf("the name that was typed became %q", got)
	}
}

// visitAsStranger looks that a page of an account leads to the sign-in.
func (p *page) visitAsStranger(path string) {
	p.t.Helper()
	p.visit(path, 200)
	p.wantHeading("Sign in")
}

// visitUnfinished looks that a page of an account leads an unfinished sign-in back to where it stands.
func (p *page) visitUnfinished(path string) {
	p.t.Helper()
	p.visit(path, 200)
	p.wantHeading("Verify that it is you")
}
