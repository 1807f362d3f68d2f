package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nightlatch/nightlatch"
)

const racers, rounds = 16, 25

// race runs f as many times at once and returns how many succeeded; the others must have met a conflict.
func race(t testing.TB, f func(i int) error) int {
	t.Helper()
	var won atomic.Int32
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range racers {
		all.Go(func() {
			<-gate
			switch err := f(i); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, nightlatch.ErrConflict):
				t.Errorf("racer %d: %v", i, err)
			}
		})
	}
	close(gate)
	all.Wait()
	return int(won.Load())
}

// testRaceOfRevisions: of many that replace one revision, one wins. A code is good once by that.
func testRaceOfRevisions(t *testing.T, s nightlatch.Store) {
	put(t, s, authenticator("a1", "u1"))
	for round := range int64(rounds) {
		if n := race(t, func(i int) error {
			a := authenticator("a1", "u1")
			a.Sealed, a.Revision = fmt.Appendf(nil, "racer %d", i), round+1
			return s.Tx(t.Context(), putting(a))
		}); n != 1 {
			t.Fatalf("round %d has %d winners", round, n)
		}
	}
}

// testRaceOfInserts: of many that insert the same key or the same unique value, one wins.
func testRaceOfInserts(t *testing.T, s nightlatch.Store) {
	for round := range rounds {
		if n := race(t, func(i int) error {
			a := authenticator(fmt.Sprintf("a%d-%d", round, i), fmt.Sprintf("u%d", i))
			a.Lookup = fmt.Sprintf("lookup %d", round)
			return s.Tx(t.Context(), putting(a))
		}); n != 1 {
			t.Fatalf("round %d has %d winners by lookup", round, n)
		}
		if n := race(t, func(int) error { return s.Tx(t.Context(), putting(event("u1", int64(round)+1))) }); n != 1 {
			t.Fatalf("round %d has %d winners by key", round, n)
		}
	}
}

// testRaceOfReadAndWrite: who finds in a Tx may write by what was found; transactions of one user do not overlap.
// Beside them, each View sees a number that does not fall.
func testRaceOfReadAndWrite(t *testing.T, s nightlatch.Store) {
	put(t, s, nightlatch.UserRecord{User: "u1", Sealed: make([]byte, 8)})
	const each = 10
	n := race(t, func(int) error {
		var last uint64
		for range each {
			if err := s.Tx(t.Context(), countUp); err != nil {
				return fmt.Errorf("not overtaken, but: %v", err) //nolint:errorlint // no conflict may come of this
			}
			u, err := read(t, s, findUser("u1"))
			if err != nil {
				return err
			}
			if now := binary.BigEndian.Uint64(u.Sealed); now <= last {
				return fmt.Errorf("a View has %d after %d", now, last)
			} else {
				last = now
			}
		}
		return nil
	})
	u := must(t, s, findUser("u1"))
	if got := binary.BigEndian.Uint64(u.Sealed); n != racers || got != racers*each || u.Revision != racers*each+1 {
		t.Errorf("%d racers counted to %d, revision %d; want %d", n, got, u.Revision, racers*each)
	}
}

func countUp(ctx context.Context, tx nightlatch.Tx) error {
	u, err := tx.FindUser(ctx, "u1")
	if err != nil {
		return err
	}
	u.Sealed = binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(u.Sealed)+1)
	return tx.Put(ctx, u)
}
