package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Every request moves the deadlines of its connection four times, mostly to where nothing will be waited for that long.
// To tell the system of each costs more than it does to decide about a request. So a door only notes them: it is looked
// now and then which are near, and the connection itself is told of those, to the instant.

const (
	// nearEvery is how often it is looked, and near what counts as near: a look may be late by the rest.
	nearEvery = time.Second
	near      = 4 * time.Second
)

// horizon is the second until which deadlines are near, or 0 while nobody looks: then every one is.
type horizon struct{ atomic.Int64 }

// deadline is one of the two of a connection.
type deadline struct {
	horizon *horizon
	tell    func(time.Time) error // tells the connection itself

	mu   sync.Mutex
	at   time.Time // the zero Time: there is none
	told bool      // the connection itself has one
}

// set is as in net.Conn. One that is near, or over, the connection is told of at once.
func (d *deadline) set(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	until := d.horizon.Load()
	switch {
	case !at.IsZero() && (until == 0 || at.Unix() <= until):
		d.told = true
		return d.tell(at)
	case d.told:
		d.told = false
		return d.tell(time.Time{})
	}
	return nil
}

// due tells the connection where the deadline is before a time; the zero Time: wherever it is.
func (d *deadline) due(before time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.told && !d.at.IsZero() && (before.IsZero() || d.at.Before(before)) {
		d.told = true
		_ = d.tell(d.at) // it is closed, or it can be told
	}
}

// SetReadDeadline is as in net.Conn.
func (c *door) SetReadDeadline(at time.Time) error { return c.reading.set(at) }

// SetWriteDeadline is as in net.Conn.
func (c *door) SetWriteDeadline(at time.Time) error { return c.writing.set(at) }

// SetDeadline is as in net.Conn.
func (c *door) SetDeadline(at time.Time) error {
	if err := c.reading.set(at); err != nil {
		return err
	}
	return c.writing.set(at)
}

// watch looks for deadlines that are near until stop is called. Before and after that connections are told of all.
func (d *doors) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	d.look(time.Now())
	looking.Go(func() {
		tick := time.NewTicker(nearEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				d.look(time.Now())
			}
		}
	})
	return func() {
		cancel()
		looking.Wait()
		d.horizon.Store(0)
		d.tell(time.Time{})
	}
}

// look first moves the horizon: what is noted meanwhile is beyond it.
func (d *doors) look(now time.Time) {
	until := now.Add(near)
	d.horizon.Store(until.Unix())
	d.tell(until)
}

func (d *doors) tell(before time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for in := range d.open {
		in.reading.due(before)
		in.writing.due(before)
	}
}
