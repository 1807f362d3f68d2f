package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// openDatabase opens what is there, and makes nothing.
func (d *doctor) openDatabase(ctx context.Context) *sqlstore.Store {
	if isPostgreSQL(d.Settings) {
		store, err := connect(ctx, d.Settings, Opening{Drivers: d.Drivers})
		if err != nil {
			d.fault("database", "%v", err)
		}
		return store
	}
	path := databasePath(d.Settings)
	info, err := os.Stat(path)
	switch {
	case path == sqlstore.Temporary:
		d.warn("database", "it is in memory: everything is lost when the server stops; set database_url")
		return nil
	case errors.Is(err, fs.ErrNotExist):
		d.warn("database", "there is none yet at %s; nightlatch serve makes it, and the key", path)
		return nil
	case err != nil:
		d.fault("database", "%v; let the user that runs nightlatch own data_dir", err)
		return nil
	case open(info):
		d.warn("database", "others on this machine can read %s (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	store, err := sqlstore.OpenSQLite(ctx, d.SQLite, path)
	if err != nil {
		d.fault("database", "it cannot be opened: %v; put a backup back with nightlatch restore", err)
		return nil
	}
	return store
}

// database looks at what is kept, as far as each finding lets it go on.
func (d *doctor) database(ctx context.Context, store *sqlstore.Store) {
	if why := damage(ctx, store); why != "" {
		d.fault("database", "it is damaged: %s; stop the server, keep a copy of the files, and put a backup back", why)
		return
	}
	if !d.migrated(ctx, store) {
		return
	}
	if err := writable(ctx, store); err != nil {
		d.fault("database", "it cannot be written: %v; look at the disk's space and at who owns it", err)
	} else if why := unsafe(ctx, store); why != "" {
		d.fault("database", "%s", why)
	} else {
		d.fine("database", "it is whole, up to date and can be written")
	}
	key, err := readKey(ctx, d.Settings, false, d.Now())
	switch {
	case err != nil && d.Settings.KeyCommand != "":
		d.fault("key", "%v; run the command as the user who runs nightlatch, and look at what it says and prints", err)
		return
	case err != nil:
		d.fault("key", "%v", err)
		return
	}
	if d.badRules {
		return
	}
	s, err := New(ctx, Config{Settings: d.Settings, Store: store, Key: key, Now: d.Now, Rand: d.Rand, Look: true})
	if err != nil {
		d.fault("key", "%v; put back the key that belongs to this database", err)
		return
	}
	d.keys(ctx, s)
	d.policy(ctx, s)
	d.cutOff(ctx, s)
	s.Close()
}

// migrated says whether the database is up to date; what to do where it is not is a finding.
func (d *doctor) migrated(ctx context.Context, store *sqlstore.Store) bool {
	own, err := ownMigrations(store)
	missing := 0
	if err == nil {
		missing, err = store.Missing(ctx, own)
	}
	switch {
	case sqlstore.IsUnmigrated(err):
		back := "pg_restore"
		if store.Dialect() == sqlstore.SQLite {
			back = "nightlatch restore"
		}
		d.warn("database", "it has no tables: it is new, or somebody has emptied it; nightlatch serve makes them, and a backup is put back by %s", back)
	case err != nil:
		d.fault("database", "%v", err)
	case missing > 0:
		d.fault("database", "%d migrations are missing: run nightlatch serve of this version, which applies them", missing)
	default:
		return true
	}
	return false
}

// damage is what SQLite finds wrong with the file, or "".
func damage(ctx context.Context, store *sqlstore.Store) (why string) {
	if store.Dialect() != sqlstore.SQLite {
		return "" // PostgreSQL says so where it meets damage
	}
	err := store.Read(ctx, func(q sqlstore.Querier) error {
		return q.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&why)
	})
	if err != nil {
		return err.Error()
	}
	if why == "ok" {
		return ""
	}
	return why
}

// writable writes something and removes it, and commits that: before the commit a full disk is not met.
func writable(ctx context.Context, store *sqlstore.Store) error {
	return store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		probe := nightlatch.ThrottleRecord{Subject: "doctor:" + rand.Text()}
		if err := tx.Put(ctx, probe); err != nil {
			return err
		}
		probe.Revision++
		return tx.Delete(ctx, probe)
	})
}
