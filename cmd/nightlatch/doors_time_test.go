package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"
)

// told is a connection that keeps what it is told of its deadlines.
type told struct {
	net.Conn
	reading, writing []time.Time
}

func (c *told) SetReadDeadline(at time.Time) error {
	c.reading = append(c.reading, at)
	return nil
}

func (c *told) SetWriteDeadline(at time.Time) error {
	c.writing = append(c.writing, at)
	return nil
}

// want compares what it was told since the last time.
func (c *told) want(t *testing.T, what string, times ...time.Time) {
	t.Helper()
	if !slices.Equal(c.reading, times) || !slices.Equal(c.writing, times) {
		t.Errorf("%s: it is told %v and %v, want %v", what, c.reading, c.writing, times)
	}
	c.reading, c.writing = nil, nil
}

// A connection is told of a deadline when that is near, of its very time, and not of those that are moved before.
func TestDeadlinesThatAreNear(t *testing.T) {
	t.Parallel()
	now := time.Now()
	in := &doors{most: 2}
	conn := &told{}
	c := in.let(conn)
	set := func(at time.Time) {
		t.Helper()
		if err := c.SetDeadline(at); err != nil {
			t.Fatal(err)
		}
	}
	far, none := now.Add(time.Minute), time.Time{}
	set(far)
	conn.want(t, "nobody looks", far)

	in.look(now)
	conn.want(t, "it knows")
	set(far)
	conn.want(t, "a far one after that", none)
	set(far.Add(time.Second))
	in.look(now.Add(time.Second))
	conn.want(t, "far ones")
	set(none)
	in.look(now.Add(time.Hour))
	conn.want(t, "none")

	in.look(now)
	set(far)
	in.look(far.Add(-near))
	conn.want(t, "not quite near")
	in.look(far.Add(time.Nanosecond - near))
	conn.want(t, "near", far)
	in.look(far)
	conn.want(t, "it knows that, too")
	set(far.Add(time.Hour))
	conn.want(t, "moved", none)

	soon, over := far.Add(near), time.Unix(1, 0)
	set(soon)
	conn.want(t, "near already", soon)
	set(over)
	conn.want(t, "over", over)
	set(none)
	conn.want(t, "none after that", none)
}

// Once nobody looks any more, connections are told of what was noted, and of all that follows.
func TestDeadlinesThatNobodyLooksFor(t *testing.T) {
	t.Parallel()
	in := &doors{most: 2}
	stop := in.watch()
	before, after := &told{}, &told{}
	far := time.Now().Add(time.Hour)
	if err := in.let(before).SetDeadline(far); err != nil {
		t.Fatal(err)
	}
	before.want(t, "a far one")
	stop()
	before.want(t, "nobody looks", far)
	if err := in.let(after).SetDeadline(far); err != nil {
		t.Fatal(err)
	}
	after.want(t, "a new one", far)
}

// Who waits already when a deadline comes near waits no longer than that: for a request, or until an answer is taken.
func TestDeadlinesReachWhoWaits(t *testing.T) {
	t.Parallel()
	in := &doors{most: 1}
	here, there := net.Pipe() // nobody takes what is written
	defer func() { _ = there.Close() }()
	c := in.let(here)
	defer func() { _ = c.Close() }()
	in.look(time.Now())
	if err := c.SetDeadline(time.Now().Add(near + 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
	go func() { _, err := c.Write([]byte("x")); ended <- err }()
	select {
	case err := <-ended:
		t.Fatalf("it ends before anything is near: %v", err)
	default:
	}
	d, ok := c.(*door)
	if !ok {
		t.Fatalf("%T", c)
	}
	for _, one := range []*deadline{&d.reading, &d.writing} {
		one.mu.Lock()
		one.at = time.Now().Add(-time.Second) // time has passed
		one.mu.Unlock()
	}
	in.look(time.Now())
	for range 2 {
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
	}
}

// late waits until a connection is between requests, with a deadline that is only noted, and makes that be over.
func (d *doors) late(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		for c := range d.open {
			c.reading.mu.Lock()
			noted := !c.reading.told && time.Until(c.reading.at) > nextWithin/2
			if noted {
				c.reading.at = time.Now()
			}
			c.reading.mu.Unlock()
			if noted {
				d.mu.Unlock()
				return
			}
		}
		d.mu.Unlock()
	}
	t.Fatal("there is none")
}

// Who sends no other request goes when the time for that is over: it is looked again and again.
func TestNextRequestIsWaitedForWithEnd(t *testing.T) {
	t.Parallel()
	in, _, _ := crowded(t, 4)
	defer in.watch()()
	v := in.visit(t)
	v.send(ask)
	if got := v.answered(); got != http.StatusOK {
		t.Fatalf("%d", got)
	}
	in.late(t)
	if _, err := v.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("it is there: %v", err)
	}
}
