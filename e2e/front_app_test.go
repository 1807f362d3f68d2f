package e2e

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455 §4.2.2 has it so
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// application answers with what it got, and remembers it.
type application struct {
	addr string

	mu  sync.Mutex
	got []got
}

// got is one request as the application saw it.
type got struct {
	Method, Host, URI, Sum string
	Length                 int64
	Header                 http.Header
	Trailer                http.Header
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.addr = s.Listener.Addr().String()
	return a
}

var echoPage = template.Must(template.New("").Parse(`<!DOCTYPE html><html lang="en"><title>Application</title><link rel="icon" href="data:,">
<h1>Application</h1><p>User {{.}}</p>
<form method="post" action="/form"><input type="hidden" name="a" value="b"><button>Send it</button></form>`))

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	one := got{r.Method, r.Host, r.RequestURI, hex.EncodeToString(sum.Sum(nil)), n, r.Header.Clone(), r.Trailer}
	a.mu.Lock()
	a.got = append(a.got, one)
	a.mu.Unlock()
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade"):
		greet(w, r)
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = echoPage.Execute(w, r.Header.Get("Remote-User")+" "+r.Method+" "+r.RequestURI)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(one)
	}
}

// greet takes a WebSocket (RFC 6455), says who asks, and sends back what it hears, as it is.
func greet(w http.ResponseWriter, r *http.Request) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	sendText(conn, "hello "+r.Header.Get("Remote-User"))
	if text, ok := readText(buffer.Reader); ok {
		sendText(conn, text)
	}
}

// sendText sends one short message.
func sendText(conn net.Conn, text string) {
	_, _ = conn.Write(append([]byte{0x81, byte(len(text))}, text...))
}

// readText reads one short message of a client, which is masked (RFC 6455 §5.3).
func readText(r *bufio.Reader) (string, bool) {
	head := make([]byte, 6)
	if _, err := io.ReadFull(r, head); err != nil || head[0] != 0x81 || head[1]&0x7f > 125 {
		return "", false
	}
	text := make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", false
	}
	for i := range text {
		text[i] ^= head[2+i%4]
	}
	return string(text), true
}

// take returns what came since the last time.
func (a *application) take() []got {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.got
	a.got = nil
	return list
}
