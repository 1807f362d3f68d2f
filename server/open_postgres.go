package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

func isPostgreSQL(set *settings.Settings) bool {
	return strings.HasPrefix(set.DatabaseURL, "postgres:") || strings.HasPrefix(set.DatabaseURL, "postgresql:")
}

// openPostgreSQL connects, and reads the key after that: where the key is a file of ours, whether it may be made is for the
// database to say.
func openPostgreSQL(ctx context.Context, set *settings.Settings, o Opening) (*sqlstore.Store, *nightlatch.KeyRing, error) {
	store, err := connect(ctx, set, o)
	if err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	// What data_dir is needed for, if anything, is found when it is missing.
	_ = os.MkdirAll(set.DataDir, 0o700)
	sealed, err := store.IsSealed(ctx)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("database: %w", err), store.Close())
	}
	key, err := readKey(ctx, set, !sealed, o.Now)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	if !sealed {
		o.sayNew("PostgreSQL")
	}
	return store, key, nil
}

// connectEvery is how often a database that is not up yet is asked.
const connectEvery = 500 * time.Millisecond

// connect waits for a database that is not up yet, and says so once.
func connect(ctx context.Context, set *settings.Settings, o Opening) (*sqlstore.Store, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	said := false
	for end := time.Now().Add(set.DatabaseWait); ; {
		store, err := sqlstore.OpenPostgreSQL(ctx, o.PostgreSQL, set.DatabaseURL)
		if err == nil || !sqlstore.IsUnreached(err) || ctx.Err() != nil {
			return store, err
		}
		left := time.Until(end)
		switch {
		case !o.Wait || set.DatabaseWait == 0:
			return nil, fmt.Errorf("it does not answer; start it, or set right database_url: %w", err)
		case left <= 0:
			return nil, fmt.Errorf("it does not answer, after database_wait = %s; start it, or set right database_url: %w", set.DatabaseWait, err)
		case !said:
			said = true
			log.Warn("waiting for the database", "database_wait", set.DatabaseWait, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(connectEvery, left)):
		}
	}
}

// unsafe says why what a PostgreSQL has committed may be lost with the power, or "".
func unsafe(ctx context.Context, store *sqlstore.Store) string {
	if store.Dialect() != sqlstore.PostgreSQL {
		return ""
	}
	for _, name := range []string{"synchronous_commit", "fsync", "full_page_writes"} {
		var value string
		err := store.Read(ctx, func(q sqlstore.Querier) error {
			return q.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value)
		})
		switch {
		case err != nil:
			return err.Error()
		case value == "off":
			return name + " is off: with the power what was committed last is lost, and codes that were used are good again; set it to on"
		}
	}
	return ""
}
