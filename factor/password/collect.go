package password

import (
	"sync"
	"sync/atomic"
)

// SetCollector lets the limiter collect the garbage of its hashes before the next one begins, as soon as
// they left as much as lives besides, and at least what one of DefaultCost takes: so the next one finds memory that the
// process has already, and no new pages are filled again and again. collect is runtime.GC, and says how many bytes it
// found in use. Call it before the first hash; without it the runtime decides, as suits a program of which much lives.
func (l *Limiter) SetCollector(collect func() (live int64)) { l.garbage.collect = collect }

// garbage is the memory of hashes, in bytes.
type garbage struct {
	collect func() (live int64)

	held atomic.Int64 // by hashes under way
	left atomic.Int64 // by those that ended, since the last collection

	mu   sync.Mutex
	room int64 // how much may be left
}

// take says that a hash of a cost begins, and release that it has ended.
func (g *garbage) take(c Cost) (release func()) {
	if g.collect == nil {
		return func() {}
	}
	g.tidy()
	size := memoryOf(c)
	g.held.Add(size)
	return func() {
		g.left.Add(size)
		g.held.Add(-size)
	}
}

// tidy collects what was left if it is too much. Who comes meanwhile waits: a hash has its turn, and takes longer.
func (g *garbage) tidy() {
	g.mu.Lock()
	defer g.mu.Unlock()
	left, held := g.left.Load(), g.held.Load()
	if left < max(memoryOf(DefaultCost()), g.room) {
		return
	}
	live := g.collect()
	g.left.Add(-left)                        // what was left meanwhile may still be there
	g.room = live - max(held, g.held.Load()) // what a hash held that ended or began meanwhile was found in use, too
}

// memoryOf is what a hash takes, in bytes.
func memoryOf(c Cost) int64 { return int64(c.Memory) << 10 }
