package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
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
	made := isNew(path)
	key, err := readKey(ctx, set, made, o.Now)
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.OpenSQLite(ctx, o.SQLite, path)
	if err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	if made {
		o.sayNew(path)
	}
	return store, key, nil
}

// sayNew tells whoever meant a database that is there already, and named another or lost its disk.
func (o Opening) sayNew(what string) {
	if o.Log != nil {
		o.Log.Info("the database is new: nobody has an account in it", "database", what)
	}
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
	if _, _, err := store.UseKey(ctx, key, rand.Reader, o.Now); err != nil {
		return 0, fmt.Errorf("key: %w", err)
	}
	after, err := migrations(ctx, store)
	return after - before, err
}
