package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// Backup writes a copy of the SQLite database that settings name to a new file, while a server runs on it or not, and
// says where the key is, which the copy lacks. Errors say what to do.
func Backup(ctx context.Context, set *settings.Settings, d Drivers, to string) (key string, err error) {
	path, err := existing(set)
	if err != nil {
		return "", err
	}
	store, err := sqlstore.OpenSQLite(ctx, d.SQLite, path)
	if err != nil {
		return "", fmt.Errorf("database: %w", err)
	}
	err = store.Backup(ctx, to)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s is there already: name a new file, nothing is overwritten", to)
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return "", err
	}
	return keyHome(set), nil
}

// BackupTo writes such a copy to a stream, for who can keep no file beside the database. What was written is a backup only
// where there is no error: it is made beside the database first, and removed then.
func BackupTo(ctx context.Context, set *settings.Settings, d Drivers, to io.Writer) (key string, err error) {
	path, err := existing(set)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".backup-")
	if err != nil {
		return "", fmt.Errorf("beside the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	whole := filepath.Join(dir, databaseFile)
	if key, err = Backup(ctx, set, d, whole); err != nil {
		return "", err
	}
	f, err := os.Open(whole) //nolint:gosec // it was made just now
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	_ = os.RemoveAll(dir) // where a system lets it go while it is open: whoever reads may hang up, which ends this process
	if _, err := io.Copy(to, f); err != nil {
		return "", fmt.Errorf("write the backup: %w", err)
	}
	return key, nil
}

// existing is backedUp, where there is such a file.
func existing(set *settings.Settings) (string, error) {
	path, err := backedUp(set)
	if err == nil && isNew(path) {
		err = fmt.Errorf("there is no database at %s yet", path)
	}
	return path, err
}

// backedUp is the file of a database of which a backup is a file.
func backedUp(set *settings.Settings) (string, error) {
	if isPostgreSQL(set) {
		return "", errors.New("database_url names a PostgreSQL, which has tools for that: pg_dump --format=custom writes a backup, " +
			"pg_restore puts it back, and then nightlatch restore --in-place makes it safe")
	}
	path := databasePath(set)
	if path == sqlstore.Temporary {
		return "", errors.New("the database is in memory: set database_url to keep anything")
	}
	return path, nil
}

// keyHome is where the key comes from, in words.
func keyHome(set *settings.Settings) string {
	if path, ok := keyFilePath(set); ok {
		return path
	}
	if set.Key != "" {
		return "NIGHTLATCH_KEY"
	}
	return "what key_command hands out"
}

// Restoration is what Restore, RestoreFrom and RestoreInPlace need. All must be set but From.
type Restoration struct {
	Settings *settings.Settings
	Drivers
	From string // the backup, for Restore alone
	By   string // who does it, for the trails
	Now  func() time.Time
	Rand io.Reader
}

// Restored is what a restore did.
type Restored struct {
	nightlatch.RestoreReport
	Path   string // of the database
	Before string // where the database before is kept; "" where none was
}

// Restore puts a backup in the place of the SQLite database, brought up to date and made safe: see
// nightlatch.Service.AfterRestore. Until all of that is done, the database stays as it is. Errors say what to do.
func Restore(ctx context.Context, r Restoration) (out Restored, err error) {
	if out.Path, err = backedUp(r.Settings); err != nil {
		return out, err
	}
	if err := os.MkdirAll(filepath.Dir(out.Path), 0o700); err != nil {
		return out, fmt.Errorf("database: %w", err)
	}
	key, err := readKey(ctx, r.Settings, false, r.Now())
	if err != nil {
		return out, err
	}
	out.Before, err = sqlstore.RestoreSQLite(ctx, r.SQLite, r.From, out.Path, r.Now(), func(ctx context.Context, s *sqlstore.Store) (err error) {
		out.RestoreReport, err = r.makeSafe(ctx, s, key)
		return err
	})
	return out, inUse(err, out.Path)
}

// RestoreFrom is Restore of a backup that comes by a stream, for who can keep no file beside the database: it is written there
// first, and removed then.
func RestoreFrom(ctx context.Context, r Restoration, from io.Reader) (out Restored, err error) {
	path, err := backedUp(r.Settings)
	if err != nil {
		return out, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return out, fmt.Errorf("database: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".restore-")
	if err != nil {
		return out, fmt.Errorf("beside the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r.From = filepath.Join(dir, "standard-input")
	f, err := os.OpenFile(r.From, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return out, err
	}
	if err := errors.Join(copyUntil(ctx, f, from), f.Close()); err != nil {
		return out, fmt.Errorf("read the backup: %w", err)
	}
	return Restore(ctx, r)
}

// copyUntil copies a stream until it ends, or ctx: no stream that stalls keeps who stops the program, and its last read is
// left to itself then.
func copyUntil(ctx context.Context, to io.Writer, from io.Reader) error {
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(to, from)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func inUse(err error, path string) error {
	if errors.Is(err, sqlstore.ErrInUse) {
		return fmt.Errorf("another process uses %s: stop the server, and whatever else has it open, first", path)
	}
	return err
}

// RestoreInPlace makes a database safe that other tools have put back: pg_restore, a snapshot of a disk. No server may
// run on it.
func RestoreInPlace(ctx context.Context, r Restoration) (out Restored, err error) {
	if !isPostgreSQL(r.Settings) {
		if out.Path, err = backedUp(r.Settings); err != nil {
			return out, err
		}
		if isNew(out.Path) {
			return out, fmt.Errorf("there is no database at %s", out.Path)
		}
		if err := sqlstore.UsedByOthers(ctx, r.SQLite, out.Path); err != nil {
			return out, inUse(err, out.Path)
		}
	}
	store, key, err := Open(ctx, r.Settings, Opening{Drivers: r.Drivers, Now: r.Now()})
	if err != nil {
		return out, err
	}
	if err = r.unused(ctx, store); err == nil {
		out.RestoreReport, err = r.makeSafe(ctx, store, key)
	}
	return out, errors.Join(err, store.Close())
}

// unused says which servers run on a PostgreSQL: what they remember and do meanwhile would not be over. Of a SQLite database
// the file says so.
func (r Restoration) unused(ctx context.Context, store *sqlstore.Store) error {
	if store.Dialect() != sqlstore.PostgreSQL {
		return nil
	}
	nodes, err := store.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	nodes = slices.DeleteFunc(nodes, func(n sqlstore.Node) bool { return !n.Lives(r.Now()) })
	if len(nodes) > 0 {
		return fmt.Errorf("servers run on the database: %s: stop them first; one that was killed counts for %s more", strings.Join(names(nodes), "; "), sqlstore.NodeLives)
	}
	return nil
}

// makeSafe brings what was restored up to date and uses up what may have been used.
func (r Restoration) makeSafe(ctx context.Context, store *sqlstore.Store, key *nightlatch.KeyRing) (nightlatch.RestoreReport, error) {
	if err := Migrate(ctx, store, r.Now()); err != nil {
		return nightlatch.RestoreReport{}, fmt.Errorf("database: %w", err)
	}
	s, err := New(ctx, Config{Settings: r.Settings, Store: store, Key: key, Now: r.Now, Rand: r.Rand, Look: true})
	if err != nil {
		return nightlatch.RestoreReport{}, err
	}
	defer s.Close()
	return s.Service.AfterRestore(ctx, r.By)
}
