package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nightlatch/nightlatch"
)

// The files of a Dir.
const (
	dirDatabase = "nightlatch.db"
	dirKey      = "key"
)

// Dir is a SQLite database and the key that opens what it holds, in one directory. It is a nightlatch.Store.
type Dir struct {
	*Store
	Key *nightlatch.KeyRing
}

// OpenDir opens the directory with a driver that the caller has linked, and brings the database up to date. Where there
// is nothing yet it makes all: the directory (mode 0700), the database, a key (both 0600). random is
// crypto/rand.Reader. Store.Close closes it.
//
// A key that lies beside its database protects a copy of the database alone. To keep it elsewhere, read it from there
// with nightlatch.ParseKeyRing, and use OpenSQLite, Migrate and CheckKey, which OpenDir calls.
//
// It fails, and changes nothing, where the database is there and its key is missing or another's, or where the
// database is newer than the program; else with what the file system or the driver says.
func OpenDir(ctx context.Context, driver, dir string, random io.Reader, now time.Time) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	path := filepath.Join(dir, dirDatabase)
	key, err := openKey(filepath.Join(dir, dirKey), path, random, now)
	if err != nil {
		return nil, err
	}
	s, err := OpenSQLite(ctx, driver, path)
	if err != nil {
		return nil, err
	}
	err = s.Migrate(ctx, now)
	if err == nil {
		err = s.CheckKey(ctx, key, random)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Dir{s, key}, nil
}

// openKey reads the key of a database. It makes one only where there is no database yet.
func openKey(path, database string, random io.Reader, now time.Time) (*nightlatch.KeyRing, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the directory
	switch {
	case err == nil:
		return parseKeyFile(path, text)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("sqlstore: key file: %w", err)
	}
	if info, err := os.Stat(database); err == nil && info.Size() > 0 {
		return nil, fmt.Errorf("sqlstore: key file %s is missing, and the database was sealed with it: put it back from your backup", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	key, err := MakeKeyFile(path, random, now)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	return key, nil
}

func parseKeyFile(path string, text []byte) (*nightlatch.KeyRing, error) {
	ring, err := nightlatch.ParseKeyRing(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return ring, nil
}

// MakeKeyFile writes a new key ring (mode 0600) and returns it. Where the file is there already, or another process was
// faster, it writes nothing and reads that one. The file is whole and on the disk when MakeKeyFile returns. Its errors
// are the file system's, and those of nightlatch.ParseKeyRing.
func MakeKeyFile(path string, random io.Reader, now time.Time) (*nightlatch.KeyRing, error) {
	ring, err := nightlatch.NewKeyRing(random, now)
	if err != nil {
		return nil, err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer func() {
		_ = os.Remove(part.Name())
		syncDir(filepath.Dir(path))
	}()
	_, err = part.Write(ring.Format())
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	// A link fails where the file is there already; a rename would replace it.
	if err := os.Link(part.Name(), path); err == nil {
		return ring, nil
	} else if !errors.Is(err, fs.ErrExist) {
		if err := writeNew(path, ring.Format()); err == nil {
			return ring, nil
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("key file: %w", err)
		}
	}
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return parseKeyFile(path, text)
}

// writeNew is for file systems without links.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller names the file
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		err = errors.Join(err, os.Remove(path)) // half a key would be taken for a whole one
	}
	return err
}

// syncDir makes the name of a new file last, where the system can: a database must not outlive its key.
func syncDir(path string) {
	if d, err := os.Open(path); err == nil { //nolint:gosec // the caller names the directory
		_ = d.Sync()
		_ = d.Close()
	}
}
