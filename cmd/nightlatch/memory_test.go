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

func TestLiveHeap(t *testing.T) {
	kept := make([]byte, 64<<20)
	runtime.GC()
	if live := liveHeap(); live < int64(len(kept)) {
		t.Errorf("%d bytes live, though %d are kept", live, len(kept))
	}
	runtime.KeepAlive(kept)
}
