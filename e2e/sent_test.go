package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
)

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// mail is a message that the demonstration would have sent.
type mail struct{ To, Subject, Text string }

// mails are all messages, the newest first.
func (p *page) mails() (list []mail) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.origin+"/demo/outbox", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		p.t.Fatal(err)
	}
	return list
}

// outbox is the text of every message with a code, the newest first.
func (p *page) outbox() (texts []string) {
	p.t.Helper()
	for _, m := range p.mails() {
		if sixDigits.MatchString(m.Text) && !link.MatchString(m.Text) { // not the notices, nor what holds a link
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// sent is the code of the newest message, after which there must be so many.
func (p *page) sent(count int) string {
	p.t.Helper()
	texts := p.outbox()
	if len(texts) != count {
		p.t.Fatalf("%d codes were sent, want %d: %q", len(texts), count, texts)
	}
	return sixDigits.FindString(texts[0])
}

// TestSentPhone sets up a phone, and signs in with the code that the password brings.
func TestSentPhone(t *testing.T) {
	p := open(t, serve(t), options{})
	p.signUp("ada")
	p.press("Add phone")
	p.fill("Phone number", "+49 123")
	p.pressFor("Continue", 400)
	p.wantAlert("Check that you entered your phone number correctly.")
	p.fill("Phone number", "+49 1512 3456712")
	p.press("Continue")
	p.wantText("+49 1512 3456712")
	p.sentNone()
	p.press("Send code")
	p.giveCode(p.sent(1), 200)
	p.wantStatus("Authenticator added.")
	p.recoveryCodes()
	p.press("Continue")
	p.signOut()

	p.givePassword("ada")
	code := p.sent(2)
	p.visit("/verify", 200)
	p.sent(2) // loading a page sends nothing
	p.giveCode("12345", 401)
	p.wantAlert("That code is wrong.")
	p.giveCode(code, 200)
	p.wantStatus("You are signed in.")
}

func (p *page) sentNone() {
	p.t.Helper()
	if texts := p.outbox(); len(texts) > 0 {
		p.t.Fatalf("codes were sent: %q", texts)
	}
}
