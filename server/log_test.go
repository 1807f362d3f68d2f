package server

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/server/importer"
)

// journal is a log that many write.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// newGossip is a mail server that takes nothing, and repeats all that it was told in its answers.
func newGossip(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = fmt.Fprint(conn, "220 gossip\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					answer := "250 well, " + lines.Text()
					if strings.HasPrefix(lines.Text(), "RCPT") {
						answer = "554 5.7.1 nobody wants " + lines.Text()
					}
					_, _ = fmt.Fprint(conn, answer+"\r\n")
				}
			}()
		}
	}()
	return "smtp://" + l.Addr().String()
}

// TestLogHoldsNoSecrets walks what a server does, at the most that it logs, and looks for what must not be there.
func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	p, log := newSite(t), &journal{}
	set := p.settings("LOG_LEVEL=debug", "MAIL_URL="+newGossip(t), "MAIL_FROM=lock@example.org", "POLICY_FACTORS=totp,hotp,email,recovery", "RECOVERY_EMAIL=true")
	store, key, err := Open(t.Context(), set, Opening{Drivers: drivers, Now: p.clock.now()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := New(t.Context(), Config{Settings: set, Store: store, Key: key, Now: p.clock.now, Cost: cheap, Log: logger, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)

	hidden := map[string]string{"password": secret, "other password": otherSecret, "address": "anna@example.com", "mailbox": "anna.k@"}
	hide := func(what string, text any) string {
		hidden[fmt.Sprintf("%s %d", what, len(hidden))] = fmt.Sprint(text)
		return fmt.Sprint(text)
	}
	walkLogged(t, s, p, hide)
	if _, err := s.Service.SendNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(key.Format())) {
		if fields := strings.Fields(line); len(fields) == 3 {
			hide("key", fields[2])
		}
	}
	text := log.String()
	for _, want := range []string{"event=signed_in", "event=reset", "a message was"} {
		if !strings.Contains(text, want) {
			t.Errorf("the walk left no %q in the log", want)
		}
	}
	for what, secret := range hidden {
		if len(secret) >= 6 && strings.Contains(text, secret) {
			t.Errorf("%s (%s) is in the log: %s", what, secret, lineWith(text, secret))
		}
	}
	for _, prefix := range []string{"nl_s_", "nl_i_", "nl_d_", "nl_a_", "otpauth:", "$argon2"} {
		if strings.Contains(text, prefix) {
			t.Errorf("something that begins with %s is in the log: %s", prefix, lineWith(text, prefix))
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// walkLogged does about everything once, and says what must stay hidden.
func walkLogged(t *testing.T, s *Server, p *site, hide func(string, any) string) {
	t.Helper()
	c := newClient(t, s)
	c.send("POST", "/accounts", object{"username": "anna", "email": "anna@example.com", "password": secret, "transport": "token"})
	anna := find(t, s, "anna")
	c.signIn("anna", hide("wrong password", "not this one at all"))
	c.signIn(hide("a password typed as a name", "hunter2hunter2"), "x")
	c.mustSignIn("anna", secret, "done")
	hide("token", c.token)
	app, codes := c.enroll(p.clock)
	hide("secret", app.Secret.Base32())
	hide("secret in hex", app.Secret.Hex())
	for _, code := range codes {
		hide("recovery code", code)
	}
	hide("token", c.token)
	hide("counter secret", c.enrollToken().Secret.Base32())
	c.send("POST", "/authenticators", object{"kind": "email", "email": "anna.k@example.net"})
	c.send("POST", "/recovery-codes", object{})
	p.clock.move(time.Minute)
	c.mustSignIn("anna", secret, "verify")
	hide("token", c.token)
	c.verify("totp", hide("wrong code", "00112233"))
	c.verify("totp", hide("code", codeOf(t, app, p.clock.now())))
	hide("token", c.token)
	c.send("PUT", "/email", object{"email": "anna.k@example.net"})
	c.send("POST", "/password", object{"current": secret, "new": otherSecret})
	c.send("POST", "/password/reset-requests", object{"identifier": "anna@example.com"})
	c.send("POST", "/email/confirmation-requests", object{"email": "anna@example.com"})
	c.send("POST", "/email/confirmations", object{"token": hide("made-up token", "nl_m_0123456789abcdef")})
	given, _, err := s.GiveCode(t.Context(), find(t, s, "anna"), "test", "lost")
	if err != nil {
		t.Fatal(err)
	}
	hide("administrator's code", given)
	code, _, err := s.Reset(t.Context(), anna, "test", "lost")
	if err != nil {
		t.Fatal(err)
	}
	hide("code of a reset", code)
	c.mustSignIn("anna", otherSecret, "verify")
	c.verify("recovery", code)
	hide("token", c.token)
	takeInLogged(t, s, hide)
}

func takeInLogged(t *testing.T, s *Server, hide func(string, any) string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "people.csv")
	text := "username,email,password_hash,groups,kind,label,secret,algorithm,digits,period,counter\n" +
		"cleo,cleo@example.com," + hide("foreign hash", "$2a$04$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy") + ",,totp,phone," +
		hide("imported secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP") + ",,,,\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hide("imported address", "cleo@example.com")
	read, err := importer.ReadFiles(t.Context(), "csv", importer.Input{Files: []string{file}})
	if err != nil || len(read.Accounts) != 1 {
		t.Fatal(read, err)
	}
	if taken, err := s.NewTakingIn("csv", "test", false).One(t.Context(), read.Accounts[0]); err != nil || !taken.Whole() {
		t.Fatal(taken, err)
	}
}
