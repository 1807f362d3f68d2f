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

// all are the events that people are told of.
var all = []string{
	nightlatch.EventAuthenticatorAdded, nightlatch.EventAuthenticatorRemoved, nightlatch.EventAuthenticatorRenamed,
	nightlatch.EventCodesMade, nightlatch.EventCodeUsed, nightlatch.EventReset, nightlatch.EventCodeGiven, nightlatch.EventWarning,
	nightlatch.EventWrongCodes, nightlatch.EventWrongProofs, nightlatch.EventNewBrowser, nightlatch.EventDeviceRemembered, nightlatch.EventDeviceEnded,
	nightlatch.EventNotMe, nightlatch.EventReminded, nightlatch.EventRecoveryAsked, nightlatch.EventRecoveryBegun,
	nightlatch.EventRecoveryCanceled, nightlatch.EventRecoveryCode, nightlatch.EventRecovered, nightlatch.EventHelpAsked,
	"password_changed", "password_reset", "address_change_asked", "address_changed", "address_confirmed", "address_held_back",
	"address_restored", "account_renamed", "account_removed", "account_changed", "account_disabled", "account_enabled",
}

// Every event that is wanted has its words, in every language, and says when, by whom and from where.
func TestEveryWantedEvent(t *testing.T) {
	t.Parallel()
	agent := "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
	for _, name := range all {
		said := map[string]bool{}
		for _, lang := range []string{"en", "de", "", "xx"} {
			e := nightlatch.Event{Name: name, Kind: "totp", At: noon, By: "command line", Reason: "copied"}
			m, ok := writer.Mail(nightlatch.Notice{User: ann, To: ann.Email, Lang: lang, Event: e})
			if !writer.Wants(name) || !ok || m.Subject == "" || strings.Contains(m.Text+m.Subject, "%!") || !strings.Contains(m.Text, "command line") {
				t.Errorf("%s in %q: %+v, %v", name, lang, m, ok)
			}
			said[m.Subject] = true
			e.By, e.Client = "", nightlatch.Client{Addr: "192.0.2.7", Agent: agent}
			if m, _ := writer.Mail(nightlatch.Notice{User: ann, Lang: lang, Event: e}); !strings.Contains(m.Text, "192.0.2.7, Firefox") {
				t.Errorf("%s in %q does not say from where: %s", name, lang, m.Text)
			}
		}
		if len(said) != 2 {
			t.Errorf("%s: subjects in English and German are %v", name, said)
		}
	}
}

// What anybody can bring about by typing is no news, nor what the owner did on purpose; what is not told is not wanted.
func TestNoNotice(t *testing.T) {
	t.Parallel()
	e := nightlatch.Event{Name: nightlatch.EventDeviceEnded, Reason: "forgotten"}
	if _, ok := writer.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: e}); ok {
		t.Error("a device that was forgotten makes a mail")
	}
	for _, name := range []string{nightlatch.EventSignedIn, nightlatch.EventRefused, nightlatch.EventThrottled, "", "something else"} {
		if _, ok := writer.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: nightlatch.Event{Name: name}}); ok || writer.Wants(name) {
			t.Errorf("%q is told", name)
		}
	}
}

// The links lead to the pages that they are for, in the text by themselves on a line, and stand nowhere without a token.
func TestLinks(t *testing.T) {
	t.Parallel()
	mail := func(name string, p nightlatch.Purpose, w notice.Writer) (text, html string) {
		m, _ := w.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: nightlatch.Event{Name: name, At: noon}, Link: "nl_m_token", Purpose: p})
		return m.Text, m.HTML
	}
	for name, link := range map[string]string{
		nightlatch.EventAuthenticatorAdded: "https://example.com/2fa/not-me?token=nl_m_token",
		nightlatch.EventRecoveryBegun:      "https://example.com/2fa/not-me?token=nl_m_token",
		"address_changed":                  "https://example.com/2fa/not-me?token=nl_m_token",
		nightlatch.EventRecoveryAsked:      "https://example.com/2fa/recover?token=nl_m_token",
	} {
		p := nightlatch.ForNotMe
		if name == nightlatch.EventRecoveryAsked {
			p = nightlatch.ForRecovery
		}
		w := writer
		w.Links = "https://example.com/2fa"
		text, html := mail(name, p, w)
		if !strings.Contains(text, "\n"+link+"\n") || strings.Count(text, "token=") != 1 || !strings.Contains(html, `<a href="`+link+`">`) {
			t.Errorf("%s:\n%s\n%s", name, text, html)
		}
		if text, html = mail(name, p, notice.Writer{Service: "Example"}); strings.Contains(text+html, "token") {
			t.Errorf("%s without a place for links:\n%s", name, text)
		}
	}
	w := writer
	w.Links = "https://example.com"
	for _, name := range []string{nightlatch.EventReset, nightlatch.EventHelpAsked, "account_removed"} {
		if text, html := mail(name, nightlatch.ForNotMe, w); strings.Contains(text+html, "token") {
			t.Errorf("%s has a link:\n%s", name, text)
		}
	}
}

// What an intruder may choose puts no words of his own into the head of a mail, nor a link of his own into it.
func TestHostileWords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a\r\nBcc: eve@example.net", "see https://evil.example", "www.evil", "evil.example now", "1.evil", `"><script>alert(1)</script>`,
		"\u202egnp", "\x00\x1b[2J", strings.Repeat("x", 10_000), "\xff\xfe", "a\u2028b",
	} {
		n := nightlatch.Notice{User: nightlatch.User{ID: "u1", Name: text, Email: text}, Lang: "en", Event: nightlatch.Event{
			Name: nightlatch.EventReset, At: noon, Label: text, By: text, Reason: text, Client: nightlatch.Client{Addr: text, Agent: text},
		}}
		for _, name := range all {
			n.Event.Name = name
			if name == nightlatch.EventDeviceEnded {
				continue
			}
			m, _ := notice.Writer{Service: "Ex\r\nX: 1"}.Mail(n)
			if strings.ContainsAny(m.Subject, "\r\n") || strings.ContainsAny(m.Text, "\r\x00\x1b\u202e\u2028") || len(m.Text) > 3000 {
				t.Fatalf("%s of %.40q: %q\n%q", name, text, m.Subject, m.Text)
			}
			if strings.Contains(m.HTML, "<script") {
				t.Errorf("%s of %q: %s", name, text, m.HTML)
			}
			if name != nightlatch.EventHelpAsked && strings.Contains(m.Text, "evil") {
				t.Errorf("%s of %q has a link of somebody else's: %s", name, text, m.Text)
			}
		}
	}
}

// A mail says what this one event needs.
func TestDetails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e    nightlatch.Event
		code string
		want string
	}{
		{nightlatch.Event{Name: nightlatch.EventCodeUsed, Detail: map[string]string{"left": "0"}}, "", "no recovery code is left"},
		{nightlatch.Event{Name: nightlatch.EventCodeUsed, Detail: map[string]string{"left": "1"}}, "", "Only 1 recovery code is left"},
		{nightlatch.Event{Name: nightlatch.EventCodeUsed, Detail: map[string]string{"left": "3"}}, "", "Only 3 recovery codes are left"},
		{nightlatch.Event{Name: nightlatch.EventCodeUsed, Detail: map[string]string{"left": "4"}}, "", "4 recovery codes are left"},
		{nightlatch.Event{Name: nightlatch.EventRecoveryCode}, "ABCD-EFGH-JKLM-NPQR", "ABCD-EFGH-JKLM-NPQR"},
		{nightlatch.Event{Name: nightlatch.EventRecoveryBegun, Detail: map[string]string{"until": "2026-11-23T12:00:00Z"}}, "", "until 23 November 2026"},
		{nightlatch.Event{Name: nightlatch.EventReminded, Detail: map[string]string{"enroll_by": "2026-11-23T12:00:00Z"}}, "", "until 23 November 2026"},
		{nightlatch.Event{Name: nightlatch.EventReset, Reason: "lost her phone"}, "", "lost her phone"},
		{nightlatch.Event{Name: nightlatch.EventHelpAsked}, "", "ann <ann@example.org>"},
	} {
		m, _ := writer.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: c.e, Code: c.code})
		if !strings.Contains(m.Text, c.want) {
			t.Errorf("%s lacks %q:\n%s", c.e.Name, c.want, m.Text)
		}
	}
}

// TestRoleIsSaid: an owner hears what an administrator made of the account.
func TestRoleIsSaid(t *testing.T) {
	t.Parallel()
	for want, detail := range map[string]map[string]string{
		"You are an administrator now.":      {"admin": "yes"},
		"You are no administrator any more.": {"admin": "no"},
		"Your groups: ops,qa.":               {"groups": "ops,qa", "groups_before": ""},
		"Your groups: –.":                    {"groups": "", "groups_before": "ops"},
	} {
		m, ok := writer.Mail(nightlatch.Notice{User: ann, Lang: "en", Event: nightlatch.Event{Name: "account_changed", At: noon, By: "administrator", Detail: detail}})
		if !ok || !strings.Contains(m.Text, want) {
			t.Errorf("%v: %s", detail, m.Text)
		}
	}
}
