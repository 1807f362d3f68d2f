package smtp

import (
	"errors"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
)

// Check goes in as Send does, and sends nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url      string
		implicit bool
	}{
		"STARTTLS": {"smtp://" + withPassword + ":2525", false}, "TLS": {"smtps://" + withPassword, true},
	} {
		s := &server{t: t, onMail: errors.New("nobody writes")}
		s.start(nil, c.implicit)
		if err := s.sender(c.url).Check(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.mails) != 0 {
			t.Errorf("%s: %d mails were sent", name, len(s.mails))
		}
	}
	plain := &server{t: t}
	plain.start(func(s *gosmtp.Server) { s.TLSConfig = nil }, false)
	err := plain.sender("smtp://" + withPassword).Check(t.Context())
	if err == nil || strings.Contains(err.Error(), "p:ss/w@rd") {
		t.Errorf("without STARTTLS: %v", err)
	}
	refusing := &server{t: t}
	refusing.start(nil, true)
	if err := refusing.sender("smtps://user%40example.com:wrong@" + host).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "AUTH") {
		t.Errorf("with a wrong password: %v", err)
	}
}
