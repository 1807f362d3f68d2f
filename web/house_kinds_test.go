package web_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"

	"github.com/nightlatch/nightlatch/internal/softkey"
)

// everyKind are settings with all that can be enrolled. Messages go to outbox.jsonl.
var everyKind = []string{
	"POLICY_FACTORS=totp,hotp,webauthn,email,sms,recovery", "MAIL_URL=outbox:", "SMS_PROVIDER=outbox", "SMS_COUNTRIES=DE,US",
}

// message is a line of the outbox.
type message struct{ ID, To, Kind, Subject, Text, At string }

// sent are all messages, the oldest first.
func (h *house) sent() (all []message) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "outbox.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// last is the newest message.
func (h *house) last() message {
	h.t.Helper()
	all := h.sent()
	if len(all) == 0 {
		h.t.Fatal("nothing was sent")
	}
	return all[len(all)-1]
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// sentCode is the code of the newest message, and another one.
func (h *house) sentCode() (right, wrong string) {
	h.t.Helper()
	right = sixDigits.FindString(h.last().Text)
	if wrong = "000000"; right == wrong {
		wrong = "111111"
	}
	return right, wrong
}

// newKey is a security key in a browser that is at the house.
func newKey() *softkey.Key {
	k := softkey.New(rand.Reader)
	k.Origin = "http://localhost:8080"
	return k
}

// options are what the answer hands to navigator.credentials.
func (a answer) options() json.RawMessage {
	a.t.Helper()
	text, err := json.Marshal(a.at("public_key"))
	if err != nil || a.at("public_key") == nil {
		a.t.Fatalf("%s: no options: %s", a.path, a.body)
	}
	return text
}

// touch answers request options with a key.
func (a answer) touch(k *softkey.Key) json.RawMessage {
	a.t.Helper()
	credential, err := k.Get(a.options())
	if err != nil {
		a.t.Fatal(err)
	}
	return credential
}

// made answers creation options with a key.
func (a answer) made(k *softkey.Key) json.RawMessage {
	a.t.Helper()
	credential, err := k.Create(a.options())
	if err != nil {
		a.t.Fatal(err)
	}
	return credential
}

type object = map[string]any

// addKey enrolls a key or a passkey and returns its id.
func (p *person) addKey(k *softkey.Key, body object) string {
	p.t.Helper()
	body["kind"] = "webauthn"
	begun := p.post("/authenticators", body).want(http.StatusCreated)
	done := p.post("/authenticators/finish", object{"enrollment": begun.text("enrollment"), "credential": begun.made(k)})
	return p.added(done)
}

// addSent enrolls an address or a number and returns its id.
func (p *person) addSent(kind, to, label string) string {
	p.t.Helper()
	field := map[string]string{"email": "email", "sms": "phone"}[kind]
	begun := p.post("/authenticators", object{"kind": kind, field: to, "label": label}).want(http.StatusCreated)
	code, _ := p.h.sentCode()
	return p.added(p.post("/authenticators/finish", object{"enrollment": begun.text("enrollment"), "code": code}))
}

func (p *person) added(done answer) string {
	p.t.Helper()
	done.want(http.StatusCreated)
	for _, c := range done.list("recovery_codes") {
		p.codes = append(p.codes, c.(string))
	}
	return done.text("authenticator", "id")
}

// challenge asks for an authenticator, or any of a kind.
func (p *person) challenge(body object) answer {
	p.t.Helper()
	return p.post("/challenges", body).want(http.StatusOK)
}

// assert answers with a credential.
func (p *person) assert(credential json.RawMessage) answer {
	p.t.Helper()
	return p.post("/verifications", object{"kind": "webauthn", "credential": credential})
}
