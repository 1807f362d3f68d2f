package importer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func path(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// A file that cannot be understood as a whole gives nothing, and says why by its line.
func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	hash := "$2b$05$9CzziubQJQ4xT24M7yYVD.wb72xAQqyYErgdhSkf42DO3hWHhK0yy"
	for name, tt := range map[string]struct{ format, text, want string }{
		"no format":              {"x", "", "there is no format"},
		"empty table":            {"csv", "", "must be the header"},
		"an unknown column":      {"csv", "username,pasword\n", `"pasword"`},
		"a column twice":         {"csv", "username,username\n", "twice"},
		"no name":                {"csv", "password_hash\n", "neither username nor email"},
		"a quote that is open":   {"csv", "username\n\"ada\n", "line"},
		"no salt":                {"flask-security", "{}", "password_salt"},
		"no user file":           {"authelia", "a: b\n", "neither a SQLite database"},
		"a tab":                  {"authelia", "users:\n\tjohn: x\n", "line 2: a tab"},
		"an anchor":              {"authelia", "users:\n  john: &a x\n", "line 2"},
		"a block text":           {"authelia", "users:\n  john: |\n    x\n", "line 2"},
		"a name twice":           {"authelia", "users:\n  john: x\n  john: y\n", "line 3"},
		"indented at random":     {"authelia", "users:\n    john: x\n  ann: y\n", "line 3"},
		"a list of maps":         {"authelia", "users:\n  - name: x\n", "line 2"},
		"an escape":              {"authelia", "users:\n  john: \"a\\nb\"\n", "line 2"},
		"a bracket that is open": {"authelia", "users:\n  john: [a\n", "line 2"},
		"very deep":              {"authelia", deep(40), "too deep"},
		"a directory of a user":  {"authelia", "users:\n", "neither a SQLite database"},
	} {
		_, err := ReadFiles(t.Context(), tt.format, Input{Files: []string{path(t, tt.text)}})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), hash) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	for _, format := range Formats() {
		if _, err := ReadFiles(t.Context(), format, Input{Secrets: Secrets{SingleHash: true}}); err == nil {
			t.Errorf("%s: no file was enough", format)
		}
		if _, err := ReadFiles(t.Context(), format, Input{Files: []string{t.TempDir()}, Secrets: Secrets{SingleHash: true}}); err == nil {
			t.Errorf("%s: a directory was enough", format)
		}
	}
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// A line that cannot be read is refused by itself, and shows nothing of what is in it.
func TestLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ format, line, want string }{
		"no JSON":            {"nightlatch", `secret-of-ada`, "no JSON"},
		"two values":         {"nightlatch", `{"nightlatch_account":1,"id":"a","with_secrets":true} {}`, "follows"},
		"another version":    {"nightlatch", `{"nightlatch_account":2,"id":"a","with_secrets":true}`, "version 2"},
		"a key of the next":  {"nightlatch", `{"nightlatch_account":1,"id":"a","with_secrets":true,"secret-of-ada":1}`, "unknown field"},
		"no id":              {"nightlatch", `{"nightlatch_account":1,"with_secrets":true}`, "id is missing"},
		"another type":       {"nightlatch", `{"nightlatch_account":"secret-of-ada"}`, "another type"},
		"U2F_V1":             {"u2f", `{"user":"ada","version":"U2F_V1","keyHandle":"AA","publicKey":"AA"}`, "U2F_V2"},
		"a handle in hex":    {"u2f", `{"user":"ada","version":"U2F_V2","keyHandle":"!","publicKey":"AA"}`, "keyHandle"},
		"no user":            {"u2f", `{"version":"U2F_V2","keyHandle":"AA","publicKey":"AA"}`, "user is missing"},
		"a counter too high": {"u2f", `{"user":"ada","version":"U2F_V2","keyHandle":"AA","publicKey":"AA","counter":4294967296}`, "another type"},
	} {
		r, err := ReadFiles(t.Context(), tt.format, Input{Files: []string{path(t, "\n"+tt.line+"\n")}})
		if err != nil || len(r.Accounts) != 0 || len(r.Refused) != 1 {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		got := r.Refused[0]
		if got.At != "line 2" || !strings.Contains(got.Why, tt.want) || strings.Contains(got.Why, "secret-of-ada") && name != "a key of the next" {
			t.Errorf("%s: %+v, want %q", name, got, tt.want)
		}
	}
}

// A secret of passlib or Fernet that was not sealed, or with another key, is told apart.
func TestSealsOfFlaskSecurity(t *testing.T) {
	t.Parallel()
	plain := `{"v":1,"type":"totp","key":"JBSWY3DPEHPK3PXP","digits":8}`
	if uri, err := passlibTOTP(nil, plain); err != nil || uri.Digits != 8 || uri.Secret.Base32() != "JBSWY3DPEHPK3PXP" {
		t.Errorf("unsealed: %+v, %v", uri, err)
	}
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "x", "version 2": `{"v":2,"type":"totp","key":"AA"}`, "a token": `{"v":1,"type":"hotp","key":"AA"}`,
		"no key": `{"v":1,"type":"totp"}`, "a seal of the next version": `{"v":1,"type":"totp","enckey":{"v":2,"c":1,"t":"1","s":"AAAA","k":"AAAA"}}`,
		"rounds without end": `{"v":1,"type":"totp","enckey":{"v":1,"c":62,"t":"1","s":"AAAA","k":"AAAA"}}`,
		"an unknown secret":  `{"v":1,"type":"totp","enckey":{"v":1,"c":1,"t":"2","s":"AAAA","k":"AAAA"}}`,
		"no salt":            `{"v":1,"type":"totp","enckey":{"v":1,"c":1,"t":"1","s":"!","k":"AAAA"}}`,
	} {
		if uri, err := passlibTOTP(map[string]string{"1": "x"}, text); err == nil {
			t.Errorf("%s: %+v", name, uri)
		}
	}
	// The example of the Fernet specification.
	const token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
	const key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	other := strings.Repeat("A", 43) + "="
	if code, err := fernetCode([]string{other, key}, token); err != nil || code != "hello" {
		t.Errorf("got %q, %v", code, err)
	}
	for name, keys := range map[string][]string{"no key": nil, "another key": {other}, "half a key": {"AAAA"}} {
		if code, err := fernetCode(keys, token); err == nil {
			t.Errorf("%s: %q", name, code)
		}
	}
	if code, err := fernetCode([]string{key}, token[:60]); err == nil {
		t.Errorf("cut: %q", code)
	}
	if code, err := fernetCode(nil, "01ab-23cd-45ef"); err != nil || code != "01ab-23cd-45ef" {
		t.Errorf("plain: %q, %v", code, err)
	}
}

// JSON of the tables is read as the database is.
func TestFlaskSecurityDump(t *testing.T) {
	t.Parallel()
	dump := `{"user": [{"id": 1, "email": "ada@example.com", "fs_uniquifier": "u1", "password": "pbkdf2_sha256$1$x$y", "active": true, "confirmed_at": "2024-05-06T07:08:09"},
		{"id": 2, "email": "bob@example.com", "fs_uniquifier": "u2", "active": false, "roles": ["ops", {"name": "dev"}]}],
		"role": [{"id": 7, "name": "staff"}], "roles_users": [{"user_id": 1, "role_id": 7}],
		"webauthn": [{"user_id": 1, "name": "Blue", "credential_id": "AQID", "public_key": "AQID", "usage": "secondary", "sign_count": 3}]}`
	r, err := ReadFiles(t.Context(), "flask-security", Input{Files: []string{path(t, dump)}, Secrets: Secrets{PasswordSalt: "s"}})
	if err != nil || len(r.Accounts) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	ada, bob := r.Accounts[0], r.Accounts[1]
	if ada.Ref != "u1" || ada.Groups[0] != "staff" || !ada.EmailConfirmed || ada.PasswordHash != "pbkdf2_sha256$1$x$y" ||
		len(ada.Factors) != 1 || ada.Factors[0].Key.Counter != 3 || ada.Factors[0].Label != "Blue" {
		t.Errorf("ada is %+v", ada)
	}
	if !bob.Disabled || strings.Join(bob.Groups, " ") != "dev ops" || bob.PasswordHash != "" {
		t.Errorf("bob is %+v", bob)
	}
}

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"users:\n  a:\n    groups: [x, 'y']\n", "a:\n- b\n- 'it''s'\n", "\"q\": 'v' # c\n", "- -\n", "'", "\"\":", "[", "a:\n b:\nc: ~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		node, err := parseYAML(text)
		if err == nil && node.text == "" && node.items == nil && node.fields == nil {
			t.Errorf("%q reads as nothing", text)
		}
	})
}
