package web_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

// many is a person who holds two of every kind, and how each is proven.
type many struct {
	*person
	ids   map[string]string // by label
	keys  map[string]*softkey.Key
	apps  map[string]totp.Generator
	count uint64 // of the token
}

func newMany(h *house) *many {
	h.t.Helper()
	m := &many{person: h.add("anna"), ids: map[string]string{}, keys: map[string]*softkey.Key{}, apps: map[string]totp.Generator{}}
	m.signIn(true)
	for _, label := range []string{"Work mail", "Home mail"} {
		m.ids[label] = m.addSent("email", strings.ReplaceAll(strings.ToLower(label), " ", ".")+"@example.com", label)
		h.clock.move(time.Second)
	}
	m.ids["Phone"] = m.addSent("sms", "+49 1512 3456712", "Phone")
	h.clock.move(time.Second)
	m.ids["Other phone"] = m.addSent("sms", "+1 415 555 2671", "Other phone")
	for _, label := range []string{"App", "Tablet", "Token"} {
		h.clock.move(time.Second)
		kind := "totp"
		if label == "Token" {
			kind = "hotp"
		}
		begun := m.post("/authenticators", object{"kind": kind, "label": label}).want(http.StatusCreated)
		m.apps[label] = generator(h.t, begun.text(kind, "secret"))
		m.ids[label] = m.added(m.post("/authenticators/finish", object{"enrollment": begun.text("enrollment"), "code": m.codeOf(label)}))
	}
	for _, label := range []string{"Blue key", "Red key", "Laptop"} {
		h.clock.move(time.Second)
		m.keys[label] = newKey()
		m.ids[label] = m.addKey(m.keys[label], object{"label": label, "passkey": label == "Laptop"})
	}
	return m
}

// codeOf is what an app or the token shows next.
func (m *many) codeOf(label string) string {
	m.t.Helper()
	var code string
	var err error
	if label == "Token" {
		code, err = m.apps[label].Code(m.count)
		m.count++
	} else {
		m.h.clock.move(30 * time.Second)
		code, err = m.apps[label].At(m.h.clock.now())
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return code
}

// prove proves the authenticator of a label.
func (m *many) prove(label string) answer {
	m.t.Helper()
	id := m.ids[label]
	asked := m.challenge(object{"id": id})
	kind := asked.text("kind")
	switch {
	case m.keys[label] != nil:
		return m.post("/verifications", object{"kind": kind, "id": id, "credential": asked.touch(m.keys[label])})
	case m.apps[label].Secret != nil:
		return m.post("/verifications", object{"kind": kind, "id": id, "code": m.codeOf(label)})
	}
	code, _ := m.h.sentCode()
	return m.post("/verifications", object{"kind": kind, "id": id, "code": code})
}

// offered are the labels of the offers, in their order.
func offered(a answer) (labels []string) {
	for i, o := range a.list("offers") {
		if label, ok := o.(object)["label"].(string); ok {
			labels = append(labels, label)
		} else {
			labels = append(labels, "the "+a.text("offers", i, "kind")+" codes")
		}
	}
	return labels
}

// TestTwoOfEveryKind: a person holds them all at once, chooses any of them, and prefers one.
func TestTwoOfEveryKind(t *testing.T) {
	t.Parallel()
	h := newHouse(t, append([]string{"SENT_CODE_PER_DESTINATION_PER_HOUR=50"}, everyKind...)...)
	m := newMany(h)
	strongest := []string{
		"Blue key", "Red key", "Laptop", "App", "Tablet", "Token", "Work mail", "Home mail", "Phone", "Other phone", "the recovery codes",
	}
	next := m.signIn(true)
	if diff := cmp.Diff(strongest, offered(next)); diff != "" {
		t.Errorf("the strongest first (-want +got):\n%s", diff)
	}
	for _, o := range next.list("offers") {
		o := o.(object)
		sent := o["kind"] == "email" || o["kind"] == "sms"
		if hint, _ := o["hint"].(string); sent != strings.Contains(hint, "••") || o["kind"] != "recovery" && o["last_used_at"] == nil {
			t.Errorf("offer %v", o)
		}
	}
	for _, label := range strongest[:10] {
		m.signIn(true)
		m.prove(label).want(http.StatusOK).is("next", "done").is("session.level", 2.0)
		if got := m.get("/authenticators"); !strings.Contains(string(got.body), label) {
			t.Errorf("%s is not listed", label)
		}
	}
	// Chosen is chosen: another one of the kind does not answer for it.
	m.signIn(true)
	m.post("/verifications", object{"kind": "totp", "id": m.ids["App"], "code": m.codeOf("Tablet")}).refuses(http.StatusUnauthorized, "refused")
	m.challenge(object{"id": m.ids["Phone"]})
	code, _ := h.sentCode()
	m.post("/verifications", object{"kind": "sms", "id": m.ids["Other phone"], "code": code}).refuses(http.StatusUnauthorized, "refused")
	m.post("/verifications", object{"kind": "sms", "id": m.ids["Phone"], "code": code}).want(http.StatusOK)

	m.patch("/authenticators/"+m.ids["Phone"], object{"preferred": true}).want(http.StatusOK).is("preferred", true)
	next = m.signIn(true)
	next.is("offers.0.label", "Phone").is("offers.0.preferred", true).is("offers.1.label", "Blue key")
	m.challenge(object{"kind": "sms"}).is("sent_to", "•••• 12")
	m.prove("Red key").want(http.StatusOK)
	for _, label := range []string{"phone", "PHONE", "\uff30hone", "Blue Key"} {
		m.post("/authenticators", object{"kind": "webauthn", "label": label}).refuses(http.StatusConflict, "conflict").is("fields.label", "taken")
		m.patch("/authenticators/"+m.ids["Tablet"], object{"label": label}).refuses(http.StatusConflict, "conflict").is("fields.label", "taken")
	}
	m.patch("/authenticators/"+m.ids["Tablet"], object{"label": "Old tablet"}).want(http.StatusOK)
	m.del("/authenticators/" + m.ids["Phone"]).want(http.StatusNoContent)
	next = m.signIn(true)
	if got := offered(next); got[0] != "Blue key" || strings.Contains(strings.Join(got, ","), ",Phone,") {
		t.Errorf("after the preferred one is gone: %v", got)
	}
}

// TestKindsThatAreSwitchedOff: what is held is asked for still, whatever may be enrolled; and where a kind cannot work
// any more, its account is none without a second factor.
func TestKindsThatAreSwitchedOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	m := newMany(h)
	off := h.again(append([]string{"POLICY_FACTORS=totp"}, everyKind[1:]...)...)
	m.h = off
	m.signIn(true).is("offers.0.label", "Blue key")
	for _, label := range []string{"Blue key", "Phone", "Home mail", "Token"} {
		m.signIn(true)
		m.prove(label).want(http.StatusOK).is("next", "done")
		for _, body := range []object{
			{"kind": "webauthn"}, {"kind": "sms", "phone": "+49 1512 3450000"}, {"kind": "email", "email": "x@example.com"}, {"kind": "hotp"},
		} {
			m.post("/authenticators", body).refuses(http.StatusForbidden, "forbidden")
		}
	}
	bert := h.add("bert") // who holds a key and a number and nothing else
	bert.signIn(true)
	bert.addKey(newKey(), object{})
	bert.addSent("sms", "+49 1512 3450099", "")
	bert.h = h.again("PUBLIC_URL=http://127.0.0.1:8080", "POLICY_FACTORS=totp,recovery") // neither RP ID nor provider
	next := bert.signIn(true).is("next", "verify")
	if got := len(next.list("offers")); got != 3 {
		t.Errorf("%d offers: %s", got, next.body)
	}
	for _, kind := range []string{"webauthn", "sms"} {
		bert.post("/challenges", object{"kind": kind}).refuses(http.StatusUnauthorized, "refused")
		bert.verify(kind, "123456").refuses(http.StatusUnauthorized, "refused")
	}
	bert.get("/session").refuses(http.StatusUnauthorized, "unauthenticated")
	bert.verify("recovery", bert.codes[0]).want(http.StatusOK).is("next", "done")
}

// TestNothingSentIsWritten: no code, destination, credential or challenge stands in the database, in a log or in an event.
func TestNothingSentIsWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t, everyKind...)
	p := h.add("anna")
	p.signIn(true)
	secrets := map[string]string{"number": "15123456712", "address": "secret.address@example.org"}
	number, mail := p.addSent("sms", "+49 1512 3456712", ""), p.addSent("email", "secret.address@example.org", "")
	key := newKey()
	p.addKey(key, object{"passkey": true})
	secrets["credential id"] = base64.RawURLEncoding.EncodeToString(key.Credentials[0].ID)
	secrets["raw credential id"] = string(key.Credentials[0].ID)
	secrets["public key"] = string(key.Credentials[0].Public())
	secrets["user handle"] = string(key.Credentials[0].UserHandle)
	secrets["user handle as text"] = base64.RawURLEncoding.EncodeToString(key.Credentials[0].UserHandle)
	for _, id := range []string{number, mail} {
		p.signIn(true)
		p.challenge(object{"id": id})
	}
	asked := p.challenge(object{"kind": "webauthn"})
	secrets["challenge"] = asked.text("public_key", "challenge")
	p.assert(asked.touch(key)).want(http.StatusOK)
	c := &person{client: h.client()}
	asked = c.challenge(object{"kind": "webauthn", "transport": "token"})
	secrets["nameless challenge"], secrets["its token"] = asked.text("public_key", "challenge"), asked.text("token")
	c.assert(asked.touch(key)).want(http.StatusOK)
	events := string(p.get("/events").want(http.StatusOK).body)
	places := map[string]string{"the log": h.log.String(), "the events": events}
	for _, m := range h.sent() {
		code := sixDigits.FindString(m.Text)
		secrets["code "+code] = `"` + code + `"` // a bare number of six digits may stand anywhere by chance
		secrets["code "+code+" in words"] = code + " "
	}
	names, err := filepath.Glob(filepath.Join(h.dir, "test.db*"))
	if h.url != "" {
		places["the database"] = pgtest.Dump(t, h.url)
	} else if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(name)] = string(text)
	}
	for place, text := range places {
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", what, place)
			}
		}
	}
}
