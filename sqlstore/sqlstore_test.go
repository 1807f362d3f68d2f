package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/storetest"
)

var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	return s
}

func openNew(t testing.TB) *sqlstore.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "nightlatch.db"))
}

func TestDurable(t *testing.T) {
	t.Parallel()
	storetest.Durable(t, func(t *testing.T, dir string) nightlatch.Store {
		return open(t, filepath.Join(dir, "nightlatch.db"))
	})
}

// conn is the transaction of a ctx that has one.
func conn(ctx context.Context, t testing.TB) sqlstore.Querier {
	t.Helper()
	q, ok := sqlstore.Conn(ctx)
	if !ok {
		t.Fatal("the ctx of a Tx has no transaction")
	}
	return q
}

func put(ctx context.Context, tx nightlatch.Tx, name string) error {
	return tx.Put(ctx, nightlatch.UserRecord{User: name})
}

func isThere(t testing.TB, s *sqlstore.Store, name string) bool {
	t.Helper()
	err := s.View(t.Context(), func(r nightlatch.Reader) error {
		_, err := r.FindUser(t.Context(), name)
		return err
	})
	if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// isFault: neither of the two answers that the engine acts upon.
func isFault(err error) bool {
	return err != nil && !errors.Is(err, nightlatch.ErrNotFound) && !errors.Is(err, nightlatch.ErrConflict)
}

var notes = sqlstore.Migrations{Name: "notes", Files: fstest.MapFS{
	"0001_notes.sql": {Data: []byte("CREATE TABLE notes (user_id TEXT NOT NULL, text TEXT NOT NULL) STRICT")},
}}

// TestConn: a caller's own tables change with the engine's or not at all.
func TestConn(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	if err := s.Migrate(t.Context(), now, notes); err != nil {
		t.Fatal(err)
	}
	write := func(name string, end error) error {
		return s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			// Placeholders count by number, whatever their order.
			_, err := conn(ctx, t).ExecContext(ctx, "INSERT INTO notes (text, user_id) VALUES ($2, $1)", name, "a note")
			return errors.Join(err, put(ctx, tx, name), end)
		})
	}
	failed := errors.New("failed")
	for range 2 { // not prepared, and prepared
		if err := write("failing", failed); !errors.Is(err, failed) {
			t.Fatal(err)
		}
	}
	if err := write("u1", nil); err != nil {
		t.Fatal(err)
	}
	var users, texts string
	if err := s.Read(t.Context(), func(q sqlstore.Querier) error {
		return q.QueryRowContext(t.Context(), "SELECT group_concat(user_id), group_concat(text) FROM notes WHERE user_id <> $1", "x").Scan(&users, &texts)
	}); err != nil || users != "u1" || texts != "a note" {
		t.Errorf("notes of %q: %q, %v", users, texts, err)
	}
	if isThere(t, s, "failing") || !isThere(t, s, "u1") {
		t.Error("the engine's records do not fit the notes")
	}
	if _, ok := sqlstore.Conn(t.Context()); ok {
		t.Error("a transaction out of nowhere")
	}
}

func TestTransactionIsOver(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	var kept context.Context
	var keptTx nightlatch.Tx
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		kept, keptTx = ctx, tx
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, ok := sqlstore.Conn(kept); ok {
		t.Error("Conn hands out a transaction that is over")
	}
	nothing := func(context.Context, nightlatch.Tx) error { return nil }
	for name, err := range map[string]error{
		"Tx":   s.Tx(kept, nothing),
		"View": s.View(kept, func(nightlatch.Reader) error { return nil }),
		"Put":  put(t.Context(), keptTx, "u1"),
		"Lock": sqlstore.Lock(kept, "anything"),
	} {
		if !isFault(err) {
			t.Errorf("%s with the ctx of a transaction that is over: %v", name, err)
		}
	}
}

// TestNestedIsUndone: a Tx within a Tx that fails leaves nothing, and the outer one goes on.
func TestNestedIsUndone(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	failed := errors.New("failed")
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		if err := s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
			return errors.Join(put(ctx, tx, "failing"), failed)
		}); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
				if err := put(ctx, tx, "panicking"); err != nil {
					t.Error(err)
				}
				panic(failed)
			})
		}()
		if err := s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
			return s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "deep") })
		}); err != nil {
			return err
		}
		return put(ctx, tx, "outer")
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"failing": false, "panicking": false, "deep": true, "outer": true} {
		if isThere(t, s, name) != want {
			t.Errorf("%s: there is %v", name, !want)
		}
	}
}

// TestNestedThatCannotBeUndone spoils the whole transaction.
func TestNestedThatCannotBeUndone(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		_ = s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
			_, err := conn(ctx, t).ExecContext(ctx, "RELEASE SAVEPOINT nested_1")
			return errors.Join(err, put(ctx, tx, "inner"), errors.New("failed"))
		})
		return nil
	})
	if !isFault(err) || isThere(t, s, "inner") {
		t.Errorf("committed: %v", err)
	}
}

// TestViewInTx sees what the transaction of its ctx wrote; what an application reads of its users is so.
func TestViewInTx(t *testing.T) {
	t.Parallel()
	other := openNew(t)
	for name, s := range map[string]*sqlstore.Store{"file": openNew(t), "temporary": open(t, sqlstore.Temporary)} {
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			if err := put(ctx, tx, "u1"); err != nil {
				return err
			}
			return errors.Join(
				s.View(ctx, func(r nightlatch.Reader) error {
					_, err := r.FindUser(ctx, "u1")
					return err
				}),
				other.View(ctx, func(r nightlatch.Reader) error { // another store is not in it
					if _, err := r.FindUser(ctx, "u1"); !errors.Is(err, nightlatch.ErrNotFound) {
						t.Errorf("%s: in another store: %v", name, err)
					}
					return nil
				}),
				other.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, name) }))
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !isThere(t, s, "u1") || !isThere(t, other, name) {
			t.Errorf("%s: something is missing", name)
		}
	}
}

// TestSnapshot: all that one View reads is of one moment.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	if err := s.View(t.Context(), func(r nightlatch.Reader) error {
		before, err := r.Epoch(t.Context())
		if err != nil {
			return err
		}
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.RaiseEpoch(ctx) }); err != nil {
			return err
		}
		again, err := r.Epoch(t.Context())
		if again != before {
			t.Errorf("the epoch went from %d to %d within a View", before, again)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestReadCannotWrite(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	err := s.Read(t.Context(), func(q sqlstore.Querier) error {
		_, err := q.ExecContext(t.Context(), "UPDATE nl_meta SET epoch = 0")
		return err
	})
	if err == nil {
		t.Error("a reading connection has written")
	}
}

// TestViewWithinView: however many read within what they read, none waits for another.
func TestViewWithinView(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	const many = 64
	var inside, all sync.WaitGroup
	inside.Add(many)
	for range many {
		all.Go(func() {
			if err := s.View(t.Context(), func(r nightlatch.Reader) error {
				_, err := r.Epoch(t.Context()) // holds a connection
				inside.Done()
				inside.Wait()
				isThere(t, s, "u1")
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestTemporary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	files := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	for range 2 {
		s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", sqlstore.Temporary)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if isThere(t, s, "u1") || files() != 1 {
			t.Errorf("%d files, or it was there before", files())
		}
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u1") }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sqlstore.OpenSQLite(t.Context(), "no such driver", sqlstore.Temporary); err == nil {
		t.Error("opened without a driver")
	}
	if n := files(); n != 0 {
		t.Errorf("%d files stay", n)
	}
}
