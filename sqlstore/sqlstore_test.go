package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/storetest"
)

var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	return s
}

func openNew(t testing.TB) *sqlstore.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "nightlatch.db"))
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) nightlatch.Store { return openNew(t) })
}

func TestDurable(t *testing.T) {
	t.Parallel()
	storetest.Durable(t, func(t *testing.T, dir string) nightlatch.Store {
		return open(t, filepath.Join(dir, "nightlatch.db"))
	})
}
