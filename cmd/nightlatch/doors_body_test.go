package main

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// Who holds a request's body back keeps nobody out either: until it is there nothing is done for it.
func TestHalfBodiesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	in, began, goOn := crowded(t, 3)
	busy := in.visit(t)
	busy.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	<-began
	held := []*visitor{in.visit(t), in.visit(t)}
	in.rest(t, 2)
	for i, path := range []string{"/", "/unread"} {
		turn := in.turns.Load()
		held[i].send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		in.restsAnew(t, turn) // who began first goes first
	}
	for i, gone := range held {
		v := in.visit(t)
		v.send(ask)
		if got := v.answered(); got != http.StatusOK {
			t.Errorf("visitor %d too many: %d", i, got)
		}
		in.rest(t, 2)
		if _, err := gone.r.ReadByte(); err == nil {
			t.Errorf("the one whose body is awaited is there (%d)", i)
		}
	}
	close(goOn)
	if got := busy.answered(); got != http.StatusOK {
		t.Errorf("the one that was under way: %d", got)
	}
}

// By HTTP/2 a connection rests where all its requests wait for their bodies, and not where one is under way.
func TestHalfBodiesByHTTP2(t *testing.T) {
	t.Parallel()
	in, began, goOn := crowded(t, 2)
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &only}}
	t.Cleanup(client.CloseIdleConnections)
	ended := make(chan error, 2)
	post := func(path string, body io.Reader) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+in.Addr().String()+path, body)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		ended <- err
	}
	half, rest := io.Pipe()
	go post("/", half)
	if _, err := rest.Write([]byte("{")); err != nil {
		t.Fatal(err)
	}
	in.rest(t, 1)
	go post("/slow", nil)
	<-began
	in.rest(t, 0)
	goOn <- struct{}{}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	in.rest(t, 1)
	for range 2 {
		v := in.visit(t)
		v.send(ask)
		if got := v.answered(); got != http.StatusOK {
			t.Errorf("beside a body that does not come: %d", got)
		}
		in.rest(t, 2)
	}
	if err := rest.CloseWithError(io.ErrUnexpectedEOF); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("what did not come was answered")
	}
	// The client knows that before the server does.
	var requests, awaiting int
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		requests, awaiting = 0, 0
		in.mu.Lock()
		for c := range in.open {
			c.turn(func() { requests, awaiting = requests+c.requests, awaiting+c.awaiting })
		}
		in.mu.Unlock()
		if requests == 0 && awaiting == 0 {
			return
		}
	}
	t.Errorf("%d requests are counted that have ended, %d as waiting", requests, awaiting)
}

// restsAnew waits until a connection has begun to rest after a turn.
func (d *doors) restsAnew(t *testing.T, turn int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		for in := range d.open {
			if in.rests.Load() > turn {
				d.mu.Unlock()
				return
			}
		}
		d.mu.Unlock()
	}
	t.Fatal("none has begun to rest")
}
