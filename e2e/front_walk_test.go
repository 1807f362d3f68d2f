package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// greeting opens a WebSocket, says something, and returns both messages that come back.
const greeting = `new Promise((done, failed) => {
	const socket = new WebSocket("wss://" + location.host + "/socket"), heard = [];
	socket.onopen = () => socket.send("and back");
	socket.onmessage = e => { if (heard.push(e.data) === 2) done(heard.join(", ")); };
	socket.onerror = () => failed(new Error("no WebSocket"));
})`

// TestProxySignIn is a person's whole way behind each proxy: led to the sign-in, through enrollment, back to what was
// asked for; then a form, a WebSocket, and sign-out.
func TestProxySignIn(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		p := open(t, f.appOrigin(), options{also: []string{f.authOrigin()}})
		p.visit("/secret?x=1&y=2", 200)
		p.wantHeading("Sign in")
		p.press("Create account")
		p.fill("Username", "grace")
		p.fill("Email", "grace@example.com")
		p.fill("Password", password)
		p.fill("Confirm password", password)
		p.press("Create account")
		phone, _ := p.addApp(p.scan)
		p.press("Continue")
		p.wantHeading("Application")
		p.wantText("User grace GET /secret?x=1&y=2")
		p.press("Send it")
		p.wantText("User grace POST /form")
		if got := evaluate[string](p, greeting); got != "hello grace, and back" {
			t.Errorf("the WebSocket said %q", got)
		}
		p.goes(f.authOrigin()+"/account", 200)
		p.signOut()

		p.visit("/again", 200)
		p.givePassword("grace")
		p.wantHeading("Verify that it is you")
		p.giveCode(phone.code(), 200)
		p.wantHeading("Application")
		p.wantText("User grace GET /again")
		for _, g := range f.app.take() {
			if c := g.Header.Get("Cookie"); strings.Contains(c, "__Host-") {
				t.Errorf("the application got the cookies %q", c)
			}
		}
	})
}

// TestProxyPrograms is what programs meet: 401 with JSON and never a redirect, until they are signed in; then bodies
// pass, whatever their size.
func TestProxyPrograms(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		stranger := f.client()
		for name, change := range map[string]func(*http.Request){
			"a script": func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
			"a frame": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Mode", "navigate")
				r.Header.Set("Sec-Fetch-Dest", "iframe")
			},
			"JSON":           func(r *http.Request) { r.Header.Set("Accept", "application/json") },
			"XMLHttpRequest": func(r *http.Request) { r.Header.Set("X-Requested-With", "XMLHttpRequest") },
			"a form": func(r *http.Request) {
				r.Method = "POST"
				r.Header.Set("Sec-Fetch-Mode", "navigate")
				r.Header.Set("Accept", "text/html")
			},
		} {
			r := f.ask(stranger, "GET", f.appOrigin()+"/secret", nil, change)
			var problem struct{ Code string }
			err := json.Unmarshal(r.body, &problem)
			if r.StatusCode != 401 || err != nil || problem.Code != "unauthenticated" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("%s: %d %v %s", name, r.StatusCode, r.Header, r.body)
			}
			if to := r.Header.Values("Location"); len(to) != 1 || !strings.HasPrefix(to[0], f.authOrigin()+"/sign-in") {
				t.Errorf("%s is told to sign in at %q", name, to)
			}
		}
		page := f.ask(stranger, "GET", f.appOrigin()+"/secret?a=b", nil, func(r *http.Request) { r.Header.Set("Accept", "text/html") })
		want := fmt.Sprintf("%s/sign-in?to=https%%3A%%2F%%2Fapp.example.com%%3A%d%%2Fsecret%%3Fa%%3Db", f.authOrigin(), f.tls)
		if page.StatusCode != 303 || strings.Join(page.Header.Values("Location"), " ") != want || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a page: %d %q, want %q", page.StatusCode, page.Header, want)
		}
		f.bodies(f.signIn())
		if seen := f.app.take(); len(seen) != len(bodySizes) {
			t.Errorf("the application saw %d requests, want %d", len(seen), len(bodySizes))
		}
	})
}

// bodySizes reach beyond what the proxies keep in memory, and what nginx takes by itself.
var bodySizes = []int{0, 10, 1 << 16, 20 << 20, 20 << 20}

// bodies sends uploads, with their length told and not.
func (f *front) bodies(c *http.Client) {
	f.t.Helper()
	for i, size := range bodySizes {
		body := make([]byte, size)
		random := rand.NewChaCha8([32]byte{byte(i)})
		_, _ = random.Read(body)
		var reader io.Reader = bytes.NewReader(body)
		if i%2 == 1 {
			reader = io.MultiReader(reader) // of unknown length
		}
		r := f.ask(c, "POST", f.appOrigin()+"/one/upload", reader)
		var seen got
		err := json.Unmarshal(r.body, &seen)
		if sum := sha256.Sum256(body); r.StatusCode != 200 || err != nil || seen.Length != int64(size) || seen.Sum != hex.EncodeToString(sum[:]) {
			f.t.Errorf("%d bytes: %d, %d of them arrived (%v)", size, r.StatusCode, seen.Length, err)
		}
		if v := seen.Header.Get("Remote-User"); v != "ada" {
			f.t.Errorf("%d bytes are of %q", size, v)
		}
	}
}

// TestProxyAround is what is beside the application: http leads to https, and only proxies ask for decisions.
func TestProxyAround(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		c := f.signIn()
		for _, name := range []string{"app", "auth"} {
			r := f.ask(c, "GET", fmt.Sprintf("http://%s.example.com:%d/a?b=c", name, f.plain), nil)
			if to := r.Header.Get("Location"); r.StatusCode != 301 && r.StatusCode != 308 || !strings.HasPrefix(to, "https://"+name+".example.com") || !strings.HasSuffix(to, "/a?b=c") {
				t.Errorf("http://%s.example.com: %d to %q", name, r.StatusCode, to)
			}
		}
		for _, path := range []string{"/forward-auth", "/forward-auth?redirect=true", "/%66orward-auth", "/forward-auth/", "/nightlatch-decide"} {
			r := f.ask(c, "GET", f.authOrigin()+path, nil, func(r *http.Request) {
				r.Header.Set("X-Original-URL", f.appOrigin()+"/one/")
				r.Header.Set("X-Original-Method", "GET")
			})
			if r.StatusCode != 404 || len(identity(r.Header)) > 0 {
				t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
			}
		}
		// Where nginx asks is no path of the application; elsewhere it is one like others, of level 2.
		want := map[string]int{"nginx": 404}[f.name]
		r := f.ask(c, "GET", f.appOrigin()+"/nightlatch-decide", nil)
		if len(identity(r.Header)) > 0 || r.StatusCode == 200 || want != 0 && r.StatusCode != want {
			t.Errorf("the question from outside: %d %v", r.StatusCode, r.Header)
		}
		f.app.take()
	})
}

// TestProxyWithoutNightlatch asks for what anyone may have while nobody can decide: nothing reaches the application.
func TestProxyWithoutNightlatch(t *testing.T) {
	nobody := func(f *front) string { return fmt.Sprintf("127.0.0.1:%d", freePort(f.t)) }
	behindWith(t, nobody, func(t *testing.T, f *front) {
		for _, path := range []string{"/public/", "/secret"} {
			f.stopped("GET", path, "", 500, 502, 503)
			f.stopped("POST", path, "Content-Length: 0\r\n", 500, 502, 503)
		}
	})
}

// answer is one that was read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (f *front) ask(c *http.Client, method, address string, body io.Reader, change ...func(*http.Request)) answer {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, address, body)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, one := range change {
		one(r)
	}
	w, err := c.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer{w, text}
}
