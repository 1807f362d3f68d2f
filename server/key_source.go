package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// readKey reads the key ring from where settings say: NIGHTLATCH_KEY, key_command, key_file, or data_dir/key. Only with
// a new database, and only data_dir/key, is one made.
func readKey(ctx context.Context, set *settings.Settings, isNew bool, now time.Time) (*nightlatch.KeyRing, error) {
	switch {
	case set.Key != "":
		return named("NIGHTLATCH_KEY")(nightlatch.ParseKeyLine(set.Key))
	case set.KeyCommand != "":
		return keyFromCommand(ctx, set.KeyCommand, commandWithin)
	}
	path, _ := keyFilePath(set)
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	switch {
	case err == nil:
		return named("key file " + path)(nightlatch.ParseKeyRing(text))
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("key file: %w", err)
	case set.KeyFile != "":
		return nil, fmt.Errorf("key file %s is missing: put it there, or take key_file out of the settings", path)
	case !isNew:
		return nil, fmt.Errorf("key file %s is missing, and the database was sealed with it: put it back from your backup", path)
	}
	if err := os.MkdirAll(set.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return sqlstore.MakeKeyFile(path, rand.Reader, now)
}

// named says in an error where the ring came from.
func named(from string) func(*nightlatch.KeyRing, error) (*nightlatch.KeyRing, error) {
	return func(ring *nightlatch.KeyRing, err error) (*nightlatch.KeyRing, error) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		return ring, nil
	}
}

// keyFilePath is where the key file is, unless the key comes otherwise.
func keyFilePath(set *settings.Settings) (string, bool) {
	switch {
	case set.Key != "" || set.KeyCommand != "":
		return "", false
	case set.KeyFile != "":
		return set.KeyFile, true
	}
	return filepath.Join(set.DataDir, keyFile), true
}

// keyComesFrom is what a person has to change to change the ring.
func keyComesFrom(set *settings.Settings) string {
	switch path, isFile := keyFilePath(set); {
	case isFile:
		return "the key file " + path
	case set.Key != "":
		return "NIGHTLATCH_KEY"
	}
	return "key_command"
}

// NextKey returns the ring that settings name, with one new key more: its FormatNewest is what nightlatch key new prints.
// It writes nothing. Where there is no ring yet the key is number 1; where there is one that cannot be read, why is the
// reason, and the key is number 1, too.
func NextKey(ctx context.Context, set *settings.Settings, c Config) (ring *nightlatch.KeyRing, why error) {
	ring, why = readKey(ctx, set, false, c.Now())
	if why == nil {
		grown, err := ring.Add(c.Rand, c.Now())
		return grown, err
	}
	if path, isFile := keyFilePath(set); isFile && isNew(path) {
		why = nil // it is about to be made
	}
	ring, err := nightlatch.NewKeyRing(c.Rand, c.Now())
	if err != nil {
		return nil, err
	}
	return ring, why
}
