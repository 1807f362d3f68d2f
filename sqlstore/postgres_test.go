package sqlstore_test

import (
	"context"
	"os"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func openURL(t testing.TB, url string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.OpenPostgreSQL(t.Context(), "pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openPostgreSQL opens a store on a database of its own.
func openPostgreSQL(t testing.TB) *sqlstore.Store {
	t.Helper()
	return openURL(t, pgtest.Copy(t, "engine", func(url string) error {
		s, err := sqlstore.OpenPostgreSQL(context.Background(), "pgx", url)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		return s.Migrate(context.Background(), now)
	}))
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) nightlatch.Store { return openPostgreSQL(t) })
}
