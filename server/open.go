package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// Drivers are the names under which the caller has linked drivers: of modernc.org/sqlite, and of pgx.
type Drivers struct{ SQLite, PostgreSQL string }

// Opening is how Open opens. Drivers must be set.
type Opening struct {
	Drivers
	Wait bool         // for a PostgreSQL that is not up yet, as long as database_wait
	Log  *slog.Logger // default: discards
	Now  time.Time
}

// Open makes data_dir where it is missing and opens the database and the key that settings name. A key file is made only
// together with a new database. The caller closes the store. Errors say what to do, and show no password.
func Open(ctx context.Context, set *settings.Settings, o Opening) (*sqlstore.Store, *nightlatch.KeyRing, error) {
	if isPostgreSQL(set) {
		return openPostgreSQL(ctx, set, o)
	}
	path := databasePath(set)
	if err := os.MkdirAll(set.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data_dir: %w", err)
	}
	key, err := readKey(ctx, set, isNew(path), o.Now)
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.OpenSQLite(ctx, o.SQLite, path)
	if err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	return store, key, nil
}

// databasePath is the file of a SQLite database.
func databasePath(set *settings.Settings) string {
	if set.DatabaseURL == "" {
		return filepath.Join(set.DataDir, databaseFile)
	}
	return strings.TrimPrefix(set.DatabaseURL, "sqlite:")
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
	if err := os.MkdirAll(set.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
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

// MigrateDatabase opens, or makes, what settings name, brings it up to date, and says how many migrations that took. The
// error says so when the database is newer than the program.
func MigrateDatabase(ctx context.Context, set *settings.Settings, o Opening) (applied int, err error) {
	store, key, err := Open(ctx, set, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	before, _ := migrations(ctx, store) // of a new database nothing can be read
	if err := Migrate(ctx, store, o.Now); err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	if err := store.CheckKey(ctx, key, rand.Reader); err != nil {
		return 0, fmt.Errorf("key: %w", err)
	}
	after, err := migrations(ctx, store)
	return after - before, err
}
