package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// TestClockJumps: the clock of the machine goes an hour forth and back while people are in the midst of everything. What
// was used stays used, who was in stays in, and what is waited for ends.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"forth": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, n nodes) { n.jumps(jump) },
				"MAIL_URL=outbox:", "POLICY_FIRST_ENROLLMENT=password", "POLICY_FACTORS=totp,email,recovery", "SENT_CODE_RESEND_AFTER=0s")
		})
	}
}

// jumps does so, in the midst of a session, a used code, a throttle, a challenge and an unfinished sign-in.
func (n nodes) jumps(jump time.Duration) {
	n.t.Helper()
	in, code, codes := n.enrolled("anna")
	n.enrollMail(in)
	used := code()
	newestIn := n.halfIn("anna", 1)[0]
	newestIn.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": used})
	for _, half := range n.halfIn("anna", 6) {
		_, _ = half.verify("totp", "00000000")
	}
	half := n.halfIn("anna", 1)[0]
	half.want(http.StatusTooManyRequests, "POST", "/verifications", object{"kind": "totp", "code": "00000000"})
	mails := len(n.outbox())
	half.want(http.StatusOK, "POST", "/challenges", object{"kind": "email"})
	sent, _ := n.mailed(aCode, mails)

	n.clock.move(jump)
	n.at(n.b, in).want(http.StatusOK, "GET", "/session", nil)
	n.at(n.b, newestIn).want(http.StatusOK, "GET", "/session", nil)
	n.pendingAfter(half, sent, jump)
	n.usedAfter(used, code, jump)
	// Another way is open at once, whatever the clock says.
	n.halfIn("anna", 1)[0].want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": codes[0]})
	n.halfIn("anna", 1)[0].want(http.StatusUnauthorized, "POST", "/verifications", object{"kind": "recovery", "code": codes[0]})
	n.sound()

	// And the clock is put right again.
	n.clock.move(-jump)
	n.clock.move(31 * time.Second)
	in.want(http.StatusOK, "GET", "/session", nil)
	if status, answer := n.halfIn("anna", 1)[0].verify("totp", used); status == http.StatusOK {
		n.t.Errorf("a used code when the clock is right again: %v", answer)
	}
	n.halfIn("anna", 1)[0].want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": codes[1]})
	n.clock.move(2 * time.Hour) // after which every wait of a jump of an hour is over
	n.halfIn("anna", 1)[0].want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code()})
	n.sound()
}

// enrollMail adds an address that codes are mailed to.
func (n nodes) enrollMail(in *client) {
	n.t.Helper()
	mails := len(n.outbox())
	begun := in.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "email", "email": "other@example.com"})
	text, _ := n.mailed(aCode, mails)
	in.want(http.StatusCreated, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": text})
}

// pendingAfter: a jump forth ends what waits for a response; after one back it goes on. Either way the next one works.
func (n nodes) pendingAfter(half *client, sent string, jump time.Duration) {
	t := n.t
	t.Helper()
	status, answer := n.at(n.b, half).verify("email", sent)
	if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusOK}[jump > 0]; status != want {
		t.Errorf("a sent code after the jump: %d %v, want %d", status, answer, want)
	}
	mails := len(n.outbox())
	next := n.halfIn("anna", 1)[0]
	next.want(http.StatusOK, "POST", "/challenges", object{"kind": "email"})
	sent, _ = n.mailed(aCode, mails)
	next.want(http.StatusOK, "POST", "/verifications", object{"kind": "email", "code": sent})
}

// usedAfter: a used code stays so, and so do those before it, which the clock now says are of the present.
func (n nodes) usedAfter(used string, code func() string, jump time.Duration) {
	t := n.t
	t.Helper()
	for _, text := range []string{code(), used} {
		status, answer := n.halfIn("anna", 1)[0].verify("totp", text)
		switch {
		case text == used || jump < 0:
			if status == http.StatusOK {
				t.Errorf("a code of before the jump: %d %v", status, answer)
			}
		case status != http.StatusOK: // the delay is over, and the code is a new one
			t.Errorf("a new code after the jump: %d %v", status, answer)
		}
		if wait, _ := answer["retry_after"].(float64); time.Duration(wait)*time.Second > 2*time.Hour {
			t.Errorf("the wait is %v s", wait)
		}
	}
}

// sound: the trail is whole, although its times go back.
func (n nodes) sound() {
	n.t.Helper()
	for _, s := range []*Server{n.a, n.b} {
		if _, err := s.Service.VerifyTrail(n.t.Context(), find(n.t, s, "anna").ID, nightlatch.Trail{}); err != nil {
			n.t.Errorf("the trail: %v", err)
		}
	}
}
