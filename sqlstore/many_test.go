package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// abandoned keeps so many sign-ins that nobody goes on with.
func abandoned(t *testing.T, s *sqlstore.Store, round, n int, until time.Time) {
	t.Helper()
	const step = 5000
	for first := 0; first < n; first += step {
		err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			for i := first; i < min(first+step, n); i++ {
				id := fmt.Sprintf("%d-%032d", round, i)
				if err := tx.Put(ctx, nightlatch.SignInRecord{
					ID: id, Token: "token of " + id, User: fmt.Sprintf("user%d", i%100), Data: make([]byte, 300),
					CreatedAt: until.Add(-15 * time.Minute), ExpiresAt: until,
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A hundred thousand sign-ins that nobody goes on with are gone after small steps; what they took of the file is used
// again, the log is short, and the process holds nothing of them.
func TestAbandonedSignIns(t *testing.T) {
	const many, limit = 100_000, 200
	path := filepath.Join(t.TempDir(), "nightlatch.db")
	s := open(t, path)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var sizes []int64
	before := living()
	for round := range 2 {
		abandoned(t, s, round, many, now)
		gone := 0
		for n := -1; n != 0; gone += n {
			err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) (err error) {
				n, err = tx.Expire(ctx, now, limit)
				return err
			})
			if err != nil || n > limit {
				t.Fatalf("a step took %d: %v", n, err)
			}
		}
		if gone != many {
			t.Errorf("%d are gone, want %d", gone, many)
		}
		if err := s.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, sizeOf(t, path))
		if n := sizeOf(t, path+"-wal"); n > 16<<20 {
			t.Errorf("the log has %d bytes", n)
		}
	}
	if sizes[1] > sizes[0]+sizes[0]/20 {
		t.Errorf("the file grew from %d to %d bytes: what was freed is not used again", sizes[0], sizes[1])
	}
	if after := living(); after > before+4<<20 {
		t.Errorf("%d bytes live, before it were %d", after, before)
	}
}

// living is what lives on the heap.
func living() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// The log of a database that is always read from grows; Tidy cuts it off as soon as nobody reads from it.
func TestTidy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nightlatch.db")
	s := open(t, path)
	err := s.View(t.Context(), func(r nightlatch.Reader) error {
		if _, err := r.Epoch(t.Context()); err != nil { // from here on it reads what is there now
			return err
		}
		for i := range 20 {
			err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				return tx.Put(ctx, nightlatch.SignInRecord{ID: fmt.Sprint(i), Token: fmt.Sprint("t", i), User: "u", Data: make([]byte, 1<<20)})
			})
			if err != nil {
				return err
			}
		}
		if err := s.Tidy(t.Context()); err != nil {
			t.Errorf("while somebody reads: %v", err)
		}
		if n := sizeOf(t, path+"-wal"); n < 20<<20 {
			t.Errorf("the log has %d bytes: it is not what this is about", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := sizeOf(t, path+"-wal"); n != 0 {
		t.Errorf("afterwards the log has %d bytes", n)
	}
	// Who writes waits for other processes as long as before.
	if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		patience := 0
		if err := conn(ctx, t).QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&patience); err != nil || patience != 5000 {
			t.Errorf("who writes waits for %d ms, %v", patience, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		err := s.View(t.Context(), func(r nightlatch.Reader) error {
			_, err := r.FindSignIn(t.Context(), fmt.Sprint("t", i))
			return err
		})
		if err != nil {
			t.Errorf("sign-in %d: %v", i, err)
		}
	}
}
