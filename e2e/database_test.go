package e2e

import (
	"slices"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/nightlatch/nightlatch/internal/pgtest"
)

// databases are those of PostgreSQL that stand for the files of data directories.
var databases struct {
	mu    sync.Mutex
	byDir map[string]string
}

// databaseOf is the setting of the database that belongs to the data directory of a command, where the environment asks for
// PostgreSQL. It lives as long as the test that names the directory first.
func databaseOf(t *testing.T, args []string) []string {
	t.Helper()
	i := slices.Index(args, "--data-dir") + 1
	if !pgtest.Chosen() || i == 0 || i == len(args) {
		return nil
	}
	databases.mu.Lock()
	defer databases.mu.Unlock()
	url, ok := databases.byDir[args[i]]
	if !ok {
		url = pgtest.Database(t)
		if databases.byDir == nil {
			databases.byDir = map[string]string{}
		}
		databases.byDir[args[i]] = url
	}
	return []string{"DATABASE_URL=" + url}
}
