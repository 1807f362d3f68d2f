package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

func said(code int, e gosmtp.EnhancedCode) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: e, Message: "about p:ss/w@rd and 012345"}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		onMail, onRcpt, onData error
		url                    string
		want                   string // "temporary", "refused", "unclear", "plain"
	}{
		"try later, sender":        {onMail: said(451, gosmtp.EnhancedCode{4, 3, 0}), want: "temporary"},
		"sender refused":           {onMail: said(550, gosmtp.EnhancedCode{5, 1, 8}), want: "plain"},
		"try later, recipient":     {onRcpt: said(451, gosmtp.EnhancedCode{4, 7, 1}), want: "temporary"},
		"service closes":           {onRcpt: said(421, gosmtp.EnhancedCode{4, 3, 2}), want: "temporary"},
		"no such mailbox":          {onRcpt: said(550, gosmtp.EnhancedCode{5, 1, 1}), want: "refused"},
		"no code of its own":       {onRcpt: said(550, gosmtp.NoEnhancedCode), want: "refused"},
		"mailbox is full":          {onRcpt: said(552, gosmtp.EnhancedCode{5, 2, 2}), want: "refused"},
		"bad mailbox":              {onRcpt: said(553, gosmtp.EnhancedCode{5, 1, 3}), want: "refused"},
		"no relaying":              {onRcpt: said(550, gosmtp.EnhancedCode{5, 7, 1}), want: "plain"},
		"sign in first":            {onRcpt: said(530, gosmtp.NoEnhancedCode), want: "plain"},
		"try later, mail":          {onData: said(451, gosmtp.EnhancedCode{4, 3, 0}), want: "temporary"},
		"mail refused":             {onData: said(554, gosmtp.EnhancedCode{5, 6, 0}), want: "plain"},
		"no such mailbox, at last": {onData: said(550, gosmtp.EnhancedCode{5, 1, 1}), want: "refused"},
		"wrong password":           {url: "smtp://user%40example.com:wrong@" + host, want: "plain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{t: t, onMail: tc.onMail, onRcpt: tc.onRcpt, onData: tc.onData}
			s.start(nil, false)
			if tc.url == "" {
				tc.url = "smtp://" + withPassword
			}
			err := s.sender(tc.url).Send(t.Context(), code)
			if got := kindOf(err); got != tc.want {
				t.Errorf("%s, want %s: %v", got, tc.want, err)
			}
			tellsNothing(t, err)
			if !regexp.MustCompile(`: the server answered [45]\d\d( [45]\.\d\.\d)?$`).MatchString(err.Error()) {
				t.Errorf("no numbers in %q", err)
			}
		})
	}
}

func kindOf(err error) string {
	switch {
	case err == nil:
		return "sent"
	case errors.Is(err, deliver.ErrUnclear):
		return "unclear"
	case errors.Is(err, factor.ErrDestination):
		return "refused"
	case deliver.IsTemporary(err):
		return "temporary"
	}
	return "plain"
}

func tellsNothing(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"p:ss", "012345", "p%3A", "wrong@"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in %q", secret, err)
		}
	}
}

// When the connection is lost after the mail's end, nobody knows whether it was taken.
func TestDroppedAfterTheMail(t *testing.T) {
	t.Parallel()
	s := &server{t: t, afterData: func() {}}
	s.start(nil, false)
	if err := s.sender("smtp://"+host).Send(t.Context(), code); kindOf(err) != "unclear" || s.count() != 1 {
		t.Errorf("%v", err)
	}
}

func TestHangingAfterTheMail(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	over := make(chan struct{})
	s := &server{t: t, afterData: func() { hangUp(); <-over }}
	s.start(nil, false)
	err := s.sender("smtp://"+host).Send(ctx, code)
	close(over)
	if kindOf(err) != "unclear" || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// A server that never says a word, or says what is no SMTP, has sent nothing.
func TestServersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, speak := range map[string]func(net.Conn, context.CancelFunc){
		"silent": func(c net.Conn, hangUp context.CancelFunc) { hangUp(); _, _ = io.Copy(io.Discard, c) },
		"no SMTP": func(c net.Conn, _ context.CancelFunc) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 012345 p:ss\r\n\r\n")
			_ = c.Close()
		},
		"closes": func(c net.Conn, _ context.CancelFunc) { _ = c.Close() },
		"refuses": func(c net.Conn, _ context.CancelFunc) {
			_, _ = io.WriteString(c, "421 4.3.2 busy 012345\r\n")
			_ = c.Close()
		},
		"half way": func(c net.Conn, _ context.CancelFunc) { _, _ = io.WriteString(c, "220 hello\r\n250-m"); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			here, there := net.Pipe()
			go speak(there, hangUp)
			sender, err := New(Options{URL: "smtp://" + host, From: "id@example.com", Dial: func(context.Context, string, string) (net.Conn, error) {
				return here, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			err = sender.Send(ctx, code)
			if kindOf(err) != "temporary" {
				t.Errorf("%v", err)
			}
			tellsNothing(t, err)
		})
	}
	nobody, err := New(Options{URL: "smtp://" + host, From: "id@example.com", Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.Send(t.Context(), code); kindOf(err) != "temporary" {
		t.Errorf("nobody listens: %v", err)
	}
}
