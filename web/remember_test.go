package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
)

func remembering(c *nightlatch.Config, _ *Options) { c.Policy.Remember = 720 * time.Hour }

// tick fills a checkbox in, by its label, and sends the form.
func (v *visitor) tick(box, button string, fields map[string]string) {
	v.t.Helper()
	action, _, form := v.form(button, "", fields)
	for _, e := range named(v.all, "label") {
		if e.text == box {
			form.Set(e.attrs["for"], "true")
			v.request(http.MethodPost, action, form)
			return
		}
	}
	v.t.Fatalf("no checkbox %q on %s", box, v.path)
}

func TestRememberThisDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, remembering)
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.get("/account")
	v.says("None. Every sign-in asks for the second factor.")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.says("For 30 days you are not asked again in this browser.")
	v.tick("Remember this device", "Continue", map[string]string{"Code": "000000"})
	v.want(401, "/verify")
	if !strings.Contains(v.body, `value="true" checked`) {
		t.Error("after a wrong code the box is empty")
	}
	v.tick("Remember this device", "Continue", map[string]string{"Code": p.next()})
	v.want(200, "/account")
	v.says("A device was remembered", "Unknown browser this one 127.0.0.1")
	v.press("Sign out", "", nil)

	v.signIn("alice")
	v.want(200, "/account")
	v.announced("status", "You are signed in.")
	s.clock.advance(11 * time.Minute)
	v.get("/account/authenticators/new/totp")
	v.want(200, "/verify?to=%2Faccount%2Fauthenticators%2Fnew%2Ftotp")
	if strings.Contains(v.body, "Remember this device") {
		t.Error("a fresh proof offers to remember the device")
	}

	w := s.visitor()
	w.signIn("alice")
	w.want(200, "/verify")
	w.press("Continue", "", map[string]string{"Code": p.next()})
	w.says("Unknown browser 127.0.0.1", "The browser of that sign-in was not seen before")

	v.get("/account")
	v.press("Forget device", "", nil)
	v.want(200, "/account")
	v.announced("status", "Device forgotten.")
	v.says("None. Every sign-in asks for the second factor.")
	v.press("Sign out", "", nil)
	v.signIn("alice")
	v.want(200, "/verify")
}

// Behind an application's own sign-in a remembered browser goes straight on.
func TestRememberedBesideAnApplication(t *testing.T) {
	t.Parallel()
	s := beside(t, remembering)
	v := s.visitor()
	v.header.Set("X-App-User", "u")
	v.header.Set("X-App-Session", "1")
	p := v.enroll("My phone")
	v.header.Set("X-App-Session", "2")
	v.get("/verify?to=/app/page")
	v.tick("Remember this device", "Continue", map[string]string{"Code": p.next()})
	if v.path != "/app/page" {
		t.Fatalf("the way on leads to %s", v.path)
	}
	v.header.Set("X-App-Session", "3")
	if to := v.once("GET", "/verify?to=/app/page", nil); v.status != 303 || to != "/app/page" {
		t.Errorf("remembered: %d %q", v.status, to)
	}
	v.get("/verify?to=/app/page") // the session is there: whoever leads here wants a younger proof
	v.want(200, "/verify?to=/app/page")
	v.says("Please verify once more")
	v.header.Set("X-App-Session", "4")
	v.get("/account")
	v.want(200, "/account")
}

// The browser is known by a value of its own, which is no device and opens nothing.
func TestBrowserCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.get("/sign-in")
	v.press("Sign in", "", map[string]string{"Username or email": "nobody", "Password": "x"})
	if got := v.cookie(browserCookie); got != "" {
		t.Errorf("who is not let in is marked %q", got)
	}
	v.signUp("alice")
	mark := v.cookie(browserCookie)
	if len(mark) != 26 {
		t.Fatalf("the browser is known as %q", mark)
	}
	v.press("Sign out", "", nil)
	v.signIn("alice")
	if got := v.cookie(browserCookie); got != mark {
		t.Errorf("the same browser is known as %q", got)
	}
	v.get("/account")
	if strings.Contains(v.body, "was not seen before") {
		t.Error("the same browser is told of as a new one")
	}
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	v.client.Jar.SetCookies(at, []*http.Cookie{{Name: browserCookie, Value: "of-my-own-choice", Path: "/"}})
	v.press("Sign out", "", nil)
	v.signIn("alice")
	if got := v.cookie(browserCookie); got == "of-my-own-choice" || len(got) != 26 {
		t.Errorf("the browser is known as %q", got)
	}
}

// typed is what stands in the first field of a name.
func (v *visitor) typed(name string) string {
	v.t.Helper()
	for _, e := range named(v.all, "input") {
		if e.attrs["name"] == name {
			return e.attrs["value"]
		}
	}
	v.t.Fatalf("no field %q on %s", name, v.path)
	return ""
}

// Where a fresh proof comes in the middle of a form, its fields are there again.
func TestFormIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.get("/account")
	s.clock.advance(11 * time.Minute)
	v.press("Rename", "My phone", map[string]string{"Name": "Red & blue phone"})
	v.want(200, "/verify?to=%2Faccount")
	v.press("Continue", "", map[string]string{"Code": "000000"})
	v.want(401, "/verify")
	v.press("Continue", "", map[string]string{"Code": p.next()})
	v.want(200, "/account")
	v.announced("status", "Nothing was changed yet. What you had entered is here again: please send it now.")
	v.says("My phone")
	if got := v.typed("label"); got != "Red & blue phone" {
		t.Errorf("the name is %q", got)
	}
	v.press("Rename", "My phone", nil)
	v.announced("status", "Authenticator renamed.")
	v.says("Red & blue phone")

	// It is shown once, and given up with Cancel.
	s.clock.advance(11 * time.Minute)
	v.press("Rename", "Red & blue phone", map[string]string{"Name": "Green phone"})
	v.follow("Cancel")
	v.want(200, "/account")
	if v.role("status") != nil || v.typed("label") != "Red & blue phone" {
		t.Error("a form that was given up is shown")
	}
}

func TestNoSecretIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	v := s.visitor()
	v.signUp("alice")
	v.enroll("My phone")
	v.get("/account")
	s.clock.advance(11 * time.Minute)
	id := ""
	for _, e := range v.all {
		if i, ok := strings.CutPrefix(e.attrs["action"], "/account/authenticators/rename/"); ok {
			id = i
		}
	}
	form := url.Values{"label": {"Red phone"}}
	for _, name := range neverKept {
		form.Set(name, "a secret of "+name)
	}
	v.request("POST", "/account/authenticators/rename/"+id, form)
	v.want(200, "/verify?to=%2Faccount")
	data, err := s.svc.KeptForm(t.Context(), v.cookie(sessionCookie), "/account")
	if err != nil || strings.Contains(string(data), "secret") || !strings.Contains(string(data), "Red phone") {
		t.Errorf("kept %s, %v", data, err)
	}
	// A form of secrets alone, and one without fields, are to be repeated.
	v.request("POST", "/account/authenticators/remove/"+id, url.Values{"code": {"123456"}})
	if got := v.cookie(saidCookie); got != saidRepeat {
		t.Errorf("the message is %q", got)
	}
	// One that is too large is to be repeated, too.
	v.request("POST", "/account/authenticators/remove/"+id, url.Values{"note": {strings.Repeat("x", 9<<10)}})
	if got := v.cookie(saidCookie); got != saidRepeat || v.status != 200 {
		t.Errorf("the message is %q", got)
	}
}

// A phone number that was typed before the proof had to be made again need not be typed twice.
func TestDestinationIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *nightlatch.Config, _ *Options) {
		c.Factors = append([]factor.Factor{sentcode.NewSMS(sentcode.Options{ParsePhone: spoken})}, c.Factors...)
	})
	v := s.visitor()
	v.signUp("alice")
	p := v.enroll("My phone")
	v.get("/account/authenticators/new/sms")
	v.want(200, "/account/authenticators/new/sms")
	s.clock.advance(11 * time.Minute)
	v.press("Send code", "", map[string]string{"Phone number": "+44 7700 900123"})
	v.want(200, "/verify?to=%2Faccount%2Fauthenticators%2Fnew%2Fsms")
	v.press("Continue", "", map[string]string{"Code": p.next()})
	v.want(200, "/account/authenticators/new/sms")
	v.announced("status", "Nothing was changed yet. What you had entered is here again: please send it now.")
	if got := v.typed("phone"); got != "+44 7700 900123" {
		t.Errorf("the number is %q", got)
	}
	v.get("/account/authenticators/new/sms")
	if got := v.typed("phone"); got != "" {
		t.Errorf("the number is shown twice: %q", got)
	}
}

// guarded is an application with a page and a form behind RequireFresh, and the pages under /2fa.
func guarded(t *testing.T, s *site, maxAge time.Duration, kinds ...factor.Kind) (at string) {
	t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	gate, err := New(s.svc, Options{
		PublicURL: srv.URL, Prefix: "/2fa", SignIn: "/app/sign-in",
		CurrentUser: func(r *http.Request) (Login, bool) {
			who := r.Header.Get("X-App-User")
			return Login{User: who, Session: "1", At: s.clock.Now()}, who != ""
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/2fa/", gate.Handler())
	mux.Handle("/transfer", gate.RequireFresh(maxAge, kinds...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ses, ok := SessionOf(r)
		_, _ = w.Write([]byte("transferred for " + ses.User))
		if !ok && r.Header.Get("X-App-User") != "" {
			t.Error("there is no session")
		}
	})))
	return srv.URL
}

func TestRequireFresh(t *testing.T) {
	t.Parallel()
	s := beside(t)
	at := guarded(t, s, 5*time.Minute)
	v := s.visitor()
	v.site = &site{t: t, url: at, clock: s.clock, svc: s.svc}
	v.get("/transfer")
	if v.status != 200 || v.body != "transferred for " {
		t.Fatalf("without a user: %d %s", v.status, v.body)
	}
	v.header.Set("X-App-User", "u")
	v.get("/transfer")
	if v.body != "transferred for u" {
		t.Fatalf("fresh from the application's sign-in: %d %s %s", v.status, v.path, v.body)
	}
	v.get("/2fa/account/authenticators/new/totp")
	p := v.scan()
	v.press("Continue", "", map[string]string{"Code": p.code(), "Name": "My phone"})
	v.get("/transfer")
	if v.body != "transferred for u" {
		t.Fatalf("fresh: %d %s", v.status, v.body)
	}
	s.clock.advance(5 * time.Minute)
	v.get("/transfer?sum=7")
	v.want(200, "/2fa/verify?to=%2Ftransfer%3Fsum%3D7")
	v.press("Continue", "", map[string]string{"Code": p.code()})
	if v.path != "/transfer?sum=7" || v.body != "transferred for u" {
		t.Fatalf("proven: %s %s", v.path, v.body)
	}
	s.clock.advance(5 * time.Minute)

	// A form leads back to its page, a script is told.
	v.header.Set("Referer", at+"/form?x=1")
	if to := v.once("POST", "/transfer", url.Values{"sum": {"7"}}); v.status != 303 || to != "/2fa/verify?to=%2Fform%3Fx%3D1" {
		t.Errorf("a form: %d %q", v.status, to)
	}
	for _, from := range []string{"https://elsewhere.example/form", "", "::", at + ".example/form"} {
		v.header.Set("Referer", from)
		if v.once("POST", "/transfer", url.Values{}); v.status != 403 {
			t.Errorf("a form on %q: %d", from, v.status)
		}
	}
	v.header.Set("Sec-Fetch-Mode", "cors")
	v.header.Set("Referer", at+"/form")
	for _, method := range []string{"GET", "POST"} {
		v.once(method, "/transfer", url.Values{})
		if v.status != 403 || !strings.Contains(v.body, `"fresh_proof_needed"`) || !strings.Contains(v.body, `"kind":"totp"`) {
			t.Errorf("a script's %s: %d %s", method, v.status, v.body)
		}
	}
	// Another browser of the same user is asked for the second step first.
	w := s.visitor()
	w.site, w.header = v.site, v.header.Clone()
	w.header.Set("Sec-Fetch-Mode", "navigate")
	w.get("/transfer")
	w.want(200, "/2fa/verify?to=%2Ftransfer")
}

// A proof of another kind is none, however fresh; the page asks for the one that is wanted.
func TestRequireFreshOfKind(t *testing.T) {
	t.Parallel()
	s := beside(t)
	at := guarded(t, s, time.Minute, "hotp", "recovery")
	v := s.visitor()
	v.site = &site{t: t, url: at, clock: s.clock, svc: s.svc}
	v.header.Set("X-App-User", "u")
	v.get("/transfer")
	v.want(200, "/2fa/account/authenticators/new?to=%2Ftransfer") // nothing of that kind is held
	v.get("/2fa/account/authenticators/new/totp")
	p := v.scan()
	v.press("Continue", "", map[string]string{"Code": p.code(), "Name": "My phone"})
	codes := v.codes()
	v.get("/transfer")
	v.want(200, "/2fa/verify?kind=recovery&to=%2Ftransfer")
	v.says("Enter one of your recovery codes.")
	v.press("Continue", "", map[string]string{"Recovery code": codes[0]})
	if v.path != "/transfer" || v.body != "transferred for u" {
		t.Errorf("proven: %s %s", v.path, v.body)
	}
}

// Where the server does the sign-in, a stranger is led there.
func TestRequireFreshOfTheServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	gate, err := New(s.svc, Options{PublicURL: s.url, Accounts: s.people})
	if err != nil {
		t.Fatal(err)
	}
	h := gate.RequireFresh(0)(http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/transfer", nil))
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/sign-in?to=%2Ftransfer" {
		t.Errorf("a stranger: %d %q", w.Code, to)
	}
}
