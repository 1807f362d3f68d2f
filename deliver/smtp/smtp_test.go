package smtp

import (
	"crypto/tls"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

const withPassword = "user%40example.com:p%3Ass%2Fw%40rd@" + host

func TestSend(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		url      string
		implicit bool
		auth     string
		user     string
	}{
		"STARTTLS":          {"smtp://" + withPassword + ":2525", false, "", "user@example.com"},
		"TLS":               {"smtps://" + withPassword, true, "", "user@example.com"},
		"LOGIN":             {"smtps://" + withPassword, true, "LOGIN", "user@example.com"},
		"nobody signs in":   {"smtp://" + host, false, "", ""},
		"slash and no port": {"smtp://" + host + "/", false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{t: t, auth: tc.auth}
			s.start(nil, tc.implicit)
			if err := s.sender(tc.url).Send(t.Context(), code); err != nil {
				t.Fatal(err)
			}
			got := s.last()
			if !got.secret || got.user != tc.user || got.from != "id@example.com" || got.to != "ada@example.org" || got.hello != "example.com" {
				t.Errorf("%+v", got)
			}
			checkMail(t, got.text)
		})
	}
}

// checkMail: the mail has both forms of the message and names neither a program nor a machine.
func checkMail(t *testing.T, text string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"From": `^"Example" <id@example\.com>$`, "To": `^<ada@example\.org>$`, "Date": `^Sun, 22 Nov 2026 12:00:00 \+0000$`,
		"Message-Id": `^<[0-9a-f]{32}@example\.com>$`, "Auto-Submitted": `^auto-generated$`, "Mime-Version": `^1\.0$`,
		"User-Agent": `^$`, "X-Mailer": `^$`,
	} {
		if got := m.Header.Get(header); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q", header, got)
		}
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || subject != code.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, want := range []struct{ kind, text string }{{"text/plain", code.Text}, {"text/html", code.HTML}} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); got != want.kind {
			t.Errorf("part %q, want %q", got, want.kind)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p)) // of what NextPart has decoded, it is the same
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(string(b), "\r\n", "\n"); strings.TrimSpace(got) != strings.TrimSpace(want.text) {
			t.Errorf("%s: %q, want %q", want.kind, got, want.text)
		}
	}
}

func TestTextAlone(t *testing.T) {
	t.Parallel()
	s := &server{t: t}
	s.start(nil, false)
	m := code
	m.HTML = ""
	if err := s.sender("smtp://"+host).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := s.last().text; !strings.Contains(got, "Content-Type: text/plain; charset=UTF-8") || strings.Contains(got, "multipart") {
		t.Error(got)
	}
}

// A server that is not who it says, or that would be spoken to in clear, gets nothing.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	s := &server{t: t}
	s.start(func(srv *gosmtp.Server) { srv.TLSConfig, srv.AllowInsecureAuth = nil, true }, false)
	err := s.sender("smtp://"+withPassword).Send(t.Context(), code)
	if err == nil || !strings.Contains(err.Error(), "STARTTLS") || deliver.IsTemporary(err) || s.count() != 0 {
		t.Errorf("without STARTTLS: %v", err)
	}

	// On this machine it may be in clear.
	sender, err := New(Options{URL: "smtp://user%40example.com:p%3Ass%2Fw%40rd@" + s.address, From: "id@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	if got := s.last(); got.secret || got.user == "" {
		t.Errorf("on loopback: %+v", got)
	}
}

func TestUnknownAuthority(t *testing.T) {
	t.Parallel()
	for _, implicit := range []bool{false, true} {
		s := &server{t: t}
		s.start(nil, implicit)
		scheme := map[bool]string{false: "smtp://", true: "smtps://"}[implicit]
		for name, o := range map[string]Options{
			"unknown authority": {URL: scheme + withPassword, TLS: nil, Dial: s.dial},
			"another name":      {URL: strings.Replace(scheme+withPassword, host, "other.example.com", 1), TLS: &tls.Config{RootCAs: s.roots}, Dial: s.dial},
		} {
			o.From = "id@example.com"
			sender, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			err = sender.Send(t.Context(), code)
			if err == nil || deliver.IsTemporary(err) || !strings.Contains(err.Error(), "certificate") || s.count() != 0 {
				t.Errorf("%s, implicit %v: %v", name, implicit, err)
			}
		}
	}
}

// A server on loopback that offers STARTTLS is believed, unless the sender is told whom to trust.
func TestStartTLSOnLoopback(t *testing.T) {
	t.Parallel()
	s := &server{t: t}
	s.start(nil, false)
	_, others := newCertificate(t)
	for name, tc := range map[string]struct {
		trust *tls.Config
		sound bool
	}{"nobody told": {nil, true}, "told": {&tls.Config{RootCAs: others}, false}} {
		sender, err := New(Options{URL: "smtp://" + s.address, From: "id@example.com", TLS: tc.trust})
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), code); (err == nil) != tc.sound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := s.last(); !got.secret || s.count() != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := &server{t: t}
	s.start(nil, false)
	sender := s.sender("smtp://" + host)
	for _, to := range []string{
		"", "ada", `"x@y"@example.com`, "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com,eve@example.com",
		"Ada <ada@example.com>", "ada@example.com\x00", "<ada@example.com>", "ada@@example.com", "ädä@example.com",
	} {
		m := code
		m.To = to
		if err := sender.Send(t.Context(), m); kindOf(err) != "refused" {
			t.Errorf("%q: %v", to, err)
		}
	}
	for name, change := range map[string]func(*factor.Message){
		"a line end in the subject": func(m *factor.Message) { m.Subject = "x\r\nBcc: eve@example.com" },
		"an SMS":                    func(m *factor.Message) { m.Kind = "sms" },
	} {
		m := code
		change(&m)
		if err := sender.Send(t.Context(), m); kindOf(err) != "plain" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.count() != 0 {
		t.Error("a mail came")
	}
}

// SMTPUTF8 is asked for where it is needed, and nowhere else.
func TestUTF8(t *testing.T) {
	t.Parallel()
	s := &server{t: t}
	s.start(func(srv *gosmtp.Server) { srv.EnableSMTPUTF8 = true }, false)
	for to, want := range map[string]bool{"ada@example.com": false, "ädä@example.com": true} {
		m := code
		m.To = to
		if err := s.sender("smtp://"+host).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := s.last(); got.utf8 != want || got.to != to {
			t.Errorf("%s: %+v", to, got)
		}
	}
}

func TestUnknownWayToSignIn(t *testing.T) {
	t.Parallel()
	s := &server{t: t, auth: "XOAUTH2"}
	s.start(nil, false)
	if err := s.sender("smtp://"+withPassword).Send(t.Context(), code); kindOf(err) != "plain" {
		t.Errorf("%v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := Options{URL: "smtp://" + withPassword, From: "id@example.com"}
	for name, change := range map[string]func(*Options){
		"":                  func(o *Options) {},
		"IPv6":              func(o *Options) { o.URL = "smtps://[::1]:465" },
		"url: none":         func(o *Options) { o.URL = "" },
		"url: not read":     func(o *Options) { o.URL = "smtp://user:p:ss/w@rd%zz@host" },
		"url: other scheme": func(o *Options) { o.URL = "http://" + withPassword },
		"url: no host":      func(o *Options) { o.URL = "smtp://" },
		"url: a path":       func(o *Options) { o.URL += "/p:ss" },
		"url: a query":      func(o *Options) { o.URL += "?p:ss" },
		"url: no password":  func(o *Options) { o.URL = "smtp://user@host" },
		"url: line end":     func(o *Options) { o.URL = "smtp://user:p:ss%0d%0a@host" },
		"from: none":        func(o *Options) { o.From = "" },
		"from: quoted":      func(o *Options) { o.From = `"x@y"@example.com` },
		"from: two lines":   func(o *Options) { o.From = "Ada\r\n <id@example.com>" },
	} {
		o := good
		change(&o)
		_, err := New(o)
		option, _, wrong := strings.Cut(name, ":")
		if (err != nil) != wrong || wrong && !strings.HasPrefix(err.Error(), "smtp: "+option+": ") {
			t.Errorf("%s: %v", name, err)
		}
		tellsNothing(t, err)
	}
	for url, port := range map[string]string{"smtp://h": "587", "smtps://h": "465", "smtp://h:25": "25"} {
		if s, err := New(Options{URL: url, From: "id@example.com"}); err != nil || s.port != port {
			t.Errorf("%s: %v", url, err)
		}
	}
}
