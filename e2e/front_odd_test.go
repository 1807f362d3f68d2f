package e2e

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// TestProxyAmbiguousPath asks for paths that a proxy and an application may read in different ways, with a session:
// none is let through, to whatever it would lead.
func TestProxyAmbiguousPath(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, path := range []string{
			"/public/../secret", "/public/..;/secret", "/public/..;a=b/secret", "/public/./../secret", "/public/.;/secret", "/public//secret", "//secret", "//public/",
			"/public/;/secret", "/public/%2e%2e/secret", "/public/%2E%2e/secret", "/public/.%2e/secret", "/public/%252e%252e/secret", "/public/..%2fsecret", "/public%2fsecret", "/public/%2f..%2fsecret",
			"/public/%252f", "/public/..%5csecret", `/public/..\secret`, "/public/%5c", "/public/%00", "/public/a%0d%0aRemote-User:%20forged",
			"/public/%ff", "/public/%c0%ae%c0%ae/secret", "/public/\xff", "/public/\xc0\xae\xc0\xae/secret", "/public/%zz", "/public/%", "/public/%2", "/public/%%32%65",
			"/public/..", "/public/.", "/public/%2e", "/one/../public/", "/%2e/public/", "/public/%7f", "/public/%e0%80%af",
		} {
			if f.name == "traefik" {
				f.madePlain(path, cookie)
				f.madePlain(path, "")
				continue
			}
			f.stopped("GET", path, cookie, 400, 403)
			f.stopped("GET", path, "", 400, 403)
		}
		// What a client must not send is refused, or made plain before anybody reads it.
		for _, path := range []string{"/public/a#/secret", "/public/#"} {
			f.stopped("GET", path, cookie, 200, 400, 403)
			f.app.take()
			f.raw(f.request("GET", path, ""))
			for _, g := range f.app.take() {
				if want := strings.ReplaceAll(path, "#", "%23"); g.URI != want {
					t.Errorf("%q: the application saw %q", path, g.URI)
				}
			}
		}
		// What only looks strange is let through, as it was sent.
		for _, path := range []string{
			"/public/", "/public/a%20b", "/public/a;b=c", "/public/%C3%A4", "/public/...", "/public/a..b", "/public/a?b=../..//%2f", "/public/%41",
			"/public/a?b=1;c=2", "/public/a?b=%zz&;", "/public/a?", "/public/a?b=1&b=2?", "/public/a%3Bb", "/public/a\"b%3Bc", "/public/a[%5B", "/public/a;b/c;d?;",
		} {
			f.app.take()
			r, seen := f.raw(f.request("GET", path, "")), f.app.take()
			path = f.rewritten(path)
			if r == nil || r.StatusCode != 200 || len(seen) != 1 || seen[0].URI != path {
				t.Errorf("%q: %v, the application saw %+v", path, r, seen)
			}
		}
	})
}

// madePlain sends a path that Traefik may write anew before anybody reads it: who decides and the application read the
// same then, which is plain and of the rule that let it pass.
func (f *front) madePlain(odd, cookie string) {
	f.t.Helper()
	f.stopped("GET", odd, cookie, 200, 303, 400, 403)
	f.app.take()
	f.raw(f.request("GET", odd, cookie))
	for _, g := range f.app.take() {
		if !strings.HasPrefix(g.URI+"/", "/public/") || path.Clean(g.URI) != strings.TrimSuffix(g.URI, "/") || strings.ContainsAny(g.URI, `%\;`) {
			f.t.Errorf("%q: the application saw %q", odd, g.URI)
		}
	}
}

// rewritten is how a proxy writes a strange address, to the same effect.
func (f *front) rewritten(address string) string {
	switch f.name {
	case "caddy":
		return strings.Replace(address, `"b%3B`, "%22b;", 1)
	case "traefik":
		where, query, asked := strings.Cut(strings.NewReplacer("%41", "A", `"`, "%22").Replace(address), "?")
		if strings.Contains(where, "%22") { // what was to be quoted makes all be quoted anew
			where = strings.Replace(where, "%3B", ";", 1)
		}
		if asked {
			where += "?" + strings.ReplaceAll(query, ";", "&")
		}
		return where
	}
	return address
}

// TestProxyOtherHost names another host than the one whose rule is to decide.
func TestProxyOtherHost(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		texts := []string{
			"GET https://app.example.com:%d/secret HTTP/1.1\r\nHost: open.example.com\r\n",
			"GET https://open.example.com:%d/secret HTTP/1.1\r\nHost: app.example.com\r\n",
			"GET http://app.example.com/secret HTTP/1.1\r\nHost: open.example.com\r\n",
			"GET http://open.example.com@app.example.com/secret HTTP/1.1\r\nHost: open.example.com\r\n",
			"GET /secret HTTP/1.1\r\nHost: app.example.com\r\nHost: open.example.com\r\n", "GET /secret HTTP/1.1\r\nHost: open.example.com\r\nHost: app.example.com\r\n",
			"GET /secret HTTP/1.1\r\nHost: app.example.com, open.example.com\r\n", "GET /secret HTTP/1.1\r\nHost: open.example.com, app.example.com\r\n",
			"GET /secret HTTP/1.1\r\nHost: app.example.com@open.example.com\r\n", "GET /secret HTTP/1.1\r\nHost: open.example.com#app.example.com\r\n",
			"GET /secret HTTP/1.1\r\nHost: app.example.com:1:open.example.com\r\n", "GET /secret HTTP/1.1\r\nHost:\r\n", "GET /secret HTTP/1.1\r\n", "GET /secret HTTP/1.0\r\n",
			"GET secret HTTP/1.1\r\nHost: app.example.com\r\n", "GET ?/secret HTTP/1.1\r\nHost: app.example.com\r\n",
			"GET /secret HTTP/1.1\r\nHost: auth.example.com, app.example.com\r\n", "GET https://auth.example.com/secret HTTP/1.1\r\nHost: app.example.com\r\n",
		}
		if !f.alone { // alone, it decides for whatever host the application is told
			texts = append(texts, "GET /secret HTTP/1.1\r\nHost: open.example.com\r\n", "GET /secret HTTP/1.1\r\nHost: open.example.com:%d\r\n")
		}
		for _, text := range texts {
			if strings.Contains(text, "%d") {
				text = fmt.Sprintf(text, f.tls)
			}
			text = strings.ReplaceAll(text, "app.example.com", f.hostname())
			f.app.take()
			f.raw(text + "Connection: close\r\n\r\n")
			if seen := f.app.take(); len(seen) > 0 {
				t.Errorf("%q: the application saw %+v", text, seen)
			}
		}
		// A request in absolute form that says the same twice may pass, and is for the same host.
		f.raw(fmt.Sprintf("GET %s/public/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", f.appOrigin(), f.host()))
		for _, g := range f.app.take() {
			if g.URI != "/public/" || g.Host != f.host() {
				t.Errorf("in absolute form: the application saw %+v", g)
			}
		}
	})
}

// TestProxyOtherMethods uses methods that a rule does not name, and such as no rule could.
func TestProxyOtherMethods(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PROPFIND", "REPORT", "TRACE", "CONNECT", "get", "GeT", "GET,POST", "BREW", "X"} {
			answers := []int{303, 400, 401, 403, 405, 501}
			if f.name == "traefik" && method == "CONNECT" { // no router takes it
				answers = append(answers, 404)
			}
			f.stopped(method, "/read/", "", answers...)
			f.stopped(method, "/read/", "X-HTTP-Method-Override: GET\r\nX-Forwarded-Method: GET\r\nX-Original-Method: GET\r\n", answers...)
			f.stopped(method, "/secret", cookie, answers...)
		}
		// In a tunnel there would be requests that nobody was asked about.
		f.stopped("CONNECT", "/public/", cookie, 400, 403, 404, 405, 501)
		f.stopped("CONNECT", f.host(), cookie, 400, 403, 404, 405, 501)
		f.stopped("OPTIONS", "*", cookie, 200, 204, 400, 401, 403, 404, 405, 421)
		f.app.take()
		if r, seen := f.raw(f.request("GET", "/read/", "")), f.app.take(); r == nil || r.StatusCode != 200 || len(seen) != 1 || seen[0].Method != "GET" {
			t.Errorf("the method of the rule: %v %+v", r, seen)
		}
	})
}
