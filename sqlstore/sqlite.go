package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Memory is the path of a database that lives in memory and dies with its connection.
const Memory = ":memory:"

// SQLiteDSN returns the data source names for the driver modernc.org/sqlite ("sqlite"): one for the one connection
// that writes, one for those that read. For Memory they are the same, and both pools must be one *sql.DB of one
// connection, so there a View waits for a Tx.
//
// The writer waits up to 5 s for another process, and a commit is on the disk when it returns (synchronous=FULL):
// what makes a code single-use must not be lost with the power.
func SQLiteDSN(path string) (write, read string) {
	const (
		busy   = "?_pragma=busy_timeout(5000)"
		writer = "&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
		reader = "&_pragma=query_only(1)"
	)
	if path == Memory {
		dsn := "file::memory:" + busy + writer
		return dsn, dsn
	}
	// A path may hold the characters that end one in a URI.
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	if filepath.VolumeName(path) != "" && !strings.HasPrefix(name, "/") {
		name = "/" + name // C:/dir becomes file:/C:/dir
	}
	return "file:" + name + busy + writer, "file:" + name + busy + reader
}

// OpenSQLite opens, or makes, a database file with a driver that the caller has linked, and returns a Store that
// Close closes. A file that it makes is its owner's alone (mode 0600). Call Migrate before anything else.
func OpenSQLite(ctx context.Context, driver, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("sqlstore: the path of the database is empty")
	}
	if path != Memory {
		if err := touch(path); err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
	}
	writeDSN, readDSN := SQLiteDSN(path)
	write, err := sql.Open(driver, writeDSN)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: open %s: %w", path, err), write.Close())
	}
	if path == Memory {
		s := New(SQLite, write, write)
		s.close = write.Close
		return s, nil
	}
	read, err := sql.Open(driver, readDSN)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: %w", err), write.Close())
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	s := New(SQLite, write, read)
	s.close = func() error { return errors.Join(read.Close(), write.Close()) }
	return s, nil
}

// touch makes the file before SQLite does, since SQLite would let others read it; the journal gets the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
