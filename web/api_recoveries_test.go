package web_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// recovering are settings with every way back.
var recovering = []string{
	"MAIL_URL=outbox:", "RECOVERY_EMAIL=true", "RECOVERY_ADMIN_EMAIL=ops@example.net", "PUBLIC_URL=http://localhost:8080",
}

// owner is a person with a confirmed address and an authenticator app.
func (h *house) owner(name string, byToken bool) *person {
	h.t.Helper()
	p := h.signUpAs(name, name+"@example.org", byToken)
	p.enroll()
	h.confirm(p.name)
	return p
}

// signUpAs makes an account with an address over the API.
func (h *house) signUpAs(name, email string, byToken bool) *person {
	h.t.Helper()
	p := &person{client: h.client(), name: name}
	body := object{"username": name, "email": email, "password": secret}
	if byToken {
		body["transport"] = "token"
	}
	p.post("/accounts", body).want(http.StatusCreated)
	return p
}

// confirm makes an account's address a confirmed one.
func (h *house) confirm(name string) {
	h.t.Helper()
	h.sql(`UPDATE accounts SET email_confirmed_at = $1 WHERE username = $2`, h.clock.now().UnixMicro(), name)
}

// sql writes to the server's tables.
func (h *house) sql(text string, args ...any) {
	h.t.Helper()
	err := h.store.Tx(h.t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		q, _ := sqlstore.Conn(ctx)
		_, err := q.ExecContext(ctx, text, args...)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// about are the mails to an address, and those that came of them, whose subject has some words, the oldest first.
func (h *house) about(to, subject string) (found []mail) {
	h.t.Helper()
	h.mails() // the end of a hold makes a mail
	for _, m := range h.mailsTo(to) {
		if strings.Contains(m.Subject, subject) {
			found = append(found, m)
		}
	}
	return found
}

var groupedCode = regexp.MustCompile(`\b[0-9a-z]{4}(-[0-9a-z]{4}){3}\b`)

// The whole way by the API, with cookies and with tokens: the link, the hold, the code, and an enrollment that takes all
// else away.
func TestRecoverByMailOverTheAPI(t *testing.T) {
	t.Parallel()
	for _, byToken := range []bool{false, true} {
		h := newHouse(t, recovering...)
		p := h.owner("anna", byToken)
		kept := *p // a session of before
		p.signIn(byToken)
		ways := p.get("/recoveries").want(http.StatusOK)
		want := object{"hold": nil, "ways": []any{
			object{"way": "recovery", "left": 10.0}, object{"way": "email", "sent_to": "a•••@example.org"}, object{"way": "admin"},
		}}
		if diff := cmp.Diff(any(want), ways.value); diff != "" {
			t.Error(diff)
		}
		p.post("/recoveries", object{"way": "email"}).want(http.StatusAccepted)
		token := h.token("anna@example.org", "/recover")
		h.client().post("/recoveries/confirmations", object{"token": token}).want(http.StatusNoContent)
		for _, at := range []*client{p.client, kept.client} {
			at.get("/recoveries").is("hold.begun_at", "2026-11-22T09:30:10Z").is("hold.until", "2026-11-23T09:30:10Z").is("ways.1.way", "admin")
		}
		p.post("/recoveries", object{"way": "email"}).refuses(http.StatusForbidden, "forbidden")
		if len(h.about("anna@example.org", "has begun")) != 1 {
			t.Error("nobody is told that it has begun")
		}

		h.clock.move(24 * time.Hour)
		mails := h.about("anna@example.org", "Your code")
		if len(mails) != 1 {
			t.Fatalf("%d codes were mailed", len(mails))
		}
		code := groupedCode.FindString(mails[0].Text)
		p.verify("recovery", code).refuses(http.StatusUnauthorized, "unauthenticated")
		p.signIn(byToken)
		p.verify("recovery", code).want(http.StatusOK).is("next", "enroll")
		p.get("/authenticators").refuses(http.StatusUnauthorized, "unauthenticated")
		old := p.codes
		p.codes = nil
		p.enroll().is("sign_in.next", "done").is("sign_in.session.level", 2.0) // of the same name as the one that is lost
		if list, _ := p.get("/authenticators").value.([]any); len(list) != 1 || len(p.codes) != 10 {
			t.Errorf("%d authenticators, %d codes", len(list), len(p.codes))
		}
		kept.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
		p.get("/recoveries").is("hold", nil)
		p.signIn(byToken)
		p.verify("recovery", old[0]).refuses(http.StatusUnauthorized, "refused")
		if strings.Contains(h.log.String(), code) || strings.Contains(h.log.String(), token) || strings.Contains(h.dump(), token) {
			t.Error("the code or the token is in the log or stored")
		}
	}
}

// Who may ask for what, where.
func TestRecoveriesInEveryState(t *testing.T) {
	t.Parallel()
	h := newHouse(t, recovering...)
	p := h.owner("anna", false)
	session := *p
	stranger := h.client()
	for _, method := range []string{"GET", "DELETE"} {
		stranger.api(method, "/recoveries", nil).refuses(http.StatusUnauthorized, "unauthenticated")
	}
	stranger.post("/recoveries", object{"way": "email"}).refuses(http.StatusUnauthorized, "unauthenticated")
	for _, token := range []string{"x", "nl_m_x", strings.Repeat("y", 200)} {
		stranger.post("/recoveries/confirmations", object{"token": token}).refuses(http.StatusUnauthorized, "refused").is("reason", "wrong")
	}
	stranger.post("/recoveries/confirmations", object{}).refuses(http.StatusBadRequest, "invalid_request").is("fields.token", "missing")

	session.get("/recoveries").want(http.StatusOK).is("ways.0.left", 10.0)
	for _, way := range []string{"email", "admin"} {
		session.post("/recoveries", object{"way": way}).refuses(http.StatusForbidden, "forbidden")
	}
	session.del("/recoveries").refuses(http.StatusNotFound, "not_found")

	p.signIn(false)
	for body, field := range map[string]string{"": "missing", "recovery": "invalid", "sms": "invalid"} {
		p.post("/recoveries", object{"way": body}).refuses(http.StatusBadRequest, "invalid_request").is("fields.way", field)
	}
	p.del("/recoveries").refuses(http.StatusNotFound, "not_found")
	p.post("/recoveries", object{"way": "admin"}).want(http.StatusAccepted)
	if all := h.about("ops@example.net", ""); len(all) != 1 || !strings.Contains(all[0].Text, "anna") || strings.Contains(all[0].Text, "token") {
		t.Errorf("the administrators read %+v", all)
	}
	for range 3 {
		p.post("/recoveries", object{"way": "email"}).want(http.StatusAccepted)
	}
	p.post("/recoveries", object{"way": "email"}).refuses(http.StatusTooManyRequests, "throttled").is("retry_after", 3600.0)

	// Begun, it is canceled in a sign-in, in a session, by a right second factor, and by the link of the mail.
	token := h.token("anna@example.org", "/recover")
	stranger.post("/recoveries/confirmations", object{"token": token}).want(http.StatusNoContent)
	stranger.post("/recoveries/confirmations", object{"token": token}).refuses(http.StatusUnauthorized, "refused").is("reason", "used")
	p.del("/recoveries").want(http.StatusNoContent)
	p.get("/recoveries").is("hold", nil)
	h.clock.move(time.Hour)
	for _, end := range []func(){
		func() { session.del("/recoveries").want(http.StatusNoContent) },
		func() { p.verify("totp", p.nextCode()).is("next", "done") },
	} {
		p.signIn(false)
		p.post("/recoveries", object{"way": "email"}).want(http.StatusAccepted)
		stranger.post("/recoveries/confirmations", object{"token": h.token("anna@example.org", "/recover")}).want(http.StatusNoContent)
		end()
		p.get("/recoveries").is("hold", nil)
		h.clock.move(24 * time.Hour)
		if n := len(h.about("anna@example.org", "Your code")); n != 0 {
			t.Errorf("%d codes were mailed", n)
		}
	}
}

// An administrator's account, one whose password was reset lately, and a house without the setting have no such way.
func TestRecoverByMailIsForbidden(t *testing.T) {
	t.Parallel()
	h := newHouse(t, recovering...)
	p := h.owner("anna", false)
	p.signIn(false)
	h.setAdmin("anna", true)
	p.signIn(false)
	p.get("/recoveries").want(http.StatusOK).is("ways.1.way", "admin")
	p.post("/recoveries", object{"way": "email"}).refuses(http.StatusForbidden, "forbidden")
	h.setAdmin("anna", false)
	p.signIn(false)
	p.post("/recoveries", object{"way": "email"}).want(http.StatusAccepted)
	token := h.token("anna@example.org", "/recover")
	h.setAdmin("anna", true)
	h.client().post("/recoveries/confirmations", object{"token": token}).refuses(http.StatusForbidden, "forbidden")

	plain := newHouse(t, "MAIL_URL=outbox:")
	q := plain.owner("bert", false)
	q.signIn(false)
	q.get("/recoveries").want(http.StatusOK).is("ways.1", nil)
	for _, way := range []string{"email", "admin"} {
		q.post("/recoveries", object{"way": way}).refuses(http.StatusForbidden, "forbidden")
	}
}

// Before the first enrollment a code is mailed to the confirmed address, in a sign-in that must enroll and in a session.
func TestFirstEnrollmentOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "MAIL_URL=outbox:")
	p := h.signUpAs("anna", "anna@example.org", false)
	p.post("/authenticators", object{"kind": "totp"}).want(http.StatusCreated) // the address is not confirmed
	h.confirm("anna")
	begun := p.post("/authenticators", object{"kind": "totp"}).refuses(http.StatusForbidden, "fresh_proof_needed")
	if diff := cmp.Diff([]any{object{"kind": "email", "hint": "a•••@example.org"}}, begun.list("offers")); diff != "" {
		t.Error(diff)
	}
	p.post("/challenges", object{"kind": "email"}).want(http.StatusOK).is("sent_to", "a•••@example.org")
	code, wrong := h.sentCode()
	p.verify("email", wrong).refuses(http.StatusUnauthorized, "refused")
	p.verify("email", code).is("next", "done").is("session.level", 1.0).is("session.proofs.1", nil)
	p.enroll()

	strict := h.again("MAIL_URL=outbox:", "POLICY_REQUIRE=required")
	q := strict.add("bert")
	strict.sql(`UPDATE accounts SET email = 'bert@example.org', email_confirmed_at = 1 WHERE username = 'bert'`)
	in := q.signIn(false)
	in.is("next", "verify").is("offers.0.kind", "email").is("offers.0.id", nil).is("offers.1", nil).is("may_remember", false)
	q.post("/authenticators", object{"kind": "totp"}).refuses(http.StatusUnauthorized, "unauthenticated")
	q.post("/challenges", object{"kind": "email"}).want(http.StatusOK)
	code, _ = strict.sentCode()
	q.verify("email", code).is("next", "enroll").is("kinds.0", "totp")
	q.enroll().is("sign_in.next", "done")

	// With first_enrollment = "password" nothing more is asked for.
	lax := h.again("MAIL_URL=outbox:", "POLICY_REQUIRE=required", "POLICY_FIRST_ENROLLMENT=password")
	lax.add("cleo")
	lax.sql(`UPDATE accounts SET email = 'cleo@example.org', email_confirmed_at = 1 WHERE username = 'cleo'`)
	r := &person{client: lax.client(), name: "cleo"}
	r.signIn(false).is("next", "enroll")
}

// A password that came by mail and a code that comes by the same mail do not make two.
func TestOneMailboxOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.signUpAs("anna", "anna@example.org", false)
	id := p.addSent("email", "Anna@Example.org", "Mail")
	account, err := h.all.Accounts.Find(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	err = h.all.Service.Change(t.Context(), account.ID, nightlatch.Event{Name: "password_reset"}, func(ctx context.Context) error {
		return h.all.Service.NotePasswordReset(ctx, account.ID, "anna@example.org")
	})
	if err != nil {
		t.Fatal(err)
	}
	p.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	p.signIn(false).is("next", "verify").is("offers.0.kind", "recovery").is("offers.1", nil)
	before := len(h.sent())
	p.post("/challenges", object{"id": id}).refuses(http.StatusUnauthorized, "refused")
	p.post("/challenges", object{"kind": "email"}).refuses(http.StatusUnauthorized, "refused")
	if len(h.sent()) != before {
		t.Error("a code was sent")
	}
	p.verify("recovery", p.codes[0]).is("next", "done")
}
