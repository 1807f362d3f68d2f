package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// identityNames are the headers by which an application is told who asks.
var identityNames = []string{"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "Remote-Level", "Remote-Proofs", "Remote-Assertion"}

// dial connects to where the application is to be had, for HTTP/1.1.
func (f *front) dial() net.Conn {
	f.t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.tls))
	if err != nil {
		f.t.Fatal(err)
	}
	if !f.alone {
		conn = tls.Client(conn, f.trusting("app.example.com"))
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// raw sends bytes by HTTP/1.1, and returns the answer; nil where the connection was closed without one.
func (f *front) raw(text string) *http.Response {
	f.t.Helper()
	conn := f.dial()
	defer func() { _ = conn.Close() }()
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
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", method, target, f.host(), more)
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
	low, dots := strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", ".")
	out := []string{name, low, strings.ToUpper(name), strings.ToUpper(low), strings.ToLower(name), strings.ToLower(low), dots}
	if last := strings.LastIndex(name, "-"); last != strings.Index(name, "-") {
		out = append(out, strings.Replace(name, "-", "_", 1), name[:last]+"_"+name[last+1:])
	}
	return out
}

// TestProxyForgedIdentity sends identity headers in every spelling, with and without a session.
func TestProxyForgedIdentity(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
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

// TestProxyForgedTrailer says it after the body, where some applications look, too.
func TestProxyForgedTrailer(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, announced := range []string{"", "Trailer: Remote-User, X-Forwarded-Host\r\n", "TE: trailers\r\nTrailer: Remote-User\r\nConnection: TE\r\n"} {
			f.app.take()
			text := f.request("POST", "/one/", cookie+announced+"Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\nRemote-User: forged\r\nX-Forwarded-Host: forged\r\n\r\n"
			r, seen := f.raw(text), f.app.take()
			if r != nil && r.StatusCode == http.StatusBadRequest && len(seen) == 0 {
				continue
			}
			if r == nil || r.StatusCode != http.StatusOK || len(seen) != 1 {
				t.Errorf("%q: %v, the application saw %d requests", announced, r, len(seen))
				continue
			}
			wantIdentity(t, announced, seen[0], "ada", "staff", "1")
			// Caddy announces what it does not send. HAProxy before 3.2 cannot drop them.
			said := fmt.Sprint(seen[0].Trailer)
			if f.alone && len(seen[0].Trailer) > 0 || f.name != "haproxy" && strings.Contains(said, "forged") {
				t.Errorf("%q: after the body came %s", announced, said)
			}
		}
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
		wantNoUpgrade(f.t, what, seen[0])
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
	attacked(t, func(t *testing.T, f *front) {
		public := f.appOrigin() + "/public/"
		forged := [][2]string{
			{"X-Forwarded-Uri", "/public/"},
			{"X-Forwarded-Method", "GET"},
			{"X-Forwarded-Host", "open.example.com"},
			{"X-Forwarded-Proto", "http"},
			{"X-Original-URL", public},
			{"X-Original-Method", "GET"},
			{"X-Forwarded-For", "10.0.0.1"},
			{"X-Forwarded-For", ""},
			{"Forwarded", "for=10.0.0.1;host=open.example.com"},
			{"X-Rewrite-URL", "/public/"},
			{"X-Real-IP", "10.0.0.1"},
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
	want := map[string]string{"x-forwarded-for": "127.0.0.1", "x-forwarded-host": f.host(), "x-forwarded-proto": f.scheme(), "x-real-ip": "127.0.0.1"}
	if f.name == "traefik" { // which tells two things more
		machine, err := os.Hostname()
		if err != nil {
			f.t.Fatal(err)
		}
		want["x-forwarded-port"], want["x-forwarded-server"] = strconv.Itoa(f.tls), machine
	}
	if seen[0].Host != f.host() || seen[0].URI != "/public/a?b=c" {
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

// trusting takes every certificate: they were made a moment ago.
func (f *front) trusting(name string) *tls.Config {
	return &tls.Config{ServerName: name, NextProtos: []string{"http/1.1"}, InsecureSkipVerify: true} //nolint:gosec // see above
}
