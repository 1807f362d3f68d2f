// Package notice writes the mails by which the owner of an account hears of what happened to it: what, when, from
// where, and what it means, with a link that takes it away.
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
	// Links is where the pages not-me and recover are, "https://example.com" or "https://example.com/2fa". Empty: the
	// mails hold no link.
	Links string
}

var _ nightlatch.Notices = Writer{}

// Wants is as in nightlatch.Notices.
func (w Writer) Wants(event string) bool {
	_, ok := wordsOf(event)
	return ok
}

// Mail is as in nightlatch.Notices. That a device was forgotten by its owner is no news.
func (w Writer) Mail(n nightlatch.Notice) (factor.Message, bool) {
	e, lang := n.Event, n.Lang
	t, ok := wordsOf(e.Name)
	if !ok || e.Name == nightlatch.EventDeviceEnded && e.Reason != "copied" {
		return factor.Message{}, false
	}
	what := locale.T(lang, t.what)
	m := letter{lang: lang}
	if label := plain(e.Label, mostLabel); label != "" {
		m.say(locale.T(lang, `%s: "%s".`, what, label))
	} else {
		m.say(what + ".")
	}
	m.say(w.where(e, lang), locale.T(lang, t.means))
	m.say(details(n)...)
	w.link(&m, n, t)
	return factor.Message{
		Kind: "email", To: n.To, Subject: oneLine(locale.T(lang, "%s: %s", w.Service, what), mostSubject),
		Text: strings.Join(m.text, "\n\n") + "\n", HTML: "<p>" + strings.Join(m.html, "</p>\n<p>") + "</p>",
	}, true
}

// letter is a mail as it grows, the same words as text and as HTML.
type letter struct {
	lang       string
	text, html []string
}

func (m *letter) say(lines ...string) {
	for _, l := range lines {
		m.text = append(m.text, l)
		m.html = append(m.html, html.EscapeString(l))
	}
}

func (m *letter) link(words, url string) {
	m.text = append(m.text, words+":\n"+url)
	m.html = append(m.html, `<a href="`+html.EscapeString(url)+`">`+html.EscapeString(words)+`</a>`)
}

// link ends the mail with what the reader can do.
func (w Writer) link(m *letter, n nightlatch.Notice, t words) {
	lang := m.lang
	mailed := w.Links != "" && n.Link != ""
	switch {
	case n.Event.Name == nightlatch.EventHelpAsked, n.Event.Name == "account_removed":
	case mailed && n.Purpose == nightlatch.ForRecovery:
		m.link(locale.T(lang, "Recover my account"), w.Links+"/recover?token="+n.Link)
		m.say(locale.T(lang, "The link works once, for one hour."))
	case mailed && n.Purpose == nightlatch.ForNotMe && t.undo != "":
		m.say(locale.T(lang, "Was this not you? Open this link and press the button.") + " " + locale.T(lang, t.undo))
		m.link(locale.T(lang, "This was not me"), w.Links+"/not-me?token="+n.Link)
		m.say(locale.T(lang, "The link needs no sign-in and works once, for 7 days. It only takes away. Afterwards change your password."))
	case t.undo != "" && w.URL != "":
		m.say(locale.T(lang, "Was this not you? Then look at your account now, at %s: end all sessions, and change your password.", w.URL))
	case t.undo != "":
		m.say(locale.T(lang, "Was this not you? Then look at your account now: end all sessions, and change your password."))
	case w.URL != "":
		m.say(locale.T(lang, "Your account: %s", w.URL))
	}
}

// where says when it was, from where, and who did it.
func (w Writer) where(e nightlatch.Event, lang string) string {
	said := locale.T(lang, "When: %s.", locale.Moment(lang, e.At))
	if by := plain(e.By, mostLabel); by != "" {
		return said + " " + locale.T(lang, "Done by: %s.", by)
	}
	addr := plain(e.Client.Addr, mostLabel)
	switch {
	case addr != "" && e.Client.Agent != "":
		said += " " + locale.T(lang, "From: %s, %s.", addr, locale.Browser(lang, e.Client.Agent))
	case addr != "":
		said += " " + locale.T(lang, "From: %s.", addr)
	case e.Client.Agent != "":
		said += " " + locale.T(lang, "From: %s.", locale.Browser(lang, e.Client.Agent))
	}
	return said
}
