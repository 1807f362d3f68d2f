package nightlatch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What was read before a session ended is not kept after it.
func TestCacheDropsWhatWasReadBeforeAFlush(t *testing.T) {
	t.Parallel()
	var c sessionCache
	ticket := c.ticket()
	c.keep(ticket, "a", &Session{ID: "a"})
	if _, ok := c.byToken["a"]; !ok {
		t.Fatal("it is not kept")
	}
	c.flush()
	c.keep(ticket, "a", &Session{ID: "a"})
	if len(c.byToken) != 0 {
		t.Error("it is kept, though it may have ended meanwhile")
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c sessionCache
	for i := range cacheSize + 10 {
		c.keep(0, string(rune(i)), &Session{})
	}
	if len(c.byToken) > cacheSize {
		t.Errorf("%d sessions are kept", len(c.byToken))
	}
}

// slowEpoch is a store whose epoch is read only when it may be.
type slowEpoch struct {
	Store
	asked, may chan struct{}
}

func (s slowEpoch) View(context.Context, func(Reader) error) error {
	s.asked <- struct{}{}
	<-s.may
	return nil
}

// One caller reads what is due; the others neither wait nor read it as well, save where it is too old.
func TestCacheIsReadByOneCallerAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // no time passes in it
		store := slowEpoch{asked: make(chan struct{}, 2), may: make(chan struct{})}
		c := sessionCache{readAt: time.Now().Add(-epochEvery)}
		done := make(chan bool)
		go func() { done <- c.current(t.Context(), store) }()
		<-store.asked
		if !c.current(t.Context(), store) || len(store.asked) != 0 {
			t.Error("a second caller waits, or forgets, while the first one reads")
		}
		c.mu.Lock()
		c.readAt = time.Now().Add(-epochAtMost)
		c.mu.Unlock()
		go func() { done <- c.current(t.Context(), store) }()
		<-store.asked // it is too old: this one reads it too
		close(store.may)
		if a, b := <-done, <-done; !a || !b {
			t.Error("what was read is not used")
		}
	})
}
