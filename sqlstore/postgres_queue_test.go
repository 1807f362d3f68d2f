package sqlstore_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nightlatch/nightlatch"
)

// TestWaitersHoldNoConnections: however many wait for one user, or for a name that nobody has, the others find a connection.
func TestWaitersHoldNoConnections(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"user:u1", "name:nobody"} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			url := migratedURL(t)
			s, other := openURL(t, url+"&pool_max_conns=4"), openURL(t, url)
			if n := s.Pools()[0].Stats.MaxOpenConnections; n != 4 {
				t.Errorf("there may be %d connections, want 4", n)
			}
			const many = 20
			var began atomic.Int64
			var all sync.WaitGroup
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				if err := countTry(ctx, tx, subject, "totp"); err != nil {
					return err
				}
				for range many {
					all.Go(func() {
						var once sync.Once
						if err := s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) error {
							once.Do(func() { began.Add(1) })
							return countTry(ctx, tx, subject, "totp")
						}); err != nil {
							t.Error(err)
						}
					})
				}
				eventually(t, "one waits, and the others hold nothing", func() bool {
					return began.Load() == many && waiting(t, other) == 1 && s.Pools()[0].Stats.InUse == 2
				})
				return s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) error {
					return countTry(ctx, tx, "user:u2", "totp")
				})
			}); err != nil {
				t.Fatal(err)
			}
			all.Wait()
			err := other.View(t.Context(), func(r nightlatch.Reader) error {
				rows, err := r.ThrottlesOf(t.Context(), subject)
				if err == nil && (len(rows) != 1 || len(rows[0].Data) != 8 || rows[0].Data[7] != many+1) {
					t.Errorf("counted %v, want %d", rows, many+1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLockIsNotDoneWithout: whatever a function makes of a lock that another has, what it wrote without the lock is undone, and
// it runs again with it.
func TestLockIsNotDoneWithout(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	var runs atomic.Int64
	var all sync.WaitGroup
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		if err := countTry(ctx, tx, "name:nobody", "totp"); err != nil {
			return err
		}
		all.Go(func() {
			if err := s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) error {
				run := runs.Add(1)
				_ = s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return countTry(ctx, tx, "name:nobody", "totp") })
				return tx.Put(ctx, nightlatch.ThrottleRecord{Subject: "name:other", Kind: "totp", Data: []byte{byte(run)}})
			}); err != nil {
				t.Error(err)
			}
		})
		eventually(t, "the other waits", func() bool { return waiting(t, s) == 1 })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	for subject, want := range map[string]byte{"name:nobody": 2, "name:other": 2} {
		err := s.View(t.Context(), func(r nightlatch.Reader) error {
			rows, err := r.ThrottlesOf(t.Context(), subject)
			if err == nil && (len(rows) != 1 || rows[0].Data[len(rows[0].Data)-1] != want) {
				t.Errorf("%s: %+v, want %d", subject, rows, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
