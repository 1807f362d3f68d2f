package main

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// doors is a listener that bounds how many connections are open at once. At that many, the one that has waited longest for
// a request, or has not sent a whole one yet, is closed for the new one: who opens connections and says nothing keeps
// nobody out. Where all have a request under way, the new one is closed.
type doors struct {
	net.Listener
	most int

	mu      sync.Mutex
	open    int
	resting list.List // of *door, the longest first
}

// door is a connection. at is its place among those that rest, or nil.
type door struct {
	net.Conn
	doors *doors
	at    *list.Element
	once  sync.Once
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
	if d.open >= d.most {
		first := d.resting.Front()
		if first == nil {
			d.mu.Unlock()
			return nil
		}
		over, _ = d.resting.Remove(first).(*door)
		over.at = nil
	}
	d.open++
	in := &door{Conn: c, doors: d}
	in.at = d.resting.PushBack(in)
	d.mu.Unlock()
	if over != nil {
		_ = over.Close()
	}
	return in
}

// note is for http.Server.ConnState.
func (d *doors) note(c net.Conn, state http.ConnState) {
	in, ok := c.(*door)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch state {
	case http.StateIdle:
		if in.at == nil {
			in.at = d.resting.PushBack(in)
		}
	case http.StateActive, http.StateHijacked:
		d.wake(in)
	case http.StateNew, http.StateClosed: // it rests from the beginning; Close has seen to the other
	}
}

func (d *doors) wake(in *door) {
	if in.at != nil {
		d.resting.Remove(in.at)
		in.at = nil
	}
}

// Close closes the connection, and makes room for another.
func (c *door) Close() error {
	c.once.Do(func() {
		c.doors.mu.Lock()
		defer c.doors.mu.Unlock()
		c.doors.wake(c)
		c.doors.open--
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
