package nightlatchtest

import (
	"sync"
	"time"
)

// Clock is a time that stands still until it is moved. It may be used by many goroutines at once.
type Clock struct {
	mutex sync.Mutex
	now   time.Time
}

// NewClock is a clock that shows a time.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now is the time that the clock shows; the method is what Config.Now takes.
func (c *Clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

// Pass moves the clock on.
func (c *Clock) Pass(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
}
