package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func input(t *testing.T, all []*element, id string) map[string]string {
	t.Helper()
	for _, e := range named(all, "input") {
		if e.attrs["id"] == id {
			return e.attrs
		}
	}
	t.Fatalf("no input %q", id)
	return nil
}

// The attributes by which browsers and password managers know a field.
func TestFieldsAreKnownToBrowsers(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	tests := []struct {
		sample, id string
		want       map[string]string
	}{
		{"sign-in", "identifier", map[string]string{"autocomplete": "username webauthn", "type": "text", "autocapitalize": "none"}},
		{"sign-in-empty", "identifier", map[string]string{"autocomplete": "username"}},
		{"phone", "phone", map[string]string{"autocomplete": "tel", "type": "tel", "name": "phone"}},
		{"email", "email", map[string]string{"autocomplete": "email", "type": "email", "name": "email", "value": "alice@example.com"}},
		{"sent", "code", map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "type": "text"}},
		{"sign-in", "password", map[string]string{"autocomplete": "current-password", "type": "password"}},
		{"sign-up", "username", map[string]string{"autocomplete": "username"}},
		{"sign-up", "email", map[string]string{"autocomplete": "email", "type": "email"}},
		{"sign-up", "password", map[string]string{"autocomplete": "new-password", "type": "password"}},
		{"sign-up", "confirm", map[string]string{"autocomplete": "new-password", "type": "password"}},
		{"verify-code", "code", map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "type": "text", "name": "code", "pattern": "", "maxlength": ""}},
		{"scan-totp", "code", map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "type": "text"}},
		{"verify-recovery", "code", map[string]string{"autocomplete": "off", "inputmode": "", "type": "text"}},
		{"password", "current", map[string]string{"autocomplete": "current-password"}},
		{"password", "new", map[string]string{"autocomplete": "new-password"}},
	}
	all := samples(t)
	for _, test := range tests {
		got := input(t, elementsOf(t, shown(t, p, "en", all[test.sample])), test.id)
		for name, want := range test.want {
			if got[name] != want {
				t.Errorf("%s, field %s: %s=%q, want %q", test.sample, test.id, name, got[name], want)
			}
		}
	}
}

func TestSecretCannotBeChangedOrSent(t *testing.T) {
	t.Parallel()
	all := elementsOf(t, shown(t, testPages(t, pageOptions{}), "en", samples(t)["scan-totp"]))
	secret := named(all, "textarea")[0]
	if secret.text != "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP" {
		t.Errorf("the secret is %q", secret.text)
	}
	if _, readonly := secret.attrs["readonly"]; !readonly || secret.attrs["name"] != "" {
		t.Errorf("the secret can be changed or comes back with the form: %v", secret.attrs)
	}
	for _, e := range named(all, "input") {
		if e.attrs["type"] == "hidden" && strings.Contains(e.attrs["value"], "JBSW") {
			t.Error("the secret stands in a hidden field")
		}
	}
}

// A fault is announced, tied to its field, and the field has the focus.
func TestProblemsAreTiedToTheirFields(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	all := elementsOf(t, shown(t, p, "en", samples(t)["sign-up-wrong"]))
	got := input(t, all, "username")
	if got["aria-invalid"] != "true" || got["aria-describedby"] != "username-problem" {
		t.Errorf("field %v", got)
	}
	if _, focus := got["autofocus"]; !focus {
		t.Error("the field has no focus")
	}
	if _, invalid := input(t, all, "email")["aria-invalid"]; invalid {
		t.Error("a field without a fault is marked")
	}
	for _, e := range all {
		if e.attrs["id"] == "username-problem" && (e.attrs["role"] != "alert" || e.text != "This username is taken.") {
			t.Errorf("problem %v %q", e.attrs, e.text)
		}
	}
	if title := named(all, "title")[0].text; !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q", title)
	}

	all = elementsOf(t, shown(t, p, "en", samples(t)["sign-in-wrong"]))
	for _, id := range []string{"identifier", "password"} {
		if got := input(t, all, id); got["aria-invalid"] != "true" || got["aria-describedby"] != "alert" {
			t.Errorf("field %v", got)
		}
	}
	if got := input(t, all, "password")["value"]; got != "" {
		t.Errorf("the password comes back: %q", got)
	}
}

// At most one element has the focus at the start, and what has no fault takes it only where there is none.
func TestOneFocus(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	for name, s := range samples(t) {
		n := 0
		for _, e := range elementsOf(t, shown(t, p, "en", s)) {
			if _, ok := e.attrs["autofocus"]; ok {
				n++
			}
		}
		if name == "sign-up-wrong" {
			n-- // the first of two faults gets it
		}
		if n > 1 {
			t.Errorf("%s: %d elements ask for the focus", name, n)
		}
	}
}

func TestMessagesHaveTheirRoles(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	for name, want := range map[string][2]string{ // status, alert
		"account":        {"You are signed in.", ""},
		"codes":          {"Authenticator added.", ""},
		"sign-in-wrong":  {"", "Wrong name or password."},
		"verify-refused": {"", "That code is wrong."},
		"ended":          {"", "Your sign-in has ended. Are cookies enabled?"},
	} {
		var got [2]string
		statuses := 0
		for _, e := range elementsOf(t, shown(t, p, "en", samples(t)[name])) {
			switch e.attrs["role"] {
			case "status":
				statuses++
				got[0] = e.text
			case "alert":
				got[1] = e.text
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if statuses != 1 {
			t.Errorf("%s: %d places for status messages, want one", name, statuses)
		}
	}
}

func TestFieldRefusesUnknownWords(t *testing.T) {
	t.Parallel()
	for _, pairs := range [][]string{{"name"}, {"nmae", "x"}} {
		if _, err := newField(nil, pairs...); err == nil {
			t.Errorf("newField(%q) refuses nothing", pairs)
		}
	}
}

// What people type is text wherever it is shown.
func TestHostileWordsAreText(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>' {{.}} javascript:alert(1)`
	offer := samplePhone()
	offer.ID, offer.Kind, offer.Label, offer.Hint = hostile, hostile, hostile, hostile
	frame := Frame{User: hostile, Status: hostile, Alert: hostile, To: hostile, Problems: map[string]string{"code": hostile, "username": hostile}}
	account := sampleAccount()
	account.Frame, account.Email, account.Groups, account.Notices = frame, hostile, []string{hostile}, []string{hostile}
	account.Kinds[1].Held = []offerView{offer}
	account.Signals = hostile
	account.Sessions = []sessionView{{ID: hostile, Browser: hostile, Addr: hostile}}
	account.Devices = []deviceView{{ID: hostile, Browser: hostile}}
	account.Events = []eventView{{Text: hostile, From: hostile}}
	scan := sampleScan(30)
	scan.Frame, scan.Kind, scan.Replaces, scan.ReplacesLabel, scan.Secret, scan.Issuer, scan.Account, scan.Label =
		frame, hostile, hostile, hostile, hostile, hostile, hostile, hostile
	set := setUpView{Frame: frame, Kind: hostile, Enrollment: hostile, Replaces: hostile, ReplacesLabel: hostile, Label: hostile, Cancel: "/" + hostile}
	p := testPages(t, pageOptions{Service: hostile})
	for _, s := range []sample{
		{"home", homeView{signInView: signInView{Frame: frame}}},
		{"sign-in", signInView{Frame: frame, Identifier: hostile, SignUp: true, Passkey: hostile}},
		{"sign-up", signUpView{Frame: frame, Username: hostile, Email: hostile}},
		{"verify", verifyView{Frame: frame, Shape: askCode, ID: hostile, Kind: hostile, Label: hostile, Another: true, Cancel: "/" + hostile}},
		{"verify", verifyView{Frame: frame, Shape: askKey, Label: hostile, Options: hostile, Offers: []offerView{offer}}},
		{"verify", verifyView{Frame: frame, Shape: askSend, SentTo: hostile}},
		{"verify", verifyView{Frame: frame, Shape: askCode, SentTo: hostile, MayResend: true, ResendIn: time.Second}},
		{"key", keyView{setUpView: set, Options: hostile, Instead: "/" + hostile}},
		{"destination", destinationView{setUpView: set, Name: hostile, Field: hostile, Destination: hostile, Spoken: hostile}},
		{"destination", destinationView{setUpView: set, Name: hostile, Field: hostile, Destination: hostile}},
		{"sent", sentView{setUpView: set, Field: hostile, Destination: hostile, SentTo: hostile, Other: "/" + hostile}},
		{"verify", verifyView{Frame: frame, Shape: askPassword, Username: hostile}},
		{"another", anotherView{Frame: frame, Offers: []offerView{offer}}},
		{"recover", recoverView{Frame: frame, SentTo: hostile, Hold: &holdView{}}},
		{"hold", holdPageView{Frame: frame, Token: hostile}},
		{"not-me", notMeView{Frame: frame, Token: hostile, What: hostile, From: hostile, By: hostile, Does: hostile}},
		{"account", account},
		{"choose", chooseView{Frame: frame, Kinds: kindViews(kindWords{Kind: hostile, Name: hostile, Why: hostile, Adds: []addWords{{Button: hostile}}})}},
		{"scan", scan},
		{"again", againView{setUpView: set, Code: true, Anew: "/" + hostile}},
		{"recovery-codes", recoveryView{Frame: frame, Codes: []string{hostile}, Account: hostile, Next: "/" + hostile}},
		{"password", passwordView{Frame: frame, Username: hostile}},
		{"admin", adminView{Frame: frame, Query: hostile, Next: "/admin?q=" + hostile, Accounts: []managedView{{ID: hostile, Name: hostile, Username: hostile, Email: hostile, Groups: []string{hostile}}}}},
		{"admin-account", adminAccountView{
			Frame: frame, managedView: managedView{ID: hostile, Name: hostile, Username: hostile, Email: hostile}, Authenticators: []offerView{offer},
			Throttled: []string{hostile}, TypedGroups: hostile, TypedReason: map[string]string{"code": hostile, "reset": hostile},
			Sessions: account.Sessions, Devices: account.Devices, Events: account.Events,
		}},
		{"given", givenView{Frame: frame, ID: hostile, Name: hostile, Code: hostile}},
		{"admin-events", adminEventsView{
			Frame: frame, Account: hostile, Name: hostile, Next: "/admin/events?name=" + hostile,
			Events: []managedEventView{{eventView: account.Events[0], ID: hostile, Account: hostile, Event: hostile, Reason: hostile, By: hostile}},
		}},
		{"error", errorView{Frame: frame, Title: hostile, Text: hostile}},
	} {
		all := elementsOf(t, shown(t, p, "en", s))
		if n := len(named(all, "script")); n != 1 {
			t.Errorf("%s: %d scripts", s.page, n)
		}
		for _, e := range all {
			for name, value := range e.attrs {
				if strings.HasPrefix(name, "on") || strings.HasPrefix(value, "javascript:") || name == "src" && value == "x" {
					t.Errorf("%s: %s %s=%q", s.page, e.name, name, value)
				}
			}
		}
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{Prefix: "/2fa/", Service: "Acme", Overlay: fstest.MapFS{
		"page/sign-out.html":   {Data: []byte(`{{define "title"}}Bye{{end}}{{define "main"}}<h1>Bye, {{.User}}</h1>{{end}}`)},
		"page/mine.html":       {Data: []byte(`{{define "title"}}Mine{{end}}{{define "main"}}<h1>{{.}}</h1><a href="{{path "/account"}}">x</a>{{end}}`)},
		"asset/nightlatch.css": {Data: []byte(`body{}`)},
		"asset/secret.txt":     {Data: []byte(`not a file for pages`)},
	}})
	page := shown(t, p, "en", sample{"sign-out", signOutView{Frame{User: "alice"}}})
	if !strings.Contains(page, "<h1>Bye, alice</h1>") || !strings.Contains(page, "Acme") {
		t.Errorf("our own page is shown:\n%s", page)
	}
	page = shown(t, p, "en", sample{"mine", "hello"})
	if !strings.Contains(page, "<h1>hello</h1>") || !strings.Contains(page, `href="/2fa/account"`) || !strings.Contains(page, "<header>") {
		t.Errorf("a page of an application does not stand in the layout:\n%s", page)
	}
	if got := string(p.assets["nightlatch.css"].content); got != "body{}" {
		t.Errorf("the stylesheet is %.40q", got)
	}
	if _, ok := p.assets["secret.txt"]; ok {
		t.Error("a file of an unknown type is served")
	}
	for _, text := range []string{`{{define "main"}}{{.X`, `{{define "main"}}{{nothing}}{{end}}`, `{{define "main"}}<a href="{{if .X}}"{{end}}>{{end}}`} {
		_, err := newPages(pageOptions{Overlay: fstest.MapFS{"page/ended.html": {Data: []byte(text)}}})
		if err == nil || !strings.Contains(err.Error(), "ended.html") {
			t.Errorf("%s: error %v", text, err)
		}
	}
	for _, file := range []string{"page/layout.html", "page/_field.html"} {
		if _, err := newPages(pageOptions{Overlay: fstest.MapFS{file: {Data: []byte("{{nothing}}")}}}); err == nil {
			t.Errorf("%s is taken though no page can be made with it", file)
		}
	}
}

// Ours are made when somebody asks for them: a fault in one would be seen by nobody before.
func TestOurPagesCanBeMade(t *testing.T) {
	t.Parallel()
	if err := testPages(t, pageOptions{}).make(func(string) bool { return true }); err != nil {
		t.Error(err)
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{Prefix: "/2fa/"})
	for want, got := range map[string]string{
		"/2fa/verify": p.path("/verify"),
		"/2fa/account/sessions/a%2F..%2Fb%3Fc%25/end": p.path("/account/sessions/%s/end", "a/../b?c%"),
		"/2fa/100%": p.path("/100%"),
	} {
		if got != want {
			t.Errorf("path %q, want %q", got, want)
		}
	}
}

func TestFaultsOfAPageAreNotHalfWritten(t *testing.T) {
	t.Parallel()
	var heard []error
	p, err := newPages(pageOptions{
		Overlay: fstest.MapFS{"page/broken.html": {Data: []byte(`{{define "main"}}<h1>begun</h1>{{.Missing.Field}}{{end}}`)}},
		Fault:   func(_ *http.Request, err error) { heard = append(heard, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"broken", "no-such-page"} {
		w := httptest.NewRecorder()
		p.render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, name, signOutView{})
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "begun") || strings.Contains(w.Body.String(), "Missing") {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
		if got := w.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%s: type %q", name, got)
		}
	}
	if len(heard) != 2 {
		t.Errorf("faults heard: %v", heard)
	}
}
