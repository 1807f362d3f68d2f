package main

import (
	"crypto/rand"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

// Hashes have as many threads as processors, and all else has others, as long as there are hashes.
func TestRoomBesideHashes(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	was := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(was)
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

// A hash that begins while the room is about to be taken away has it.
func TestRoomIsTakenWhileItIsLookedFor(t *testing.T) { //nolint:paralleltest // it sets what the process has
	t.Setenv("GOMAXPROCS", "")
	was := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(was)
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
	was := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(was)
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
