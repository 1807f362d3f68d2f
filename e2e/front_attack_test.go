package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// identityNames are the headers by which an application is told who asks.
var identityNames = []string{"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "Remote-Level", "Remote-Proofs", "Remote-Assertion"}

// raw sends bytes over TLS and HTTP/1.1, and returns the answer; nil where the connection was closed without one.
func (f *front) raw(text string) *http.Response {
	f.t.Helper()
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.tls), f.trusting("app.example.com"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil {
		return nil
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return r
}

// request is a request of HTTP/1.1 for the application with more header lines, each with its end.
func (f *front) request(method, target, more string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: app.example.com:%d\r\nConnection: close\r\n%s\r\n", method, target, f.tls, more)
}

// identity is what an application that reads "_" and "-" alike, as CGI and WSGI do, takes for who asks.
func identity(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		folded := strings.ToLower(strings.Map(func(r rune) rune {
			if r == '_' || r == '.' {
				return '-'
			}
			return r
		}, name))
		if strings.HasPrefix(folded, "remote-") {
			out[folded] = append(out[folded], values...)
		}
	}
	return out
}

// wantIdentity looks that an application is told the truth and nothing else.
func wantIdentity(t *testing.T, what string, g got, user, groups, level string) {
	t.Helper()
	found := identity(g.Header)
	for name, want := range map[string]string{
		"remote-user": user, "remote-name": user, "remote-groups": groups, "remote-level": level, "remote-email": "",
	} {
		if v := strings.Join(found[name], "|"); v != want || len(found[name]) > 1 {
			t.Errorf("%s: %s is %q, want %q", what, name, found[name], want)
		}
	}
	for name, values := range found {
		if len(values) > 1 || strings.Contains(strings.Join(values, ""), "forged") || !slices.ContainsFunc(identityNames, func(n string) bool { return strings.EqualFold(n, name) }) {
			t.Errorf("%s: the application got %s %q", what, name, values)
		}
	}
	if (strings.Count(strings.Join(found["remote-assertion"], ""), ".") == 2) != (user != "") {
		t.Errorf("%s: the assertion is %q", what, found["remote-assertion"])
	}
}

// spellings are the ways to write a header that some application or other reads as the same.
func spellings(name string) []string {
	low := strings.ReplaceAll(name, "-", "_")
	return []string{name, low, strings.ToUpper(name), strings.ToUpper(low), strings.ToLower(name), strings.ToLower(low), strings.ReplaceAll(name, "-", ".")}
}

// TestProxyForgedIdentity sends identity headers in every spelling, with and without a session.
func TestProxyForgedIdentity(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, name := range identityNames {
			for _, spelled := range spellings(name) {
				for _, more := range []string{
					spelled + ": forged\r\n",
					spelled + ": forged\r\n" + spelled + ": forged\r\n",
					spelled + ": forged\r\nConnection: " + spelled + "\r\n",
				} {
					f.passesAs(more, cookie)
				}
			}
		}
		for _, more := range []string{
			"Connection: Remote-User, Remote-Groups, Remote-Level\r\n",
			"Connection: keep-alive, Remote-User\r\n", "Connection: X-Forwarded-Host, X-Forwarded-Uri, X-Forwarded-Method\r\n",
			"Connection: X-Original-URL, X-Original-Method, X-Forwarded-For, X-Forwarded-Proto\r\n",
		} {
			f.passesAs(more, cookie)
		}
		f.stopped("GET", "/one/", cookie+"Connection: Cookie\r\n", 200, 303, 400, 401)
	})
}

// passesAs asks for what anyone may have, as nobody and as ada, and looks what the application is told. A proxy may
// refuse the request instead.
func (f *front) passesAs(more, cookie string) {
	f.t.Helper()
	f.app.take()
	for _, c := range []struct{ cookie, target, user, groups, level string }{
		{"", "/public/", "", "", "0"}, {cookie, "/public/", "ada", "staff", "1"}, {cookie, "/one/", "ada", "staff", "1"},
	} {
		what := fmt.Sprintf("%q with the cookie %q", more, c.cookie)
		r, seen := f.raw(f.request("GET", c.target, c.cookie+more)), f.app.take()
		if r != nil && r.StatusCode == http.StatusBadRequest && len(seen) == 0 {
			continue
		}
		if r == nil || r.StatusCode != http.StatusOK || len(seen) != 1 {
			f.t.Errorf("%s: %v, the application saw %d requests", what, r, len(seen))
			continue
		}
		wantIdentity(f.t, what, seen[0], c.user, c.groups, c.level)
	}
}

// stopped sends a request and looks that the application never sees it, unless 200 is among the answers: then it sees
// ada or nobody.
func (f *front) stopped(method, target, more string, status ...int) {
	f.t.Helper()
	f.app.take()
	r, seen := f.raw(f.request(method, target, more)), f.app.take()
	what := fmt.Sprintf("%s %q with %q", method, target, more)
	if !slices.Contains(status, 200) && len(seen) > 0 {
		f.t.Errorf("%s: the application saw %+v", what, seen)
	}
	if r != nil && !slices.Contains(status, r.StatusCode) {
		f.t.Errorf("%s: status %d, want one of %d", what, r.StatusCode, status)
	}
	for _, g := range seen {
		if v := identity(g.Header)["remote-user"]; len(v) > 1 || len(v) == 1 && v[0] != "" && v[0] != "ada" {
			f.t.Errorf("%s: the application was told %q", what, v)
		}
	}
}

// TestProxyForgedRequest lets a client say what only the proxy may: it asks for what it may not have, and says that it
// asked for what anyone may.
func TestProxyForgedRequest(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		public := f.appOrigin() + "/public/"
		forged := [][2]string{
			{"X-Forwarded-Uri", "/public/"}, {"X-Forwarded-Method", "GET"}, {"X-Forwarded-Host", "open.example.com"}, {"X-Forwarded-Proto", "http"},
			{"X-Original-URL", public}, {"X-Original-Method", "GET"}, {"X-Forwarded-For", "10.0.0.1"}, {"X-Forwarded-For", ""},
			{"Forwarded", "for=10.0.0.1;host=open.example.com"}, {"X-Rewrite-URL", "/public/"}, {"X-Real-IP", "10.0.0.1"},
		}
		cookie := f.cookies(f.signIn())
		all := ""
		for _, one := range forged {
			all += one[0] + ": " + one[1] + "\r\n"
			for _, name := range spellings(one[0]) {
				line := name + ": " + one[1] + "\r\n"
				for _, more := range []string{line, line + line, line + "Connection: " + name + "\r\n"} {
					f.stopped("GET", "/secret", more, 303, 401, 400, 403)
					f.stopped("GET", "/secret", cookie+more, 303, 401, 400, 403)
					f.toldWell(cookie + more)
				}
			}
		}
		f.stopped("GET", "/secret", all, 303, 401, 400, 403)
		f.stopped("GET", "/secret", all+all, 303, 401, 400, 403)
		f.toldWell(cookie + all + all)
	})
}

// toldWell looks at what the application is told of the request itself.
func (f *front) toldWell(more string) {
	f.t.Helper()
	f.app.take()
	r, seen := f.raw(f.request("GET", "/public/a?b=c", more)), f.app.take()
	if r != nil && r.StatusCode == http.StatusBadRequest && len(seen) == 0 {
		return
	}
	if r == nil || r.StatusCode != http.StatusOK || len(seen) != 1 {
		f.t.Errorf("%q: %v, the application saw %d requests", more, r, len(seen))
		return
	}
	host := fmt.Sprintf("app.example.com:%d", f.tls)
	want := map[string]string{"x-forwarded-for": "127.0.0.1", "x-forwarded-host": host, "x-forwarded-proto": "https", "x-real-ip": "127.0.0.1"}
	if seen[0].Host != host || seen[0].URI != "/public/a?b=c" {
		f.t.Errorf("%q: the application saw %+v", more, seen[0])
	}
	for name, values := range seen[0].Header {
		folded := strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
		about := strings.HasPrefix(folded, "x-forwarded-") || strings.HasPrefix(folded, "x-original-") ||
			slices.Contains([]string{"forwarded", "x-rewrite-url", "x-real-ip"}, folded)
		if about && (len(values) != 1 || values[0] != want[folded] || strings.ContainsAny(name, "_.")) {
			f.t.Errorf("%q: the application got %s %q", more, name, values)
		}
	}
}

// TestProxyAmbiguousPath asks for paths that a proxy and an application may read in different ways, with a session:
// none is let through, to whatever it would lead.
func TestProxyAmbiguousPath(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, path := range []string{
			"/public/../secret", "/public/..;/secret", "/public/..;a=b/secret", "/public/./../secret", "/public/.;/secret", "/public//secret", "//secret", "//public/",
			"/public/;/secret", "/public/%2e%2e/secret", "/public/%2E%2e/secret", "/public/.%2e/secret", "/public/%252e%252e/secret", "/public/..%2fsecret", "/public%2fsecret", "/public/%2f..%2fsecret",
			"/public/%252f", "/public/..%5csecret", `/public/..\secret`, "/public/%5c", "/public/%00", "/public/a%0d%0aRemote-User:%20forged",
			"/public/%ff", "/public/%c0%ae%c0%ae/secret", "/public/\xff", "/public/\xc0\xae\xc0\xae/secret", "/public/%zz", "/public/%", "/public/%2", "/public/%%32%65",
			"/public/..", "/public/.", "/public/%2e", "/one/../public/", "/%2e/public/", "/public/%7f", "/public/%e0%80%af",
		} {
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
		for _, path := range []string{"/public/", "/public/a%20b", "/public/a;b=c", "/public/%C3%A4", "/public/...", "/public/a..b", "/public/a?b=../..//%2f", "/public/%41"} {
			f.app.take()
			r, seen := f.raw(f.request("GET", path, "")), f.app.take()
			if r == nil || r.StatusCode != 200 || len(seen) != 1 || seen[0].URI != path {
				t.Errorf("%q: %v, the application saw %+v", path, r, seen)
			}
		}
	})
}

// TestProxyOtherHost names another host than the one whose rule is to decide.
func TestProxyOtherHost(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		for _, text := range []string{
			"GET /secret HTTP/1.1\r\nHost: open.example.com\r\n", "GET /secret HTTP/1.1\r\nHost: open.example.com:%d\r\n",
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
		} {
			if strings.Contains(text, "%d") {
				text = fmt.Sprintf(text, f.tls)
			}
			f.app.take()
			f.raw(text + "Connection: close\r\n\r\n")
			if seen := f.app.take(); len(seen) > 0 {
				t.Errorf("%q: the application saw %+v", text, seen)
			}
		}
		// A request in absolute form that says the same twice may pass, and is for the same host.
		f.raw(fmt.Sprintf("GET https://app.example.com:%d/public/ HTTP/1.1\r\nHost: app.example.com:%d\r\nConnection: close\r\n\r\n", f.tls, f.tls))
		for _, g := range f.app.take() {
			if g.URI != "/public/" || g.Host != fmt.Sprintf("app.example.com:%d", f.tls) {
				t.Errorf("in absolute form: the application saw %+v", g)
			}
		}
	})
}

// TestProxyOtherMethods uses methods that a rule does not name, and such as no rule could.
func TestProxyOtherMethods(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PROPFIND", "REPORT", "TRACE", "CONNECT", "get", "GeT", "GET,POST", "BREW", "X"} {
			f.stopped(method, "/read/", "", 303, 400, 401, 403, 405, 501)
			f.stopped(method, "/read/", "X-HTTP-Method-Override: GET\r\nX-Forwarded-Method: GET\r\nX-Original-Method: GET\r\n", 303, 400, 401, 403, 405, 501)
			f.stopped(method, "/secret", cookie, 303, 400, 401, 403, 405, 501)
		}
		f.stopped("OPTIONS", "*", cookie, 200, 204, 400, 401, 403, 404, 405, 421)
		f.app.take()
		if r, seen := f.raw(f.request("GET", "/read/", "")), f.app.take(); r == nil || r.StatusCode != 200 || len(seen) != 1 || seen[0].Method != "GET" {
			t.Errorf("the method of the rule: %v %+v", r, seen)
		}
	})
}

// TestProxyUpgrade upgrades without a session, and with one.
func TestProxyUpgrade(t *testing.T) {
	behind(t, func(t *testing.T, f *front) {
		const socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
		cookie := f.cookies(f.signIn())
		for _, more := range []string{
			socket, socket + "Accept: text/html\r\n", socket + "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n", socket + "Remote-User: forged\r\n",
			strings.Replace(socket, "Connection: Upgrade", "Connection: Upgrade, Remote-User, Cookie", 1) + cookie,
			"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
		} {
			f.stopped("GET", "/secret", more, 401, 400, 403)
		}
		f.app.take()
		text := strings.Replace(f.request("GET", "/one/socket", cookie+socket), "Connection: close\r\n", "", 1)
		r, seen := f.raw(text), f.app.take()
		if r == nil || r.StatusCode != http.StatusSwitchingProtocols || len(seen) != 1 {
			t.Fatalf("with a session: %v, the application saw %+v", r, seen)
		}
		wantIdentity(t, "upgraded", seen[0], "ada", "staff", "1")
	})
}
