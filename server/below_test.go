package server

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	aPath = regexp.MustCompile(`(?:href|src|action|formaction)="([^"#]*)[^"]*"`)
	aMade = regexp.MustCompile(`https?://[^\s"<>\\]+`)
)

// newMailing is a protected application whose mails can be read.
func newMailing(t *testing.T) *protected {
	t.Helper()
	o := newProtected(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Errorf("the application was asked for %s", r.URL)
		}
	}), "[mail]\nurl = \"outbox:\"\nfrom = \"door@example.com\"\n[recovery]\nemail = true\n")
	return o
}

// crawl asks for every page of ours that b finds from where it is, and looks at all that each leads to.
func crawl(t *testing.T, b *browser, from ...string) (seen []string) {
	t.Helper()
	for todo := from; len(todo) > 0; todo = todo[1:] {
		u, err := url.Parse(html.UnescapeString(todo[0]))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(seen, u.Path) || strings.HasSuffix(u.Path, "/cancel") {
			continue
		}
		seen = append(seen, u.Path)
		r := httptest.NewRequestWithContext(t.Context(), "GET", home+u.RequestURI(), nil)
		r.RemoteAddr, r.RequestURI = "127.0.0.1:1", u.RequestURI()
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		b.h.ServeHTTP(w, r)
		if w.Code >= 400 && w.Code != 405 && u.Query().Get("token") != "x" { // 405: a form's address
			t.Errorf("%s answers %d: %s", u, w.Code, textOf(w.Body.String()))
		}
		for _, c := range w.Result().Cookies() {
			if c.Path != "/" || !strings.HasPrefix(c.Name, "nightlatch_") {
				t.Errorf("%s sets %v", u, c)
			}
		}
		if to := w.Header().Get("Location"); to != "" {
			todo = append(todo, to)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || w.Header().Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s may be shown in a frame: %v", u, w.Header())
		}
		for _, found := range aPath.FindAllStringSubmatch(w.Body.String(), -1) {
			if to := found[1]; to != "" && !strings.HasPrefix(to, "otpauth:") && !strings.HasPrefix(to, "data:") {
				todo = append(todo, to)
			}
		}
	}
	for _, path := range seen {
		if path != "/" && !strings.HasPrefix(path, "/.nightlatch/") {
			t.Errorf("a page leads to %s", path)
		}
	}
	return seen
}

// Before an application all that is ours is below one path: pages, links, forms, scripts, redirects, and links in mails.
func TestAllOfOursIsBelowOnePath(t *testing.T) {
	t.Parallel()
	o := newMailing(t)
	add(t, o.s, Account{Username: "ada", Email: "ada@example.com", Admin: true})
	b := newBrowser(t, o.http.Config.Handler, o.p.clock)
	strangers := crawl(t, b, "/.nightlatch/", "/.nightlatch/password/forgot", "/.nightlatch/recover", "/.nightlatch/not-me?token=x", "/.nightlatch/email/confirm?token=x")
	for _, want := range []string{"/.nightlatch/sign-up", "/.nightlatch/asset/nightlatch.css", "/.nightlatch/asset/nightlatch.js"} {
		if !slices.Contains(strangers, want) {
			t.Errorf("a stranger finds no way to %s: %q", want, strangers)
		}
	}
	b.get("/")
	b.want(200, "/.nightlatch/sign-in")
	b.signIn("ada")
	b.want(200, "/.nightlatch/account/authenticators/new")
	o.p.clock.move(time.Second)
	b.get("/.nightlatch/account/authenticators/new/totp")
	b.want(200, "/.nightlatch/verify")
	b.send("/verify", map[string]string{"password": secret})
	app := b.scan()
	b.send("/finish/totp", map[string]string{"code": codeOf(t, app, o.p.clock.now())})
	o.p.clock.move(30 * time.Second)
	b.get("/.nightlatch/verify")
	b.send("/verify", map[string]string{"code": codeOf(t, app, o.p.clock.now())})
	own := crawl(t, b, "/.nightlatch/account", "/.nightlatch/account/recovery-codes", "/.nightlatch/admin", "/.nightlatch/verify", "/.nightlatch/sign-out")
	for _, want := range []string{"/.nightlatch/account/password", "/.nightlatch/account/email", "/.nightlatch/admin/events", "/.nightlatch/account/export", "/.nightlatch/account/authenticators/new/totp"} {
		if !slices.Contains(own, want) {
			t.Errorf("who is signed in finds no way to %s: %q", want, own)
		}
	}
	if _, text := o.do("GET", "/.nightlatch/api/v1/openapi.json", ""); !strings.Contains(text, `"servers": [{"url": "/.nightlatch/api/v1"}]`) {
		t.Error("the OpenAPI document leads elsewhere")
	}
	c := newBrowser(t, o.http.Config.Handler, o.p.clock)
	c.get("/.nightlatch/password/forgot")
	c.send("/password/forgot", map[string]string{"email": "ada@example.com"})
	c.get("/.nightlatch/sign-up")
	c.send("/sign-up", map[string]string{"username": "eve", "email": "eve@example.com", "password": otherSecret, "confirm": otherSecret})
	links := o.mailed()
	if len(links) < 3 {
		t.Errorf("the mails have the links %q only", links)
	}
	for _, link := range links {
		if !strings.HasPrefix(link, home+"/.nightlatch/") {
			t.Errorf("a mail leads to %s", link)
			continue
		}
		c.get(link)
		if c.status != 200 {
			t.Errorf("%s of a mail answers %d", link, c.status)
		}
	}
}

// mailed are the addresses in all mails so far.
func (o *protected) mailed() (links []string) {
	o.t.Helper()
	if _, err := o.s.Service.SendNotices(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.p.dir, "data", "outbox.jsonl"))
	if err != nil {
		o.t.Fatal(err)
	}
	for _, link := range aMade.FindAllString(string(text), -1) {
		if link = strings.ReplaceAll(link, `\u003c/p`, ""); !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return links
}

// Where we share our host with the application's scripts, one proof serves one change: by the API and on pages.
func TestProtectAsksForEachChange(t *testing.T) {
	t.Parallel()
	o := newProtected(t, http.HandlerFunc(echo))
	l := leading{pages: "/.nightlatch", h: o.http.Config.Handler}
	add(t, o.s, Account{Username: "ada"})
	c := &client{t: t, http: pagesAt(l)}
	c.mustSignIn("ada", secret, "done")
	if status, _ := c.send("POST", "/authenticators", object{"kind": "totp"}); status != http.StatusForbidden {
		t.Errorf("what was proven to sign in serves an enrollment: %d", status)
	}
	c.provePassword(o.p.clock)
	begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "totp"})
	app := generator(t, begun["totp"].(object)["secret"].(string))
	done := c.want(http.StatusCreated, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": codeOf(t, app, o.p.clock.now())})
	id := done["authenticator"].(object)["id"].(string)
	code := func() string { o.p.clock.move(30 * time.Second); return codeOf(t, app, o.p.clock.now()) }
	rename := func(label string, status int) {
		t.Helper()
		got, answer := c.send("PATCH", "/authenticators/"+id, object{"label": label})
		if got != status || status == http.StatusForbidden && (answer["code"] != "fresh_proof_needed" || answer["offers"] == nil) {
			t.Errorf("renamed to %s: %d %v, want %d", label, got, answer, status)
		}
	}
	prove := func() {
		t.Helper()
		if status, answer := c.verify("totp", code()); status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
	}
	rename("one", http.StatusForbidden) // the proof has served the enrollment
	prove()
	rename("one", http.StatusOK)
	rename("two", http.StatusForbidden)
	prove()
	o.p.clock.move(time.Minute)
	rename("two", http.StatusForbidden)

	t.Log("on pages, where what was typed waits for the proof")
	b := newBrowser(t, o.http.Config.Handler, o.p.clock)
	b.get("/.nightlatch/sign-in")
	b.signIn("ada")
	b.send("/verify", map[string]string{"code": code()})
	b.want(200, "/.nightlatch/account")
	for _, label := range []string{"three", "four"} {
		b.get("/.nightlatch/account")
		b.send("/rename/"+id, map[string]string{"label": label})
		b.want(200, "/.nightlatch/verify")
		b.send("/verify", map[string]string{"code": code()})
		b.want(200, "/.nightlatch/account")
		b.send("/rename/"+id, map[string]string{"label": label})
		b.want(200, "/.nightlatch/account")
		if !strings.Contains(b.body, label) {
			t.Errorf("it is not renamed to %s:\n%s", label, textOf(b.body))
		}
	}
}
