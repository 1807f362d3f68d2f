package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// places are where people may be led in these tests.
func places(c *nightlatch.Config, o *Options) {
	o.Elsewhere, o.CookieDomain = []string{"app.example.com", "*.apps.example", "my_app.test"}, "example.org"
}

// Where a redirect may lead when there are applications elsewhere: to those and nowhere else, however it is written.
func TestRedirectsGoWhereTheyMay(t *testing.T) {
	t.Parallel()
	s := newSite(t, places)
	v := s.visitor()
	v.signUp("alice")
	for _, to := range []string{
		"https://evil.example/", "https://app.example.com@evil.example/", "https://evil.example@app.example.com/", "https://u:p@app.example.com/", "https://@app.example.com/",
		`https://evil.example\@app.example.com/`, `https://app.example.com\.evil.example/`, `https:\\app.example.com/`, `\\app.example.com`, "//app.example.com/", "///app.example.com/",
		"https:///app.example.com/", "https:app.example.com", "https:/app.example.com/", "HTTPS://app.example.com/", "hTTps://app.example.com/", "https://app.example.com:evil/", "https://app.example.com:80@evil.example/",
		"https://app.example.com\t/", "https://app\t.example.com/", "https://app.example.com/\n", "https://app.example.com/\r\nX: y", "\thttps://app.example.com/", " https://app.example.com/", "https://app.example.com /",
		"https://app。example。com/", "https://app．example.com/", "https://app｡example.com/", "https://аpp.example.com/", "https://app.example.com%2eevil.example/", "https://app%2eexample.com/", "https://app.example.com%00.evil.example/",
		"https://app.example.com%2f.evil.example/", "https://evil.example%23.example.org/", "https://app.example.com.evil.example/", "https://evilapp.example.com/", "https://example.com/", "https://x.app.example.com/", "https://app.example.com./",
		"https://apps.example/", "https://notapps.example/", "https://.apps.example/", "https://a..apps.example/", "https://x.apps.example.evil.example/", "https://evilexample.org/", "https://example.org.evil.example/", "https://.example.org/",
		"https://[app.example.com]/", "https://[::1]/", "https://127.0.0.1/", "javascript://app.example.com/%0aalert(1)", "ftp://app.example.com/", "ws://app.example.com/", "data://app.example.com/,x", "blob:https://app.example.com/x",
		"view-source:https://app.example.com/", "https://app.example.com/" + strings.Repeat("a", 10<<10), "https://" + strings.Repeat("a.", 5<<10) + "example.org/", "app.example.com", "https://", "https://?", "https://#app.example.com",
		"https://app.example.com/%zz", "https://app.example.com/\x7f", "https://app.example.com/\x00", "https://app.example.com/\xff",
	} {
		if got := v.once("GET", "/sign-in?to="+url.QueryEscape(to), nil); v.status != 303 || got != "/account" {
			t.Errorf("to %.60q leads to %.60q", to, got)
		}
	}
	for _, to := range []string{
		"https://app.example.com", "https://app.example.com/", "https://app.example.com:8443/a?b=c#d", "http://app.example.com/", "https://APP.example.com/", "https://my_app.test/", "https://x.apps.example/", "https://a.b.apps.example/?u=https://evil.example",
		"https://example.org/", "https://x.example.org:1/", "https://app.example.com/@evil.example", "https://app.example.com?@evil.example", "https://app.example.com#@evil.example", "https://app.example.com//evil.example",
	} {
		if got := v.once("GET", "/sign-in?to="+url.QueryEscape(to), nil); v.status != 303 || got != to {
			t.Errorf("to %q leads to %q", to, got)
		}
	}
	// Where the way is kept by the engine and by forms, too.
	for to, want := range map[string]string{"https://app.example.com@evil.example/": "/account", "https://app.example.com/x": "https://app.example.com/x"} {
		w := s.visitor()
		if got := w.once("POST", "/sign-in", url.Values{"identifier": {"alice"}, "password": {phrase}, "to": {to}}); got != want {
			t.Errorf("sign-in leads to %q, want %q", got, want)
		}
		if got := w.once("POST", "/verify", url.Values{"kind": {"password"}, "password": {phrase}, "to": {to}}); got != want {
			t.Errorf("a fresh proof leads to %q, want %q", got, want)
		}
	}
}

// Pages over https lead to https only, and their forms, too.
func TestElsewhereOverHTTPS(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	o := Options{PublicURL: "https://auth.example.org", Accounts: s.people}
	places(nil, &o)
	g, err := New(s.svc, o)
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"http://app.example.com/": "", "http://x.example.org/": "", "https://x.example.org/": "https://x.example.org/", "/account": "/account"} {
		if got := g.mayLead(to); got != want {
			t.Errorf("%s leads to %q", to, got)
		}
	}
	if got, want := formAction(g.pages.policy), []string{
		"'self'", "https://app.example.com:*", "https://*.apps.example:*", "https://my_app.test:*", "https://example.org:*", "https://*.example.org:*",
	}; !slices.Equal(got, want) {
		t.Errorf("forms may lead to %q, want %q", got, want)
	}
	for _, bad := range []string{"", "app.example.com; script-src *", "https://app.example.com", "app.example.com:80", "*", "*.", "a b", "a/b", "*.*.example.com", "x*.example.com", "a..b"} {
		o.Elsewhere = []string{bad}
		if _, err := New(s.svc, o); err == nil || !strings.Contains(err.Error(), "Elsewhere") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A form may lead where a sign-in may, and nowhere else; nothing else of the policy is wider.
func TestFormsMayLeadElsewhere(t *testing.T) {
	t.Parallel()
	v := newSite(t, places).visitor()
	v.get("/sign-in?to=https://app.example.com/")
	got := v.head.Get("Content-Security-Policy")
	if want := []string{
		"'self'", "https://app.example.com:*", "http://app.example.com:*", "https://*.apps.example:*", "http://*.apps.example:*", "https://my_app.test:*", "http://my_app.test:*",
		"https://example.org:*", "http://example.org:*", "https://*.example.org:*", "http://*.example.org:*",
	}; !slices.Equal(formAction(got), want) {
		t.Errorf("forms may lead to %q, want %q", formAction(got), want)
	}
	if rest := strings.Replace(got, strings.Join(formAction(got), " "), "'self'", 1); rest != policy {
		t.Errorf("the rest is %q, want %q", rest, policy)
	}
	v = newSite(t, nil).visitor()
	v.get("/sign-in")
	if got := v.head.Get("Content-Security-Policy"); got != policy {
		t.Errorf("where there is no application elsewhere: %q", got)
	}
}

func formAction(policy string) []string {
	for part := range strings.SplitSeq(policy, "; ") {
		if rest, ok := strings.CutPrefix(part, "form-action "); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}

// A browser that is signed in and is sent here again and again goes round in a circle: the third time within ten seconds,
// on the way to the same place, a page says what is wrong.
func TestSentInACircle(t *testing.T) {
	t.Parallel()
	s := newSite(t, places)
	v := s.visitor()
	v.signUp("alice")
	come := func(to string, status int) {
		t.Helper()
		if v.once("GET", "/sign-in?to="+url.QueryEscape(to), nil); v.status != status {
			t.Fatalf("on the way to %s: %d, want %d", to, v.status, status)
		}
	}
	const app, wiki = "https://app.example.com/a", "https://wiki.example.org/"
	come(app, 303)
	come(app, 303)
	come(app, http.StatusLoopDetected)
	v.says("You are sent in a circle", "You are signed in here, and https://app.example.com does not see it.", "which no cookie of ours reaches", "keeps no cookie for the application", "10:00")
	t.Log("the page was shown: it begins anew")
	come(app, 303)
	come(app, 303)
	t.Log("another place")
	come(wiki, 303)
	come(app, 303)
	come(app, 303)
	t.Log("a pause")
	s.clock.advance(10 * time.Second)
	come(app, 303)
	come(app, 303)
	s.clock.advance(9 * time.Second)
	come(app, http.StatusLoopDetected)
	t.Log("a host that the cookie reaches")
	come(wiki, 303)
	come(wiki, 303)
	come(wiki, http.StatusLoopDetected)
	if strings.Contains(v.body, "which no cookie of ours reaches") {
		t.Error("the domain of the cookie is blamed")
	}
	t.Log("a path of our own is none")
	for range 5 {
		come("/account", 303)
	}
	t.Log("nobody is signed in")
	w := s.visitor()
	for range 5 {
		if w.once("GET", "/sign-in?to="+url.QueryEscape(app), nil); w.status != 200 {
			t.Errorf("a stranger: %d", w.status)
		}
	}
}
