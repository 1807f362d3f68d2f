package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ErrInUse says that another process has the database open.
var ErrInUse = errors.New("another process uses the database")

// RestoreSQLite puts a copy of the backup from in the place of the database at path, where there may be none. First
// prepare brings the copy to what it must be: until that is done, and the copy is whole and on the disk, the database
// stays as it is. What was there before is kept under the name that is returned, "" where nothing was; a file that is no
// database is kept, too, and so is the log of one that is gone.
//
// Errors: ErrInUse, those of prepare, and what is wrong with the backup or the file system.
func RestoreSQLite(ctx context.Context, driver, from, path string, now time.Time, prepare func(ctx context.Context, s *Store) error) (before string, err error) {
	if err := mayRestore(from, path); err != nil {
		return "", err
	}
	release, err := alone(ctx, driver, path)
	if err != nil {
		return "", err
	}
	defer release()
	part, err := newPart(filepath.Dir(path), ".restore-*")
	if err != nil {
		return "", fmt.Errorf("sqlstore: %w", err)
	}
	defer func() {
		for _, end := range append(logs(), "") {
			_ = os.Remove(part + end)
		}
	}()
	if err := copyFile(from, part); err != nil {
		return "", fmt.Errorf("sqlstore: %w", err)
	}
	if err := prepared(ctx, driver, part, from, prepare); err != nil {
		return "", err
	}
	before, err = setAside(path, now)
	if err != nil {
		return "", fmt.Errorf("sqlstore: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return before, fmt.Errorf("sqlstore: %w", err)
	}
	syncDir(filepath.Dir(path))
	return before, nil
}

// mayRestore says why a file is no backup that could be put at path.
func mayRestore(from, path string) error {
	is, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !is.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", from)
	}
	if old, err := os.Stat(path); err == nil && os.SameFile(is, old) {
		return fmt.Errorf("%s is the database itself", from)
	}
	if log, err := os.Stat(from + "-wal"); err == nil && log.Size() > 0 {
		return fmt.Errorf("%s was copied from under a running server, and %s-wal belongs to it: use a file that nightlatch backup has written", from, from)
	}
	return nil
}

// alone says by ErrInUse that another process has the database at path open. Until release nobody opens it by
// OpenSQLite.
func alone(ctx context.Context, driver, path string) (release func(), err error) {
	release, err = lockDir(filepath.Dir(path), true)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return release, nil //nolint:nilerr // there is nothing to be beside
	}
	db, err := sql.Open(driver, fileURI(path)+"?mode=rw&_pragma=busy_timeout(0)")
	if err != nil {
		release()
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	// To leave WAL nobody else may have the file open. Then the log is in the file, too. What is damaged beyond that is not
	// in use either.
	_, err = db.ExecContext(ctx, `PRAGMA journal_mode = DELETE`)
	_ = db.Close()
	if isBusy(err) {
		release()
		return nil, ErrInUse
	}
	return release, nil
}

// UsedByOthers returns ErrInUse when another process has the SQLite database at path open.
func UsedByOthers(ctx context.Context, driver, path string) error {
	release, err := alone(ctx, driver, path)
	if err != nil {
		return err
	}
	release()
	return nil
}

// prepared makes of a copy what takes the database's place: one file, whole and on the disk.
func prepared(ctx context.Context, driver, part, from string, prepare func(ctx context.Context, s *Store) error) error {
	plain, err := sql.Open(driver, fileURI(part)+"?mode=rw")
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	defer func() { _ = plain.Close() }()
	if err := whole(ctx, plain.Driver(), part); err != nil {
		return fmt.Errorf("%s is no backup: %w", from, err)
	}
	s, err := openSQLite(ctx, driver, part)
	if err != nil {
		return err
	}
	if err := errors.Join(prepare(ctx, s), s.Close()); err != nil {
		return err
	}
	// Its log came into it when the last connection closed. Now it has none.
	var mode string
	if err := plain.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if err := plain.Close(); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if _, err := os.Stat(part + "-wal"); mode != "delete" || !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sqlstore: the log of %s did not go", part)
	}
	return syncFile(part)
}

// logs are what SQLite puts beside a database, by what it adds to the name.
func logs() []string { return []string{"-wal", "-shm", "-journal"} }

// free is a name, with a number behind it where something is there already: of a restore in the same second, say.
func free(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(append(logs(), ""), func(end string) bool {
			_, err := os.Lstat(name + end)
			return err == nil
		})
	}
	numbered := name
	for n := 2; taken(numbered); n++ {
		numbered = fmt.Sprintf("%s-%d", name, n)
	}
	return numbered
}

// setAside keeps what is at path under another name, "" where nothing is. The file itself stays until it is replaced.
func setAside(path string, now time.Time) (string, error) {
	before := free(path + ".before-restore-" + now.UTC().Format("20060102-150405"))
	// The log of a database that is damaged, or that somebody has removed, would be taken for the new one's, and played into it.
	for _, end := range logs() {
		if err := os.Rename(path+end, before+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err := os.Link(path, before); err == nil {
		return before, nil
	}
	return before, os.Rename(path, before) // a file system without links
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
