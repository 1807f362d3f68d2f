package sentcode

import (
	"html"
	"net/url"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/locale"
)

// words are the sentences that depend on what a code is for, in English.
type words struct {
	sms     string // service, code, time
	subject string // service
	lead    string // service
	unasked string
}

func wordsFor(p factor.Purpose) words {
	unasked := locale.Mark("Did you not ask for it? Then somebody may know your password: change it.")
	switch p {
	case factor.ForSignIn:
		return words{
			locale.Mark("%[1]s: %[2]s is your code to sign in. It is good for %[3]s. Never share it."),
			locale.Mark("Your code to sign in to %s"), locale.Mark("This is your code to sign in to %s:"), unasked,
		}
	case factor.ForEnrollment:
		return words{
			locale.Mark("%[1]s: %[2]s is your code to add this phone. It is good for %[3]s. Never share it."),
			locale.Mark("Your code to add this address to %s"), locale.Mark("This is your code to add this address to %s:"),
			locale.Mark("Did you not ask for it? Then do nothing: without the code this address is not added."),
		}
	default:
		return words{
			locale.Mark("%[1]s: %[2]s is your code to confirm that it is you. It is good for %[3]s. Never share it."),
			locale.Mark("Your code to confirm that it is you, for %s"),
			locale.Mark("This is your code to confirm that it is you, for %s:"), unasked,
		}
	}
}

// message is what is sent. It is not sent twice after an unclear answer: the person asks again.
func (f *Factor) message(c factor.Call, p *pending) *factor.Message {
	m := factor.Message{Kind: f.kind, To: p.To, Once: true}
	host := f.options.Host
	if u, err := url.Parse(c.Origin); host == "" && err == nil {
		host = hostOf(u.Host)
	}
	service := f.options.Service
	for _, name := range []string{c.Issuer, host, "Nightlatch"} {
		if service == "" {
			service = oneLine(name)
		}
	}
	if f.kind == SMS {
		m.Text = textMessage(c.Lang, wordsFor(p.Purpose), service, host, p.Code, lasts(c, p))
		return &m
	}
	f.mail(&m, c.Lang, wordsFor(p.Purpose), service, host, p.Code, lasts(c, p))
	return &m
}

// lasts says how long the code is still good, in whole minutes and never too much.
func lasts(c factor.Call, p *pending) string {
	left := p.Expires.Sub(c.Now)
	if left > 2*time.Minute {
		left = left.Truncate(time.Minute)
	}
	return locale.Duration(c.Lang, left)
}

// mail writes the mail as text and as HTML, with the same words.
func (f *Factor) mail(m *factor.Message, lang string, w words, service, host, code, lasts string) {
	m.Subject = locale.T(lang, w.subject, service)
	where := locale.T(lang, "It is good for %s. Share it with nobody.", lasts)
	if host != "" {
		where = locale.T(lang, "It is good for %[1]s. Enter it at %[2]s and nowhere else. Share it with nobody.", lasts, host)
	}
	lead, unasked := locale.T(lang, w.lead, service), locale.T(lang, w.unasked)
	m.Text = strings.Join([]string{lead, code, where, unasked}, "\n\n") + "\n"

	var b strings.Builder
	b.WriteString(`<!DOCTYPE html>` + "\n" + `<html lang="` + html.EscapeString(tag(lang)) + `" dir="` + locale.Direction(lang) + `">` +
		`<head><meta charset="utf-8"></head><body style="font-family:sans-serif">` + "\n")
	paragraph := func(style, text string) {
		b.WriteString("<p" + style + ">" + html.EscapeString(text) + "</p>\n")
	}
	paragraph("", lead)
	paragraph(` style="font-size:1.6em;font-weight:bold;letter-spacing:.1em"`, code)
	paragraph("", where)
	paragraph("", unasked)
	b.WriteString("</body></html>\n")
	m.HTML = b.String()
}

func tag(lang string) string {
	if lang == "" {
		return locale.English
	}
	return lang
}
