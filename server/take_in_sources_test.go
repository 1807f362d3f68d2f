package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/internal/softkey"
	"github.com/nightlatch/nightlatch/server/importer"
	"github.com/nightlatch/nightlatch/server/settings"
)

// keyAtHost is a key before a browser at the server's page.
func keyAtHost(n byte) *softkey.Key {
	k := softkey.New(rand.NewChaCha8([32]byte{n}))
	k.Origin = "http://localhost:8080"
	return k
}

// answerKey proves a key by the API.
func (c *client) answerKey(k *softkey.Key) (int, object) {
	c.t.Helper()
	asked := c.want(http.StatusOK, "POST", "/challenges", object{"kind": "webauthn"})
	options, err := json.Marshal(asked["public_key"])
	if err != nil {
		c.t.Fatal(err)
	}
	credential, err := k.Get(options)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.send("POST", "/verifications", object{"kind": "webauthn", "credential": credential})
}

// made makes a credential as another program at localhost would have enrolled it: with a user handle, a passkey.
func made(t *testing.T, k *softkey.Key, handle string) *softkey.Credential {
	t.Helper()
	resident := map[bool]string{true: "required", false: "discouraged"}[handle != ""]
	if handle == "" {
		handle = "nobody"
	}
	options, err := json.Marshal(object{
		"rp":        object{"id": "localhost", "name": "Old"},
		"user":      object{"id": base64.RawURLEncoding.EncodeToString([]byte(handle)), "name": "a", "displayName": "a"},
		"challenge": base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "pubKeyCredParams": []object{{"type": "public-key", "alg": -7}},
		"authenticatorSelection": object{"residentKey": resident, "userVerification": "preferred"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Create(options); err != nil {
		t.Fatal(err)
	}
	return k.Credentials[len(k.Credentials)-1]
}

// flaskDatabase runs testdata/flask_security.py, or skips where Flask-Security is not installed.
func flaskDatabase(t *testing.T, plan object) (path string, shown map[string]struct {
	TF, US, Handle string
	Codes          []string
},
) {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has Debian's packages
	if err := exec.CommandContext(t.Context(), python, "-c", "import flask_security, flask_sqlalchemy, bcrypt, cryptography, qrcode, phonenumbers").Run(); err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("NIGHTLATCH_NO_SKIP") != "" {
			t.Fatalf("python3-flask-security is not installed: %v", err)
		}
		t.Skip("python3-flask-security is not installed")
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "app.db")
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", "testdata/flask_security.py", path, file(t, "plan.json", string(text)))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &shown); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path, shown
}

// An application's own database, made by Flask-Security, is taken in, and everything in it works: double hashes,
// passwords in NFKD, sealed secrets, recovery codes, keys and passkeys.
func TestTakeInFlaskSecurity(t *testing.T) {
	t.Parallel()
	key, passkey := keyAtHost(3), keyAtHost(4)
	second := made(t, key, "")
	old := made(t, passkey, "0123456789abcdef0123456789abcdef")
	row := func(c *softkey.Credential, name, usage, extensions string) object {
		return object{
			"name": name, "id": base64.StdEncoding.EncodeToString(c.ID), "public_key": base64.StdEncoding.EncodeToString(c.Public()),
			"sign_count": 0, "usage": usage, "extensions": extensions,
		}
	}
	const wide = "Ångström ½ ﬁsh"
	secrets := importer.Secrets{
		PasswordSalt: "146585145368132386173505678016728509634",
		TOTPSecrets:  map[string]string{"1": "an old secret of the wallet", "2": "TjQ9Qa31VOrfEzuPy4VHQWPCTmRzCnFzMKLxXYiZu9B"},
		RecoveryKeys: []string{base64.URLEncoding.EncodeToString(slices.Repeat([]byte("k"), 32))},
	}
	path, shown := flaskDatabase(t, object{
		"password_salt": secrets.PasswordSalt, "password_hash": "bcrypt", "passlib": object{"bcrypt__rounds": 4},
		"totp_secrets": secrets.TOTPSecrets, "recovery_keys": secrets.RecoveryKeys,
		"users": []object{
			{"username": "ada", "email": "ada@example.com", "password": wide, "roles": []string{"staff", "ops"}, "tf": "authenticator", "codes": true},
			{"email": "bob@example.com", "password": "pass", "active": false, "us": true, "us_phone": "+4915123456789"},
			{"username": "cy", "email": "cy@example.com", "password": "pass", "confirmed": false, "tf": "sms", "phone": "+4915123456780"},
			{"username": "dee", "email": "dee@example.com", "password": "pass", "key": row(second, "Blue", "secondary", "")},
			{"username": "eve", "email": "eve@example.com", "password": "pass", "key": row(old, "Phone", "first", `{"credProps": {"rk": true}}`)},
			{"username": "fay", "email": "fay@example.com", "password": "pass", "roles": []string{"No Group"}},
			{"username": "gil", "email": "gil@example.com", "password": "pass", "tf": "email"},
			{"username": "hal", "email": "hal@example.com", "password": "pass"},
		},
	})
	// The passkey's handle is what Flask-Security gave its user.
	old.UserHandle = []byte(shown["eve@example.com"].Handle)

	p := newSite(t)
	set := p.settings("SMS_PROVIDER=outbox", "SMS_COUNTRIES=DE", "MAIL_URL=outbox:")
	s, err := p.start(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		all, refused := takeInFiles(t, s, "flask-security", secrets, dry, path)
		got := outcomes(all)
		for name, want := range map[string]string{
			"ada": "taken in", "bob@example.com": "taken in", "cy": "taken in", "dee": "taken in", "eve": "taken in",
			"fay": `refusedthe group "No Group" is invalid`, "gil": "taken in", "hal": "taken in",
		} {
			if got[name] != want && !strings.HasPrefix(got[name], want+";") {
				t.Errorf("dry %v: %s: %q, want %q", dry, name, got[name], want)
			}
		}
		if len(all) != 8 || len(refused) != 0 {
			t.Errorf("dry %v: %v, %v", dry, got, refused)
		}
	}
	flaskSecurityWorks(t, p, s, shown["ada@example.com"].TF, shown["ada@example.com"].Codes, wide)
	c := newClient(t, s)
	if status, _ := c.signIn("bob@example.com", "pass"); status != http.StatusUnauthorized {
		t.Errorf("bob, who was not active: %d", status)
	}
	if err := s.SetDisabled(t.Context(), find(t, s, "bob@example.com"), false, "test"); err != nil {
		t.Fatal(err)
	}
	answer := c.mustSignIn("bob@example.com", "pass", "verify")
	if len(answer["offers"].([]any)) != 2 {
		t.Errorf("bob is offered %v", answer["offers"])
	}
	if status, answer := c.verify("totp", codeOf(t, generator(t, shown["bob@example.com"].US), p.clock.now())); status != http.StatusOK {
		t.Errorf("bob's app: %d %v", status, answer)
	}
	for name, kind := range map[string]string{"cy": "sms", "gil": "email"} {
		if offer := c.mustSignIn(name, "pass", "verify")["offers"].([]any)[0].(object); offer["kind"] != kind {
			t.Errorf("%s is offered %v", name, offer)
		}
	}
	if a := find(t, s, "cy"); !a.EmailConfirmedAt.IsZero() {
		t.Error("cy's address was not confirmed")
	}
	c.mustSignIn("hal", "pass", "done")
	c.mustSignIn("dee", "pass", "verify")
	if status, answer := c.answerKey(key); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("dee's key: %d %v", status, answer)
	}
	c.mustSignIn("eve", "pass", "verify")
	if status, answer := c.answerKey(passkey); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("eve's passkey as a second factor: %d %v", status, answer)
	}
	c.token = ""
	asked := c.want(http.StatusOK, "POST", "/challenges", object{"kind": "webauthn", "transport": "token"})
	options, err := json.Marshal(asked["public_key"])
	if err != nil {
		t.Fatal(err)
	}
	credential, err := passkey.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := c.send("POST", "/verifications", object{"kind": "webauthn", "credential": credential}); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("eve's passkey alone: %d %v", status, answer)
	}
	// Another wallet's secret is not taken for the right one: there is none under that number.
	secrets.TOTPSecrets = map[string]string{"9": "x"}
	delete(secrets.TOTPSecrets, "2")
	other := newServer(t)
	all, _ := takeInFiles(t, other, "flask-security", secrets, false, path)
	if got := outcomes(all)["ada"]; !strings.Contains(got, "refused") || !strings.Contains(got, "not in totp_secrets") {
		t.Errorf("without the wallet's secret: %q", got)
	}
}

// flaskSecurityWorks signs ada in with all that she had.
func flaskSecurityWorks(t *testing.T, p *site, s *Server, app string, codes []string, password string) {
	t.Helper()
	a := find(t, s, "ada")
	if !slices.Equal(a.Groups, []string{"ops", "staff"}) || a.EmailConfirmedAt.IsZero() {
		t.Errorf("ada is %+v", a)
	}
	c := newClient(t, s)
	if status, _ := c.signIn("ada", password+" "); status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", status)
	}
	c.mustSignIn("ada", norm.NFD.String(password), "verify")
	if status, answer := c.verify("totp", codeOf(t, generator(t, app), p.clock.now())); status != http.StatusOK || answer["next"] != "done" {
		t.Fatalf("ada's app: %d %v", status, answer)
	}
	c.mustSignIn("ada", password, "verify") // by a hash of ours
	if status, answer := c.verify("recovery", strings.ToUpper(codes[0])); status != http.StatusOK {
		t.Errorf("a recovery code: %d %v", status, answer)
	}
	c.mustSignIn("ada", password, "verify")
	if status, answer := c.verify("recovery", codes[0]); status != http.StatusUnauthorized || answer["reason"] != "used" {
		t.Errorf("the same again: %d %v", status, answer)
	}
}

// sealed is as Authelia seals up to schema 24.
func sealed(t *testing.T, key string, plain []byte) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := []byte("twelve bytes")
	return aead.Seal(nonce, nonce, plain, nil)
}

const autheliaSchema = `
CREATE TABLE totp_configurations (id INTEGER PRIMARY KEY, created_at DATETIME, last_used_at DATETIME, username VARCHAR(100),
	issuer VARCHAR(100), algorithm VARCHAR(6), digits INTEGER, period INTEGER, secret BLOB);
CREATE TABLE webauthn_credentials (id INTEGER PRIMARY KEY, created_at DATETIME, last_used_at DATETIME, rpid VARCHAR(512),
	username VARCHAR(100), description VARCHAR(64), kid VARCHAR(512), aaguid CHAR(36), attestation_type VARCHAR(32), attachment VARCHAR(64),
	transport VARCHAR(64), sign_count INTEGER, clone_warning BOOLEAN, legacy BOOLEAN, discoverable BOOLEAN, present BOOLEAN,
	verified BOOLEAN, backup_eligible BOOLEAN, backup_state BOOLEAN, public_key BLOB, attestation BLOB);
CREATE TABLE webauthn_users (id INTEGER PRIMARY KEY, rpid VARCHAR(512), username VARCHAR(100), userid CHAR(64));`

const autheliaUsers = `---
# users of the portal
users:
  john:
    disabled: false
    displayname: "John Doe"
    password: 'HASH'
    email: john@example.com
    groups:
      - admins
      - dev
  "ann": # quoted
    displayname: Ann
    password: HASH
    email: ann@example.com
    groups: [dev, "ops"]
  old:
    password: "$6$rounds=50000$salt$hash"
    email: old@example.com
  gone:
    disabled: true
    password: "HASH"
`

func TestTakeInAuthelia(t *testing.T) {
	t.Parallel()
	const encryption = "a very secret key of the storage"
	key := keyAtHost(5)
	credential := made(t, key, "")
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "db.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	for _, q := range []struct {
		text string
		args []any
	}{
		{autheliaSchema, nil},
		{`INSERT INTO totp_configurations VALUES (1, '2024-05-06 07:08:09', NULL, 'john', 'Authelia', 'SHA512', 8, 60, $1)`, []any{sealed(t, encryption, []byte(secret))}},
		{`INSERT INTO totp_configurations VALUES (2, '2024-05-06 07:08:09', NULL, 'ghost', 'Authelia', 'SHA1', 6, 30, $1)`, []any{sealed(t, encryption, []byte(secret))}},
		{
			`INSERT INTO webauthn_credentials VALUES (1, '2024-05-06 07:08:09', NULL, 'localhost', 'ann', 'Blue', $1, NULL, 'none', '', 'usb', 0, 0, 0, 0, 1, 0, 0, 0, $2, NULL)`,
			[]any{base64.StdEncoding.EncodeToString(credential.ID), sealed(t, encryption, credential.Public())},
		},
		{`INSERT INTO webauthn_users VALUES (1, 'localhost', 'ann', 'the handle of ann')`, nil},
	} {
		if _, err := db.ExecContext(t.Context(), q.text, q.args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	users := file(t, "users.yml", strings.ReplaceAll(autheliaUsers, "HASH", argonOf(t)))
	p := newSite(t)
	s := p.mustStart()
	storage := filepath.Join(dir, "db.sqlite3")
	wrong, _ := takeInFiles(t, s, "authelia", importer.Secrets{EncryptionKey: "another"}, false, storage, users)
	for _, name := range []string{"john", "ann"} {
		if got := outcomes(wrong)[name]; !strings.Contains(got, "refused") || !strings.Contains(got, "cannot be opened") {
			t.Errorf("%s with another key: %q", name, got)
		}
	}
	all, refused := takeInFiles(t, s, "authelia", importer.Secrets{EncryptionKey: encryption}, false, storage, users)
	got := outcomes(all)
	for name, want := range map[string]string{"john": "taken in", "ann": "taken in", "old": `of the kind "6"`, "gone": "taken in before"} {
		if !strings.Contains(got[name], want) {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if len(refused) != 1 || refused[0].Name != "ghost" {
		t.Errorf("refused %v, want ghost", refused)
	}
	if a := find(t, s, "john"); !slices.Equal(a.Groups, []string{"admins", "dev"}) || a.EmailConfirmedAt.IsZero() || a.Admin {
		t.Errorf("john is %+v", a)
	}
	c := newClient(t, s)
	c.mustSignIn("john", otherSecret, "verify")
	app := generator(t, secret)
	app.Algorithm, app.Digits, app.Period = "SHA512", 8, 60
	if status, answer := c.verify("totp", codeOf(t, app, p.clock.now())); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("john's app: %d %v", status, answer)
	}
	c.mustSignIn("ann", otherSecret, "verify")
	if status, answer := c.answerKey(key); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("ann's key: %d %v", status, answer)
	}
	if who, err := s.Service.CarriedOf(t.Context(), find(t, s, "ann").ID); err != nil || string(who.Handle) != "the handle of ann" {
		t.Errorf("ann's handle is %q, %v", who.Handle, err)
	}
	if status, _ := c.signIn("gone", otherSecret); status != http.StatusUnauthorized {
		t.Errorf("gone signs in: %d", status)
	}
}

// argonOf is a hash of otherSecret.
func argonOf(t *testing.T) string {
	t.Helper()
	s := newServer(t)
	hash, err := s.password.Hash(t.Context(), rand.NewChaCha8([32]byte{7}), otherSecret)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// A key of the old U2F API works through the appid extension, for an account that is there.
func TestTakeInU2F(t *testing.T) {
	t.Parallel()
	const appID = "http://localhost:8080"
	key := keyAtHost(6)
	key.U2F = true
	handle, public, err := key.Registered(appID)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	line := func(user, app string) string {
		text, err := json.Marshal(object{
			"user": user, "name": "Old key", "version": "U2F_V2", "keyHandle": b64(handle), "appId": app, "publicKey": b64(public),
			"transports": []string{"usb"}, "certificate": "what some libraries kept beside it",
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	lines := file(t, "keys.jsonl", line("ada", appID)+line("nobody", appID)+line("ada", "https://example.com")+"{}\nno JSON\n"+line("bob", appID))
	p := newSite(t)
	s, err := p.start(withAppID(p, appID))
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, Account{Username: "ada"})
	add(t, s, Account{Username: "bob"})
	for _, want := range []string{"added to", "was taken in before"} {
		all, refused := takeInFiles(t, s, "u2f", importer.Secrets{}, false, lines)
		if len(all) != 4 || string(all[0].Outcome) != want || !strings.Contains(all[1].Why, "no account") ||
			!strings.Contains(all[2].Why, "webauthn.app_id") || !strings.Contains(all[3].Why, "another account's") || len(refused) != 2 {
			t.Errorf("got %+v, %v, want %s first", all, refused, want)
		}
	}
	c := newClient(t, s)
	c.mustSignIn("bob", secret, "done")
	c.mustSignIn("ada", secret, "verify")
	if status, answer := c.answerKey(key); status != http.StatusOK || answer["next"] != "done" {
		t.Errorf("the old key: %d %v", status, answer)
	}
}

func withAppID(p *site, appID string) *settings.Settings {
	p.t.Helper()
	return p.settings("WEBAUTHN_APP_ID=" + appID)
}
