// Package notice writes the mails by which the owner of an account hears of what happened to it: what, when, from
// where, and what it means.
//
// It owns the words. When a notice is due, and that none is lost, is the engine's. It knows no way to send.
package notice

import (
	"html"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/locale"
)

// Writer writes notices. It is a nightlatch.Notices; only Service must be set.
type Writer struct {
	// Service is what the service calls itself to people.
	Service string
	// URL is where people find their account, "https://example.com/account"; empty: the mail names no place.
	URL string
}

var _ nightlatch.Notices = Writer{}

// words are what is said of an event: what happened, and what it means.
type words struct{ what, means string }

// texts are the events that owners are told of.
var texts = map[string]words{
	nightlatch.EventAuthenticatorAdded: {
		locale.Mark("An authenticator was added to your account"),
		locale.Mark("From now on it is one of the ways to sign in to your account."),
	},
	nightlatch.EventAuthenticatorRemoved: {
		locale.Mark("An authenticator was removed from your account"),
		locale.Mark("It can no longer be used to sign in to your account."),
	},
	nightlatch.EventAuthenticatorRenamed: {
		locale.Mark("An authenticator of your account was renamed"),
		locale.Mark("It works as before; only its name is another."),
	},
	nightlatch.EventCodesMade: {
		locale.Mark("New recovery codes were made for your account"),
		locale.Mark("Codes that you had before are good for nothing now."),
	},
	nightlatch.EventCodeUsed: {
		locale.Mark("A recovery code of your account was used"),
		locale.Mark("It stood in for your authenticator once and is good for nothing now."),
	},
	nightlatch.EventReset: {
		locale.Mark("The second factor of your account was reset"),
		locale.Mark("All authenticators are gone. Whoever reset it gives you a code with which you set up a new one."),
	},
	nightlatch.EventWarning: {
		locale.Mark("Something unusual was seen at your security key"),
		locale.Mark("Its counter went back. That can mean that somebody has a copy of the key. If you did not just replace or restore it, remove it from your account."),
	},
	nightlatch.EventThrottled: {
		locale.Mark("Somebody knows your password and tries to guess the second factor"),
		locale.Mark("If it was not you, change your password now. Nobody was let in."),
	},
	"password_changed": {
		locale.Mark("The password of your account was changed"),
		locale.Mark("All sessions were ended. Sign in with the new password."),
	},
}

// Wants is as in nightlatch.Notices.
func (w Writer) Wants(event string) bool {
	_, ok := texts[event]
	return ok
}

// Mail is as in nightlatch.Notices. Too many wrong passwords alone are no news: anybody can type those.
func (w Writer) Mail(n nightlatch.Notice) (factor.Message, bool) {
	e, lang := n.Event, n.Lang
	t, ok := texts[e.Name]
	if !ok || e.Name == nightlatch.EventThrottled && e.Kind == "password" {
		return factor.Message{}, false
	}
	what := locale.T(lang, t.what)
	lines := []string{what + "."}
	if e.Label != "" {
		lines[0] = locale.T(lang, `%s: "%s".`, what, e.Label)
	}
	lines = append(lines, locale.T(lang, t.means), w.where(e, lang), w.advice(lang))
	return factor.Message{
		Kind: "email", To: n.To, Subject: locale.T(lang, "%s: %s", w.Service, what),
		Text: strings.Join(lines, "\n\n") + "\n", HTML: "<p>" + htmlOf(lines) + "</p>",
	}, true
}

// where says when it was and from where.
func (w Writer) where(e nightlatch.Event, lang string) string {
	when := locale.Moment(lang, e.At)
	switch {
	case e.By != "":
		return locale.T(lang, "When: %s. Done by: %s.", when, e.By)
	case e.Client.Addr != "":
		return locale.T(lang, "When: %s. From: %s.", when, e.Client.Addr)
	}
	return locale.T(lang, "When: %s.", when)
}

func (w Writer) advice(lang string) string {
	if w.URL == "" {
		return locale.T(lang, "Was this not you? Then look at your account now: end all sessions, and change your password.")
	}
	return locale.T(lang, "Was this not you? Then look at your account now, at %s: end all sessions, and change your password.", w.URL)
}

func htmlOf(lines []string) string {
	escaped := make([]string, len(lines))
	for i, l := range lines {
		escaped[i] = html.EscapeString(l)
	}
	return strings.Join(escaped, "</p>\n<p>")
}
