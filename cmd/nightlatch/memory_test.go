package main

import (
	"runtime"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, v := range []struct {
		hashes     int
		live, want int64
	}{
		{2, 5 * mb, 83 * mb},
		{2, 40 * mb, 83 * mb}, // what hashes under way hold was found in use, too
		{16, 5 * mb, 349 * mb},
		{2, 138 * mb, 276 * mb},
	} {
		if got := memoryLimit(v.hashes, v.live); got != v.want {
			t.Errorf("%d hashes beside %d MiB: %d, want %d", v.hashes, v.live/mb, got, v.want)
		}
	}
}

// The heap may grow by as many bytes beside hashes as without them.
func TestHeapGrowth(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, v := range []struct {
		live, hashes int64
		want         int
	}{
		{3 * mb, 0, heapGrows},
		{0, 0, heapGrows},
		{22 * mb, 19 * mb, 54},  // by 12 MiB
		{41 * mb, 38 * mb, 29},  // as much
		{4 * mb, 38 * mb, 29},   // they were not looked through yet
		{76 * mb, 38 * mb, 200}, // by 152 MiB
		{3000 * mb, 2997 * mb, 1},
	} {
		if got := heapGrowth(v.live, v.hashes); got != v.want {
			t.Errorf("%d MiB, %d of them of hashes: %d percent, want %d", v.live/mb, v.hashes/mb, got, v.want)
		}
	}
}

func TestLiveHeap(t *testing.T) {
	kept := make([]byte, 64<<20)
	runtime.GC()
	if live := liveHeap(); live < int64(len(kept)) {
		t.Errorf("%d bytes live, though %d are kept", live, len(kept))
	}
	runtime.KeepAlive(kept)
}
