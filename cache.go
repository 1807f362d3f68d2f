package nightlatch

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	cacheSize = 20_000
	// epochEvery is how often the store is asked whether another process ended a session.
	epochEvery = 500 * time.Millisecond
	// epochAtMost is how old what was read may be while it is being read anew.
	epochAtMost = 900 * time.Millisecond
)

// sessionCache keeps sessions that were found lately. It forgets all when this process ended or changed one, when
// the store's Epoch moved, and when the Epoch cannot be read.
type sessionCache struct {
	reading sync.Mutex // held by whoever reads the epoch because it is due
	mu      sync.RWMutex
	byToken map[string]*Session
	epoch   int64
	readAt  time.Time    // of the epoch; monotonic
	flushes atomic.Int64 // raised under mu
}

// find returns a session that is known and not due to be noted as used, or nil. Nobody changes it.
func (c *sessionCache) find(ctx context.Context, store Store, hash string, now time.Time) *Session {
	c.mu.RLock()
	ses, due := c.byToken[hash], c.age() >= epochEvery
	c.mu.RUnlock()
	if due {
		if !c.current(ctx, store) {
			return nil
		}
		c.mu.RLock()
		ses = c.byToken[hash]
		c.mu.RUnlock()
	}
	if ses == nil || !now.Before(ses.touchAt) {
		return nil
	}
	return ses
}

// current reads the epoch where that is due and says whether what is kept may be used. While one caller reads, the
// others go on with what is kept, for as long as that is surely younger than a second.
func (c *sessionCache) current(ctx context.Context, store Store) bool {
	c.mu.RLock()
	age := c.age()
	c.mu.RUnlock()
	if age < epochEvery {
		return true
	}
	switch {
	case c.reading.TryLock():
		defer c.reading.Unlock()
	case age < epochAtMost:
		return true
	}
	return c.read(ctx, store)
}

// age is how long ago the epoch was read: without end where it was not. c.mu is held.
func (c *sessionCache) age() time.Duration {
	if c.readAt.IsZero() {
		return math.MaxInt64
	}
	return time.Since(c.readAt)
}

// read reads the epoch and forgets what is kept where that moved or cannot be read.
func (c *sessionCache) read(ctx context.Context, store Store) bool {
	asked := time.Now()
	var epoch int64
	err := store.View(ctx, func(r Reader) (err error) {
		epoch, err = r.Epoch(ctx)
		return err
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || epoch != c.epoch {
		c.forget()
	}
	if err != nil {
		c.readAt = time.Time{}
		return false
	}
	c.epoch, c.readAt = epoch, asked
	return true
}

// ticket is taken before a session is read; keep drops what was read before a flush.
func (c *sessionCache) ticket() int64 {
	return c.flushes.Load()
}

func (c *sessionCache) keep(ticket int64, hash string, ses *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flushes.Load() != ticket {
		return
	}
	if c.byToken == nil || len(c.byToken) >= cacheSize {
		c.byToken = map[string]*Session{}
	}
	c.byToken[hash] = ses
}

func (c *sessionCache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
}

func (c *sessionCache) forget() {
	c.byToken = nil
	c.flushes.Add(1)
}
