package sqlstore_test

import (
	"sync"
	"testing"
	"testing/fstest"

	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestLongMigration: the limits of statements and locks are those of people's requests. A migration takes as long as it takes,
// and so does who waits for it; and they hold again after it.
func TestLongMigration(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t) + "&statement_timeout=400ms&lock_timeout=200ms"
	long := sqlstore.Migrations{Name: "long", Files: fstest.MapFS{"0001_long.sql": {Data: []byte("CREATE TABLE long (n BIGINT); SELECT pg_sleep(1)")}}}
	stores := []*sqlstore.Store{openURL(t, url), openURL(t, url)}
	var all sync.WaitGroup
	for _, s := range stores {
		all.Go(func() {
			if err := s.Migrate(t.Context(), now, long); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, s := range stores {
		err := s.Read(t.Context(), func(q sqlstore.Querier) error {
			_, err := q.ExecContext(t.Context(), "SELECT pg_sleep(2)")
			return err
		})
		if err == nil {
			t.Error("a statement may take as long as it takes")
		}
	}
}
