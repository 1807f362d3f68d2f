package main

import (
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// doors is a listener that bounds how many connections are open at once. At that many, the one that has waited longest for
// a request, or has not sent a whole one yet, is closed for the new one: who opens connections and says nothing keeps
// nobody out. Where all have a request under way, the new one is closed.
type doors struct {
	net.Listener
	most int

	turns   atomic.Int64 // counts, so that it is known who has rested longest
	horizon horizon
	mu      sync.Mutex
	open    map[*door]struct{}
}

// door is a connection. rests is the turn at which it began to rest, or 0 while it has a request under way: every request
// notes that, so it takes no lock that others take.
type door struct {
	net.Conn
	doors *doors
	rests atomic.Int64
	once  sync.Once

	reading, writing deadline

	mu                 sync.Mutex
	idle               bool // between requests
	requests, awaiting int  // that are under way, and those of them that wait for more of their bodies
}

// Accept is as in net.Listener.
func (d *doors) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if in := d.let(c); in != nil {
			return in, nil
		}
		_ = c.Close()
	}
}

// let takes a connection in, or returns nil where there is no room.
func (d *doors) let(c net.Conn) net.Conn {
	d.mu.Lock()
	var over *door
	if len(d.open) >= d.most {
		if over = d.longest(); over == nil {
			d.mu.Unlock()
			return nil
		}
		delete(d.open, over)
	}
	if d.open == nil {
		d.open = map[*door]struct{}{}
	}
	in := &door{Conn: c, doors: d, idle: true}
	in.reading.horizon, in.reading.tell = &d.horizon, c.SetReadDeadline
	in.writing.horizon, in.writing.tell = &d.horizon, c.SetWriteDeadline
	in.rests.Store(d.turns.Add(1)) // it rests from the beginning
	d.open[in] = struct{}{}
	d.mu.Unlock()
	if over != nil {
		_ = over.Close()
	}
	return in
}

// longest is the one that has rested longest, or nil.
func (d *doors) longest() (found *door) {
	first := int64(math.MaxInt64)
	for in := range d.open {
		if at := in.rests.Load(); at > 0 && at < first {
			found, first = in, at
		}
	}
	return found
}

// note is for http.Server.ConnState.
func (d *doors) note(c net.Conn, state http.ConnState) {
	in, ok := c.(*door)
	if !ok {
		return
	}
	switch state {
	case http.StateIdle:
		in.turn(func() { in.idle = true })
	case http.StateActive, http.StateHijacked:
		in.turn(func() { in.idle = false })
	case http.StateNew, http.StateClosed: // it rests from the beginning; Close has seen to the other
	}
}

// Close closes the connection, and makes room for another.
func (c *door) Close() error {
	c.once.Do(func() {
		c.doors.mu.Lock()
		defer c.doors.mu.Unlock()
		delete(c.doors.open, c)
	})
	return c.Conn.Close()
}

// CloseWrite lets an answer that ends a connection arrive before the connection does.
func (c *door) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
