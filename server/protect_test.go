package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// protected is a server before an application that echoes what it got.
type protected struct {
	t    *testing.T
	p    *site
	s    *Server
	http *httptest.Server
	app  *httptest.Server
}

// newProtected starts one; rules are lines of its settings.
func newProtected(t *testing.T, app http.Handler, rules ...string) *protected {
	t.Helper()
	o := &protected{t: t, p: newSite(t), app: httptest.NewServer(app)}
	t.Cleanup(o.app.Close)
	o.p.write("nightlatch.toml", "[policy]\nfactors = [\"totp\", \"hotp\", \"recovery\"]\n"+strings.Join(rules, "\n"))
	set, err := settings.Load(settings.Sources{
		Dir: o.p.dir, Env: []string{"NIGHTLATCH_DATA_DIR=" + o.p.dir + "/data", "NIGHTLATCH_SIGN_UP_ENABLED=true"}, Protect: &o.app.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.s, err = o.p.start(set); err != nil {
		t.Fatal(err)
	}
	h, err := o.s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	o.http = httptest.NewServer(h)
	t.Cleanup(o.http.Close)
	return o
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Set-Cookie", "nightlatch_session=forged")
	w.Header().Add("Set-Cookie", "app=1")
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.URL.RequestURI(), r.Host)
	_ = r.Header.Write(w)
	_, _ = io.Copy(w, r.Body)
}

// signedIn is a token of a session at level 2.
func (o *protected) signedIn(name string) string {
	o.t.Helper()
	add(o.t, o.s, Account{Username: name})
	c := &client{t: o.t, http: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/.nightlatch" + r.URL.Path
		r.RequestURI = r.URL.RequestURI()
		o.http.Config.Handler.ServeHTTP(w, r)
	})}
	c.mustSignIn(name, secret, "done")
	c.provePassword(o.p.clock) // that of the sign-in serves no change here
	c.enroll(o.p.clock)
	return c.token
}

// provePassword proves it once more in the session, a moment later.
func (c *client) provePassword(at *clock) {
	c.t.Helper()
	at.move(time.Second)
	c.want(http.StatusOK, "POST", "/verifications", object{"kind": "password", "password": secret})
}

// do sends a request; header is "Name: value" lines.
func (o *protected) do(method, path, body string, header ...string) (*http.Response, string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.http.URL+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header[name] = append(req.Header[name], value)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp, string(text)
}

func TestProtect(t *testing.T) {
	t.Parallel()
	o := newProtected(t, http.HandlerFunc(echo))
	token := o.signedIn("ada")
	cookie := "Cookie: nightlatch_session=" + token + "; app=x; nightlatch_device_1=y"

	t.Log("nobody gets through")
	if resp, _ := o.do("GET", "/wiki?a=b", "", "Accept: text/html"); resp.StatusCode != 303 || resp.Header.Get("Location") != "/.nightlatch/sign-in?to=%2Fwiki%3Fa%3Db" {
		t.Errorf("a person: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	for _, h := range []string{"Accept: application/json", "Sec-Fetch-Mode: cors", "Upgrade: websocket"} {
		if resp, text := o.do("GET", "/wiki", "", h); resp.StatusCode != 401 || !strings.Contains(text, `"code":"unauthenticated"`) {
			t.Errorf("%s: %d %s", h, resp.StatusCode, text)
		}
	}
	if resp, _ := o.do("POST", "/wiki", "x"); resp.StatusCode != 401 {
		t.Errorf("a POST: %d", resp.StatusCode)
	}

	t.Log("who is signed in does, and the application is told who")
	resp, text := o.do("POST", "/wiki?a=%2F..%2F", "a body", cookie, "Remote-User: root", "remote_user: root", "Remote_Groups: root", "REMOTE-NAME: root",
		"Connection: Remote-User", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X_Forwarded_Proto: gopher", "Forwarded: for=6.6.6.6", "X-Original-Url: /evil", "Authorization: Basic eDp5")
	if resp.StatusCode != 200 || !strings.HasPrefix(text, "POST /wiki?a=%2F..%2F ") || !strings.HasSuffix(text, "a body") {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	for _, want := range []string{"Remote-User: ada\r\n", "Remote-Level: 2\r\n", "Remote-Email: \r\n", "Authorization: Basic eDp5\r\n", "Cookie: app=x\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the application did not get %q:\n%s", want, text)
		}
	}
	for _, bad := range []string{"root", "6.6.6.6", "evil", "gopher", token, "nightlatch_"} {
		if strings.Contains(text, bad) {
			t.Errorf("the application got %q:\n%s", bad, text)
		}
	}
	if got := resp.Header["Set-Cookie"]; len(got) != 1 || got[0] != "app=1" {
		t.Errorf("the application set %q", got)
	}

	t.Log("our own pages are beside it")
	if resp, text := o.do("GET", "/.nightlatch/account", "", cookie); resp.StatusCode != 200 || !strings.Contains(text, "Your account") {
		t.Errorf("the account: %d", resp.StatusCode)
	}
	for _, h := range []string{"Service-Worker: script", "Sec-Fetch-Dest: serviceworker"} {
		if resp, _ := o.do("GET", "/.nightlatch/asset/nightlatch.js", "", h); resp.StatusCode != 403 {
			t.Errorf("%s: %d", h, resp.StatusCode)
		}
	}

	t.Log("what is ambiguous is refused")
	for _, path := range []string{"/a/../b", "/%2e%2e/", "//a", "/a%2fb", "/a;x/..;/b", "/.nightlatch/%2e%2e/a", "/a%5cb", "/%252e%252e/"} {
		if status := o.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + cookie + "\r\nConnection: close\r\n\r\n"); status != 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if resp, text := o.do("GET", "/a%2fb", "", "Accept: text/html", "Sec-Fetch-Mode: navigate"); resp.StatusCode != 400 || !strings.Contains(text, "could be read in more than one way") {
		t.Errorf("a person is told: %d %s", resp.StatusCode, text)
	}
	if status := o.raw("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n" + cookie + "\r\nConnection: close\r\n\r\n"); status != 400 {
		t.Errorf("absolute form: %d", status)
	}

	o.app.Close()
	if resp, text := o.do("GET", "/wiki", "", cookie, "Accept: text/html"); resp.StatusCode != 502 || !strings.Contains(text, "does not answer") {
		t.Errorf("an outage: %d %s", resp.StatusCode, text)
	}
	if resp, text := o.do("GET", "/wiki", "", cookie, "Accept: application/json"); resp.StatusCode != 502 || !strings.Contains(text, `"upstream_unavailable"`) {
		t.Errorf("an outage: %d %s", resp.StatusCode, text)
	}
}

// raw sends bytes and returns the status that comes back.
func (o *protected) raw(text string) (status int) {
	o.t.Helper()
	conn, err := net.Dial("tcp", o.http.Listener.Addr().String())
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, text); err != nil {
		o.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Streams come as they are made, and uploads go as they come.
func TestProtectStreams(t *testing.T) {
	t.Parallel()
	halfway := make(chan struct{})
	o := newProtected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		if _, err := io.ReadFull(r.Body, first); err != nil {
			return
		}
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = w.Write(first)
		_ = http.NewResponseController(w).Flush()
		<-halfway
		_, _ = io.Copy(w, r.Body)
	}))
	token := o.signedIn("ada")
	in, out := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", o.http.URL+"/stream", in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", "nightlatch_session="+token)
	go func() { _, _ = io.WriteString(out, "first") }()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "first" {
		t.Fatalf("%q %v", got, err)
	}
	close(halfway)
	go func() { _, _ = io.WriteString(out, "second"); _ = out.Close() }()
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "second" {
		t.Errorf("%q %v", rest, err)
	}
}

// A WebSocket passes, and is watched.
func TestProtectUpgrade(t *testing.T) {
	t.Parallel()
	o := newProtected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Remote-User") != "ada" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := buffer.ReadString('\n')
		_, _ = io.WriteString(conn, "echo "+line)
		_, _ = io.Copy(io.Discard, buffer)
	}))
	token := o.signedIn("ada")
	conn, err := net.Dial("tcp", o.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: nightlatch_session="+token+"\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v %+v", err, resp)
	}
	_, _ = io.WriteString(conn, "hello\n")
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if line, err := in.ReadString('\n'); err != nil || line != "echo hello\n" {
		t.Errorf("%q %v", line, err)
	}
}

// Nothing but a WebSocket is agreed on, no header names another address, and no service worker of the application comes
// to see our pages.
func TestProtectOddRequests(t *testing.T) {
	t.Parallel()
	o := newProtected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Service-Worker-Allowed", "/")
		echo(w, r)
	}))
	cookie := "Cookie: nightlatch_session=" + o.signedIn("ada")
	resp, text := o.do("GET", "/wiki", "", cookie, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "Http2-Settings: AAMAAABk",
		"X-Rewrite-Url: /admin", "X.Original.Url: /admin", "X.Forwarded.Host: evil")
	if resp.StatusCode != 200 || resp.Header.Get("Service-Worker-Allowed") != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	for _, bad := range []string{"h2c", "AAMAAABk", "/admin", "evil", "Upgrade"} {
		if strings.Contains(text, bad) {
			t.Errorf("the application got %q:\n%s", bad, text)
		}
	}
	for _, path := range []string{"/wiki?a=1;b=2", "/wiki?a=%zz&;", "/wiki?;", "/a;b/c%3Bd?e"} { // what was decided about, byte for byte
		if _, text := o.do("GET", path, "", cookie); !strings.HasPrefix(text, "GET "+path+" ") {
			t.Errorf("%s: the application got %s", path, text)
		}
	}
	for path, status := range map[string]int{"/sw.js": 403, "/app/sw.js": 200} {
		if resp, _ := o.do("GET", path, "", cookie, "Service-Worker: script"); resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, status)
		}
	}
}
