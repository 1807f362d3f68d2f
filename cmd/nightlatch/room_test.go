package main

import (
	"crypto/rand"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

// processors is how many there are for a test. What it sets of the process is undone after it.
func processors(t *testing.T, n int) {
	t.Helper()
	was, percent := runtime.GOMAXPROCS(n), debug.SetGCPercent(100)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		runtime.GOMAXPROCS(was)
	})
}

// Hashes have as many threads as processors, and all else has others, as long as there are hashes.
func TestRoomBesideHashes(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	processors(t, 3)
	threads := func(want int, when string) {
		t.Helper()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%s: %d threads, want %d", when, got, want)
		}
	}
	for hashes, want := range map[int][2]int{0: {3, 6}, 1: {1, 4}, 9: {9, 6}} {
		set := &settings.Settings{}
		set.Limits.Hashes = hashes
		r := newRoom(set)
		if set.Limits.Hashes != want[0] {
			t.Errorf("%d hashes: %d at once, want %d", hashes, set.Limits.Hashes, want[0])
		}
		threads(want[1], "at the start, where pools are made")
		r.look()
		r.look()
		for range 2 {
			r.take()
			threads(want[1], "a hash")
			r.look()
			threads(want[1], "a hash lately")
			r.look()
			threads(3, "none since")
			r.look()
		}
	}
	t.Setenv("GOMAXPROCS", "3")
	r := newRoom(&settings.Settings{})
	r.take()
	threads(3, "GOMAXPROCS is set")
}

// Beside hashes the heap may grow by more, unless whoever set GOGC or GOMEMLIMIT has decided.
func TestHeapGrowsBesideHashes(t *testing.T) { //nolint:paralleltest // it sets what the process has
	processors(t, 2)
	for _, v := range []struct {
		gogc, limit            string
		start, without, beside int
	}{
		{"", "", heapGrowsBesideHashes, heapGrows, heapGrowsBesideHashes},
		{"", "1GiB", heapGrows, heapGrows, heapGrows},
		{"90", "", 100, 100, 100},
	} {
		t.Setenv("GOMAXPROCS", "")
		t.Setenv("GOGC", v.gogc)
		t.Setenv("GOMEMLIMIT", v.limit)
		debug.SetGCPercent(100)
		grows := func(want int, when string) {
			t.Helper()
			got := debug.SetGCPercent(100)
			if debug.SetGCPercent(got); got != want {
				t.Errorf("GOGC=%s GOMEMLIMIT=%s, %s: the heap may grow by %d percent, want %d", v.gogc, v.limit, when, got, want)
			}
		}
		r := newRoom(&settings.Settings{})
		grows(v.start, "at the start")
		r.look()
		r.look()
		grows(v.without, "without hashes")
		r.take()
		grows(v.beside, "beside a hash")
		r.collect()
		grows(v.beside, "after a collection")
		r.look()
		r.look()
		grows(v.without, "without hashes again")
		runtime.GOMAXPROCS(2)
	}
}

// A hash that begins while the room is about to be taken away has it.
func TestRoomIsTakenWhileItIsLookedFor(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	processors(t, 2)
	r := newRoom(&settings.Settings{})
	for i := range 3000 {
		r.take()
		r.look() // it may be taken away the next time
		var both sync.WaitGroup
		begin := make(chan struct{})
		both.Go(func() { <-begin; r.look() })
		both.Go(func() {
			<-begin
			for range i { // another moment each time
				_ = r.made.Load()
			}
			r.take()
		})
		close(begin)
		both.Wait()
		if got := runtime.GOMAXPROCS(0); got != 4 || !r.made.Load() {
			t.Fatalf("%d threads beside a hash", got)
		}
	}
}

// There is no room while garbage is collected, and as much as before after it.
func TestRoomIsAwayWhileGarbageIsCollected(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	processors(t, 2)
	r := newRoom(&settings.Settings{})
	var away, stop atomic.Bool
	var watched sync.WaitGroup
	watched.Go(func() {
		for !stop.Load() {
			away.CompareAndSwap(false, runtime.GOMAXPROCS(0) == 2)
		}
	})
	for tries := 0; !away.Load() && tries < 10_000; tries++ {
		if live := r.collect(); live <= 0 {
			t.Fatalf("%d bytes in use", live)
		}
		if got := runtime.GOMAXPROCS(0); got != 4 {
			t.Fatalf("%d threads after a collection", got)
		}
	}
	stop.Store(true)
	watched.Wait()
	if !away.Load() {
		t.Error("never fewer threads while garbage was collected")
	}
	r.look()
	r.look()
	if r.collect(); runtime.GOMAXPROCS(0) != 2 {
		t.Errorf("a collection made room: %d threads", runtime.GOMAXPROCS(0))
	}
}

// The server that serve opens makes room before it hashes.
func TestServeTellsOfHashes(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	processors(t, 2)
	set, err := settings.Load(settings.Sources{Env: []string{"NIGHTLATCH_DATA_DIR=" + t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	beside := newRoom(set)
	c := &console{now: time.Now, random: rand.Reader}
	s, end, err := c.open(t.Context(), set, slog.New(slog.DiscardHandler), beside)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	}()
	beside.look()
	beside.look()
	if got := runtime.GOMAXPROCS(0); got != 2 {
		t.Fatalf("%d threads before any hash", got)
	}
	if _, err := s.Add(t.Context(), server.Account{Username: "anna"}, moon, "test", nightlatch.Client{}); err != nil {
		t.Fatal(err)
	}
	if got := runtime.GOMAXPROCS(0); got != 4 {
		t.Errorf("%d threads beside a hash, want 4", got)
	}
}
