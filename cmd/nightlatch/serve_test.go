package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const moon = "a tree grows on the moon"

func mustServe(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p, err := startServer(dir, nil, args...)
	if p != nil {
		t.Cleanup(p.kill)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// want sends a request of the API and demands the status.
func want(t *testing.T, b *browser, status int, method, path string, body any) map[string]any {
	t.Helper()
	got, answer, err := b.api(t.Context(), method, path, body)
	if err != nil || got != status {
		t.Fatalf("%s %s: %d, %v, want %d: %v", method, path, got, err, status, answer)
	}
	return answer
}

// TestStopFinishesRequests: a request that is under way when the server is told to stop is answered, and what it was
// told is kept; new ones find nobody. The status is 0.
func TestStopFinishesRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := mustServe(t, dir)
	at := strings.TrimPrefix(p.url, "http://")
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	body := `{"username":"anna","password":"` + moon + `"}`
	head := "POST /api/v1/accounts HTTP/1.1\r\nHost: " + at + "\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: "
	if _, err := fmt.Fprintf(conn, "%s%d\r\n\r\n", head, len(body)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // it reads the body: it is under way
		t.Fatalf("%q, %v", line, err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it listens no more
		other, err := net.Dial("tcp", at)
		if err != nil {
			break
		}
		_ = other.Close()
	}
	if _, err := fmt.Fprint(conn, body); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.ReadString('\n'); err != nil { // the empty line after 100 Continue
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(reader, nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%+v, %v", resp, err)
	}
	_ = resp.Body.Close()
	err = <-p.ended
	p.ended <- err
	if err != nil {
		t.Errorf("its status: %v: %s", err, p.stderr)
	}

	p = mustServe(t, dir)
	want(t, newBrowser(p.url), http.StatusOK, "POST", "/sign-in", map[string]any{"identifier": "anna", "password": moon})
}

// TestStartedAtOnce: processes that start together on nothing share one key and one database.
func TestStartedAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servers := make([]*process, 3)
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() { servers[i], errs[i] = startServer(dir, nil) })
	}
	wg.Wait()
	for i, p := range servers {
		if p != nil {
			t.Cleanup(p.kill)
		}
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
	}
	b := newBrowser(servers[0].url)
	want(t, b, http.StatusCreated, "POST", "/accounts", map[string]any{"username": "anna", "password": moon})
	for _, p := range servers {
		other := *b
		other.url = p.url // a cookie knows no port
		want(t, &other, http.StatusOK, "GET", "/session", nil)
	}
}

// TestReadyLineThatNobodyReads: a server whose standard output is gone says so and ends.
func TestReadyLineThatNobodyReads(t *testing.T) {
	t.Parallel()
	var err bytes.Buffer
	args := []string{"serve", "--listen", "localhost:0", "--data-dir", t.TempDir()}
	if got := run(t.Context(), args, strings.NewReader(""), full{}, &err, nil); got != 1 {
		t.Errorf("status %d, want 1", got)
	}
	if !strings.Contains(err.String(), "nightlatch: serve: write the answer: no space left on device") {
		t.Errorf("it says %q", err.String())
	}
}

// TestStopWhileWaiting: a server that waits for its database and is told to stop has not failed.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said, ended := &lines{more: make(chan struct{})}, make(chan int, 1)
	env := []string{"NIGHTLATCH_DATABASE_URL=postgres://u:hush@127.0.0.1:1/app"}
	go func() {
		ended <- run(ctx, []string{"serve", "--listen", "localhost:0", "--data-dir", t.TempDir()}, strings.NewReader(""), io.Discard, said, env)
	}()
	for {
		text, more := said.now()
		if strings.Contains(text, "waiting for the database") {
			break
		}
		<-more
	}
	stop()
	if status := <-ended; status != 0 || strings.Contains(said.String(), "nightlatch: ") {
		t.Errorf("status %d: %s", status, said)
	}
}

// TestFullFromTheStart: on a full disk the program does not start, says why in one line, and leaves nothing half made.
func TestFullFromTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		cmd := exec.Command("sh", "-c", "ulimit -f 0 && exec nightlatch serve --listen localhost:0")
		p, err := startCommand(dir, nil, cmd)
		if err == nil {
			p.kill()
			t.Fatal("it starts")
		}
		said := p.stderr.String()
		if code := cmd.ProcessState.ExitCode(); code != 1 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "nightlatch: serve: ") {
			t.Errorf("status %d: %s", code, said)
		}
	}
	p := mustServe(t, dir) // with room again
	want(t, newBrowser(p.url), http.StatusCreated, "POST", "/accounts", map[string]any{"username": "anna", "password": moon})
}
