package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapGrows is by how much of what lives, some 3 MB, the heap may grow before it is looked through: a decision about a
	// request makes little and needs it briefly, and to look through all that lives again and again would cost more than
	// the decision.
	heapGrows = 400 // percent
	// leastLives is what is taken to live at least, in bytes, without the memory of hashes.
	leastLives = 3 << 20
	// hashMemory is what a hash takes, in bytes, and memoryAround what all else may: the whole is bounded, too, since the
	// heap would grow to five times what lives even where that is much.
	hashMemory   = 19 << 20
	memoryAround = 26 << 20
	// memoryEvery is how often the bound is looked at.
	memoryEvery = 15 * time.Second
)

// heapGrowth is by how much the heap may grow, in percent, where of the bytes that live so many are the memory of hashes. It
// comes to as many bytes as without that memory, in which there is nothing to be looked through.
func heapGrowth(live, hashes int64) int {
	rest := max(leastLives, live-hashes)
	return max(1, int(heapGrows*rest/(rest+hashes)))
}

// spendMemory sets the bound, and raises it with what lives, until ctx ends. Whoever sets GOMEMLIMIT decides.
func spendMemory(ctx context.Context, hashes int) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		debug.SetMemoryLimit(memoryLimit(hashes, liveHeap()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// memoryLimit bounds the memory, in bytes, with so many hashes at once, where live bytes were found to be in use, those of
// hashes under way among them. It leaves the rest room: a collector that is short of it would run without end.
func memoryLimit(hashes int, live int64) int64 {
	held := int64(hashes) * hashMemory
	rest := max(0, live-held)
	return held + hashMemory + max(memoryAround, 2*rest+hashMemory)
}

// liveHeap is how many bytes the last collection found in use.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64()) //nolint:gosec // no machine has as much
}
