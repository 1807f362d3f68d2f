package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

func TestAuthenticatorsOnTheAccountPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.enroll("Old tablet")
	v.want(200, "/account")
	v.announced("status", "Authenticator added.")

	v.press("Rename", "My phone", map[string]string{"Name": "old TABLET"})
	if v.status != 409 {
		t.Errorf("a taken name: %d", v.status)
	}
	v.alerted("Name", "Another authenticator has this name.")
	v.press("Rename", "My phone", map[string]string{"Name": "a\x01b"})
	if v.status != 400 {
		t.Errorf("a name with a control character: %d", v.status)
	}
	v.press("Rename", "My phone", map[string]string{"Name": "Red phone"})
	v.want(200, "/account")
	v.announced("status", "Authenticator renamed.")
	v.press("Make preferred", "Old tablet", nil)
	v.want(200, "/account")
	v.says("Old tablet Preferred")

	v.press("Replace", "Red phone", nil)
	if v.status != 200 || !strings.HasPrefix(v.path, "/account/authenticators/new/totp?replaces=") {
		t.Fatalf("%d %s", v.status, v.path)
	}
	v.says(`It takes the place of "Red phone"`)
	v.press("Continue", "", map[string]string{"Code": "000000", "Name": "New phone"})
	v.says(`It takes the place of "Red phone"`)
	fresh := v.scan()
	v.press("Continue", "", map[string]string{"Code": fresh.code(), "Name": "old tablet"})
	v.want(409, "/account/authenticators/finish/totp")
	v.alerted("Name", "Another authenticator has this name.")
	v.press("Continue", "", map[string]string{"Code": fresh.code(), "Name": "New phone"})
	v.want(200, "/account")
	if strings.Contains(v.body, `value="Red phone"`) {
		t.Error("what was replaced is still there")
	}
	if p.Secret.Base32() == fresh.Secret.Base32() {
		t.Error("the same secret again")
	}

	v.get("/account/authenticators/new?to=/account/recovery-codes")
	v.press("Add authenticator app", "", nil)
	v.press("Continue", "", map[string]string{"Code": v.scan().code(), "Name": "Third phone"})
	v.want(200, "/account/recovery-codes") // where to named
	v.announced("status", "Authenticator added.")
	v.get("/account")
	v.press("Remove", "Third phone", nil)

	v.press("Remove", "New phone", nil)
	v.press("Remove", "Old tablet", nil)
	v.want(200, "/account")
	v.announced("status", "Authenticator removed.")
	if strings.Contains(v.body, "recovery codes left") {
		t.Error("recovery codes without a second factor")
	}
	v.request("POST", "/account/recovery-codes", url.Values{})
	v.want(403, "/account/recovery-codes")
	v.says("A second factor is needed first.")
	for _, path := range []string{"rename", "prefer", "remove"} {
		v.request("POST", "/account/authenticators/"+path+"/nonsense", url.Values{"label": {"x"}})
		if v.status != 404 {
			t.Errorf("%s of nothing: %d", path, v.status)
		}
	}
}

func TestTheLastAuthenticatorStaysWhereOneIsRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *nightlatch.Config, _ *Options) { c.Policy.Require = nightlatch.Required })
	v := s.visitor()
	v.get("/sign-up?to=/sign-out")
	v.press("Create account", "", map[string]string{"Username": "alice", "Password": phrase, "Confirm password": phrase})
	v.want(200, "/account/authenticators/new")
	v.says("To go on you need a second factor")
	v.get("/verify")
	v.want(200, "/account/authenticators/new")
	v.get("/account")
	v.want(200, "/account/authenticators/new")
	if v.cookie(sessionCookie) != "" {
		t.Error("a session before the enrollment")
	}
	v.press("Add authenticator app", "", nil)
	v.follow("Cancel")
	v.want(200, "/account/authenticators/new")
	v.press("Add authenticator app", "", nil)
	p := v.scan()
	v.press("Continue", "", map[string]string{"Code": p.code()})
	v.want(200, "/account/authenticators/finish/totp")
	v.announced("status", "Authenticator added.")
	if len(v.codes()) != 10 {
		t.Errorf("%d codes", len(v.codes()))
	}
	v.press("Continue", "", nil)
	v.want(200, "/sign-out") // where to named
	v.get("/account")
	v.press("Remove", "Authenticator app", nil)
	if v.status != 409 {
		t.Errorf("the last one: %d", v.status)
	}
	v.announced("alert", "This is your last authenticator, and one is required. Add another one first.")
}

// An enrollment bears five wrong codes; then it is over, and another secret is shown.
func TestSetUpThatIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.get("/account/authenticators/new/totp")
	p := v.scan()
	for range 4 {
		v.press("Continue", "", map[string]string{"Code": "000000"})
		v.want(401, "/account/authenticators/finish/totp")
	}
	v.press("Continue", "", map[string]string{"Code": "000000"})
	v.want(401, "/account/authenticators/finish/totp")
	v.alerted("Code", "This set-up was over. Please begin again with what you see below.")
	if v.scan().Secret.Base32() == p.Secret.Base32() {
		t.Error("the same secret after five wrong codes")
	}
	s.clock.advance(16 * time.Minute)
	v.press("Continue", "", map[string]string{"Code": v.scan().code()})
	v.want(200, "/verify?to=%2Faccount%2Fauthenticators%2Fnew%2Ftotp") // the proof has grown old meanwhile
	v.press("Continue", "", map[string]string{"Password": phrase})
	v.want(200, "/account/authenticators/new/totp")
	v.request("POST", "/account/authenticators/finish/totp", url.Values{"enrollment": {"nonsense"}, "code": {"123456"}})
	v.want(404, "/account/authenticators/finish/totp")

	for path, status := range map[string]int{
		"nonsense": 404, "password": 404, "recovery": 404, "totp?replaces=nonsense": 404, "a%2Fb": 404, "%00": 404,
	} {
		v.get("/account/authenticators/new/" + path)
		if v.status != status {
			t.Errorf("%s: %d", path, v.status)
		}
	}
}

func TestKindThatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *nightlatch.Config, _ *Options) { c.Policy.Enroll = []kind{"totp", "recovery"} })
	v := s.visitor()
	v.signUp("alice")
	v.get("/account/authenticators/new/hotp")
	v.want(403, "/account/authenticators/new/hotp")
	v.get("/account")
	if strings.Contains(v.body, "Add counter token") {
		t.Error("what cannot be done is offered")
	}
}

func TestCounterToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.get("/account/authenticators/new/hotp")
	v.says("counter-based")
	p := v.scan()
	code := func(n uint64) string {
		t.Helper()
		c, err := p.Code(n)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	v.press("Continue", "", map[string]string{"Code": code(0), "Name": "Token"})
	v.announced("status", "Authenticator added.")
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.says(`the code from "Token"`)
	v.press("Continue", "", map[string]string{"Code": code(50), "Next code": code(51)})
	v.want(200, "/account")
}

func TestSessionsOnTheAccountPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v, other := s.visitor(), s.visitor()
	v.signUp("alice")
	other.header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0")
	other.signIn("alice")
	v.get("/account")
	v.says("Firefox on Windows")
	v.press("End session", "Firefox on Windows", nil)
	v.want(200, "/account")
	v.announced("status", "Session ended.")
	other.get("/account")
	other.want(200, "/sign-in?to=%2Faccount")
	other.signIn("alice")
	v.get("/account")
	v.press("End all others", "", nil)
	other.get("/account")
	other.want(200, "/sign-in?to=%2Faccount")
	v.get("/account")
	v.want(200, "/account")

	list, err := s.svc.SessionsOf(t.Context(), "id-0")
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	if to := v.once("POST", "/account/sessions/"+list[0].ID+"/end", url.Values{}); to != "/" || v.cookie(sessionCookie) != "" {
		t.Errorf("ending the own session leads to %q", to)
	}
}

// What a person types is text, also in the trail and behind a redirect.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script>{{.}}`
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp(hostile)
	v.want(200, "/account")
	v.enroll(hostile)
	v.get("/account")
	v.says(hostile)
	v.get("/")
	v.says("Signed in as " + hostile)
	v.get("/sign-out")
	v.press("Sign out", "", nil)
	v.signIn(hostile)
	v.want(200, "/verify")
	v.says(hostile)
	v.get("/verify/another")
	v.says(hostile)
	for _, page := range []string{"/verify?kind=" + url.QueryEscape(hostile), "/sign-in?to=" + url.QueryEscape("/"+hostile), "/verify?id=%00&kind=%ff"} {
		v.get(page)
		if n := len(named(v.all, "script")); n != 1 || v.status != 200 {
			t.Errorf("%s: %d, %d scripts", page, v.status, n)
		}
	}
}

// Messages come by a key: a link cannot put words before a reader, nor can a cookie.
func TestMessagesAreOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.header.Add("Cookie", saidCookie+"=You+won")
	v.get("/account?said=You+won&status=You+won&alert=You+won")
	if got := append(v.role("status"), v.role("alert")...); len(got) > 0 {
		t.Errorf("messages %q", got)
	}
}

// A form is urlencoded, small, and says each thing once.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	send := func(path, kind, body string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		answer, err := v.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode
	}
	const form = "application/x-www-form-urlencoded"
	for _, path := range []string{
		"/sign-in", "/sign-up", "/verify", "/verify/another", "/sign-out", "/account/sessions/end", "/account/sessions/x/end",
		"/account/authenticators/finish/totp", "/account/authenticators/rename/x", "/account/authenticators/prefer/x",
		"/account/authenticators/remove/x", "/account/recovery-codes",
	} {
		for _, test := range []struct {
			kind, body string
			want       int
		}{
			{form, "code=1&code=2", 400},
			{form, "code=%ff", 400},
			{form, "code=%zz", 400},
			{form, "a=" + strings.Repeat("x", 70_000), 413},
			{"application/json", `{"code":"1"}`, 415},
			{"multipart/form-data; boundary=x", "--x--", 415},
			{"text/plain", "code=1", 415},
		} {
			if got := send(path, test.kind, test.body); got != test.want {
				t.Errorf("%s %s %.20q: %d, want %d", path, test.kind, test.body, got, test.want)
			}
		}
	}
	v.header.Set("Sec-Fetch-Site", "cross-site")
	v.request("POST", "/sign-out", url.Values{})
	v.want(403, "/sign-out")
	v.says("The request came from another site.")
	v.header.Set("Sec-Fetch-Site", "same-origin")
	v.get("/account")
	v.want(200, "/account")
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.get("/nothing")
	v.want(404, "/nothing")
	v.request("DELETE", "/account", nil)
	v.want(405, "/account")
	v.get("/asset/nothing.css")
	v.want(404, "/asset/nothing.css")
	v.get("/favicon.ico")
	if v.status != 200 || v.head.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("icon: %d %v", v.status, v.head)
	}
	v.request("HEAD", "/sign-in", nil)
	if v.status != 200 || v.body != "" {
		t.Errorf("HEAD: %d %q", v.status, v.body)
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		if v.head.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if v.head.Get("Cache-Control") != "no-store" || !strings.Contains(v.head.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("headers %v", v.head)
	}
}

// Where a redirect may lead: to a path of this host and nowhere else, however it is written.
func TestRedirectsStayHere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	for _, to := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, `\/evil.example`, "///evil.example", "/\t/evil.example", "/\n/evil.example",
		"/\r/evil.example", "\t//evil.example", " //evil.example", "https:evil.example", "https:/evil.example", "https://evil.example",
		"HTTPS://evil.example", "//evil.example@x", "//x@evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", ".//evil.example",
		"?//evil.example", "#//evil.example", "", "/\x00/evil.example", "/a\\b", "/%zz", "/\x7f/evil.example", "/" + strings.Repeat("a", 3000), "mailto:a@b.c",
	} {
		if got := v.once("GET", "/sign-in?to="+url.QueryEscape(to), nil); v.status != 303 || got != "/account" {
			t.Errorf("to %.40q leads to %q", to, got)
		}
	}
	here, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{
		"/account", "/a?b=c&d=e#f", "/..//evil.example", "/.//evil.example", "/%2f/evil.example", "/%5cevil.example", "/@evil.example", "/%09/evil.example",
		"/?u=https://evil.example", "/ä", "/a/../..//evil.example", "/:80", "/;//evil.example",
	} {
		got := v.once("GET", "/sign-in?to="+url.QueryEscape(to), nil)
		u, err := here.Parse(got)
		if err != nil || u.Host != here.Host || strings.HasPrefix(got, "//") || strings.HasPrefix(got, `/\`) {
			t.Errorf("to %q leads to %q", to, got)
		}
	}
	// Where the way is kept by the engine and by forms, too.
	w := s.visitor()
	got := w.once("POST", "/sign-in", url.Values{"identifier": {"alice"}, "password": {phrase}, "to": {"//evil.example"}})
	if got != "/account" {
		t.Errorf("sign-in leads to %q", got)
	}
	got = w.once("POST", "/verify", url.Values{"kind": {"password"}, "password": {phrase}, "to": {"//evil.example"}})
	if got != "/account" {
		t.Errorf("a fresh proof leads to %q", got)
	}
	got = w.once("POST", "/verify/another", url.Values{"kind": {"x"}, "to": {"//evil.example"}})
	if got != "/verify?kind=x" {
		t.Errorf("the choice leads to %q", got)
	}
}
