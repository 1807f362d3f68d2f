package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// provider is a mail server or a web service that does what it should not: a real listener, with what it does to each
// connection.
func provider(t *testing.T, do func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	if do == nil { // nobody listens there
		_ = l.Close()
		return l.Addr().String()
	}
	over := make(chan struct{})
	t.Cleanup(func() { close(over); _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				go func() { <-over; _ = c.Close() }()
				defer func() { _ = c.Close() }()
				do(c)
			}()
		}
	}()
	return l.Addr().String()
}

// What providers do. A web service hears a request first; a mail server speaks first.
var misdeeds = map[string]func(c net.Conn){
	"refuses connections": nil,
	"hangs":               func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
	"hangs up":            func(net.Conn) {},
	"says rubbish":        says(strings.Repeat("\x00\xff rubbish \r\n", 100)),
	"says rubbish for ever": func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(strings.Repeat("x", 4096))); err != nil {
				return
			}
		}
	},
	"speaks another protocol": says("SSH-2.0-OpenSSH_9.2\r\n"),
	"is busy":                 says("421 4.3.2 not now\r\n"),
	"answers 500":             says("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nConnection: close\r\n\r\noh"),
	"answers 302":             says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
	"answers half":            says("HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{\"sid\":"),
}

func says(text string) func(c net.Conn) {
	return func(c net.Conn) {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // a web service lets the request come
		_, _ = c.Read(make([]byte, 64<<10))
		_, _ = io.WriteString(c, text)
	}
}

// ways are the ways to send, with settings that lead to an address.
var ways = map[string]struct {
	kind, field, to string
	env             func(addr string) []string
}{
	"mail": {"email", "email", "me@example.com", func(addr string) []string {
		return []string{"MAIL_URL=smtp://" + addr, "MAIL_FROM=door@example.com"}
	}},
	"SMS by Twilio": {"sms", "phone", "+49 1512 3456712", func(addr string) []string {
		return []string{
			"SMS_PROVIDER=twilio", "SMS_COUNTRIES=DE", "SMS_TWILIO_ACCOUNT_SID=AC1", "SMS_TWILIO_AUTH_TOKEN=x",
			"SMS_TWILIO_FROM=+15005550006", "SMS_TWILIO_BASE_URL=http://" + addr,
		}
	}},
	"SMS by a webhook": {"sms", "phone", "+49 1512 3456712", func(addr string) []string {
		return []string{"SMS_PROVIDER=webhook", "SMS_COUNTRIES=DE", "SMS_WEBHOOK_SECRET=x", "SMS_WEBHOOK_URL=http://" + addr + "/sms"}
	}},
}

// TestProvidersThatFail: whatever a provider does, who waits for a code is told so in the end, nobody else waits, nobody
// gets in without a code, and the other ways stay open.
func TestProvidersThatFail(t *testing.T) {
	t.Parallel()
	for way, w := range ways {
		for what, do := range misdeeds {
			t.Run(fmt.Sprintf("%s: %s", way, what), func(t *testing.T) {
				t.Parallel()
				p := newSite(t)
				s, err := p.start(p.settings(append(w.env(provider(t, do)), "POLICY_FACTORS=totp,recovery,"+w.kind)...))
				if err != nil {
					t.Fatal(err)
				}
				add(t, s, Account{Username: "anna"})
				in := newClient(t, s)
				in.mustSignIn("anna", secret, "done")
				app, codes := in.enroll(p.clock)

				told := make(chan outcome, 1)
				ask := in.posting("/authenticators", object{"kind": w.kind, w.field: w.to})
				go func() {
					status, answer := ask()
					told <- outcome{status, answer}
				}()
				other := newClient(t, s) // goes on meanwhile
				other.mustSignIn("anna", secret, "verify")
				other.want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": codes[0]})
				o := <-told
				if way == "SMS by a webhook" && what == "answers half" {
					if o.status != http.StatusCreated { // of a webhook the status alone counts, and that was 201
						t.Errorf("who waits for the code is told %d %v", o.status, o.answer)
					}
				} else if o.status != http.StatusBadGateway || o.answer["code"] != "delivery_failed" {
					t.Errorf("who waits for the code is told %d %v", o.status, o.answer)
				}
				p.clock.move(31 * time.Second)
				other.mustSignIn("anna", secret, "verify")
				if _, answer := other.signIn("anna", secret); len(answer["offers"].([]any)) != 2 {
					t.Errorf("something was enrolled without its code: %v", answer)
				}
				other.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, p.clock.now())})
			})
		}
	}
}
