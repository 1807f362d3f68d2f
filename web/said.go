package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/locale"
)

// A message that a form leaves for the page after the redirect waits in a cookie, so that no link can put words
// before a reader and no path changes. It holds a key of saidTexts and nothing else.
const (
	saidCookie = "nightlatch_said"
	saidLife   = 2 * time.Minute
	repeatLife = 15 * time.Minute // what waits for a fresh proof may wait for a mail
)

// The keys of saidTexts.
const (
	saidSignedIn     = "signed-in"
	saidCodeUsed     = "code-used" // signed in with a recovery code
	saidAdded        = "added"
	saidRenamed      = "renamed"
	saidPrefer       = "preferred"
	saidRemoved      = "removed"
	saidEnded        = "ended"
	saidForgot       = "forgot"
	saidVerified     = "verified"
	saidLinkMailed   = "link-mailed"
	saidHelpAsked    = "help-asked"
	saidHoldCanceled = "hold-canceled"
	saidRepeat       = "repeat"
	saidFilled       = "filled" // saidRepeat, and the form was kept
	saidSaved        = "saved"  // an administrator changed an account

	saidPassword  = "password"
	saidReset     = "reset"
	saidMailed    = "mailed"
	saidRestored  = "restored"
	saidConfirmed = "confirmed"
	saidName      = "name"
	saidDeleted   = "deleted"
	// A code was sent. The page has the words, with where it went.
	saidSent       = "sent"
	saidSentRepeat = "sent-repeat" // and saidRepeat is still to be said
	saidSentFilled = "sent-filled" // and saidFilled is still to be said
)

var saidTexts = map[string]string{
	saidSignedIn:     locale.Mark("You are signed in."),
	saidCodeUsed:     locale.Mark("You are signed in."),
	saidAdded:        locale.Mark("Authenticator added."),
	saidRenamed:      locale.Mark("Authenticator renamed."),
	saidPrefer:       locale.Mark("This authenticator is asked for first from now on."),
	saidRemoved:      locale.Mark("Authenticator removed."),
	saidEnded:        locale.Mark("Session ended."),
	saidLinkMailed:   locale.Mark("We have mailed you a link. It is good for one hour."),
	saidHelpAsked:    locale.Mark("The administrators were told. Whoever helps you will want to know that it is you."),
	saidHoldCanceled: locale.Mark("There is no recovery any more."),
	saidForgot:       locale.Mark("Device forgotten."),
	saidVerified:     locale.Mark("Thank you, that was right."),
	saidSaved:        locale.Mark("Done."),
	saidFilled:       locale.Mark("Nothing was changed yet. What you had entered is here again: please send it now."),
	saidRepeat:       locale.Mark("Nothing was changed yet. Please repeat what you were about to do."),

	saidPassword:  locale.Mark("Password changed. All other sessions were ended."),
	saidReset:     locale.Mark("Password changed. Sign in with the new one."),
	saidMailed:    locale.Mark("A mail is on its way. Follow the link in it."),
	saidRestored:  locale.Mark("The address before is back."),
	saidConfirmed: locale.Mark("Email address confirmed."),
	saidName:      locale.Mark("Username changed."),
	saidDeleted:   locale.Mark("Your account was deleted."),
}

// tell leaves a message for one of our pages.
func (g *Gate) tell(w http.ResponseWriter, key string) { g.setCookie(w, saidCookie, key, saidLife) }

// tellAt leaves a message where the way leads to a page of ours that shows it.
func (g *Gate) tellAt(w http.ResponseWriter, to, key string) {
	if to == "" || strings.HasPrefix(to, g.options.Prefix+"/account") {
		g.tell(w, key)
	}
}

// told takes the message that was left: its key, and its words in the reader's language.
func (g *Gate) told(w http.ResponseWriter, r *http.Request) (key, words string) {
	key = g.cookie(r, saidCookie)
	if r.Method != http.MethodGet {
		return "", ""
	}
	g.drop(w, r, saidCookie)
	english, ok := saidTexts[key]
	if !ok {
		return "", ""
	}
	return key, g.pages.say(r, english)
}

// tellSent leaves word for /verify that a code was sent, beside what is there for the page after it.
func (g *Gate) tellSent(w http.ResponseWriter, r *http.Request) {
	switch waits(g.cookie(r, saidCookie)) {
	case saidRepeat:
		g.setCookie(w, saidCookie, saidSentRepeat, repeatLife)
	case saidFilled:
		g.setCookie(w, saidCookie, saidSentFilled, repeatLife)
	default:
		g.tell(w, saidSent)
	}
}

// waits is what a message for /verify leaves to be said after it: saidRepeat, saidFilled or "".
func waits(key string) string {
	switch key {
	case saidRepeat, saidSentRepeat:
		return saidRepeat
	case saidFilled, saidSentFilled:
		return saidFilled
	}
	return ""
}

// toldSent takes that word, and leaves what was there before.
func (g *Gate) toldSent(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	switch key := g.cookie(r, saidCookie); key {
	case saidSent:
		g.drop(w, r, saidCookie)
	case saidSentRepeat, saidSentFilled:
		g.setCookie(w, saidCookie, waits(key), repeatLife)
	default:
		return false
	}
	return true
}
