package main

import (
	"context"
	"io"
	"net"
	"net/http"
)

// Until a request's body is there nothing can be done for it, so a connection rests where all its requests wait for
// theirs: else whoever sends headers, and then little or nothing, would have a place for as long as that is waited for.

type doorKey struct{}

// within is for http.Server.ConnContext.
func within(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, doorKey{}, c)
}

// attended is next, told of by the doors where it waits for bodies.
func attended(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 && (r.Body == nil || r.Body == http.NoBody) {
			next.ServeHTTP(w, r) // the one request of its connection, which is under way until it is answered: see note
			return
		}
		in, ok := r.Context().Value(doorKey{}).(*door)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		in.turn(func() { in.requests++ })
		body := &awaited{ReadCloser: r.Body, in: in}
		if body.whole = r.Body == nil || r.Body == http.NoBody; !body.whole {
			r.Body = body
		}
		defer in.turn(func() {
			in.requests--
			// By HTTP/1 what is left of the body is still to come before the next request.
			in.idle = in.idle || !body.whole && r.ProtoMajor == 1
		})
		next.ServeHTTP(w, r)
	})
}

// awaited is a request's body. It is read by one goroutine at a time.
type awaited struct {
	io.ReadCloser
	in    *door
	whole bool
}

// Read is as in io.Reader.
func (b *awaited) Read(p []byte) (int, error) {
	b.in.turn(func() { b.in.awaiting++ })
	n, err := b.ReadCloser.Read(p)
	b.in.turn(func() { b.in.awaiting--; b.whole = b.whole || err != nil })
	return n, err
}

// turn changes what is known of a connection's requests, and finds out whether it rests then.
func (c *door) turn(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	switch rests := c.idle || c.requests > 0 && c.requests == c.awaiting; {
	case !rests:
		c.rests.Store(0)
	case c.rests.Load() == 0:
		c.rests.Store(c.doors.turns.Add(1))
	}
}
