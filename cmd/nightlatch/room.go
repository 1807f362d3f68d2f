package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// room is what the scheduler has beside hashes: as many threads more may run as hashes do, so that what takes no time
// never waits until a hash is interrupted. The system then shares the processors between them, and prefers who has used
// little. Where no hash is computed those threads would only stand in each other's way, and a decision about a request
// cost more: there are as many as processors then. The heap may grow further beside hashes, too.
type room struct {
	processors, more int               // more: beside hashes; 0: whoever set GOMAXPROCS has decided
	grow             func(percent int) // by which the heap may grow; nothing happens where GOGC decides
	growth           int               // beside hashes, in percent

	taken atomic.Bool // a hash began since it was last looked
	made  atomic.Bool
	mu    sync.Mutex // held by whoever changes what there is
}

// roomEvery is how often it is looked whether hashes began. To change what there is interrupts everything, for less than
// a hundredth of the time that a hash takes.
const roomEvery = time.Second

// newRoom makes limits.hashes a number, finds out how much room there may be, and makes it: the pools of databases are as
// large as that needs.
func newRoom(set *settings.Settings) *room {
	r := &room{processors: runtime.GOMAXPROCS(0), grow: func(int) {}, growth: heapGrowsBesideHashes}
	if os.Getenv("GOGC") == "" {
		r.grow = func(percent int) { debug.SetGCPercent(percent) }
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		r.growth = heapGrows // the garbage of hashes is not collected one by one
	}
	r.grow(heapGrows)
	if set.Limits.Hashes == 0 {
		set.Limits.Hashes = r.processors
	}
	if os.Getenv("GOMAXPROCS") == "" {
		r.more = min(set.Limits.Hashes, r.processors)
	}
	r.take()
	return r
}

// take is called before each hash, and makes room for it.
func (r *room) take() {
	if r.more == 0 {
		return
	}
	r.taken.Store(true)
	if r.made.Load() {
		return // look has not come to the point from which it sees what was stored here
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.made.Load() {
		runtime.GOMAXPROCS(r.processors + r.more)
		r.grow(r.growth)
		r.made.Store(true)
	}
}

// collect collects garbage, and says how many bytes are in use. There is no room meanwhile: the runtime's sweep makes way
// after each span, and would each time wake a thread that has nothing to do, to look for work.
func (r *room) collect() (live int64) {
	if r.more > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.processors))
	}
	runtime.GC()
	return liveHeap()
}

// watch looks until ctx ends.
func (r *room) watch(ctx context.Context) {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look()
		}
	}
}

// look takes the room away where no hash began since the last time.
func (r *room) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.made.Swap(false) {
		return
	}
	if r.taken.Swap(false) {
		r.made.Store(true)
		return
	}
	runtime.GOMAXPROCS(r.processors)
	r.grow(heapGrows)
}
