package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// fill makes a pool hold as many connections as it may, all of them idle and used a moment ago, so that none is looked at
// before it is used again.
func fill(t *testing.T, s *sqlstore.Store, conns int) {
	t.Helper()
	var inside, all sync.WaitGroup
	inside.Add(conns)
	for range conns {
		all.Go(func() {
			if err := s.View(t.Context(), func(r nightlatch.Reader) error {
				inside.Done()
				inside.Wait()
				_, err := r.Epoch(t.Context())
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestRestart: once the database is back no request fails, although all connections of the pool are dead.
func TestRestart(t *testing.T) {
	t.Parallel()
	const conns = 12
	for name, stop := range map[string]func(*pgtest.Cluster) error{"stopped": (*pgtest.Cluster).Stop, "killed": (*pgtest.Cluster).Kill} {
		for what, request := range map[string]func(s *sqlstore.Store, i int) error{
			"Tx": func(s *sqlstore.Store, i int) error {
				return s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
					return put(ctx, tx, fmt.Sprintf("%s %d", name, i))
				})
			},
			"View": func(s *sqlstore.Store, _ int) error {
				return s.View(t.Context(), func(r nightlatch.Reader) error { _, err := r.Epoch(t.Context()); return err })
			},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				c := pgtest.New(t)
				s := openURL(t, c.URL("postgres")+fmt.Sprintf("&pool_max_conns=%d", conns))
				if err := s.Migrate(t.Context(), now); err != nil {
					t.Fatal(err)
				}
				for round := range 2 {
					fill(t, s, conns)
					if err := stop(c); err != nil {
						t.Fatal(err)
					}
					if round == 1 { // one that finds it down fails, and at once
						began := time.Now()
						if err := request(s, -1); !isFault(err) || !sqlstore.IsUnreached(err) {
							t.Errorf("while it is down: %v", err)
						}
						if took := time.Since(began); took > 5*time.Second {
							t.Errorf("it took %s to find that it is down", took)
						}
					}
					if err := c.Start(); err != nil {
						t.Fatal(err)
					}
					for i := range 50 {
						if err := request(s, 100*round+i); err != nil {
							t.Errorf("round %d, request %d: %v", round, i, err)
						}
					}
				}
			})
		}
	}
}

// TestLostMeanwhile: a transaction whose connection is lost before the commit runs again, from its beginning; what is lost in
// the commit is an error, since nobody knows what became of it.
func TestLostMeanwhile(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	kill := func(ctx context.Context) error {
		var pid int
		if err := conn(ctx, t).QueryRowContext(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			return err
		}
		return s.Read(context.Background(), func(q sqlstore.Querier) error {
			var done bool
			return q.QueryRowContext(context.Background(), `SELECT pg_terminate_backend($1, 5000)`, pid).Scan(&done)
		})
	}
	runs := 0
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		runs++
		if err := put(ctx, tx, "u1"); err != nil {
			return fmt.Errorf("u1 is there in run %d: %w", runs, err)
		}
		if runs == 1 {
			if err := kill(ctx); err != nil {
				return err
			}
		}
		return put(ctx, tx, "u2")
	}); err != nil || runs != 2 {
		t.Errorf("in the middle: %v, %d runs", err, runs)
	}
	runs = 0
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		runs++
		return errors.Join(put(ctx, tx, "u3"), kill(ctx))
	}); !isFault(err) || runs != 1 {
		t.Errorf("in the commit: %v, %d runs", err, runs)
	}
	if !isThere(t, s, "u1") || !isThere(t, s, "u2") || isThere(t, s, "u3") {
		t.Error("something is missing, or too much")
	}
}

// TestHangs: neither a slow statement nor a lock holds anything up for long.
func TestHangs(t *testing.T) {
	t.Parallel()
	s := openURL(t, migratedURL(t)+"&statement_timeout=200ms&lock_timeout=100ms")
	slow := func(ctx context.Context, q sqlstore.Querier) error {
		var nothing string
		return q.QueryRowContext(ctx, `SELECT pg_sleep(5)::text`).Scan(&nothing)
	}
	if err := s.Read(t.Context(), func(q sqlstore.Querier) error { return slow(t.Context(), q) }); !isFault(err) {
		t.Errorf("a slow statement: %v", err)
	}
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		if err := put(ctx, tx, "u1"); err != nil {
			return err
		}
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u1") }); !isFault(err) {
			t.Errorf("a lock that is not given up: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if !isThere(t, s, "u1") {
		t.Error("afterwards nothing is as it was")
	}
}
