package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSentCodesByAPI: an address and a number are enrolled by the code that reached them, and asked for alike. No
// answer names them, and no GET sends.
func TestSentCodesByAPI(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ field, to, kept, hint string }{
		"email": {"email", "anna@example.com", "anna@example.com", "a•••@example.com"},
		"sms":   {"phone", "+49 (1512) 345-67.12", "+4915123456712", "•••• 12"},
	}
	for kind, tc := range tests {
		byBoth(t, func(t *testing.T, byToken bool) {
			h := newHouse(t, everyKind...)
			p := h.add("anna")
			p.signIn(byToken)
			silent := func(a answer) answer {
				t.Helper()
				if strings.Contains(string(a.body), tc.kept) {
					t.Errorf("%s names the destination: %s", a.path, a.body)
				}
				return a
			}
			begun := silent(p.post("/authenticators", object{"kind": kind, tc.field: tc.to}).want(http.StatusCreated))
			begun.is("sent_to", tc.hint).is("kind", kind)
			if m := h.last(); m.To != tc.kept || m.Kind != kind || (m.Subject != "") != (kind == "email") {
				t.Errorf("sent %+v", m)
			}
			right, wrong := h.sentCode()
			finish := object{"enrollment": begun.text("enrollment"), "code": wrong}
			p.post("/authenticators/finish", finish).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
			finish["code"] = right[:3] + " " + right[3:]
			silent(p.post("/authenticators/finish", finish).want(http.StatusCreated)).is("authenticator.hint", tc.hint)
			p.get("/session").is("level", 2.0)
			silent(p.get("/authenticators")).is("0.hint", tc.hint)
			silent(p.get("/events"))

			n := len(h.sent())
			silent(p.signIn(byToken)).is("offers.0.kind", kind).is("offers.0.hint", tc.hint)
			p.get("/sign-in").want(http.StatusOK)
			p.verify(kind, right).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong") // nothing was asked for
			if len(h.sent()) != n {
				t.Fatal("a code was sent that nobody asked for")
			}
			asked := silent(p.challenge(object{"kind": kind}))
			asked.is("sent_to", tc.hint).is("resend_after", 30.0).is("kind", kind)
			if asked.text("expires_at") != h.clock.now().Add(10*time.Minute).Format(time.RFC3339) {
				t.Errorf("expires at %s", asked.text("expires_at"))
			}
			right, wrong = h.sentCode()
			h.clock.move(10 * time.Second)
			p.challenge(object{"kind": kind}).is("resend_after", 20.0)
			p.verify(kind, wrong).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
			h.clock.move(20 * time.Second)
			again := p.challenge(object{"id": p.get("/sign-in").text("offers", 0, "id")})
			if code, _ := h.sentCode(); code != right || len(h.sent()) != n+2 || again.text("expires_at") != asked.text("expires_at") {
				t.Errorf("sent again: %s after %s, %d messages, expires at %s", code, right, len(h.sent())-n, again.text("expires_at"))
			}
			p.verify(kind, right).want(http.StatusOK).is("next", "done").is("session.proofs.1.kind", kind)

			// A fresh proof has a code of its own.
			p.verify(kind, right).refuses(http.StatusUnauthorized, "refused")
			p.challenge(object{"kind": kind}).is("sent_to", tc.hint)
			right, _ = h.sentCode()
			p.verify(kind, right).want(http.StatusOK).is("next", "done")
			p.verify(kind, right).refuses(http.StatusUnauthorized, "refused")
			// Late.
			p.signIn(byToken)
			p.challenge(object{"kind": kind})
			right, _ = h.sentCode()
			h.clock.move(10 * time.Minute)
			p.verify(kind, right).refuses(http.StatusUnauthorized, "refused").is("reason", "expired")
		})
	}
}

// TestDestinationsByAPI: what cannot be sent to is told at its field, and nothing is sent.
func TestDestinationsByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.add("anna")
	p.signIn(true)
	for phone, want := range map[string]string{
		"": "missing", "+49": "invalid", "+4915123": "invalid", "01512 3456712": "invalid", "0049 1512 3456712": "invalid",
		"+49 1512 345671212345": "invalid", "+1 900 555 0123": "invalid", "+1 900 234 5678": "invalid", "+49 900 1 234567": "invalid",
		"+33 6 12 34 56 78": "invalid", "+44 7911 123456": "invalid", "call me": "invalid", "+49 1512 CALLME": "invalid",
		"+49 1512 3456712;ext=7": "invalid", "+49 1512 3456712 x7": "invalid", "tel:+4915123456712": "invalid",
		"+000000000000": "invalid", "+999 123 456 789": "invalid", "+49151234567\u00b2": "invalid", strings.Repeat("+", 5000): "invalid",
		"+4915123456712,+4915123456713": "invalid", "+1 555 555 5555": "invalid", "+49 110": "invalid",
	} {
		p.post("/authenticators", object{"kind": "sms", "phone": phone}).
			refuses(http.StatusBadRequest, "invalid_request").is("fields.phone", want)
	}
	for email, want := range map[string]string{
		"": "missing", "anna": "invalid", "@example.com": "invalid", "anna@": "invalid", "a@b@c.example": "invalid",
		"Anna <anna@example.com>": "invalid", "anna@example.com, bert@example.com": "invalid", "anna@example.com\r\nBcc: x@example.com": "invalid",
		`"a b"@example.com`: "invalid", strings.Repeat("a", 300) + "@example.com": "too_long",
	} {
		p.post("/authenticators", object{"kind": "email", "email": email}).
			refuses(http.StatusBadRequest, "invalid_request").is("fields.email", want)
	}
	if n := len(h.sent()); n != 0 {
		t.Errorf("%d messages", n)
	}
	p.addSent("sms", "+49 1512 3456712", "")
	p.post("/authenticators", object{"kind": "sms", "phone": "+49.1512.3456712"}).
		refuses(http.StatusConflict, "conflict").is("fields.phone", "taken")
	if n := len(h.sent()); n != 1 {
		t.Errorf("%d messages", n)
	}
	// The text names what it is for, and its last line is for the phone that fills it in.
	lines := strings.Split(h.last().Text, "\n")
	if code, _ := h.sentCode(); lines[len(lines)-1] != "@localhost #"+code {
		t.Errorf("the text is %q", h.last().Text)
	}
}

// receiver is a webhook that answers as a test says.
type receiver struct {
	status atomic.Int64
	codes  chan string
}

func newReceiver(t *testing.T) (*receiver, string) {
	r := &receiver{codes: make(chan string, 20)}
	r.status.Store(http.StatusOK)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, _ := io.ReadAll(req.Body)
		var body struct{ To, Text, ID string }
		if json.Unmarshal(text, &body) == nil {
			r.codes <- sixDigits.FindString(body.Text)
		}
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(srv.Close)
	return r, srv.URL
}

// TestDeliveryFailsByAPI: a provider that refuses a new number is the number's fault, anything else is an outage, and
// what may have arrived stays good.
func TestDeliveryFailsByAPI(t *testing.T) {
	t.Parallel()
	r, url := newReceiver(t)
	h := newHouse(t, "POLICY_FACTORS=sms,recovery", "SMS_COUNTRIES=DE", "SMS_PROVIDER=webhook", "SMS_WEBHOOK_URL="+url, "SMS_WEBHOOK_SECRET=x")
	p := h.add("anna")
	p.signIn(true)
	phone := object{"kind": "sms", "phone": "+49 1512 3456712"}
	r.status.Store(http.StatusUnprocessableEntity)
	p.post("/authenticators", phone).refuses(http.StatusBadRequest, "invalid_request").is("fields.phone", "invalid")
	<-r.codes
	r.status.Store(http.StatusUnauthorized)
	a := p.post("/authenticators", phone).refuses(http.StatusBadGateway, "delivery_failed")
	if strings.Contains(string(a.body), url) || strings.Contains(string(a.body), "401") {
		t.Errorf("the answer says too much: %s", a.body)
	}
	<-r.codes
	r.status.Store(http.StatusOK)
	begun := p.post("/authenticators", phone).want(http.StatusCreated)
	p.post("/authenticators/finish", object{"enrollment": begun.text("enrollment"), "code": <-r.codes}).want(http.StatusCreated)

	p.signIn(true)
	r.status.Store(http.StatusGatewayTimeout)
	p.post("/challenges", object{"kind": "sms"}).refuses(http.StatusBadGateway, "delivery_failed")
	code := <-r.codes
	if len(r.codes) != 0 {
		t.Error("it was sent again after an unclear answer")
	}
	p.verify("sms", code).want(http.StatusOK).is("next", "done")
	p.signIn(true)
	r.status.Store(http.StatusUnprocessableEntity)
	p.post("/challenges", object{"kind": "sms"}).refuses(http.StatusBadGateway, "delivery_failed")
	log := h.log.String()
	if !strings.Contains(log, "a message was not delivered") || strings.Contains(log, code) || strings.Contains(log, "15123456712") {
		t.Errorf("the log: %s", log)
	}
}

// TestBudgetsByAPI: the eleventh code of an hour to one number is not sent, and the answer says when the next may be.
func TestBudgetsByAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, append(slices.Clone(everyKind), "SENT_CODE_PER_DESTINATION_PER_HOUR=3")...)
	p := h.add("anna")
	p.signIn(true)
	p.addSent("sms", "+49 1512 3456712", "")
	for range 2 {
		h.clock.move(time.Minute)
		p.signIn(true)
		p.challenge(object{"kind": "sms"})
	}
	p.signIn(true)
	a := p.post("/challenges", object{"kind": "sms"}).refuses(http.StatusTooManyRequests, "throttled")
	wait := int((58 * time.Minute).Seconds())
	if a.is("retry_after", float64(wait)); a.header.Get("Retry-After") != fmt.Sprint(wait) {
		t.Errorf("Retry-After: %s", a.header.Get("Retry-After"))
	}
	other := h.add("bert")
	other.signIn(true)
	other.post("/authenticators", object{"kind": "sms", "phone": "+49 1512 3456712"}).refuses(http.StatusTooManyRequests, "throttled")
	if n := len(h.sent()); n != 3 {
		t.Errorf("%d messages", n)
	}
	// The other ways stay open.
	p.verify("recovery", p.codes[0]).want(http.StatusOK)
	h.clock.move(time.Duration(wait) * time.Second)
	p.signIn(true)
	p.challenge(object{"kind": "sms"}).is("sent_to", "•••• 12")
}

// TestAppAndSMS is every combination of an app and a number, each with a right, a wrong and no code.
func TestAppAndSMS(t *testing.T) {
	t.Parallel()
	for _, app := range []bool{false, true} {
		for _, phone := range []bool{false, true} {
			t.Run(fmt.Sprintf("app %v, SMS %v", app, phone), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t, everyKind...)
				p := h.add("anna")
				p.signIn(true)
				var held []string
				if app {
					p.enroll()
					held = append(held, "totp")
				}
				if phone {
					p.addSent("sms", "+49 1512 3456712", "")
					held = append(held, "sms")
				}
				next := p.signIn(true)
				if len(held) == 0 {
					next.is("next", "done").is("session.level", 1.0)
					return
				}
				next.is("next", "verify")
				if next.at("session") != nil {
					t.Error("a session before the code")
				}
				var offered []string
				for i := range next.list("offers") {
					offered = append(offered, next.text("offers", i, "kind"))
				}
				if diff := cmp.Diff(append(slices.Clone(held), "recovery"), offered); diff != "" {
					t.Errorf("offers (-want +got):\n%s", diff)
				}
				for _, kind := range []string{"totp", "sms"} {
					p.oneKind(kind, slices.Contains(held, kind))
				}
			})
		}
	}
}

// oneKind signs in with a code of a kind: a missing one, a wrong one, the right one.
func (p *person) oneKind(kind string, held bool) {
	p.t.Helper()
	p.signIn(true)
	if !held {
		p.post("/challenges", object{"kind": kind}).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
		p.verify(kind, "123456").refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
		p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
		return
	}
	p.challenge(object{"kind": kind})
	var right, wrong string
	if kind == "sms" {
		right, wrong = p.h.sentCode()
	} else {
		right, wrong = p.nextCode(), p.wrongCode()
	}
	p.post("/verifications", object{"kind": kind}).refuses(http.StatusBadRequest, "invalid_request").is("fields.code", "missing")
	p.verify(kind, "").refuses(http.StatusBadRequest, "invalid_request").is("fields.code", "missing")
	p.verify(kind, wrong).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	p.verify(kind, right).want(http.StatusOK).is("next", "done").is("session.level", 2.0).is("session.proofs.1.kind", kind)
	p.get("/session").want(http.StatusOK)
}
