package web

import (
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

var (
	added = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	used  = time.Date(2026, 11, 21, 18, 5, 0, 0, time.UTC)
)

// sample is a page with a view.
type sample struct {
	page string
	view any
}

const sampleOptions = `{"challenge":"MDEyMzQ1Njc4OWFiY2RlZg","rpId":"localhost","note":"<&\"'>"}`

func sampleSetUp(kind string) setUpView {
	return setUpView{Frame: Frame{User: "alice", To: "/account?a=b&c=d"}, Kind: kind, Enrollment: "e1", Cancel: "/account"}
}

func samplePhone() offerView {
	return offerView{
		ID: "a1", Kind: "totp", Name: "Authenticator app", Label: "My phone", Preferred: true, CreatedAt: added, LastUsedAt: used,
	}
}

func sampleOffers() []offerView {
	return []offerView{
		samplePhone(),
		{ID: "a2", Kind: "webauthn", Name: "Passkey or security key", Label: "Blue key", Model: "YubiKey 5", CreatedAt: added},
		{ID: "a3", Kind: "sms", Name: "Phone", Label: "Work phone", Hint: "•••• 12", CreatedAt: added, LastUsedAt: used},
		{Kind: "recovery", Name: "Recovery codes", Left: 9, CreatedAt: added},
	}
}

func sampleCodes() []string {
	codes := make([]string, 10)
	for i := range codes {
		codes[i] = "K7QM-2XRA-HB5D-9WP" + string(rune('0'+i))
	}
	return codes
}

func sampleKinds(names ...factor.Kind) (kinds []kindWords) {
	for _, k := range names {
		kinds = append(kinds, wordsOf(factor.Info{Kind: k}))
	}
	strongestFirst(kinds)
	return kinds
}

func kindViews(words ...kindWords) (views []kindView) {
	for _, w := range words {
		views = append(views, kindView{kindWords: w, May: true, To: "/account?a=b&c=d"})
	}
	return views
}

func sampleVerify(p factor.Prompt) verifyView {
	v := verifyView{
		Frame: Frame{To: "/account?a=b&c=d"}, ID: "a1", Kind: "totp", Label: "My phone", Username: "alice", MayRemember: true,
		Remember: 720 * time.Hour, Another: true, Recover: true,
	}
	v.show(p, added)
	return v
}

func sampleScan(period int) scanView {
	v, _ := newScan(setUpView{Kind: "totp", Label: "My phone", Cancel: "/account"}, factor.Scan{
		Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", URI: "otpauth://totp/Nightlatch:alice%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Nightlatch",
		Issuer: "Nightlatch", Account: "alice@example.com", Algorithm: "SHA1", Digits: 6, Period: period,
	})
	return v
}

func sampleAccount() accountView {
	words := sampleKinds("totp", "webauthn", "hotp")
	kinds := make([]kindView, len(words))
	for i, w := range words {
		kinds[i] = kindView{kindWords: w, May: true}
		if w.Kind == "totp" {
			old := samplePhone()
			old.ID, old.Label, old.Preferred, old.LastUsedAt, old.Hint = "a9", "Old tablet", false, time.Time{}, "•••• 12"
			old.MayPrefer = true
			kinds[i].Held = []offerView{samplePhone(), old}
		}
		if w.Kind == "webauthn" {
			kinds[i].Held = sampleOffers()[1:2]
		}
	}
	return accountView{
		Frame: Frame{User: "alice", Status: "You are signed in."}, Username: "alice", Email: "alice@example.com", Groups: []string{"staff", "ops"}, Admin: true, SignOut: true, MayChange: true,
		EnrollBy: used, SuggestSecond: true, Signals: `{"rpId":"localhost","name":"<&\"'>"}`, Notices: []string{"A new sign-in from an address that was not seen before."},
		Kinds: kinds, Codes: &codesView{Left: 9, CreatedAt: added},
		Sessions: []sessionView{
			{ID: "s1", Browser: "Firefox on Windows", Addr: "192.0.2.7", Current: true, CreatedAt: added, LastUsedAt: used},
			{ID: "s2", Browser: "Safari on iPhone", Addr: "2001:db8::7", CreatedAt: added, LastUsedAt: used},
		},
		Devices: []deviceView{{ID: "d1", Browser: "Firefox on Windows", CreatedAt: added, LastUsedAt: used, ExpiresAt: used}},
		Events: []eventView{
			{At: used, Text: eventText("en", "signed_in", ""), From: "192.0.2.7"},
			{At: added, Text: eventText("en", "authenticator_added", "My phone"), From: "192.0.2.7"},
		},
	}
}

// sampleDisowned is an account with what was suspended and what must be read.
func sampleDisowned() accountView {
	v := sampleAccount()
	theirs := samplePhone()
	theirs.ID, theirs.Label, theirs.Preferred, theirs.Suspended = "a8", "Theirs", false, true
	v.Kinds[0].Held = append(v.Kinds[0].Held, theirs)
	v.Codes = &codesView{Suspended: true, CreatedAt: added}
	v.Unread = &unreadView{Events: v.Events, Seq: 7}
	return v
}

func sampleManaged() managedView {
	return managedView{
		ID: "m1", Name: "bert", Username: "bert", Email: "bert@example.com", Confirmed: true, Groups: []string{"ops", "staff"},
		Admin: true, Disabled: true, Defined: true, CreatedAt: added,
	}
}

func sampleAdminAccount() adminAccountView {
	account := sampleAccount()
	return adminAccountView{
		Frame: Frame{User: "alice"}, managedView: managedView{ID: "m2", Name: "carla@example.com", Email: "carla@example.com", CreatedAt: added, Enrolled: true},
		Authenticators: sampleOffers()[:3], CodesLeft: 9, CodeUntil: used, AfterReset: true, Throttled: []string{"Phone"}, HoldUntil: used,
		Sessions: account.Sessions, Devices: account.Devices, Events: account.Events, TypedGroups: "ops", TypedReason: map[string]string{},
	}
}

// samples are all pages, empty, full, and with faults.
func samples(t *testing.T) map[string]sample {
	t.Helper()
	wrong := Frame{Problems: map[string]string{"code": "That code is wrong."}}
	code := factor.Code{Digits: 6}
	verify := sampleVerify(code)
	refused := sampleVerify(factor.Code{Digits: 6, Counter: true})
	refused.Frame, refused.Fresh, refused.Cancel = wrong, true, "/account"
	unsent := sampleVerify(factor.Code{Digits: 6, SentTo: "•••• 12"})
	unsent.Shape = askSend
	key := sampleVerify(factor.PublicKey{Options: []byte(sampleOptions)})
	key.Offers = sampleOffers()
	failed := key
	failed.Alert, failed.AnyKey = "That key was not accepted.", true
	passkey := keyView{setUpView: sampleSetUp("webauthn"), Options: sampleOptions, Instead: "/account/authenticators/new/webauthn?replaces=a2"}
	passkey.setUpView.Passkey, passkey.Replaces, passkey.ReplacesLabel = true, "a2", "Blue key"
	keyWrong := keyView{setUpView: sampleSetUp("webauthn"), Options: sampleOptions}
	keyWrong.Problems, keyWrong.Label = map[string]string{"label": "Another authenticator has this name."}, "Blue key"
	number := destinationView{setUpView: sampleSetUp("sms"), Field: "phone", Destination: "+44 20 7946 0958", ReadsBack: true}
	numberWrong := number
	numberWrong.Problems = map[string]string{"phone": "Check that you entered your phone number correctly."}
	numberBack := number
	numberBack.Spoken = "+44 20 7946 0958 (United Kingdom)"
	sent := sentView{
		setUpView: sampleSetUp("sms"), Field: "phone", Destination: "+442079460958", SentTo: "•••• 58", ResendIn: 30 * time.Second,
		Other: "/account/authenticators/new/sms?change=1",
	}
	sent.Status = "Code sent to •••• 58."
	address := destinationView{setUpView: sampleSetUp("email"), Field: "email", Destination: "alice@example.com"}
	scanWrong := sampleScan(30)
	scanWrong.Frame, scanWrong.Replaces, scanWrong.ReplacesLabel = wrong, "a9", "Old tablet"
	return map[string]sample{
		"admin": {"admin", adminView{
			Frame: Frame{User: "alice"}, Query: "b", NotEnrolled: true, Next: "/admin?after=x&q=b",
			Accounts: []managedView{sampleManaged(), {ID: "m2", Name: "carla@example.com", Email: "carla@example.com", CreatedAt: added, Enrolled: true}},
		}},
		"admin-empty":   {"admin", adminView{Frame: Frame{User: "alice", Problems: map[string]string{"q": "Too long."}}}},
		"admin-account": {"admin-account", sampleAdminAccount()},
		"admin-wrong": {"admin-account", func() adminAccountView {
			v := sampleAdminAccount()
			v.Problems, v.TypedReason["reset"] = map[string]string{"reason-reset": "This must be filled in."}, " "
			return v
		}()},
		"admin-own":   {"admin-account", adminAccountView{Frame: Frame{User: "bert"}, managedView: sampleManaged(), Own: true}},
		"given":       {"given", givenView{Frame: Frame{User: "alice"}, ID: "m2", Name: "carla", Code: "k7qm-2xra-hb5d-9wp0", Until: used}},
		"given-reset": {"given", givenView{Frame: Frame{User: "alice"}, ID: "m2", Name: "carla", Reset: true, Code: "k7qm-2xra-hb5d-9wp0", Until: used}},
		"admin-events": {"admin-events", adminEventsView{
			Frame: Frame{User: "alice"}, Account: "bert", Name: "reset", Next: "/admin/events?before=x&name=reset",
			Events: []managedEventView{
				{eventView: eventView{At: used, Text: eventText("en", "reset", "")}, ID: "m1", Account: "bert", Event: "reset", Reason: "lost", By: "administrator"},
				{eventView: eventView{At: used, Text: eventText("en", "signed_in", ""), From: "192.0.2.7"}, ID: "m3", Event: "signed_in"},
			},
		}},
		"admin-events-none": {"admin-events", adminEventsView{Frame: Frame{User: "alice"}}},
		"home":              {"home", homeView{signInView: signInView{SignUp: true}}},
		"home-passkey":      {"home", homeView{signInView: signInView{Passkey: sampleOptions}}},
		"home-user":         {"home", homeView{signInView: signInView{Frame: Frame{User: "alice"}}, Admin: true, SignOut: true}},
		"sign-in":           {"sign-in", signInView{Frame: Frame{To: "/account"}, SignUp: true, Passkey: sampleOptions, Offered: true, Forgot: true}},
		"sign-in-wrong":     {"sign-in", signInView{Frame: Frame{Alert: "Wrong name or password."}, Identifier: "alice", Stay: true}},
		"sign-in-empty":     {"sign-in", signInView{}},
		"sign-up":           {"sign-up", signUpView{MinLength: 15}},
		"sign-up-wrong":     {"sign-up", signUpView{Frame: Frame{Problems: map[string]string{"username": "This username is taken.", "confirm": "The passwords do not match."}}, Username: "alice", MinLength: 15}},
		"verify-code":       {"verify", verify},
		"verify-refused":    {"verify", refused},
		"verify-sent":       {"verify", sampleVerify(factor.Code{Digits: 6, SentTo: "•••• 12", ResendAfter: 30 * time.Second})},
		"verify-send":       {"verify", unsent},
		"verify-recovery":   {"verify", sampleVerify(factor.Code{})},
		"verify-password":   {"verify", sampleVerify(factor.Password{})},
		"verify-key":        {"verify", key},
		"verify-key-failed": {"verify", failed},
		"key":               {"key", keyView{setUpView: sampleSetUp("webauthn"), Options: sampleOptions}},
		"key-passkey":       {"key", passkey},
		"key-wrong":         {"key", keyWrong},
		"key-empty":         {"key", keyView{}},
		"phone":             {"destination", number},
		"phone-wrong":       {"destination", numberWrong},
		"phone-back":        {"destination", numberBack},
		"email":             {"destination", address},
		"other-destination": {"destination", destinationView{setUpView: sampleSetUp("push"), Name: "Push message"}},
		"sent":              {"sent", sent},
		"sent-resumed":      {"sent", sentView{setUpView: sampleSetUp("email"), SentTo: "a•••@example.com", Other: "/account/authenticators/new/email?change=1"}},
		"sent-empty":        {"sent", sentView{}},
		"verify-wait":       {"verify", sampleVerify(factor.Wait{Until: added.Add(30 * time.Second)})},
		"verify-again":      {"verify", verifyView{Fresh: true, Shape: askAgain, SignIn: "/enter", Cancel: "/account"}},
		"verify-anew":       {"verify", verifyView{Frame: Frame{To: "/vault"}, Fresh: true, Shape: askAnew, Cancel: "/account"}},
		"verify-empty":      {"verify", verifyView{}},
		"another":           {"another", anotherView{Frame: Frame{Alert: "The key was not used."}, Offers: sampleOffers(), Recover: true}},
		"another-empty":     {"another", anotherView{}},
		"recover":           {"recover", recoverView{Codes: 9}},
		"recover-empty":     {"recover", recoverView{}},
		"recover-all": {"recover", recoverView{
			Codes: 9, SentTo: "a•••@example.com", Admin: true, HoldFor: 24 * time.Hour, Hold: &holdView{Begun: used, Until: used.Add(24 * time.Hour)},
		}},
		"recover-out":     {"recover", recoverView{Codes: 9, Hold: &holdView{Out: true}}},
		"recover-session": {"recover", recoverView{Frame: Frame{User: "alice"}, SentTo: "a•••@example.com", Elsewise: true, Hold: &holdView{Out: true}}},
		"hold":            {"hold", holdPageView{Token: "nl_m_x", HoldFor: 24 * time.Hour}},
		"hold-begun":      {"hold", holdPageView{HoldFor: 24 * time.Hour, Begun: true}},
		"hold-over":       {"hold", holdPageView{Frame: Frame{Alert: "This link is too old."}}},
		"verify-mailbox":  {"verify", verifyView{Shape: askWait, Recover: true, SameMailbox: true}},
		"verify-first":    {"verify", verifyView{Kind: "email", Shape: askCode, SentTo: "a•••@example.com", MayResend: true, First: true}},
		"not-me": {"not-me", notMeView{
			Token: "nl_m_x", What: "An authenticator was added: “Theirs”", At: used, From: "192.0.2.7, Firefox on Windows", By: "administrator",
			Does: "What was added is suspended: nobody can sign in with it.",
		}},
		"not-me-done":      {"not-me", notMeView{Frame: Frame{Status: "Done."}, What: "A sign-in from a new browser", At: used, Done: true, Forgot: true}},
		"not-me-over":      {"not-me", notMeView{Frame: Frame{Alert: "This link is too old."}}},
		"account":          {"account", sampleAccount()},
		"account-disowned": {"account", sampleDisowned()},
		"account-empty":    {"account", accountView{}},
		"choose":           {"choose", chooseView{Required: true, Kinds: kindViews(sampleKinds("sms", "totp", "webauthn", "hotp", "email")...), Cancel: "/account"}},
		"choose-empty":     {"choose", chooseView{}},
		"scan-totp":        {"scan", sampleScan(30)},
		"scan-hotp":        {"scan", sampleScan(0)},
		"scan-wrong":       {"scan", scanWrong},
		"scan-empty":       {"scan", scanView{}},
		"again":            {"again", againView{setUpView: sampleSetUp("totp"), Code: true, Anew: "/account/authenticators/new/totp"}},
		"again-wrong":      {"again", againView{setUpView: scanWrong.setUpView, Code: true, Anew: "/account/authenticators/new/totp?replaces=a9"}},
		"again-key":        {"again", againView{setUpView: keyWrong.setUpView, Anew: "/account/authenticators/new/webauthn"}},
		"again-empty":      {"again", againView{}},
		"codes":            {"recovery-codes", recoveryView{Frame: Frame{User: "alice", Status: "Authenticator added."}, Codes: sampleCodes(), Account: "alice"}},
		"codes-state":      {"recovery-codes", recoveryView{Frame: Frame{User: "alice"}, Left: 1, CreatedAt: added}},
		"codes-empty":      {"recovery-codes", recoveryView{}},
		"password":         {"password", passwordView{Frame: Frame{User: "alice"}, Username: "alice", MinLength: 15}},
		"forgot":           {"forgot", forgotView{}},
		"forgot-wrong":     {"forgot", forgotView{Frame: Frame{Problems: map[string]string{"identifier": "This must be filled in."}}}},
		"forgot-asked":     {"forgot", forgotView{Frame: Frame{Status: "A mail is on its way."}, Asked: true}},
		"reset":            {"reset", resetView{Token: "nl_m_0123", MinLength: 15}},
		"reset-wrong":      {"reset", resetView{Frame: Frame{Problems: map[string]string{"confirm": "The passwords do not match."}}, Token: "nl_m_0123", MinLength: 15}},
		"reset-empty":      {"reset", resetView{Frame: Frame{Alert: "This link is too old."}}},
		"change-email": {"change-email", emailView{
			Frame: Frame{User: "alice"}, Email: "alice@example.com", Confirmed: true, Former: "alice@example.org",
			ChangedAt: added, Until: used,
		}},
		"change-email-held":  {"change-email", emailView{Frame: Frame{User: "alice"}, Email: "alice@example.com", HeldBack: true, Former: "alice@example.org", ChangedAt: added, Until: used}},
		"change-email-wrong": {"change-email", emailView{Frame: Frame{User: "alice", Problems: map[string]string{"email": "This must be filled in."}}, Typed: "x", Wanted: "alice@example.net"}},
		"change-email-empty": {"change-email", emailView{}},
		"confirm-email":      {"confirm-email", confirmView{Token: "nl_m_0123"}},
		"confirm-email-old":  {"confirm-email", confirmView{Frame: Frame{Alert: "This link is too old."}}},
		"change-name":        {"change-name", nameView{Frame: Frame{User: "alice"}, Username: "alice", Typed: "alice"}},
		"change-name-wrong":  {"change-name", nameView{Frame: Frame{User: "alice", Problems: map[string]string{"username": "This username is taken."}}, Typed: "bob"}},
		"delete":             {"delete", deleteView{Frame: Frame{User: "alice"}, Name: "alice"}},
		"delete-wrong":       {"delete", deleteView{Frame: Frame{User: "alice", Problems: map[string]string{"name": "This is not the name of your account."}}, Name: "alice"}},
		"look":               {"look", lookView{}},
		"sign-out":           {"sign-out", signOutView{Frame{User: "alice"}}},
		"ended":              {"ended", endedView{}},
		"loop":               {"loop", loopView{Public: "https://auth.example.com", Target: "http://app.example.org", Secure: true, Plain: true, Now: used}},
		"error-not-found":    {"error", newError("en", 404)},
		"error-unavailable":  {"error", newError("en", 503)},
		"error-empty":        {"error", errorView{}},
	}
}
