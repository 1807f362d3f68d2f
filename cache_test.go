package nightlatch

import "testing"

// What was read before a session ended is not kept after it.
func TestCacheDropsWhatWasReadBeforeAFlush(t *testing.T) {
	t.Parallel()
	var c sessionCache
	ticket := c.ticket()
	c.keep(ticket, "a", Session{ID: "a"})
	if _, ok := c.byToken["a"]; !ok {
		t.Fatal("it is not kept")
	}
	c.flush()
	c.keep(ticket, "a", Session{ID: "a"})
	if len(c.byToken) != 0 {
		t.Error("it is kept, though it may have ended meanwhile")
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c sessionCache
	for i := range cacheSize + 10 {
		c.keep(0, string(rune(i)), Session{})
	}
	if len(c.byToken) > cacheSize {
		t.Errorf("%d sessions are kept", len(c.byToken))
	}
}
