package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// The files of data_dir.
const (
	keyFile      = "key"
	databaseFile = "nightlatch.db"
)

// Open makes data_dir where it is missing and opens the database and the key that settings name. driver is the name
// under which the caller has linked a driver for SQLite. A key file is made only together with a new database. The
// caller closes the store. Errors say what to do.
func Open(ctx context.Context, set *settings.Settings, driver string, now time.Time) (*sqlstore.Store, *nightlatch.KeyRing, error) {
	path, err := databasePath(set)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(set.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data_dir: %w", err)
	}
	key, err := readKey(ctx, set, isNew(path), now)
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.OpenSQLite(ctx, driver, path)
	if err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	return store, key, nil
}

// databasePath is the file of a SQLite database.
func databasePath(set *settings.Settings) (string, error) {
	switch name, isSQLite := strings.CutPrefix(set.DatabaseURL, "sqlite:"); {
	case set.DatabaseURL == "":
		return filepath.Join(set.DataDir, databaseFile), nil
	case isSQLite && name == sqlstore.Temporary:
		return name, nil
	case isSQLite:
		return name, nil
	}
	return "", errors.New("database_url: this program keeps its records in SQLite only; leave it empty, or give sqlite:PATH")
}

func isNew(path string) bool {
	if path == sqlstore.Temporary {
		return true
	}
	info, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
}

// readKey reads the key ring from where settings say: NIGHTLATCH_KEY, key_command, key_file, or data_dir/key.
func readKey(ctx context.Context, set *settings.Settings, isNew bool, now time.Time) (*nightlatch.KeyRing, error) {
	switch {
	case set.Key != "":
		return parseKey("NIGHTLATCH_KEY", []byte(set.Key))
	case set.KeyCommand != "":
		return keyFromCommand(ctx, set.KeyCommand)
	}
	path, ours := set.KeyFile, false
	if path == "" {
		path, ours = filepath.Join(set.DataDir, keyFile), true
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	switch {
	case err == nil:
		return parseKey("key file "+path, text)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("key file: %w", err)
	case !ours:
		return nil, fmt.Errorf("key file %s is missing: put it there, or take key_file out of the settings", path)
	case !isNew:
		return nil, fmt.Errorf("key file %s is missing, and the database was sealed with it: put it back from your backup", path)
	}
	return sqlstore.MakeKeyFile(path, rand.Reader, now)
}

func parseKey(from string, text []byte) (*nightlatch.KeyRing, error) {
	ring, err := nightlatch.ParseKeyRing(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return ring, nil
}

// keyFromCommand runs the operator's command, by which a key management service can hand the key out.
func keyFromCommand(ctx context.Context, command string) (*nightlatch.KeyRing, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the operator says what to run
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second // what the shell has started may hold its output open
	text, err := cmd.Output()
	if said := strings.TrimSpace(stderr.String()); err != nil && said != "" {
		return nil, fmt.Errorf("key_command: %w: %.200s", err, said)
	}
	if err != nil {
		return nil, fmt.Errorf("key_command: %w", err)
	}
	return parseKey("the output of key_command", text)
}
