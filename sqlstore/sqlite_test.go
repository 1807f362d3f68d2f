package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	settings := func(q sqlstore.Querier) string {
		var out []string
		for _, name := range []string{"journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only"} {
			var value string
			if err := q.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
				t.Fatal(err)
			}
			out = append(out, value)
		}
		return strings.Join(out, " ")
	}
	if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		if got := settings(conn(ctx, t)); got != "wal 2 1 5000 0" {
			t.Errorf("the writer has %s", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context(), func(q sqlstore.Querier) error {
		if got := settings(q); !strings.HasPrefix(got, "wal ") || !strings.HasSuffix(got, " 5000 1") {
			t.Errorf("a reader has %s", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestPaths: the file has the name that was asked for, whatever that is.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{"plain.db", "a b.db", "what?.db", "50%41.db", "a#b&c=d.db", "zoë.db", filepath.Join(dir, "absolute?.db")} {
		s := open(t, path)
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, path) }); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if !isThere(t, s, path) {
			t.Errorf("%s: reader and writer have different files", path)
		}
		for _, name := range []string{path, path + "-wal"} {
			if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
}

func TestCannotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                                 "empty",
		filepath.Join(dir, "none", "x.db"): "none",
		dir:                                "directory",
		garbage:                            "not a database",
	} {
		s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", path)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := sqlstore.OpenSQLite(t.Context(), "no such driver", filepath.Join(dir, "x.db")); err == nil {
		t.Error("opened without a driver")
	}
}

// opened is a store of two pools that the test has set up by itself.
func opened(t *testing.T, write, read string) *sqlstore.Store {
	t.Helper()
	var pools [2]*sql.DB
	for i, dsn := range []string{write, read} {
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		pools[i] = db
	}
	pools[0].SetMaxOpenConns(1)
	return sqlstore.New(sqlstore.SQLite, pools[0], pools[1])
}

// TestLockedByAnother: a lock that is not given up is a fault, and reading goes on.
func TestLockedByAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	first := open(t, path)
	write, read := sqlstore.SQLiteDSN(path)
	second := opened(t, strings.Replace(write, "5000", "10", 1), read)
	if err := first.Tx(t.Context(), func(context.Context, nightlatch.Tx) error {
		err := second.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u1") })
		if !isFault(err) || !strings.Contains(err.Error(), "locked") {
			t.Errorf("%v", err)
		}
		isThere(t, second, "u1")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := second.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u1") }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestOvertaken: where a transaction has read before it locked, and another was faster, it runs again.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	first := open(t, path)
	write, read := sqlstore.SQLiteDSN(path)
	second := opened(t, strings.Replace(write, "&_txlock=immediate", "", 1), read)
	runs := 0
	if err := second.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		runs++
		if _, err := tx.Epoch(ctx); err != nil {
			return err
		}
		if runs == 1 {
			if err := first.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.RaiseEpoch(ctx) }); err != nil {
				return err
			}
		}
		return tx.RaiseEpoch(ctx)
	}); err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	size := func(pages string) {
		t.Helper()
		if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
			var n int
			return conn(ctx, t).QueryRowContext(ctx, "PRAGMA max_page_count = "+pages).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
	}
	size("1") // that is: as many as there are
	big := nightlatch.UserRecord{User: "big", Sealed: make([]byte, 1<<20)}
	err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		return errors.Join(put(ctx, tx, "small"), tx.Put(ctx, big))
	})
	if !isFault(err) || !strings.Contains(err.Error(), "full") || isThere(t, s, "small") {
		t.Errorf("%v", err)
	}
	size("100000")
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.Put(ctx, big) }); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	open(t, path)
	write, read := sqlstore.SQLiteDSN(path)
	s := opened(t, write+"&mode=ro", read)
	err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u1") })
	if !isFault(err) || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("%v", err)
	}
	if isThere(t, s, "u1") {
		t.Error("written all the same")
	}
	if err := s.Migrate(t.Context(), now, notes); err == nil {
		t.Error("migrated all the same")
	}
}

func TestNotMigrated(t *testing.T) {
	t.Parallel()
	s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.View(t.Context(), func(r nightlatch.Reader) error { _, err := r.Epoch(t.Context()); return err }); !isFault(err) {
		t.Errorf("%v", err)
	}
	if err := s.Migrate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if err := s.View(t.Context(), func(r nightlatch.Reader) error { _, err := r.Epoch(t.Context()); return err }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		_, err := conn(ctx, t).ExecContext(ctx, `INSERT INTO nightlatch_migrations VALUES ('engine', 99, 'x', 'x', 'x')`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context(), now); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("%v", err)
	}
}

func TestUnknownDialect(t *testing.T) {
	t.Parallel()
	if err := sqlstore.New(sqlstore.Dialect(9), nil, nil).Migrate(t.Context(), now); err == nil {
		t.Error("migrated what is not known")
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	newRing := func() *nightlatch.KeyRing {
		t.Helper()
		r, err := nightlatch.NewKeyRing(rand.Reader, now)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	check := func(r *nightlatch.KeyRing) error { return s.CheckKey(t.Context(), r, rand.Reader) }
	ring, others := newRing(), newRing()
	for range 2 {
		if err := check(ring); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(others); !isFault(err) || !strings.Contains(err.Error(), "key 1 is not") {
		t.Errorf("another's ring: %v", err)
	}
	grown, err := ring.Add(rand.Reader, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(grown); err != nil {
		t.Errorf("the grown ring: %v", err)
	}
	if err := check(ring); !isFault(err) || !strings.Contains(err.Error(), "key 2 is needed") {
		t.Errorf("the old ring: %v", err)
	}
	if err := check(grown); err != nil {
		t.Errorf("the grown ring again: %v", err)
	}
}

// An application's own handle turns the file to WAL with its first statement, too, and waits where others are in it:
// SQLite itself does not wait then, whatever busy_timeout says.
func TestMigrateWaitsForWAL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	other := openRaw(t, "file:"+path+"?_pragma=busy_timeout(5000)")
	within, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := within.ExecContext(t.Context(), "CREATE TABLE theirs (x)"); err != nil {
		t.Fatal(err)
	}
	write, read := sqlstore.SQLiteDSN(path)
	s := sqlstore.New(sqlstore.SQLite, openRaw(t, write), openRaw(t, read))
	done := make(chan error)
	go func() { done <- s.Migrate(t.Context(), time.Now()) }()
	select {
	case err := <-done:
		t.Fatalf("while another is in the file: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := within.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func openRaw(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Processes that start at once on nothing all get the file, although each turns it to WAL.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		path := filepath.Join(t.TempDir(), "test.db")
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", path)
				if err != nil {
					t.Error(err)
					return
				}
				_ = s.Close()
			})
		}
		all.Wait()
	}
}
