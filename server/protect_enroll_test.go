package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// walker is somebody whom ada's password has let in, before an application whose scripts share our host.
func walker(t *testing.T, o *protected) *browser {
	t.Helper()
	add(t, o.s, Account{Username: "ada"})
	b := newBrowser(t, o.http.Config.Handler, o.p.clock)
	b.get("/.nightlatch/sign-in")
	b.signIn("ada")
	return b
}

// proveFor proves the password on the way to a page.
func (b *browser) proveFor(page string) {
	b.t.Helper()
	b.want(http.StatusOK, "/.nightlatch/verify")
	b.clock.move(time.Second)
	b.send("/verify", map[string]string{"password": secret})
	b.want(http.StatusOK, page)
}

// A script of the application has what the browser sends by itself: the cookies. What a person has been shown once, it
// does not get by that, whatever it asks for.
func TestProtectShowsASecretOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"totp", "hotp"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := newProtected(t, http.HandlerFunc(echo))
			b := walker(t, o)
			page := "/.nightlatch/account/authenticators/new/" + kind
			b.get(page)
			b.proveFor(page)
			app := b.scan()
			shown := strings.ToLower(app.Secret.Base32())

			script := newBrowser(t, o.http.Config.Handler, o.p.clock)
			script.cookies = b.cookies
			stolen := func(what string) {
				t.Helper()
				text := strings.ToLower(strings.Join(strings.Fields(script.body), ""))
				if strings.Contains(text, shown) || strings.Contains(text, "otpauth:") || strings.Contains(text, `"secret"`) {
					t.Errorf("%s has a secret: %d %s", what, script.status, textOf(script.body))
				}
			}
			for _, query := range []string{"", "?to=%2F", "?replaces=", "?passkey=", "?change=1"} {
				script.get(page + query)
				stolen("GET " + query)
				script.want(http.StatusOK, "/.nightlatch/verify")
			}
			finish := "/.nightlatch/account/authenticators/finish/" + kind
			for _, form := range []url.Values{
				{},
				{"code": {"000000"}},
				{"code": {"000000"}, "enrollment": {""}},
				{"code": {""}, "enrollment": {strings.Repeat("A", 26)}},
				{"code": {"000000"}, "enrollment": {strings.Repeat("A", 26)}},
				{"code": {"x"}, "label": {strings.Repeat("x", 500)}},
			} {
				script.request("POST", finish, form)
				stolen("POST " + form.Encode())
			}
			script.request("POST", page, url.Values{"sure": {"1"}})
			stolen("POST " + page)
			for _, body := range []string{`{"kind":"` + kind + `"}`, `{"kind":"` + kind + `","replaces":""}`} {
				resp, text := o.do("POST", "/.nightlatch/api/v1/authenticators", body, "Content-Type: application/json",
					"Cookie: nightlatch_session="+b.cookies["nightlatch_session"], "Sec-Fetch-Site: same-origin")
				script.status, script.body = resp.StatusCode, text
				stolen("the API")
				var problem struct{ Code string }
				if err := json.Unmarshal([]byte(text), &problem); err != nil || problem.Code != "fresh_proof_needed" {
					t.Errorf("the API: %d %s", resp.StatusCode, text)
				}
			}

			t.Log("the person has scanned it, and goes on")
			if kind == "totp" {
				b.send("/finish/totp", map[string]string{"code": codeOf(t, app, o.p.clock.now())})
				if !strings.Contains(b.body, "Authenticator added.") {
					t.Errorf("%d at %s: %s", b.status, b.at, textOf(b.body))
				}
			}
		})
	}
}

// A wrong code leads neither in circles nor to the secret.
func TestProtectWrongCodeAtSetUp(t *testing.T) {
	t.Parallel()
	o := newProtected(t, http.HandlerFunc(echo))
	b := walker(t, o)
	const page = "/.nightlatch/account/authenticators/new/totp"
	b.get(page)
	b.proveFor(page)
	app := b.scan()
	label := "My phone"
	wrong := func(code string) {
		t.Helper()
		b.send("/finish/totp", map[string]string{"code": code, "label": label})
		if strings.Contains(b.body, "otpauth:") || !strings.Contains(b.body, `value="`+label+`"`) || !strings.Contains(textOf(b.body), "Enter the code") {
			t.Errorf("%q: %d at %s:\n%s", code, b.status, b.at, textOf(b.body))
		}
	}
	wrong("")
	wrong("abc")
	wrong("000000")
	b.send("/finish/totp", map[string]string{"code": codeOf(t, app, o.p.clock.now())})
	if b.status != http.StatusOK || !strings.Contains(b.body, "Authenticator added.") {
		t.Fatalf("the right code: %d at %s:\n%s", b.status, b.at, textOf(b.body))
	}

	label = "My tablet"
	t.Log("who has not scanned it begins anew, behind a proof")
	o.p.clock.move(time.Hour)
	prove := func() {
		t.Helper()
		b.want(http.StatusOK, "/.nightlatch/verify")
		o.p.clock.move(30 * time.Second)
		b.send("/verify", map[string]string{"code": codeOf(t, app, o.p.clock.now())})
		b.want(http.StatusOK, page)
	}
	b.get(page)
	prove()
	first := b.scan()
	wrong("000000")
	if !strings.Contains(b.body, `href="/.nightlatch/account/authenticators/new/totp"`) {
		t.Errorf("there is no way to begin anew:\n%s", b.body)
	}
	b.get(page)
	prove()
	if b.scan().Secret.Base32() == first.Secret.Base32() {
		t.Error("the same secret was shown once more")
	}
	for range 4 {
		wrong("000000")
	}
	b.send("/finish/totp", map[string]string{"code": "000000", "label": label})
	if text := textOf(b.body); !strings.Contains(text, "This set-up was over.") || strings.Contains(text, "Secret") {
		t.Errorf("after five wrong codes: %d at %s:\n%s", b.status, b.at, text)
	}
	b.get(page)
	prove()
	second := b.scan()
	b.send("/finish/totp", map[string]string{"code": codeOf(t, second, o.p.clock.now())})
	b.want(http.StatusOK, "/.nightlatch/account")
}

// In a sign-in that must enroll, where nothing can be proven again, whoever looks gets a secret of his own, which ends
// the one before it: the person hears of it and never confirms a secret that others have seen.
func TestProtectSecretOfASignIn(t *testing.T) {
	t.Parallel()
	o := newProtected(t, http.HandlerFunc(echo), "require = \"required\"")
	b := walker(t, o)
	const page = "/.nightlatch/account/authenticators/new/totp"
	b.get(page)
	app := b.scan()
	b.send("/finish/totp", map[string]string{"code": "000000"})
	if strings.Contains(b.body, "otpauth:") {
		t.Errorf("a wrong code shows the secret:\n%s", textOf(b.body))
	}
	kept := b.body
	script := newBrowser(t, o.http.Config.Handler, o.p.clock)
	script.cookies = b.cookies
	script.get(page)
	if script.scan().Secret.Base32() == app.Secret.Base32() {
		t.Error("a script reads the person's secret")
	}
	b.body = kept
	b.send("/finish/totp", map[string]string{"code": codeOf(t, app, o.p.clock.now())})
	if !strings.Contains(textOf(b.body), "This set-up was over.") {
		t.Fatalf("%d at %s:\n%s", b.status, b.at, textOf(b.body))
	}
	b.get(page)
	b.send("/finish/totp", map[string]string{"code": codeOf(t, b.scan(), o.p.clock.now())})
	if b.status != http.StatusOK || !strings.Contains(b.body, "Authenticator added.") {
		t.Errorf("%d at %s:\n%s", b.status, b.at, textOf(b.body))
	}
}
