package notice

import (
	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/locale"
)

// words are what is said of an event: what happened, what it means, and what the link **This was not me** does beside
// ending sessions.
type words struct {
	what, means string
	undo        string // "": there is nothing to take away, and no link
}

// What the link does, before all sessions end.
var (
	endAll   = locale.Mark("It ends all sessions and all remembered devices of your account.")
	suspend  = locale.Mark("It suspends what was added, and ends all sessions and all remembered devices of your account.")
	stopHold = locale.Mark("It stops the recovery, and ends all sessions and all remembered devices of your account.")
	holdBack = locale.Mark("It holds the change back, and ends all sessions and all remembered devices of your account.")
)

// nothingOff: there is nothing to take away.
const nothingOff = ""

// texts are the events of the engine that people are told of.
var texts = map[string]words{
	nightlatch.EventAuthenticatorAdded: {
		locale.Mark("An authenticator was added to your account"),
		locale.Mark("From now on it is one of the ways to sign in to your account."), suspend,
	},
	nightlatch.EventAuthenticatorRemoved: {
		locale.Mark("An authenticator was removed from your account"),
		locale.Mark("It can no longer be used to sign in to your account."), endAll,
	},
	nightlatch.EventAuthenticatorRenamed: {
		locale.Mark("An authenticator of your account was renamed"),
		locale.Mark("It works as before; only its name is another."), endAll,
	},
	nightlatch.EventCodesMade: {
		locale.Mark("New recovery codes were made for your account"),
		locale.Mark("Codes that you had before are good for nothing now."), suspend,
	},
	nightlatch.EventCodeUsed: {
		locale.Mark("A recovery code of your account was used"),
		locale.Mark("It stood in for your authenticator once and is good for nothing now."), endAll,
	},
	nightlatch.EventReset: {
		locale.Mark("The second factor of your account was reset"),
		locale.Mark("All authenticators are gone. Whoever reset it gives you a code with which you set up a new one."), nothingOff,
	},
	nightlatch.EventCodeGiven: {
		locale.Mark("A one-time code was made for your account"),
		locale.Mark("It stands in for your authenticator once. Whoever made it gives it to you, and to nobody else."), nothingOff,
	},
	nightlatch.EventWarning: {
		locale.Mark("Something unusual was seen at your security key"),
		locale.Mark("Its counter went back. That can mean that somebody has a copy of the key. If you did not just replace or restore it, remove it from your account."),
		endAll,
	},
	nightlatch.EventWrongCodes: {
		locale.Mark("Somebody knows your password and tries to guess the second factor"),
		locale.Mark("Nobody was let in. If it was not you, change your password now: it is known to somebody else."), endAll,
	},
	nightlatch.EventWrongProofs: {
		locale.Mark("Somebody in a session of your account cannot prove to be you"),
		locale.Mark("Somebody was asked to prove again that it is you, and gave wrong codes or passwords. Nothing was changed by that. If it was not you, end all sessions now: somebody else has one of them."),
		endAll,
	},
	nightlatch.EventNewBrowser: {
		locale.Mark("Somebody signed in to your account from a new browser"),
		locale.Mark("If it was you, there is nothing to do."), endAll,
	},
	nightlatch.EventDeviceRemembered: {
		locale.Mark("A device is remembered for your account"),
		locale.Mark("Sign-ins from it are not asked for the second factor for a while."), endAll,
	},
	nightlatch.EventDeviceEnded: {
		locale.Mark("A remembered device of your account was ended"),
		locale.Mark("What it kept was used a second time. That can mean that somebody has copied it. The next sign-in from it is asked for the second factor."),
		endAll,
	},
	nightlatch.EventNotMe: {
		locale.Mark("You told us that this was not you"),
		locale.Mark("All sessions and remembered devices of your account were ended, and what was added or changed is held back. Now change your password, and look at your authenticators."),
		nothingOff,
	},
	nightlatch.EventReminded: {
		locale.Mark("Please add an authenticator to your account"),
		locale.Mark("Soon you cannot sign in without one. Sign in now and add it; it takes a few minutes."), nothingOff,
	},
}

// recoveries are the events of a recovery.
var recoveries = map[string]words{
	nightlatch.EventRecoveryAsked: {
		locale.Mark("Somebody asked to recover your account"),
		locale.Mark("If it was you, open the link below and press the button: then a time begins in which the recovery can be stopped, and after it you get a code by mail with which you set up a new authenticator. If it was not you, do nothing, and change your password: whoever asked knows it."),
		nothingOff,
	},
	nightlatch.EventRecoveryBegun: {
		locale.Mark("The recovery of your account has begun"),
		locale.Mark("When the time is over, you get a code by mail with which you set up a new authenticator, and all that you had are removed. Until then it can be stopped."),
		stopHold,
	},
	nightlatch.EventRecoveryCanceled: {
		locale.Mark("The recovery of your account was stopped"),
		locale.Mark("Your authenticators work as before."), nothingOff,
	},
	nightlatch.EventRecoveryCode: {
		locale.Mark("Your code for a new authenticator"),
		locale.Mark("Sign in with your password and enter this code in the place of your authenticator. It is good once, for 72 hours, and only to set up a new authenticator; all others are removed then. Give it to nobody."),
		stopHold,
	},
	nightlatch.EventRecovered: {
		locale.Mark("Your account was recovered"),
		locale.Mark("A new authenticator was set up. All others, recovery codes, remembered devices and sessions are gone."), suspend,
	},
	nightlatch.EventHelpAsked: {
		locale.Mark("Somebody has lost the second factor and asks for help"),
		locale.Mark("The password was right. Make sure by another way than mail that it is really this person; then give a one-time code, or reset the second factor."),
		nothingOff,
	},
}

// accounts are the events of the server's accounts. An application that names its own events so is told of, too.
var accounts = map[string]words{
	"password_changed": {
		locale.Mark("The password of your account was changed"),
		locale.Mark("All sessions were ended. Sign in with the new password."), endAll,
	},
	"password_reset": {
		locale.Mark("A new password was set for your account by a mailed link"),
		locale.Mark("All sessions and remembered devices were ended. Your authenticators are still asked for."), endAll,
	},
	"address_change_asked": {
		locale.Mark("Another email address was asked for on your account"),
		locale.Mark("It counts once it is confirmed from there. Until then nothing changes."), holdBack,
	},
	"address_changed": {
		locale.Mark("The email address of your account was changed"),
		locale.Mark("Mails about your account go to the new address from now on. For 7 days the change can be held back from the old one."),
		holdBack,
	},
	"address_confirmed": {
		locale.Mark("The email address of your account was confirmed"),
		locale.Mark("Mails about your account go here, and it can be used to sign in."), endAll,
	},
	"address_held_back": {
		locale.Mark("The change of the email address of your account is held back"),
		locale.Mark("The new address is good for nothing on this account. Whoever has the password and a second factor can bring the old one back."),
		nothingOff,
	},
	"address_restored": {
		locale.Mark("The old email address of your account is back"),
		locale.Mark("The change was undone with the right password and second factor."), endAll,
	},
	"account_renamed": {
		locale.Mark("The name of your account was changed"),
		locale.Mark("Sign in with the new name from now on."), endAll,
	},
	"account_removed": {
		locale.Mark("Your account was removed"),
		locale.Mark("Nobody can sign in to it any more, and what was kept of it is gone."), nothingOff,
	},
	"account_changed": {
		locale.Mark("The groups or the role of your account were changed"),
		locale.Mark("What you may do may be more or less than before."), nothingOff,
	},
	"account_disabled": {
		locale.Mark("Your account was disabled"),
		locale.Mark("Nobody can sign in to it until it is enabled again."), nothingOff,
	},
	"account_enabled": {
		locale.Mark("Your account was enabled again"),
		locale.Mark("You can sign in as before."), nothingOff,
	},
}

// wordsOf finds the words for an event.
func wordsOf(event string) (words, bool) {
	for _, list := range []map[string]words{texts, recoveries, accounts} {
		if w, ok := list[event]; ok {
			return w, true
		}
	}
	return words{}, false
}
