package main

import (
	"crypto/rand"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
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

// While memory is kept for hashes, most of what lives is that, and the heap may grow by a smaller part of all. Who set GOGC
// has decided.
func TestHeapGrowsBesideHashes(t *testing.T) { //nolint:paralleltest // it sets what the process has
	processors(t, 2)
	for _, v := range []struct{ gogc, threads string }{{"", ""}, {"", "2"}, {"90", ""}} {
		t.Setenv("GOMAXPROCS", v.threads)
		t.Setenv("GOGC", v.gogc)
		debug.SetGCPercent(100)
		grows := func(less bool, when string) {
			t.Helper()
			got := debug.SetGCPercent(100)
			debug.SetGCPercent(got)
			if v.gogc != "" && got != 100 || v.gogc == "" && (got > heapGrows || less != (got < heapGrows)) {
				t.Errorf("GOGC=%s, %s: the heap may grow by %d percent", v.gogc, when, got)
			}
		}
		r := newRoom(&settings.Settings{})
		grows(false, "at the start")
		for range 2 {
			r.take()
			r.memory.IDKey([]byte("a password"), []byte("a salt of its own"), 1, 19<<10, 1, 32)
			grows(true, "beside a hash")
			for range keptFor {
				r.look()
				grows(true, "while memory is kept")
			}
			r.look()
			grows(false, "without hashes")
		}
		runtime.GOMAXPROCS(2)
	}
}

// The memory of hashes is kept for the next one, and given up where none comes.
func TestMemoryIsKeptForAWhile(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	processors(t, 2)
	hash := func(r *room) {
		r.take()
		r.memory.IDKey([]byte("a password"), []byte("a salt of its own"), 1, 64, 1, 32)
	}
	r := newRoom(&settings.Settings{})
	hash(r)
	for range keptFor {
		r.look()
	}
	if !r.memory.Drop() {
		t.Errorf("given up before it was quiet for %d times", keptFor)
	}
	hash(r)
	for range keptFor + 1 {
		r.look()
	}
	if r.memory.Drop() {
		t.Errorf("kept though it was quiet for %d times", keptFor)
	}
	r.take()
	for range keptFor + 1 {
		r.look()
	}
	r.memory.IDKey([]byte("a password"), []byte("a salt of its own"), 1, 64, 1, 32)
	if r.look(); r.memory.Drop() {
		t.Error("what a long hash leaves is kept")
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
	if !beside.memory.Drop() {
		t.Error("its memory was not kept")
	}
}
