package notice_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/notice"
)

var (
	writer = notice.Writer{Service: "Example", URL: "https://example.com/account"}
	ann    = nightlatch.User{ID: "u1", Name: "ann", Email: "ann@example.org"}
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// A notice says what happened, when, from where, and what it means, as text and HTML with the same words.
func TestNotice(t *testing.T) {
	t.Parallel()
	m, ok := writer.Mail(nightlatch.Notice{User: ann, To: ann.Email, Lang: "en", Event: nightlatch.Event{
		Name: nightlatch.EventAuthenticatorAdded, At: noon, Label: `<b>"Blue"</b>`, Client: nightlatch.Client{Addr: "192.0.2.7"},
	}})
	if !ok || m.To != "ann@example.org" || m.Kind != "email" || m.Subject != "Example: An authenticator was added to your account" || m.Once {
		t.Fatalf("notice = %+v, %v", m, ok)
	}
	for _, part := range []string{`<b>"Blue"</b>`, "22 November 2026", "192.0.2.7", "one of the ways to sign in", "https://example.com/account"} {
		if !strings.Contains(m.Text, part) {
			t.Errorf("the text lacks %q:\n%s", part, m.Text)
		}
	}
	if strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, "&lt;b&gt;") || !strings.Contains(m.HTML, "192.0.2.7") {
		t.Errorf("HTML = %s", m.HTML)
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		t.Error("the subject has two lines")
	}
}

// Every event that is wanted has its words, in every language.
func TestEveryWantedEvent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		nightlatch.EventAuthenticatorAdded, nightlatch.EventAuthenticatorRemoved, nightlatch.EventAuthenticatorRenamed,
		nightlatch.EventCodesMade, nightlatch.EventCodeUsed, nightlatch.EventReset, nightlatch.EventWarning,
		nightlatch.EventThrottled, "password_changed",
	} {
		for _, lang := range []string{"en", "de", "", "xx"} {
			m, ok := writer.Mail(nightlatch.Notice{User: ann, To: ann.Email, Lang: lang, Event: nightlatch.Event{Name: name, Kind: "totp", At: noon, By: "command line"}})
			if !writer.Wants(name) || !ok || m.Subject == "" || strings.Contains(m.Text+m.Subject, "%!") || !strings.Contains(m.Text, "command line") {
				t.Errorf("%s in %q: %+v, %v", name, lang, m, ok)
			}
		}
	}
}

// What anybody can bring about by typing is no news, and what is not told is not wanted.
func TestNoNotice(t *testing.T) {
	t.Parallel()
	if _, ok := writer.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: nightlatch.Event{Name: nightlatch.EventThrottled, Kind: "password"}}); ok {
		t.Error("wrong passwords alone make a mail")
	}
	for _, name := range []string{nightlatch.EventSignedIn, nightlatch.EventRefused, "", "something else"} {
		if _, ok := writer.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: nightlatch.Event{Name: name}}); ok || writer.Wants(name) {
			t.Errorf("%q is told", name)
		}
	}
}
