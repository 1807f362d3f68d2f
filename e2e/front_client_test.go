package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// attacked runs a test behind each proxy, and before the application alone (serve --protect).
func attacked(t *testing.T, test func(t *testing.T, f *front)) {
	t.Helper()
	behind(t, test)
	t.Run("protect", func(t *testing.T) { test(t, before(t)) })
}

// before starts Nightlatch before the application, alone, with the rules that it has behind the proxies.
func before(t *testing.T) *front {
	t.Helper()
	f := &front{t: t, name: "protect", dir: t.TempDir(), app: newApplication(t), alone: true}
	data, file := filepath.Join(f.dir, "data"), filepath.Join(f.dir, "nightlatch.toml")
	_, rules, _ := strings.Cut(frontSettings, "[[rule]]")
	save(t, file, []byte("[[rule]]"+strings.ReplaceAll(rules, "app.example.com", "localhost")))
	add := exec.Command(built, "account", "add", "ada", "--group", "staff", "--config", file, "--data-dir", data)
	add.Dir, add.Env, add.Stdin = f.dir, withoutSettings(os.Environ()), strings.NewReader(password+"\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("account add: %v\n%s", err, out)
	}
	origin := launch(t, []string{"--protect", "http://" + f.app.addr, "--config", file, "--listen", "localhost:0", "--data-dir", data})
	if _, err := fmt.Sscanf(origin, "http://localhost:%d", &f.tls); err != nil {
		t.Fatalf("%s: %v", origin, err)
	}
	return f
}

// hostname is the application's.
func (f *front) hostname() string {
	if f.alone {
		return "localhost"
	}
	return "app.example.com"
}

func (f *front) host() string { return fmt.Sprintf("%s:%d", f.hostname(), f.tls) }

func (f *front) scheme() string {
	if f.alone {
		return "http"
	}
	return "https"
}

func (f *front) appOrigin() string  { return f.scheme() + "://" + f.host() }
func (f *front) authOrigin() string { return fmt.Sprintf("https://auth.example.com:%d", f.tls) }

// ownPages is where Nightlatch's own pages begin.
func (f *front) ownPages() string {
	if f.alone {
		return f.appOrigin() + "/.nightlatch"
	}
	return f.authOrigin()
}

// client is a program on this machine that takes each name for it, and keeps cookies. It follows no redirect.
func (f *front) client() *http.Client {
	f.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	transport := &http.Transport{
		ForceAttemptHTTP2: true, DialContext: dialHere,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate was made a moment ago
	}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// signIn signs ada in by the API, to level 1.
func (f *front) signIn() *http.Client {
	f.t.Helper()
	c := f.client()
	body := fmt.Sprintf(`{"identifier":"ada","password":%q}`, password)
	r, err := c.Post(f.ownPages()+"/api/v1/sign-in", "application/json", strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		f.t.Fatalf("sign in: %s", r.Status)
	}
	return c
}

// cookies are what a client sends to the application, as a line of a request.
func (f *front) cookies(c *http.Client) string {
	f.t.Helper()
	u, err := url.Parse(f.appOrigin())
	if err != nil {
		f.t.Fatal(err)
	}
	var parts []string
	for _, cookie := range c.Jar.Cookies(u) {
		if cookie.Name != "nightlatch_browser" {
			parts = append(parts, cookie.String())
		}
	}
	name := "__Secure-nightlatch_shared="
	if f.alone {
		name = "nightlatch_session="
	}
	if len(parts) != 1 || !strings.HasPrefix(parts[0], name) {
		f.t.Fatalf("the browser would send the cookies %q, want %s alone", parts, name)
	}
	return "Cookie: " + parts[0] + "\r\n"
}
