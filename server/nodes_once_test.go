package server

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// contest makes, for one round, requests that are sent at the same time, half of them to each node: one may get through.
// used are sent one after the other after the last round, and get nowhere.
type contest struct {
	n     nodes
	round func(i int) (requests []func() (int, object), used []func() (int, object))
}

// contests are all that is good once, each on nodes of its own.
var contests = []struct {
	name string
	env  []string
	make func(n nodes) contest
}{
	{"code by time", nil, byTime},
	{"code by counter", []string{"POLICY_FACTORS=totp,hotp,recovery"}, byCounter},
	{"sent code", []string{"MAIL_URL=outbox:", "POLICY_FIRST_ENROLLMENT=password", "POLICY_FACTORS=totp,email,recovery", "SENT_CODE_PER_DESTINATION_PER_HOUR=1000"}, bySentCode},
	{"recovery code", nil, byRecoveryCode},
	{"challenge of a key", nil, byKey},
	{"challenge of a passkey", nil, byPasskey},
	{"administrator's code", nil, byGivenCode},
	{"code of a reset", nil, byResetCode},
	{"link of a recovery", []string{"MAIL_URL=outbox:", "POLICY_FIRST_ENROLLMENT=password", "RECOVERY_EMAIL=true"}, byRecoveryLink},
	{"link of a password's reset", []string{"MAIL_URL=outbox:"}, byResetLink},
	{"enrollment", nil, byEnrollment},
}

// TestOneWinner: what is good once is so on two nodes that are asked at the same time.
func TestOneWinner(t *testing.T) {
	t.Parallel()
	for _, k := range contests {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, n nodes) {
				c := k.make(n)
				var used []func() (int, object)
				for i := range *rounds {
					var requests []func() (int, object)
					requests, used = c.round(i)
					oneWins(t, atOnce(requests...))
					n.clock.move(31 * time.Second)
				}
				for _, again := range used {
					if status, answer := again(); status < 400 || status >= 500 {
						t.Errorf("afterwards: %d %v", status, answer)
					}
				}
			}, k.env...)
		})
	}
}

// enrolled makes an account that holds an authenticator app, and returns what its owner has.
func (n nodes) enrolled(name string) (c *client, code func() string, recovery []any) {
	n.t.Helper()
	add(n.t, n.a, Account{Username: name, Email: name + "@example.com", EmailConfirmedAt: n.clock.now()})
	c = n.client(n.a)
	c.mustSignIn(name, secret, "done")
	app, recovery := c.enroll(n.clock)
	n.clock.move(31 * time.Second)
	return c, func() string { return codeOf(n.t, app, n.clock.now()) }, recovery
}

// halfIn are sign-ins of an account in which the password is proven, half of them on each node.
func (n nodes) halfIn(name string, many int) (all []*client) {
	n.t.Helper()
	for i := range many {
		c := n.client([2]*Server{n.a, n.b}[i%2])
		c.mustSignIn(name, secret, "verify")
		all = append(all, c)
	}
	return all
}

// sameCode sends one code in two sign-ins of an account, one on each node, and later again in others.
func (n nodes) sameCode(name, kind, code string) (requests, used []func() (int, object)) {
	n.t.Helper()
	for i, c := range n.halfIn(name, 2) {
		requests = append(requests, c.posting("/verifications", object{"kind": kind, "code": code}))
		used = append(used, func() (int, object) {
			return n.halfIn(name, 2)[i].verify(kind, code)
		})
	}
	return requests, used
}

func byTime(n nodes) contest {
	_, code, _ := n.enrolled("anna")
	return contest{n, func(int) (requests, used []func() (int, object)) { return n.sameCode("anna", "totp", code()) }}
}

func byCounter(n nodes) contest {
	c, _, _ := n.enrolled("anna")
	begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "hotp"})
	from := generator(n.t, begun["hotp"].(object)["secret"].(string))
	code := func(i int) string {
		text, err := from.Code(uint64(i)) //nolint:gosec // counts up from 0
		mustDo(n.t, err)
		return text
	}
	c.want(http.StatusCreated, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": code(0)})
	return contest{n, func(i int) (requests, used []func() (int, object)) { return n.sameCode("anna", "hotp", code(i+1)) }}
}

func byRecoveryCode(n nodes) contest {
	c, code, codes := n.enrolled("anna")
	return contest{n, func(int) (requests, used []func() (int, object)) {
		if len(codes) == 0 {
			c.mustSignIn("anna", secret, "verify")
			c.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code()})
			codes = c.want(http.StatusCreated, "POST", "/recovery-codes", nil)["recovery_codes"].([]any)
		}
		one := codes[0].(string)
		codes = codes[1:]
		return n.sameCode("anna", "recovery", one)
	}}
}

func byGivenCode(n nodes) contest {
	n.enrolled("anna")
	return contest{n, func(int) (requests, used []func() (int, object)) {
		code, _, err := n.a.GiveCode(n.t.Context(), find(n.t, n.a, "anna"), "test", "lost")
		mustDo(n.t, err)
		return n.sameCode("anna", "recovery", code)
	}}
}

func byResetCode(n nodes) contest {
	n.enrolled("anna")
	return contest{n, func(int) (requests, used []func() (int, object)) {
		code, _, err := n.a.Reset(n.t.Context(), find(n.t, n.a, "anna"), "test", "lost")
		mustDo(n.t, err)
		return n.sameCode("anna", "recovery", code)
	}}
}

// sameAnswer sends one response in one sign-in, session or as itself, twice to each node, and later again.
func (n nodes) sameAnswer(token, path string, body object) (requests, used []func() (int, object)) {
	n.t.Helper()
	for i := range 6 {
		c := n.client([2]*Server{n.a, n.b}[i%2])
		c.token = token
		if i < 4 {
			requests = append(requests, c.posting(path, body))
		} else {
			used = append(used, c.posting(path, body))
		}
	}
	return requests, used
}

func bySentCode(n nodes) contest {
	c, _, _ := n.enrolled("anna")
	begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "email", "email": "other@example.com"})
	code, mails := n.mailed(aCode, 0)
	c.want(http.StatusCreated, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": code})
	return contest{n, func(int) (requests, used []func() (int, object)) {
		n.clock.move(time.Hour)
		in := n.halfIn("anna", 1)[0]
		in.want(http.StatusOK, "POST", "/challenges", object{"kind": "email"})
		code, mails = n.mailed(aCode, mails)
		return n.sameAnswer(in.token, "/verifications", object{"kind": "email", "code": code})
	}}
}

func byKey(n nodes) contest {
	c, _, _ := n.enrolled("anna")
	key := keyAtHost(7)
	begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "webauthn"})
	c.want(http.StatusCreated, "POST", "/authenticators/finish",
		object{"enrollment": begun["enrollment"], "credential": credentialOf(n.t, begun["public_key"], key.Create)})
	return contest{n, func(int) (requests, used []func() (int, object)) {
		in := n.halfIn("anna", 1)[0]
		asked := in.want(http.StatusOK, "POST", "/challenges", object{"kind": "webauthn"})
		return n.sameAnswer(in.token, "/verifications",
			object{"kind": "webauthn", "credential": credentialOf(n.t, asked["public_key"], key.Get)})
	}}
}

func byPasskey(n nodes) contest {
	c, _, _ := n.enrolled("anna")
	key := keyAtHost(8)
	begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "webauthn", "passkey": true})
	c.want(http.StatusCreated, "POST", "/authenticators/finish",
		object{"enrollment": begun["enrollment"], "credential": credentialOf(n.t, begun["public_key"], key.Create)})
	return contest{n, func(int) (requests, used []func() (int, object)) {
		in := n.client(n.a)
		asked := in.want(http.StatusOK, "POST", "/challenges", object{"kind": "webauthn", "transport": "token"})
		return n.sameAnswer(in.token, "/verifications",
			object{"kind": "webauthn", "credential": credentialOf(n.t, asked["public_key"], key.Get)})
	}}
}

func byEnrollment(n nodes) contest {
	n.enrolled("anna")
	return contest{n, func(i int) (requests, used []func() (int, object)) {
		name := fmt.Sprintf("person-%d", i)
		add(n.t, n.a, Account{Username: name})
		in := n.client(n.a)
		in.mustSignIn(name, secret, "done")
		begun := in.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "totp"})
		code := codeOf(n.t, generator(n.t, begun["totp"].(object)["secret"].(string)), n.clock.now())
		return n.sameAnswer(in.token, "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": code})
	}}
}

func byRecoveryLink(n nodes) contest {
	n.enrolled("anna")
	mails := len(n.outbox())
	return contest{n, func(int) (requests, used []func() (int, object)) {
		n.clock.move(time.Hour) // the budgets of mails are those of an hour
		in := n.halfIn("anna", 1)[0]
		in.send("DELETE", "/recoveries", nil) // that of the round before
		in.want(http.StatusAccepted, "POST", "/recoveries", object{"way": "email"})
		var token string
		token, mails = n.mailed(aRecoverLink, mails)
		return n.sameAnswer("", "/recoveries/confirmations", object{"token": token})
	}}
}

func byResetLink(n nodes) contest {
	add(n.t, n.a, Account{Username: "anna", Email: "anna@example.com", EmailConfirmedAt: n.clock.now()})
	mails := 0
	return contest{n, func(int) (requests, used []func() (int, object)) {
		n.clock.move(time.Hour)
		n.client(n.a).want(http.StatusAccepted, "POST", "/password/reset-requests", object{"identifier": "anna"})
		var token string
		token, mails = n.mailed(aResetLink, mails)
		return n.sameAnswer("", "/password/resets", object{"token": token, "password": otherSecret})
	}}
}
