package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nightlatch/nightlatch/internal/argon2"
	"github.com/nightlatch/nightlatch/server/settings"
)

// room is what hashes are given. The scheduler has as many threads more as hashes are computed at once, so that what takes
// no time never waits until a hash is interrupted. The system then shares the processors between them, and prefers who has
// used little. Where no hash is computed those threads would only stand in each other's way, and a decision about a request
// cost more: there are as many as processors then. Their memory is kept for longer, since it takes time to have it.
type room struct {
	memory           argon2.Memory
	hashes           int               // at once
	processors, more int               // more: beside hashes; 0: whoever set GOMAXPROCS has decided
	grow             func(percent int) // by which the heap may grow; nothing happens where GOGC decides

	taken atomic.Bool // a hash began since it was last looked
	made  atomic.Bool // there is room
	mu    sync.Mutex  // held by whoever changes what there is
	quiet int         // how often it was looked, and no hash had begun
}

const (
	// roomEvery is how often it is looked whether hashes began. To change what there is interrupts everything, for less than
	// a hundredth of the time that a hash takes.
	roomEvery = time.Second
	// keptFor is how often it is looked, and no hash has begun, before the memory of hashes is given up.
	keptFor = 10
)

// newRoom makes limits.hashes a number, finds out how much room there may be, and makes it: the pools of databases are as
// large as that needs.
func newRoom(set *settings.Settings) *room {
	r := &room{processors: runtime.GOMAXPROCS(0), grow: func(int) {}}
	if os.Getenv("GOGC") == "" {
		r.grow = func(percent int) { debug.SetGCPercent(percent) }
	}
	if set.Limits.Hashes == 0 {
		set.Limits.Hashes = r.processors
	}
	r.hashes = set.Limits.Hashes
	if os.Getenv("GOMAXPROCS") == "" {
		r.more = min(set.Limits.Hashes, r.processors)
	}
	runtime.GOMAXPROCS(r.processors + r.more)
	r.grow(heapGrows)
	return r
}

// take is called before each hash, and makes room for it.
func (r *room) take() {
	r.taken.Store(true)
	if r.made.Load() {
		return // look has not come to the point from which it sees what was stored here
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.made.Load() {
		runtime.GOMAXPROCS(r.processors + r.more)
		r.grow(heapGrowth(liveHeap(), int64(r.hashes)*hashMemory)) // which they will soon have
		r.quiet = 0
		r.made.Store(true)
	}
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

// look takes the room away where no hash began since the last time, and the memory where none did for keptFor times.
func (r *room) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made.Swap(false) && r.taken.Swap(false) {
		r.made.Store(true)
	} else if r.quiet++; r.quiet == 1 {
		runtime.GOMAXPROCS(r.processors)
	}
	dropped := r.quiet >= keptFor && r.memory.Drop() // perhaps later: a long hash leaves its memory when it ends
	if dropped {
		debug.FreeOSMemory()
	}
	if dropped || r.quiet <= keptFor {
		r.grow(heapGrowth(liveHeap(), r.memory.Held()))
	}
}
