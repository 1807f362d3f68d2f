package web

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/locale"
)

func testPages(t *testing.T, o pageOptions) *pages {
	t.Helper()
	o.Fault = func(_ *http.Request, err error) { t.Error(err) }
	p, err := newPages(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shown renders a page for a reader of lang and returns its text.
func shown(t *testing.T, p *pages, lang string, s sample) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", lang)
	w := httptest.NewRecorder()
	p.render(w, r, http.StatusOK, s.page, s.view)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	return w.Body.String()
}

func elementsOf(t *testing.T, page string) []*element {
	t.Helper()
	all, err := parseMarkup(page)
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	return all
}

func TestEveryPageHasASample(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	sampled := map[string]bool{}
	for _, s := range samples(t) {
		sampled[s.page] = true
	}
	for name := range p.sets["en"] {
		if !sampled[name] {
			t.Errorf("page %s has no sample in samples_test.go", name)
		}
	}
}

// Every page, in every language and wherever it is mounted, is sound.
func TestPagesAreSound(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/2fa", "/.nightlatch"} {
		p := testPages(t, pageOptions{Prefix: prefix, Demo: prefix == ""})
		for name, s := range samples(t) {
			for _, lang := range locale.Languages() {
				t.Run(prefix+"/"+name+"/"+lang, func(t *testing.T) {
					t.Parallel()
					page := shown(t, p, lang, s)
					all := elementsOf(t, page)
					if name != "error-empty" { // a page without words of its own
						for _, fault := range markupFaults(all, prefix) {
							t.Error(fault)
						}
					}
					if got := all[0].attrs["lang"]; got != lang {
						t.Errorf("language %q, want %q", got, lang)
					}
					for _, bad := range []string{"ZgotmplZ", "<no value>", "%!", "<nil>"} {
						if strings.Contains(page, bad) {
							t.Errorf("%s in the page", bad)
						}
					}
				})
			}
		}
	}
}

// The checks above find what they are there for.
func TestMarkupChecksBite(t *testing.T) {
	t.Parallel()
	wrap := func(body string) string {
		return `<!doctype html><html lang="en" dir="ltr"><body><h1>x</h1>` + body + `</body></html>`
	}
	for _, body := range []string{
		`<p>`, `</p>`, `<p><b></p></b>`, `<p class=x></p>`, `a < b`, `a & b`, `<p id="a" id="b"></p>`,
	} {
		if _, err := parseMarkup(wrap(body)); err == nil {
			t.Errorf("parseMarkup accepts %s", body)
		}
	}
	for _, body := range []string{
		`<h1>y</h1>`, `<p style="x"></p>`, `<style></style>`, `<script>x</script>`, `<p onclick="x"></p>`,
		`<input type="text" name="a" id="a">`, `<label for="b">x</label>`, `<p id="a"></p><p id="a"></p>`,
		`<p aria-describedby="z"></p>`, `<a href="https://example.com/">x</a>`, `<img src="/2fa/x">`, `<button type="submit">x</button>`,
		`<form method="post" action="/2fa/x"><button type="button">x</button></form>`, `<form method="post"></form>`,
	} {
		all, err := parseMarkup(wrap(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if len(markupFaults(all, "/2fa")) == 0 {
			t.Errorf("no fault found in %s", body)
		}
	}
	sound, err := parseMarkup(wrap(`<label for="a">x</label><input type="text" name="a" id="a">&amp;<br>`))
	if err != nil || len(markupFaults(sound, "/2fa")) > 0 {
		t.Errorf("faults in a sound page: %v %v", err, markupFaults(sound, "/2fa"))
	}
}

// What a person, a password manager or a test finds a field, a button or a link by.
func TestAccessibleNames(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	tests := map[string]struct{ labels, buttons, links []string }{
		"home":            {[]string{"Username or email", "Password", "Stay signed in"}, []string{"Sign in", "Create account"}, nil},
		"home-user":       {nil, []string{"Sign out"}, []string{"Your account"}},
		"sign-in":         {[]string{"Username or email", "Password", "Stay signed in"}, []string{"Sign in", "Sign in with a passkey", "Create account"}, []string{"Forgot your password?"}},
		"sign-in-empty":   {[]string{"Username or email", "Password", "Stay signed in"}, []string{"Sign in"}, nil},
		"sign-up":         {[]string{"Username", "Email", "Password", "Confirm password"}, []string{"Create account"}, nil},
		"verify-code":     {[]string{"Code", "Remember this device"}, []string{"Continue"}, []string{"Try another way", "Lost your device?"}},
		"verify-refused":  {[]string{"Code", "Next code"}, []string{"Continue"}, []string{"Cancel"}},
		"verify-recovery": {[]string{"Recovery code"}, []string{"Continue"}, []string{"Try another way"}},
		"verify-send":     {nil, []string{"Send code"}, nil},
		"verify-password": {[]string{"Password"}, []string{"Continue"}, nil},
		"verify-key":      {nil, []string{"Use security key"}, []string{"Try another way"}},
		"verify-sent":     {[]string{"Code"}, []string{"Continue", "Send code"}, nil},
		"verify-empty":    {nil, nil, nil},
		"key":             {[]string{"Name"}, []string{"Add security key"}, []string{"Cancel"}},
		"key-passkey":     {[]string{"Name"}, []string{"Add a passkey"}, []string{"Cancel"}},
		"phone":           {[]string{"Phone number"}, []string{"Continue"}, []string{"Cancel"}},
		"phone-back":      {nil, []string{"Send code", "Correct the number"}, []string{"Cancel"}},
		"email":           {[]string{"Email"}, []string{"Send code"}, []string{"Cancel"}},
		"sent":            {[]string{"Code", "Name"}, []string{"Continue", "Send code"}, []string{"Cancel"}},
		"account": {[]string{"Name"}, []string{
			"Sign out", "Add a passkey", "Add security key", "Add authenticator app", "Add counter token",
			"Replace", "Remove", "Rename", "Make preferred", "New recovery codes",
		}, nil},
		"account-disowned": {nil, []string{"I have read this"}, nil},
		"not-me":           {nil, []string{"This was not me"}, nil},
		"not-me-done":      {nil, nil, []string{"Sign in", "Choose a new password"}},
		"choose":           {nil, []string{"Add a passkey", "Add security key", "Add authenticator app", "Add counter token", "Add email", "Add phone"}, []string{"Cancel"}},
		"scan-totp":        {[]string{"Secret", "Code", "Name"}, []string{"Copy secret", "Continue"}, []string{"Cancel"}},
		"again":            {[]string{"Code", "Name"}, []string{"Continue"}, []string{"Start again", "Cancel"}},
		"again-key":        {nil, nil, []string{"Start again", "Cancel"}},
		"codes":            {nil, []string{"Copy codes", "Print", "Download", "Continue"}, nil},
		"sign-out":         {nil, []string{"Sign out"}, nil},
	}
	has := func(t *testing.T, all []*element, name string, want []string) {
		t.Helper()
		var texts []string
		for _, e := range named(all, name) {
			texts = append(texts, e.text)
		}
		for _, w := range want {
			if !slices.Contains(texts, w) {
				t.Errorf("no %s %q among %q", name, w, texts)
			}
		}
	}
	all := samples(t)
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := tests[name], elementsOf(t, shown(t, p, "en", all[name]))
			has(t, got, "label", want.labels)
			has(t, got, "button", want.buttons)
			has(t, got, "a", want.links)
		})
	}
}

func TestOnlyWhatIsEnabledIsOffered(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	page := shown(t, p, "en", sample{"sign-in", signInView{}})
	for _, absent := range []string{"passkey", "Forgotten", "Create account"} {
		if strings.Contains(page, absent) {
			t.Errorf("%q is offered", absent)
		}
	}
	page = shown(t, p, "en", sample{"verify", verifyView{Shape: askCode}})
	for _, absent := range []string{"Remember this device", "Try another way", "Lost your device", "Cancel"} {
		if strings.Contains(page, absent) {
			t.Errorf("%q is offered", absent)
		}
	}
}

// What the pages must say, by sample.
func TestWords(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{Demo: true})
	all := samples(t)
	for name, words := range map[string][]string{
		"home-user":       {"Signed in as alice"},
		"verify-code":     {`the code from "My phone"`, "This is a demonstration."},
		"verify-sent":     {"the code sent to •••• 12"},
		"verify-key":      {`touch "Blue key"`},
		"verify-send":     {"We send a code to •••• 12."},
		"sent":            {"Code sent to •••• 58.", "the code sent to •••• 58", "You can ask for another code in 30 seconds."},
		"phone":           {"the weakest way", "+44 20 7946 0958"},
		"phone-back":      {"+44 20 7946 0958 (United Kingdom)"},
		"verify-wait":     {"wait 30 seconds"},
		"another":         {"My phone", "Authenticator app", "Added 2 November 2026", "last used 21 November 2026", "never used", "9 codes left"},
		"account":         {"Not set up", "Enabled for •••• 12", "Preferred", "YubiKey 5", "Add a second authenticator", "9 recovery codes left.", "Firefox on Windows"},
		"scan-totp":       {"setup key", "time-based", "Issuer Nightlatch", "Account alice@example.com"},
		"scan-hotp":       {"counter-based"},
		"codes":           {"K7QM-2XRA-HB5D-9WP0 K7QM-2XRA-HB5D-9WP1"},
		"codes-state":     {"1 recovery code left."},
		"ended":           {"Your sign-in has ended. Are cookies enabled?"},
		"error-not-found": {"Status 404"},
	} {
		s := all[name]
		if v, ok := s.view.(verifyView); ok && name == "verify-key" {
			v.Label = "Blue key"
			s.view = v
		}
		text := elementsOf(t, shown(t, p, "en", s))[0].text
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s does not say %q:\n%s", name, w, text)
			}
		}
	}
}

// A QR code is one image with a name, and not a drawing to be read out.
func TestQRCodeIsOneImage(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	all := elementsOf(t, shown(t, p, "en", samples(t)["scan-totp"]))
	frames := 0
	for _, e := range all {
		if e.attrs["role"] == "img" && e.attrs["aria-label"] != "" {
			frames++
		}
		if e.name == "svg" && e.attrs["aria-hidden"] != "true" {
			t.Error("the drawing is not left out")
		}
	}
	if frames != 1 {
		t.Errorf("%d images with a name", frames)
	}
}

// What would do nothing is not offered, and nothing is said twice.
func TestNothingIdleOnThePages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.enroll("")
	v.get("/account")
	if strings.Contains(v.body, "Make preferred") {
		t.Error("the only authenticator may be made preferred")
	}
	v.get("/verify/another")
	if n := strings.Count(v.body, "Authenticator app"); n != 1 {
		t.Errorf("the kind of an authenticator that goes by its kind's name is named %d times:\n%s", n, v.body)
	}
	s.clock.advance(time.Minute)
	v.enroll("Tablet")
	v.get("/account")
	if n := strings.Count(v.body, "Make preferred"); n != 2 {
		t.Errorf("**Make preferred** stands %d times", n)
	}
}
