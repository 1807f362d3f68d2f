package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestNameClaimed: who has looked whether a name is free is the only one to look until the name is written: else one that
// was given and removed meanwhile would be given once more.
func TestNameClaimed(t *testing.T) {
	t.Parallel()
	p := newPostgreSQLSite(t)
	s := p.mustStart()
	looked, goOn := make(chan struct{}), make(chan struct{})
	var first, second error
	var all sync.WaitGroup
	all.Go(func() {
		first = s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
			q, _ := sqlstore.Conn(ctx)
			taken, err := claim(ctx, q, Account{ID: "x", Username: "anna"}, p.clock.now())
			if err != nil || len(taken) > 0 {
				return fmt.Errorf("%v %w", taken, err)
			}
			close(looked)
			<-goOn
			return nil
		})
	})
	<-looked
	all.Go(func() {
		_, second = s.Add(t.Context(), Account{Username: "ANNA"}, secret, "test", nightlatch.Client{})
	})
	eventually(t, "the other waits", func() bool {
		n := 0
		err := s.store.Read(t.Context(), func(q sqlstore.Querier) error {
			return q.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n)
		})
		return err == nil && n == 1
	})
	close(goOn)
	all.Wait()
	if err := errors.Join(first, second); err != nil {
		t.Fatal(err)
	}
}

// TestRestoreInPlaceBesideServers: what a server does meanwhile would not be made safe.
func TestRestoreInPlaceBesideServers(t *testing.T) {
	t.Parallel()
	p := newPostgreSQLSite(t)
	s := p.maintained()
	add(t, s, Account{Username: "anna"})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	if _, err := RestoreInPlace(t.Context(), p.restoration("")); err == nil || !strings.Contains(err.Error(), "stop them first") ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("while a server runs: %v", err)
	}
	c.want(200, "GET", "/session", nil)
	p.clock.move(sqlstore.NodeLives) // it was killed
	if done, err := RestoreInPlace(t.Context(), p.restoration("")); err != nil || done.Users != 1 || done.Sessions != 1 {
		t.Errorf("%+v %v", done, err)
	}
}

// TestReadyOfAnEmptyDatabase: one that answers and was emptied is not said to be silent.
func TestReadyOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	s := newPostgreSQLSite(t).mustStart()
	mustDo(t, s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		return write(ctx, `DROP TABLE nightlatch_migrations`)
	}))
	if w := get(t, s, "/readyz", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"reason":"schema"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
