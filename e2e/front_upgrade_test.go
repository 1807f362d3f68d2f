package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	// What a client of HTTP/2 without TLS begins with (RFC 7540 §3.2).
	http2Settings = "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
)

// TestProxyUpgrade upgrades without a session, and with one.
func TestProxyUpgrade(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, more := range []string{
			socket, socket + "Accept: text/html\r\n", socket + "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n", socket + "Remote-User: forged\r\n",
			strings.Replace(socket, "Connection: Upgrade", "Connection: Upgrade, Remote-User, Cookie", 1) + cookie,
		} {
			f.stopped("GET", "/secret", more, 401, 400, 403)
		}
		h2c := []int{401, 400, 403}
		if f.name == "traefik" { // which does not tell of it, and will not pass it on either
			h2c = append(h2c, 303)
		}
		f.stopped("GET", "/secret", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"+http2Settings, h2c...)
		for _, names := range []string{"Upgrade", "Upgrade, Remote-User, Remote-Groups", "keep-alive, Upgrade"} {
			f.app.take()
			text := strings.Replace(f.request("GET", "/one/socket", cookie+socket), "Connection: close\r\n", "", 1)
			r, seen := f.raw(strings.Replace(text, "Connection: Upgrade", "Connection: "+names, 1)), f.app.take()
			if r == nil || r.StatusCode != http.StatusSwitchingProtocols || len(seen) != 1 {
				t.Errorf("with a session, %s: %v, the application saw %+v", names, r, seen)
				continue
			}
			wantIdentity(t, "upgraded, "+names, seen[0], "ada", "staff", "1")
		}
	})
}

// wantNoUpgrade looks that an application is asked for no other protocol, and that Connection names no header: what
// stands behind an application may go by it.
func wantNoUpgrade(t *testing.T, what string, g got) {
	t.Helper()
	upgrade := false
	for name, values := range g.Header {
		switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
		case "http2-settings":
			t.Errorf("%s: the application got %s", what, name)
		case "upgrade":
			upgrade = true
			if len(values) != 1 || !strings.EqualFold(values[0], "websocket") {
				t.Errorf("%s: the application was asked to upgrade to %q", what, values)
			}
		}
	}
	for _, line := range g.Header["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			token = strings.ToLower(strings.TrimSpace(token))
			if !slices.Contains([]string{"", "close", "keep-alive"}, token) && !(upgrade && token == "upgrade") {
				t.Errorf("%s: the application got Connection %q", what, line)
			}
		}
	}
}

// TestProxyOtherProtocols asks for other protocols than WebSockets where a request may pass: in a tunnel of HTTP/2 there
// would be any number of requests that nobody was asked about. The application never sees it.
func TestProxyOtherProtocols(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, more := range []string{
			"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" + http2Settings, "upgrade: H2C\r\nconnection: upgrade,http2-settings\r\n" + strings.ToLower(http2Settings),
			"Upgrade: h2c\r\nConnection: Upgrade\r\n", "Upgrade: h2c\r\nConnection: HTTP2-Settings\r\n" + http2Settings, "Upgrade: h2c\r\n" + http2Settings, http2Settings,
			"Upgrade: HTTP/2.0\r\nConnection: Upgrade\r\n", "Upgrade: TLS/1.3\r\nConnection: Upgrade\r\n", "Upgrade:\r\nConnection: Upgrade\r\n", "Connection: Upgrade\r\n",
			"Upgrade: websocket, h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" + http2Settings, "Upgrade: h2c, websocket\r\nConnection: Upgrade, HTTP2-Settings\r\n" + http2Settings,
			"Upgrade: websocket\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" + http2Settings, "Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: Upgrade, HTTP2-Settings\r\n" + http2Settings,
			"Upgrade: websockets\r\nConnection: Upgrade\r\n", "Upgrade: xwebsocket\r\nConnection: Upgrade\r\n", "Upgrade: websocket/h2c\r\nConnection: Upgrade\r\n",
			socket + http2Settings, strings.Replace(socket, "Connection: Upgrade", "Connection: Upgrade, HTTP2-Settings", 1) + http2Settings, "Upgrade:\r\n h2c\r\nConnection: Upgrade\r\n",
		} {
			for _, target := range []string{"/public/", "/one/"} {
				f.asksForNone("GET", target, cookie+more)
				f.asksForNone("POST", target, cookie+more+"Content-Length: 0\r\n")
			}
		}
	})
}

// asksForNone sends a request that may pass, as if the connection were to go on. A proxy may refuse it instead.
func (f *front) asksForNone(method, target, more string) {
	f.t.Helper()
	f.app.take()
	text := strings.Replace(f.request(method, target, more), "Connection: close\r\n", "", 1)
	r, seen := f.raw(text), f.app.take()
	what := fmt.Sprintf("%s %s with %q", method, target, more)
	switch {
	case r == nil || len(seen) > 1:
		f.t.Errorf("%s: %v, the application saw %d requests", what, r, len(seen))
	case len(seen) == 0 && !slices.Contains([]int{400, 403}, r.StatusCode):
		f.t.Errorf("%s: status %d, and the application saw nothing", what, r.StatusCode)
	}
	for _, g := range seen {
		wantNoUpgrade(f.t, what, g)
	}
}

// TestProxyWebSocket talks through each proxy, however the client spells it.
func TestProxyWebSocket(t *testing.T) {
	attacked(t, func(t *testing.T, f *front) {
		cookie := f.cookies(f.signIn())
		for _, more := range []string{
			socket, strings.ToLower(strings.Split(socket, "Sec-")[0]) + "Sec-" + strings.SplitN(socket, "Sec-", 2)[1], strings.Replace(socket, "websocket", "WebSocket", 1),
			strings.Replace(socket, "Connection: Upgrade", "Connection: keep-alive, Upgrade", 1),
		} {
			conn := f.dial()
			_, _ = io.WriteString(conn, strings.Replace(f.request("GET", "/one/socket", cookie+more), "Connection: close\r\n", "", 1))
			in := bufio.NewReader(conn)
			r, err := http.ReadResponse(in, nil)
			if err != nil || r.StatusCode != http.StatusSwitchingProtocols {
				t.Errorf("%q: %v %v", more, r, err)
				_ = conn.Close()
				continue
			}
			hello := listen(in)
			_, _ = conn.Write([]byte{0x81, 0x83, 0, 0, 0, 0, 'y', 'e', 's'}) // masked by zeros
			if back := listen(in); hello != "hello ada" || back != "yes" {
				t.Errorf("%q: the WebSocket said %q and %q", more, hello, back)
			}
			_ = conn.Close()
		}
	})
}

// listen reads one short message of a server, which is not masked.
func listen(in io.Reader) string {
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return err.Error()
	}
	text := make([]byte, head[1]&0x7f)
	_, _ = io.ReadFull(in, text)
	return string(text)
}
