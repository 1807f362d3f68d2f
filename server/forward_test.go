package server

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/server/forward"
)

// portal is a server that proxies ask.
type portal struct {
	t *testing.T
	p *site
	s *Server
	h http.Handler
}

const rulesText = `
public_url = "https://auth.example.com"
cookie_domain = "example.com"
trusted_proxies = ["192.0.2.0/24"]
[[rule]]
path = "/public/**"
level = 0
[[rule]]
host = "wiki.example.com"
level = 1
[[rule]]
host = "ops.example.com"
groups = ["ops"]
max_age = "1h"
`

func newPortal(t *testing.T, text string) *portal {
	t.Helper()
	p := newSite(t)
	p.write("nightlatch.toml", text)
	s, err := p.start(p.settings("POLICY_FACTORS=totp,hotp,recovery"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return &portal{t: t, p: p, s: s, h: h}
}

// write writes a file beside the data.
func (p *site) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// ask asks as a proxy does whether a GET of address may pass. change alters the question.
func (o *portal) ask(address, token string, change ...func(*http.Request)) *http.Response {
	o.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		o.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(o.t.Context(), "GET", "http://127.0.0.1:8080/forward-auth", nil)
	r.RemoteAddr = "192.0.2.10:4711"
	r.Header.Set("X-Forwarded-Method", "GET")
	r.Header.Set("X-Forwarded-Proto", u.Scheme)
	r.Header.Set("X-Forwarded-Host", u.Host)
	r.Header.Set("X-Forwarded-Uri", u.RequestURI())
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	if token != "" {
		r.Header.Set("Cookie", "__Host-nightlatch_session="+token)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	o.h.ServeHTTP(w, r)
	return w.Result()
}

// signUp makes an account with an authenticator app and returns its session's token.
func (o *portal) signUp(a Account) (*client, string) {
	o.t.Helper()
	add(o.t, o.s, a)
	c := newClient(o.t, o.s)
	c.mustSignIn(a.Name(), secret, "done")
	return c, c.token
}

func navigation(r *http.Request) {
	r.URL.RawQuery = "redirect=true"
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Accept", "text/html")
}

func TestForwardAuth(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	ada, one := o.signUp(Account{Username: "ada", Email: "ada@example.com", Groups: []string{"ops", "staff"}})
	ada.enroll(o.p.clock)
	two := ada.token
	_, bob := o.signUp(Account{Username: "bob"})
	_ = one
	for name, c := range map[string]struct {
		address, token string
		status         int
	}{
		"nobody, public":              {"https://wiki.example.com/public/a", "", 200},
		"nobody":                      {"https://wiki.example.com/", "", 401},
		"a token that is none":        {"https://wiki.example.com/", "nonsense", 401},
		"an unfinished sign-in's":     {"https://wiki.example.com/", strings.Replace(bob, "nl_s_", "nl_i_", 1), 401},
		"level 1":                     {"https://wiki.example.com/", bob, 200},
		"level 1 where 2 is due":      {"https://other.example.com/", bob, 401},
		"level 2":                     {"https://other.example.com/", two, 200},
		"of the group":                {"https://ops.example.com/", two, 200},
		"not of the group":            {"https://ops.example.com/", bob, 403},
		"dots":                        {"https://wiki.example.com/public/%2e%2e/admin", two, 400},
		"a name that is a neighbor's": {"https://notwiki.example.com/", bob, 401},
	} {
		got := o.ask(c.address, c.token)
		if got.StatusCode != c.status || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v, want %d", name, got.StatusCode, got.Header, c.status)
		}
	}
	t.Run("an old session's token is none", func(t *testing.T) {
		if got := o.ask("https://wiki.example.com/", one); got.StatusCode != 401 {
			t.Errorf("the token before the step up: %d", got.StatusCode)
		}
	})
	t.Run("who asks is told", func(t *testing.T) {
		h := o.ask("https://ops.example.com/", two).Header
		got := map[string]string{}
		for _, name := range forward.Names[:6] {
			if v, ok := h[name]; ok {
				got[name] = v[0]
			}
		}
		want := map[string]string{
			"Remote-User": "ada", "Remote-Email": "", "Remote-Groups": "ops,staff", "Remote-Name": "ada", "Remote-Level": "2", "Remote-Proofs": "password,totp",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, name := range forward.Names {
			if v := o.ask("https://x.example.com/public/", "").Header[name]; len(v) != 1 || name != "Remote-Level" && v[0] != "" || name == "Remote-Level" && v[0] != "0" {
				t.Errorf("of nobody %s is %q", name, v)
			}
		}
	})
	t.Run("the way to the page that helps", func(t *testing.T) {
		got := o.ask("https://wiki.example.com/a?b=c", "", navigation)
		if want := "https://auth.example.com/sign-in?to=https%3A%2F%2Fwiki.example.com%2Fa%3Fb%3Dc"; got.StatusCode != 303 || got.Header.Get("Location") != want {
			t.Errorf("%d %s", got.StatusCode, got.Header.Get("Location"))
		}
		if got := o.ask("https://other.example.com/", bob); got.StatusCode != 401 || !strings.HasPrefix(got.Header.Get("Location"), "https://auth.example.com/verify?to=") {
			t.Errorf("%d %s", got.StatusCode, got.Header.Get("Location"))
		}
		for name, change := range map[string]func(*http.Request){
			"a script":    func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
			"JSON":        func(r *http.Request) { r.Header.Set("Accept", "application/json") },
			"an upgrade":  func(r *http.Request) { r.Header.Set("Upgrade", "websocket") },
			"a WebSocket": func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==") },
			"a POST":      func(r *http.Request) { r.Header.Set("X-Forwarded-Method", "POST") },
			"not allowed": func(r *http.Request) { r.URL.RawQuery = "" },
		} {
			got := o.ask("https://wiki.example.com/", "", navigation, change)
			var body struct{ Code string }
			if err := json.NewDecoder(got.Body).Decode(&body); got.StatusCode != 401 || err != nil || body.Code != "unauthenticated" {
				t.Errorf("%s: %d %v %+v", name, got.StatusCode, err, body)
			}
		}
	})
	t.Run("the proof grows old", func(t *testing.T) {
		o.p.clock.move(61 * time.Minute)
		if got := o.ask("https://ops.example.com/", two); got.StatusCode != 401 || !strings.Contains(got.Header.Get("Location"), "/verify") {
			t.Errorf("%d %s", got.StatusCode, got.Header.Get("Location"))
		}
		if got := o.ask("https://other.example.com/", two); got.StatusCode != 200 {
			t.Errorf("where no age is named: %d", got.StatusCode)
		}
	})
}

// Only a trusted proxy is answered, whatever it sends; who it asks for is never read from the request's own words.
func TestForwardAuthIsForProxies(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	_, bob := o.signUp(Account{Username: "bob"})
	const wiki = "https://wiki.example.com/"
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"a stranger":          {func(r *http.Request) { r.RemoteAddr = "198.51.100.1:1" }, 403},
		"no headers":          {func(r *http.Request) { r.Header = http.Header{} }, 400},
		"two hosts":           {func(r *http.Request) { r.Header.Add("X-Forwarded-Host", "wiki.example.com") }, 400},
		"a comma":             {func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "wiki.example.com, a") }, 400},
		"both families":       {func(r *http.Request) { r.Header.Set("X-Original-URL", wiki) }, 403},
		"bearer":              {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+bob); r.Header.Del("Cookie") }, 401},
		"basic beside cookie": {func(r *http.Request) { r.Header.Set("Authorization", "Basic eDp5") }, 200},
		"two cookies":         {func(r *http.Request) { r.Header.Add("Cookie", "__Host-nightlatch_session=x") }, 401},
		"another host asked":  {func(r *http.Request) { r.Host = "elsewhere.example" }, 200},
		"who it says it is":   {func(r *http.Request) { r.Header.Set("Remote-User", "root") }, 200},
	} {
		got := o.ask(wiki, bob, c.change)
		if got.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, c.status)
		}
		if user := got.Header["Remote-User"]; c.status == 200 && (len(user) != 1 || user[0] != "bob") {
			t.Errorf("%s: the user is %q", name, user)
		}
	}
	nginx := func(r *http.Request) {
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Forwarded-") {
				r.Header.Del(name)
			}
		}
		r.Header.Set("X-Original-Method", "GET")
	}
	for address, status := range map[string]int{wiki: 200, wiki + "a/../b": 403, "wiki.example.com/": 403, "https://wiki.example.com": 200} {
		got := o.ask(wiki, bob, nginx, func(r *http.Request) { r.Header.Set("X-Original-URL", address) })
		if got.StatusCode != status {
			t.Errorf("nginx, %s: %d, want %d", address, got.StatusCode, status)
		}
	}
}

// The domain's cookie opens what is behind the proxy, and nothing here.
func TestCookieOfTheDomain(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	ada, token := o.signUp(Account{Username: "ada"})
	shared := o.s.Service.SharedToken(token)
	with := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Cookie", "__Secure-nightlatch_shared="+value) }
	}
	const wiki = "https://wiki.example.com/"
	if got := o.ask(wiki, "", with(shared)); got.StatusCode != 200 || got.Header.Get("Remote-User") != "ada" {
		t.Errorf("the domain's cookie: %d", got.StatusCode)
	}
	for name, value := range map[string]string{
		"the session's own": token, "nothing": "", "a changed one": shared[:len(shared)-1] + "A", "without its MAC": shared[:48],
		"another hash": shared[:6] + "AAAA" + shared[10:],
	} {
		if got := o.ask(wiki, "", with(value)); got.StatusCode != 401 {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	for _, path := range []string{"/account", "/api/v1/session"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "https://auth.example.com"+path, nil)
		r.Header.Set("Cookie", "__Secure-nightlatch_shared="+shared+"; __Host-nightlatch_session="+shared)
		w := httptest.NewRecorder()
		o.h.ServeHTTP(w, r)
		if w.Code != 401 && w.Code != 303 {
			t.Errorf("%s: %d with the domain's cookie", path, w.Code)
		}
	}
	ada.want(http.StatusNoContent, "DELETE", "/session", nil)
	if got := o.ask(wiki, "", with(shared)); got.StatusCode != 401 {
		t.Errorf("after sign-out: %d", got.StatusCode)
	}
}

// What is taken away is refused at the very next request.
func TestForwardAuthSeesWhatIsTakenAway(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	ada, _ := o.signUp(Account{Username: "ada", Groups: []string{"ops"}})
	ada.enroll(o.p.clock)
	const ops = "https://ops.example.com/"
	if got := o.ask(ops, ada.token); got.StatusCode != 200 {
		t.Fatalf("%d", got.StatusCode)
	}
	account := find(t, o.s, "ada")
	if err := o.s.SetGroup(t.Context(), account, "ops", false, "test"); err != nil {
		t.Fatal(err)
	}
	if got := o.ask(ops, ada.token); got.StatusCode != 403 {
		t.Errorf("taken out of the group: %d", got.StatusCode)
	}
	if err := o.s.SetDisabled(t.Context(), account, true, "test"); err != nil {
		t.Fatal(err)
	}
	if got := o.ask("https://wiki.example.com/", ada.token); got.StatusCode != 401 {
		t.Errorf("disabled: %d", got.StatusCode)
	}
}

// An assertion says who, how and to whom, is signed by the published key, and serves one host.
func TestAssertion(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	ada, _ := o.signUp(Account{Username: "ada", Groups: []string{"ops"}})
	ada.enroll(o.p.clock)
	assertion := func() string { return o.ask("https://ops.example.com/", ada.token).Header.Get("Remote-Assertion") }
	text := assertion()
	w := httptest.NewRecorder()
	o.h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/.well-known/jwks.json", nil))
	var set struct {
		Keys []struct{ Kty, Crv, Alg, Kid, X string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 || set.Keys[0].Crv != "Ed25519" {
		t.Fatalf("%v: %s", err, w.Body)
	}
	public, err := base64.RawURLEncoding.DecodeString(set.Keys[0].X)
	if err != nil {
		t.Fatal(err)
	}
	read := func(host string) (jwt.MapClaims, error) {
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return ed25519.PublicKey(public), nil },
			jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithTimeFunc(o.p.clock.now), jwt.WithAudience(host), jwt.WithIssuer("https://auth.example.com"))
		return claims, err
	}
	claims, err := read("ops.example.com")
	if err != nil {
		t.Fatal(err)
	}
	amr, _ := claims["amr"].([]any)
	if claims["sub"] != find(t, o.s, "ada").ID || claims["acr"] != "2" || claims["preferred_username"] != "ada" || !slices.Contains(amr, any("mfa")) || !slices.Contains(amr, any("otp")) {
		t.Errorf("%+v", claims)
	}
	if _, err := read("wiki.example.com"); err == nil {
		t.Error("it serves another host, too")
	}
	o.p.clock.move(29 * time.Second)
	if assertion() != text {
		t.Error("within 30 seconds it is another one")
	}
	o.p.clock.move(time.Second)
	if assertion() == text {
		t.Error("after 30 seconds it is the same")
	}
	o.p.clock.move(31 * time.Second)
	if _, err := read("ops.example.com"); err == nil {
		t.Error("it is good for more than a minute")
	}
}

func TestRuleThatIsNeverReached(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	p.write("nightlatch.toml", "[[rule]]\nlevel = 1\n[[rule]]\npath = \"/a\"\n")
	_, err := p.start(p.settings())
	if err == nil || !strings.Contains(err.Error(), "nightlatch.toml:3: rule[2]: can never be reached") {
		t.Errorf("%v", err)
	}
}

// A second server on the same data, as a command beside a running one, is seen within a second.
func TestForwardAuthSeesAnotherProcess(t *testing.T) {
	t.Parallel()
	o := newPortal(t, rulesText)
	_, bob := o.signUp(Account{Username: "bob"})
	const wiki = "https://wiki.example.com/"
	if got := o.ask(wiki, bob); got.StatusCode != 200 {
		t.Fatalf("%d", got.StatusCode)
	}
	other, err := o.p.startAs(t.Context(), o.s.settings, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.SetDisabled(t.Context(), find(t, other, "bob"), true, "command line"); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	for o.ask(wiki, bob).StatusCode == 200 {
		if time.Since(ended) > time.Minute { // far beyond what a busy machine could need
			t.Fatal("it is never seen")
		}
	}
}

// Who asks for what is not for him is in the log.
func TestForbiddenIsLogged(t *testing.T) {
	t.Parallel()
	o, log := newPortal(t, rulesText), &journal{}
	o.s.log = slog.New(slog.NewTextHandler(log, nil))
	var err error
	if o.h, err = o.s.Handler(); err != nil {
		t.Fatal(err)
	}
	eve, _ := o.signUp(Account{Username: "eve"})
	eve.enroll(o.p.clock)
	for range 100 { // no stranger's flood hides it
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/forward-auth", nil)
		r.RemoteAddr = "203.0.113.99:1234"
		o.h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if got := o.ask("https://ops.example.com/door?token=hush", eve.token); got.StatusCode != http.StatusForbidden {
		t.Fatal(got.Status)
	}
	for _, want := range []string{"a request was forbidden", "method=GET", "host=ops.example.com", "path=/door", "addr=203.0.113.7", "user=" + find(t, o.s, "eve").ID} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in %s", want, log)
		}
	}
	if strings.Contains(log.String(), "hush") {
		t.Error("the query is in the log")
	}
}
