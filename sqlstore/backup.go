package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// ErrNotSQLite says that a store keeps its records in another database, which has tools of its own for that.
var ErrNotSQLite = errors.New("sqlstore: the database is not SQLite")

// Backup writes a copy of a SQLite database to a new file, its owner's alone (mode 0600), while others read and write: one
// moment of it, whole. The copy is complete and on the disk when the file gets its name, or there is none. What was
// deleted is not in it. The Store writes nothing else meanwhile, so give it one of its own.
//
// Errors: ErrNotSQLite, one that is fs.ErrExist where the file is there already, else what the file system or the
// database says.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.dialect != SQLite {
		return ErrNotSQLite
	}
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "backup", Path: path, Err: fs.ErrExist}
	}
	part, err := newPart(filepath.Dir(path), ".backup-*")
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	defer func() { _ = os.Remove(part) }()
	// Unlike the backup API, which begins again whenever another process writes, it is one read transaction.
	if _, err := s.write.db.ExecContext(ctx, `VACUUM INTO ?1`, part); err != nil {
		return fmt.Errorf("sqlstore: copy: %w", err)
	}
	if err := whole(ctx, s.write.db.Driver(), part); err != nil {
		return fmt.Errorf("sqlstore: the copy: %w", err)
	}
	if err := syncFile(part); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if err := nameNew(part, path); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	syncDir(filepath.Dir(path))
	return nil
}

// newPart makes an empty file beside the one that it is to become.
func newPart(dir, pattern string) (string, error) {
	f, err := os.CreateTemp(dir, pattern) // mode 0600
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // a file of ours
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// nameNew gives a file its name. It fails where the name is taken, and a link does so by itself; some file systems have
// none.
func nameNew(part, path string) error {
	err := os.Link(part, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "backup", Path: path, Err: fs.ErrExist}
	}
	return os.Rename(part, path)
}

// connector opens connections by a driver that the caller has linked, whatever its name is.
type connector struct {
	driver driver.Driver
	dsn    string
}

// Connect is as in driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

// Driver is as in driver.Connector.
func (c connector) Driver() driver.Driver { return c.driver }

// errNotOurs: it is a database, and not one of these.
var errNotOurs = errors.New("it holds no records of Nightlatch")

// whole says what is wrong with a database file that nobody has open, and which has no log beside it.
func whole(ctx context.Context, d driver.Driver, path string) error {
	db := sql.OpenDB(connector{d, fileURI(path) + "?mode=ro&immutable=1"})
	defer func() { _ = db.Close() }()
	var found string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return errors.New("it is damaged: " + found)
	}
	n := 0
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name IN ('nl_meta', 'nightlatch_migrations')`).Scan(&n)
	if err == nil && n != 2 {
		err = errNotOurs
	}
	return err
}

// fileURI is a path as SQLite reads it: one may hold the characters that end a path in a URI.
func fileURI(path string) string {
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	if filepath.VolumeName(path) != "" && name[0] != '/' {
		name = "/" + name // C:/dir becomes file:/C:/dir
	}
	return "file:" + name
}
