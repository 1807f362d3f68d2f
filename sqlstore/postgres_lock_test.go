package sqlstore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// countingOf are ways to count up, mostly in a record of which there is none at first. Whoever reads it must see what the one before
// has written, or be run again.
var countingOf = map[string]func(ctx context.Context, tx nightlatch.Tx) error{
	"a user": func(ctx context.Context, tx nightlatch.Tx) error {
		u, err := tx.FindUser(ctx, "u1")
		if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
			return err
		}
		u.User, u.Sealed = "u1", more(u.Sealed)
		return tx.Put(ctx, u)
	},
	"a name": func(ctx context.Context, tx nightlatch.Tx) error { return countTry(ctx, tx, "name:nobody", "password") },
	// Of a user, whose record stays as it is; and of one that has none.
	"a user's tries": func(ctx context.Context, tx nightlatch.Tx) error { return countTry(ctx, tx, "user:u2", "totp") },
	// Of what there is one of at first, found by something else than the user.
	"pendings": func(ctx context.Context, tx nightlatch.Tx) error {
		all, err := tx.PendingsOf(ctx, "o3")
		if err != nil {
			return err
		}
		return tx.Put(ctx, nightlatch.PendingRecord{ID: fmt.Sprint(len(all)), Owner: "o3", User: "u3"})
	},
	"a session": func(ctx context.Context, tx nightlatch.Tx) error {
		ses, err := tx.FindSession(ctx, "t4")
		if err != nil {
			return err
		}
		ses.Data = more(ses.Data)
		return tx.Put(ctx, ses)
	},
}

func more(count []byte) []byte {
	n := uint64(0)
	if len(count) > 0 {
		n = binary.BigEndian.Uint64(count)
	}
	return binary.BigEndian.AppendUint64(nil, n+1)
}

func countTry(ctx context.Context, tx nightlatch.Tx, subject string, kind string) error {
	all, err := tx.ThrottlesOf(ctx, subject)
	if err != nil {
		return err
	}
	r := nightlatch.ThrottleRecord{Subject: subject, Kind: "totp"}
	if len(all) > 0 {
		r = all[0]
	}
	r.Data = more(r.Data)
	return tx.Put(ctx, r)
}

// TestNoOverlap: of many that count in what is not there yet, none is lost and none meets a conflict, in the pool of one node
// and in those of two.
func TestNoOverlap(t *testing.T) {
	t.Parallel()
	for name, count := range countingOf {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := migratedURL(t)
			nodes := []*sqlstore.Store{openURL(t, url), openURL(t, url)}
			if err := nodes[0].Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				return errors.Join(tx.Put(ctx, nightlatch.PendingRecord{ID: "0", Owner: "o3", User: "u3"}),
					tx.Put(ctx, nightlatch.SessionRecord{ID: "s4", Token: "t4", User: "u4"}))
			}); err != nil {
				t.Fatal(err)
			}
			const racers, each = 8, 6
			var all sync.WaitGroup
			gate := make(chan struct{})
			for i := range racers {
				all.Go(func() {
					<-gate
					for range each {
						if err := nodes[i%2].Tx(t.Context(), count); err != nil {
							t.Error(err)
						}
					}
				})
			}
			close(gate)
			all.Wait()
			if got := countedBy(t, nodes[0], name); got != racers*each {
				t.Errorf("counted to %d, want %d", got, racers*each)
			}
		})
	}
}

func countedBy(t *testing.T, s *sqlstore.Store, name string) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(r nightlatch.Reader) error {
		switch name {
		case "a user":
			u, err := r.FindUser(t.Context(), "u1")
			n = int(binary.BigEndian.Uint64(u.Sealed)) //nolint:gosec // small
			return err
		case "pendings":
			all, err := r.PendingsOf(t.Context(), "o3")
			n = len(all) - 1
			return err
		case "a session":
			ses, err := r.FindSession(t.Context(), "t4")
			n = int(binary.BigEndian.Uint64(ses.Data)) //nolint:gosec // small
			return err
		}
		all, err := r.ThrottlesOf(t.Context(), map[string]string{"a name": "name:nobody", "a user's tries": "user:u2"}[name])
		if err == nil && len(all) == 1 {
			n = int(binary.BigEndian.Uint64(all[0].Data)) //nolint:gosec // small
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLock: where a decision rests on rows that others change, those who name the same lock wait for each other.
func TestLock(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*sqlstore.Store{"postgres": openPostgreSQL(t), "sqlite": openNew(t)} {
		two := sqlstore.Migrations{Name: "two", Files: fstest.MapFS{
			"0001_two.sql": {Data: []byte("CREATE TABLE duty (id INTEGER PRIMARY KEY, here INTEGER NOT NULL); INSERT INTO duty VALUES (1, 1), (2, 1)")},
		}}
		if err := s.Migrate(t.Context(), now, two); err != nil {
			t.Fatal(err)
		}
		// Each goes if another stays.
		var all sync.WaitGroup
		for id := range 2 {
			all.Go(func() {
				if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
					if err := sqlstore.Lock(ctx, "duty"); err != nil {
						return err
					}
					q, others := conn(ctx, t), 0
					if err := q.QueryRowContext(ctx, `SELECT count(*) FROM duty WHERE id <> $1 AND here = 1`, id+1).Scan(&others); err != nil || others == 0 {
						return err
					}
					time.Sleep(50 * time.Millisecond) // long enough for the other one to look
					_, err := q.ExecContext(ctx, `UPDATE duty SET here = 0 WHERE id = $1`, id+1)
					return err
				}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		left := 0
		if err := s.Read(t.Context(), func(q sqlstore.Querier) error {
			return q.QueryRowContext(t.Context(), `SELECT count(*) FROM duty WHERE here = 1`).Scan(&left)
		}); err != nil || left != 1 {
			t.Errorf("%s: %d are left, %v", name, left, err)
		}
	}
	if err := sqlstore.Lock(t.Context(), "x"); err == nil {
		t.Error("locked outside a transaction")
	}
}

// TestDeadlock: two that lock two users in opposite orders both come through.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	var met sync.WaitGroup
	met.Add(2)
	first := [2]sync.Once{}
	var all sync.WaitGroup
	for i, order := range [][]string{{"u1", "u2"}, {"u2", "u1"}} {
		all.Go(func() {
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				for n, user := range order {
					if err := countTry(ctx, tx, "user:"+user, "totp"); err != nil {
						return err
					}
					if n == 0 {
						first[i].Do(func() { met.Done(); met.Wait() })
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, user := range []string{"u1", "u2"} {
		err := s.View(t.Context(), func(r nightlatch.Reader) error {
			all, err := r.ThrottlesOf(t.Context(), "user:"+user)
			if len(all) != 1 || binary.BigEndian.Uint64(all[0].Data) != 2 {
				t.Errorf("%s: %v", user, all)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestTakenSpoilsNothing: a value that is taken is a conflict, as in SQLite, after which the transaction goes on.
func TestTakenSpoilsNothing(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	record := func(id string) nightlatch.AuthenticatorRecord {
		return nightlatch.AuthenticatorRecord{ID: id, User: "u1", Kind: "totp", Label: id, LabelKey: id}
	}
	runs := 0
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		runs++
		if err := errors.Join(tx.Put(ctx, record("a")), tx.Put(ctx, record("b"))); err != nil {
			return err
		}
		b := record("b")
		b.LabelKey, b.Revision = "a", 1
		if err := tx.Put(ctx, b); !errors.Is(err, nightlatch.ErrConflict) {
			t.Errorf("a label that is taken: %v", err)
		}
		b.LabelKey = "another"
		return tx.Put(ctx, b)
	}); err != nil || runs != 2 {
		t.Fatalf("%v, in %d runs", err, runs)
	}
	// Nested, the caller deals with it, and nothing runs again.
	runs = 0
	if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		runs++
		if err := s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
			b := record("b")
			b.LabelKey, b.Revision = "a", 2
			return tx.Put(ctx, b)
		}); !errors.Is(err, nightlatch.ErrConflict) {
			t.Errorf("nested: %v", err)
		}
		return s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return tx.Put(ctx, record("c")) })
	}); err != nil || runs != 1 {
		t.Fatalf("nested: %v, in %d runs", err, runs)
	}
}

// TestTakenMeanwhile: a caller's own insert that another was faster with runs again, and then sees it.
func TestTakenMeanwhile(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	names := sqlstore.Migrations{Name: "names", Files: fstest.MapFS{"0001_names.sql": {Data: []byte("CREATE TABLE names (name TEXT PRIMARY KEY)")}}}
	if err := s.Migrate(t.Context(), now, names); err != nil {
		t.Fatal(err)
	}
	taken := errors.New("taken")
	var looked sync.WaitGroup
	looked.Add(2)
	var first [2]sync.Once
	var errs [2]error
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			errs[i] = s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
				q, n := conn(ctx, t), 0
				if err := q.QueryRowContext(ctx, `SELECT count(*) FROM names WHERE name = $1`, "anna").Scan(&n); err != nil {
					return err
				}
				if n > 0 {
					return taken
				}
				first[i].Do(func() { looked.Done(); looked.Wait() }) // both have seen that it is free
				_, err := q.ExecContext(ctx, `INSERT INTO names VALUES ($1)`, "anna")
				return err
			})
		})
	}
	all.Wait()
	if !(errs[0] == nil && errors.Is(errs[1], taken) || errs[1] == nil && errors.Is(errs[0], taken)) {
		t.Errorf("%v and %v", errs[0], errs[1])
	}
	// What is taken without a race is the caller's fault, as it is.
	err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		_, err := conn(ctx, t).ExecContext(ctx, `INSERT INTO names VALUES ($1)`, "anna")
		return err
	})
	if !isFault(err) {
		t.Errorf("%v", err)
	}
}

// waiting is how many wait for a lock in the database of a store.
func waiting(t testing.TB, s *sqlstore.Store) (n int) {
	t.Helper()
	if err := s.Read(t.Context(), func(q sqlstore.Querier) error {
		return q.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// TestEpochIsRaisedAtTheEnd: who raises it makes nobody wait before the commit, and all that raise it are seen.
func TestEpochIsRaisedAtTheEnd(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	epoch := func() (n int64) {
		if err := s.View(t.Context(), func(r nightlatch.Reader) (err error) {
			n, err = r.Epoch(t.Context())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := epoch()
	const many = 40
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		if err := tx.RaiseEpoch(ctx); err != nil {
			return err
		}
		if n, err := tx.Epoch(ctx); err != nil || n != before+1 {
			t.Errorf("who raised it reads %d, %v, want %d", n, err, before+1)
		}
		for range many {
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.RaiseEpoch(ctx) }); err != nil {
				return err
			}
		}
		if got := epoch(); got != before+many {
			t.Errorf("%d is seen after %d that are committed", got-before, many)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := epoch(); got != before+many+1 {
		t.Errorf("it was raised by %d, want %d", got-before, many+1)
	}
}
