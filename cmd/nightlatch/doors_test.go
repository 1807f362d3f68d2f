package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// crowded is a server with few doors, and what its handler waits for.
func crowded(t *testing.T, most int) (in *doors, began chan struct{}, goOn chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	began, goOn = make(chan struct{}, 10), make(chan struct{})
	in = &doors{Listener: l, most: most}
	srv := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/unread" {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		if r.URL.Path == "/slow" {
			began <- struct{}{}
			<-goOn
		}
		_, _ = io.WriteString(w, "here")
	}), in, slog.New(slog.DiscardHandler))
	over := make(chan struct{})
	go func() { defer close(over); _ = srv.Serve(in) }()
	t.Cleanup(func() { _ = srv.Close(); <-over })
	return in, began, goOn
}

// visitor is a connection.
type visitor struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (d *doors) visit(t *testing.T) *visitor {
	t.Helper()
	c, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &visitor{c, t, bufio.NewReader(c)}
}

// rest waits until so many rest: an answer arrives before the server notes that it was the last one for now.
func (d *doors) rest(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		resting := 0
		for in := range d.open {
			if in.rests.Load() > 0 {
				resting++
			}
		}
		d.mu.Unlock()
		if resting == n {
			return
		}
	}
	t.Fatalf("there are not %d that rest", n)
}

func (v *visitor) send(text string) {
	v.t.Helper()
	if _, err := io.WriteString(v, text); err != nil && !errors.Is(err, net.ErrClosed) {
		v.t.Log(err) // the server may have gone
	}
}

// answered says whether a request is, or the connection was closed instead.
func (v *visitor) answered() int {
	v.t.Helper()
	resp, err := http.ReadResponse(v.r, nil)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

const ask, askSlow = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"

// Connections that say nothing, or half of something, keep nobody out: the one that has rested longest goes.
func TestSilentConnectionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	in, began, goOn := crowded(t, 4)
	busy := in.visit(t)
	busy.send(askSlow)
	<-began
	silent, half, used := in.visit(t), in.visit(t), in.visit(t)
	half.send("GET / HTTP/1.1\r\nHost")
	used.send(ask)
	if got := used.answered(); got != http.StatusOK {
		t.Fatalf("one of four: %d", got)
	}
	in.rest(t, 3)
	for i, gone := range []*visitor{silent, half, used} {
		v := in.visit(t)
		v.send(ask)
		if got := v.answered(); got != http.StatusOK {
			t.Errorf("visitor %d too many: %d", i, got)
		}
		in.rest(t, 3)
		if _, err := gone.r.ReadByte(); err == nil {
			t.Errorf("the one that has rested longest is there (%d)", i)
		}
	}
	close(goOn)
	if got := busy.answered(); got != http.StatusOK {
		t.Errorf("the one that was under way: %d", got)
	}
}

// Where every connection has a request under way there is no room; once one has gone there is.
func TestNoDoorIsFree(t *testing.T) {
	t.Parallel()
	in, began, goOn := crowded(t, 2)
	inside := []*visitor{in.visit(t), in.visit(t)}
	for _, v := range inside {
		v.send(askSlow)
		<-began
	}
	v := in.visit(t)
	if _, err := v.r.ReadByte(); err == nil {
		t.Error("a third one is let in")
	}
	close(goOn)
	for _, v := range inside {
		if got := v.answered(); got != http.StatusOK {
			t.Errorf("one of two: %d", got)
		}
	}
	for range 5 {
		in.rest(t, 2)
		v := in.visit(t)
		v.send(ask)
		if got := v.answered(); got != http.StatusOK {
			t.Errorf("afterwards: %d", got)
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.open) > 2 {
		t.Errorf("%d are open", len(in.open))
	}
}

// Headers that are too large are refused, and the answer arrives.
func TestHugeHeaders(t *testing.T) {
	t.Parallel()
	in, _, _ := crowded(t, 10)
	for name, head := range map[string]string{
		"one":  "X-Long: " + strings.Repeat("x", 100<<10) + "\r\n",
		"many": strings.Repeat("X-More: xxxxxxxx\r\n", 6000),
		"path": "",
	} {
		v := in.visit(t)
		path, want := "/", http.StatusRequestHeaderFieldsTooLarge
		if head == "" {
			path = "/" + strings.Repeat("x", 100<<10)
		}
		go v.send(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, head))
		if got := v.answered(); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	v := in.visit(t)
	v.send("GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 16<<10) + "\r\n\r\n") // what browsers may bring
	if got := v.answered(); got != http.StatusOK {
		t.Errorf("16 KiB of cookies: %d", got)
	}
}

// Nobody is waited for without end.
func TestTimesAreBounded(t *testing.T) {
	t.Parallel()
	srv := newServer(nil, &doors{}, slog.New(slog.DiscardHandler))
	for name, d := range map[string]bool{
		"ReadHeaderTimeout": srv.ReadHeaderTimeout > 0, "ReadTimeout": srv.ReadTimeout > 0, "WriteTimeout": srv.WriteTimeout > 0,
		"IdleTimeout": srv.IdleTimeout > 0, "MaxHeaderBytes": srv.MaxHeaderBytes > 0, "streams": srv.HTTP2.MaxConcurrentStreams > 0,
		"ConnState": srv.ConnState != nil,
	} {
		if !d {
			t.Errorf("%s has no bound", name)
		}
	}
}

// What the system does not allow is not promised.
func TestMoreConnectionsThanFiles(t *testing.T) {
	t.Parallel()
	may := int(descriptors())    //nolint:gosec // some thousands
	if may == 0 || may > 1<<40 { // no limit: nothing is lowered
		set := &settings.Settings{}
		set.Limits.Connections = 1 << 20
		if got := connections(set, slog.New(slog.DiscardHandler)); got != 1<<20 {
			t.Errorf("%d connections where nothing limits them", got)
		}
		return
	}
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, nil))
	set := &settings.Settings{}
	if set.Limits.Connections = 8; connections(set, log) != 8 || said.Len() > 0 {
		t.Errorf("8: %d, %s", connections(set, log), said.String())
	}
	set.Limits.Connections = may
	if got := connections(set, log); got != may-otherFiles || !strings.Contains(said.String(), "limits.connections") {
		t.Errorf("%d: %d, %s", may, got, said.String())
	}
}

// What is said last arrives before the connection ends: net/http closes its own half first.
func TestDoorClosesItsHalf(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	in := &doors{Listener: l, most: 2}
	defer func() { _ = in.Close() }()
	v := in.visit(t)
	c, err := in.Accept()
	if err != nil {
		t.Fatal(err)
	}
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		t.Fatal("it cannot")
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the other half reads on: %v", err)
	}
	v.send("x")
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the half that is open: %v", err)
	}
	for range 2 {
		_ = c.Close()
	}
	if len(in.open) != 0 {
		t.Errorf("%d are open", len(in.open))
	}
}
