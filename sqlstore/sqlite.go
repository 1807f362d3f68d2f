package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Temporary is the path of a database that is gone when the Store is closed.
const Temporary = ":memory:"

// SQLiteDSN returns the data source names for the driver modernc.org/sqlite ("sqlite"): one for the one connection
// that writes, one for those that read.
//
// The writer waits up to 5 s for another process, and a commit is on the disk when it returns (synchronous=FULL):
// what makes a code single-use must not be lost with the power.
func SQLiteDSN(path string) (write, read string) {
	const (
		busy   = "?_pragma=busy_timeout(5000)"
		writer = "&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
		reader = "&_pragma=query_only(1)"
	)
	name := fileURI(path)
	return name + busy + writer, name + busy + reader
}

// OpenSQLite opens, or makes, a database file with a driver that the caller has linked, and returns a Store that
// Close closes. A file that it makes is its owner's alone (mode 0600). Call Migrate before anything else.
//
// With Temporary the file is one of the system's temporary files, and Close removes it: a database in memory could
// not be read while it is written.
func OpenSQLite(ctx context.Context, driver, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("sqlstore: the path of the database is empty")
	}
	remove := func() error { return nil }
	if path == Temporary {
		dir, err := os.MkdirTemp("", "nightlatch-")
		if err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
		path = filepath.Join(dir, "nightlatch.db")
		remove = func() error { return os.RemoveAll(dir) }
	}
	release, err := notRestored(ctx, filepath.Dir(path))
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	s, err := openSQLite(ctx, driver, path)
	if err != nil {
		release()
		return nil, errors.Join(err, remove())
	}
	closeFile := s.close
	s.close = func() error {
		defer release()
		return errors.Join(closeFile(), remove())
	}
	return s, nil
}

// notRestored waits until no database of a directory is being restored, and says so to who would restore one.
func notRestored(ctx context.Context, dir string) (release func(), err error) {
	for end := time.Now().Add(connectWithin); ; {
		release, err = lockDir(dir, false)
		if err == nil {
			return release, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("sqlstore: a database in %s is being restored: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func openSQLite(ctx context.Context, driver, path string) (*Store, error) {
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	writeDSN, readDSN := SQLiteDSN(path)
	write, err := sql.Open(driver, writeDSN)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	write.SetMaxOpenConns(1)
	if err := connect(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: open %s: %w", path, err), write.Close())
	}
	read, err := sql.Open(driver, readDSN)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: %w", err), write.Close())
	}
	// Who reads may read within that again, and would wait forever for a connection if all were held so. Hence
	// their number has no limit; those that a busy moment needed are closed after it.
	read.SetMaxIdleConns(max(8, 4*runtime.GOMAXPROCS(0)))
	s := New(SQLite, write, read)
	s.close = func() error { return errors.Join(read.Close(), write.Close()) }
	return s, nil
}

// connectWithin bounds how long processes that start at once wait for each other.
const connectWithin = 10 * time.Second

// connect makes the first connection. Where another process is just turning the same file to WAL, SQLite answers that it
// is busy at once, whatever busy_timeout says: that is tried again.
func connect(ctx context.Context, db *sql.DB) error {
	wait := 5 * time.Millisecond
	for end := time.Now().Add(connectWithin); ; wait = min(2*wait, 200*time.Millisecond) {
		err := db.PingContext(ctx)
		if !isBusy(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// touch makes the file before SQLite does, since SQLite would let others read it; the journal gets the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return f.Close()
}
