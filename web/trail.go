package web

import (
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/locale"
)

// eventTexts says each event of the engine and of the server in a sentence, by its name.
var eventTexts = map[string]string{
	nightlatch.EventFirstFactorRefused:   locale.Mark("A wrong password was given"),
	nightlatch.EventFirstFactorProven:    locale.Mark("The password was right"),
	nightlatch.EventRefused:              locale.Mark("A wrong code was given"),
	nightlatch.EventThrottled:            locale.Mark("Too many wrong tries"),
	nightlatch.EventSignedIn:             locale.Mark("Signed in"),
	nightlatch.EventSignInGivenUp:        locale.Mark("A sign-in was given up"),
	nightlatch.EventProven:               locale.Mark("Verified again"),
	nightlatch.EventSignedOut:            locale.Mark("Signed out"),
	nightlatch.EventSessionEnded:         locale.Mark("A session was ended"),
	nightlatch.EventSessionsEnded:        locale.Mark("All other sessions were ended"),
	nightlatch.EventEnrollmentBegun:      locale.Mark("The set-up of an authenticator was begun"),
	nightlatch.EventEnrollmentRefused:    locale.Mark("A wrong code was given during set-up"),
	nightlatch.EventAuthenticatorAdded:   locale.Mark("An authenticator was added"),
	nightlatch.EventAuthenticatorRemoved: locale.Mark("An authenticator was removed"),
	nightlatch.EventAuthenticatorRenamed: locale.Mark("An authenticator was renamed"),
	nightlatch.EventPreferred:            locale.Mark("Another authenticator is asked for first"),
	nightlatch.EventCodeSent:             locale.Mark("A code was sent"),
	nightlatch.EventCodesMade:            locale.Mark("New recovery codes were made"),
	nightlatch.EventCodeUsed:             locale.Mark("A recovery code was used"),
	nightlatch.EventReset:                locale.Mark("The second factor was reset"),
	nightlatch.EventRestored:             locale.Mark("The records were read from a backup: recovery codes, sessions and remembered devices ended"),
	nightlatch.EventUnlocked:             locale.Mark("The wait after wrong tries was lifted"),
	nightlatch.EventWarning:              locale.Mark("Something unusual was seen"),
	nightlatch.EventConfirmationAsked:    locale.Mark("A confirmation was asked for"),
	nightlatch.EventConfirmed:            locale.Mark("Something was confirmed"),
	nightlatch.EventConfirmationUsed:     locale.Mark("What was confirmed was done"),
	nightlatch.EventDeviceRemembered:     locale.Mark("A device was remembered"),
	nightlatch.EventDeviceEnded:          locale.Mark("A remembered device was ended"),
	nightlatch.EventDevicesEnded:         locale.Mark("All remembered devices were ended"),
	nightlatch.EventNewBrowser:           locale.Mark("The browser of that sign-in was not seen before"),
	nightlatch.EventCodeGiven:            locale.Mark("A one-time code was given"),

	nightlatch.EventAuthenticatorSuspended: locale.Mark("An authenticator was suspended"),
	nightlatch.EventWrongCodes:             locale.Mark("Repeated wrong codes after a right password"),
	nightlatch.EventWrongProofs:            locale.Mark("Repeated wrong codes or passwords within a session"),
	nightlatch.EventNotMe:                  locale.Mark("“This was not me”: all sessions and devices were ended"),
	nightlatch.EventNoticesRead:            locale.Mark("Notices were read"),
	nightlatch.EventRecoveryAsked:          locale.Mark("A recovery by mail was asked for"),
	nightlatch.EventRecoveryBegun:          locale.Mark("A recovery by mail was begun"),
	nightlatch.EventRecoveryCanceled:       locale.Mark("The recovery was stopped"),
	nightlatch.EventRecoveryCode:           locale.Mark("The code of the recovery was mailed"),
	nightlatch.EventRecovered:              locale.Mark("The account was recovered"),
	nightlatch.EventHelpAsked:              locale.Mark("The administrators were asked for help"),
	nightlatch.EventReminded:               locale.Mark("A reminder to add an authenticator was sent"),
	nightlatch.EventWouldStop:              locale.Mark("The policy would have asked for an authenticator"),
	// The server's.
	"account_created":     locale.Mark("The account was made"),
	"account_changed":     locale.Mark("The account was changed"),
	"account_disabled":    locale.Mark("The account was disabled"),
	"account_enabled":     locale.Mark("The account was enabled"),
	"account_defined":     locale.Mark("The account was taken from the settings"),
	"account_undefined":   locale.Mark("The account is no longer in the settings"),
	"administrator_acted": locale.Mark("Did something to an account as an administrator"),
	"password_changed":    locale.Mark("The password was changed"),

	"account_renamed":            locale.Mark("The username was changed"),
	"account_removed":            locale.Mark("The account was deleted"),
	"password_reset_asked":       locale.Mark("A link to choose a new password was mailed"),
	"password_reset":             locale.Mark("The password was set by a mailed link"),
	"address_confirmation_asked": locale.Mark("A link to confirm the email address was mailed"),
	"address_confirmed":          locale.Mark("The email address was confirmed"),
	"address_change_asked":       locale.Mark("Another email address was asked for"),
	"address_tried":              locale.Mark("Somebody gave the email address for another account"),
	"address_changed":            locale.Mark("The email address was changed"),
	"address_held_back":          locale.Mark("The change of the email address was held back"),
	"address_restored":           locale.Mark("The email address before was put back"),
	"account_taken_in":           locale.Mark("The account was taken in from another program"),
	"authenticators_taken_in":    locale.Mark("Authenticators were taken in from another program"),
}

// eventText says what happened, with the name of the authenticator that it happened to. An event that is not
// ours, an application's own, goes by its name.
func eventText(lang, name, label string) string {
	text, ok := eventTexts[name]
	if ok {
		text = locale.T(lang, text)
	} else {
		text = strings.ReplaceAll(name, "_", " ")
	}
	if label == "" {
		return text
	}
	return locale.T(lang, `%s: "%s"`, text, label)
}

// textOf is eventText of an event whose details say more than its name.
func textOf(lang string, e nightlatch.Event) string {
	did, admin := e.Detail["did"], e.Detail["admin"]
	switch {
	case e.Name == "administrator_acted" && did != "":
		return locale.T(lang, `As an administrator, to "%s": %s`, e.Detail["name"], eventText(lang, did, ""))
	case e.Name == "account_changed" && admin == "yes":
		return locale.T(lang, "The account became an administrator's")
	case e.Name == "account_changed" && admin == "no":
		return locale.T(lang, "The account is no administrator's any more")
	}
	return eventText(lang, e.Name, e.Label)
}

// browserText names the browser and the system of a User-Agent, as far as people would.
func browserText(lang, agent string) string { return locale.Browser(lang, agent) }
