package torture

import (
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch/internal/pgtest"
)

var (
	killsFlag = flag.Int("kills", 20, "how many kills each database gets")
	seedFlag  = flag.Uint64("seed", 0, "the seed of all choices; 0 takes one by the time")
)

// long is a run in which a rotation of keys may wait, at the end, until nodes that were killed count no more.
const long = 50

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func seed(t *testing.T) uint64 {
	t.Helper()
	n := *seedFlag
	if n == 0 {
		n = uint64(time.Now().UnixNano()) & 0xffffff //nolint:gosec // any number will do
	}
	t.Logf("-seed %d", n)
	return n
}

// ofNode is a node that is killed.
func ofNode(n *node, share int) victim {
	return victim{n.name, share, func(*rand.Rand) error { return n.kill() }, n.start}
}

// TestTortureSQLite kills one node on a SQLite database.
func TestTortureSQLite(t *testing.T) {
	w := newWorld(t, seed(t), "", build(t))
	defer w.report()
	w.torture(*killsFlag, []victim{ofNode(w.nodes[0], 5), w.newRotation(1)})
	if w.failed() {
		return
	}
	if *killsFlag >= long {
		w.rotatesAtLast()
	}
	w.audit(t.Context())
	w.trails(t.Context())
	for _, n := range w.nodes {
		if err := n.stop(); err != nil {
			w.fault(err)
		}
	}
	if err := soundSQLite(filepath.Join(w.dir, "nightlatch-data", "nightlatch.db")); err != nil {
		w.fault(err)
	}
	w.enough("kill of node 1", "sign-in by", "proof by", "one code at once by", "enrollment of", "rename", "new recovery codes")
}

// TestTorturePostgreSQL kills two nodes on one PostgreSQL, each by itself and both at once, and the PostgreSQL.
func TestTorturePostgreSQL(t *testing.T) {
	// Here a commit must survive the end of the process. The end of the machine is not tried, so fsync may be off.
	cluster := pgtest.New(t, "synchronous_commit=on", "full_page_writes=on")
	program := build(t)
	w := newWorld(t, seed(t), cluster.URL("postgres"), program, program)
	defer w.report()
	both := victim{
		"both nodes", 1,
		func(*rand.Rand) error { return firstOf(w.nodes[0].kill(), w.nodes[1].kill()) },
		func() error { return firstOf(w.nodes[0].start(), w.nodes[1].start()) },
	}
	database := victim{
		"the database", 5,
		func(random *rand.Rand) error {
			if random.IntN(3) == 0 {
				return cluster.Stop()
			}
			return cluster.Kill()
		},
		func() error { return comeBack(cluster) },
	}
	w.torture(*killsFlag, []victim{ofNode(w.nodes[0], 2), ofNode(w.nodes[1], 2), both, database, w.newRotation(1)})
	if w.failed() {
		return
	}
	if *killsFlag >= long {
		w.rotatesAtLast()
	}
	w.audit(t.Context())
	w.trails(t.Context())
	for _, n := range w.nodes {
		if err := n.stop(); err != nil {
			w.fault(err)
		}
	}
	if err := soundPostgreSQL(t, cluster.URL("postgres")); err != nil {
		w.fault(err)
	}
	w.enough("kill of the database", "sign-in by", "proof by", "one code at once by", "enrollment of", "rename", "new recovery codes")
}

// comeBack starts the database. Processes of the one that was killed may still be about to end, which forbid it.
func comeBack(c *pgtest.Cluster) (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = c.Start(); err == nil {
			return nil
		}
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// enough demands that something of each of some sorts was seen, or the test shows nothing.
func (w *world) enough(sorts ...string) {
	for _, thing := range sorts {
		seen := false
		for what := range w.done {
			seen = seen || strings.HasPrefix(what, thing)
		}
		if !seen {
			w.fault(fmt.Errorf("there was no %q: this run shows nothing", thing))
		}
	}
}

// soundSQLite asks SQLite whether the file is whole.
func soundSQLite(path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" { //nolint:noctx // of a test
		return fmt.Errorf("integrity_check of %s: %q, %w", path, said, err)
	}
	return nil
}

// soundPostgreSQL reads all tables, and holds each index against its table.
func soundPostgreSQL(t *testing.T, url string) error {
	t.Helper()
	if pgtest.Dump(t, url) == "" {
		return fmt.Errorf("the database is empty")
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "CREATE EXTENSION IF NOT EXISTS amcheck"); err != nil {
		t.Logf("the indexes are not checked: %v", err)
		return nil
	}
	_, err = db.ExecContext(t.Context(), `SELECT bt_index_check(index => c.oid, heapallindexed => true)
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.amname = 'btree' AND n.nspname = 'public'`)
	if err != nil {
		return fmt.Errorf("amcheck: %w", err)
	}
	return nil
}
