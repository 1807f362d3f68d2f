package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	_ "modernc.org/sqlite"
)

var now = time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)

func files(texts ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i, text := range texts {
		out[fmt.Sprintf("%04d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// inWAL makes a database file that is in WAL already: to turn one is refused at once while another does, and who
// opens a database sees to that.
func inWAL(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := open(t, path).PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func up(t testing.TB, db *sql.DB, sets ...Set) error {
	t.Helper()
	return Up(t.Context(), db, SQLite, now, sets...)
}

func count(t testing.TB, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	one   = "CREATE TABLE a (x TEXT) STRICT; INSERT INTO a VALUES ('$1');"
	two   = "CREATE TABLE b (x TEXT) STRICT;\nINSERT INTO a VALUES ('two');\n"
	three = "INSERT INTO a VALUES ('three'); INSERT INTO nowhere VALUES (1);"
)

func TestUp(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "db"))
	for i, set := range []fstest.MapFS{files(one), files(one), files(one, two), files(one, two)} {
		if err := up(t, db, Set{"engine", set}); err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
	}
	if n := count(t, db, "SELECT count(*) FROM a"); n != 2 {
		t.Errorf("%d rows: something was applied twice or not at all", n)
	}
	var name, sum, at string
	err := db.QueryRowContext(t.Context(), "SELECT name, sha256, applied_at FROM nightlatch_migrations WHERE version = 2").Scan(&name, &sum, &at)
	if err != nil || name != "0002_step.sql" || len(sum) != 64 || at != "2026-11-22T01:02:03Z" {
		t.Errorf("noted %q %q %q, %v", name, sum, at, err)
	}
}

func TestSetsAreApart(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "db"))
	engine, server := Set{"engine", files(one)}, Set{"server", files("CREATE TABLE c (x TEXT) STRICT")}
	if err := up(t, db, engine, server); err != nil {
		t.Fatal(err)
	}
	if err := up(t, db, engine); err != nil { // who knows only one is not disturbed by the other
		t.Fatal(err)
	}
	engine.Files = files(one, two)
	if err := up(t, db, engine, server); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count(*) FROM nightlatch_migrations"); n != 3 {
		t.Errorf("%d migrations", n)
	}
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "db"))
	if err := up(t, db, Set{"engine", files(one, two)}); err != nil {
		t.Fatal(err)
	}
	err := up(t, db, Set{"engine", files(one)})
	newer := (*NewerError)(nil)
	if !errors.As(err, &newer) || *newer != (NewerError{"engine", 2, 1}) ||
		!strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "up to 1") {
		t.Errorf("%v", err)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "db"))
	if err := up(t, db, Set{"engine", files(one, two)}); err != nil {
		t.Fatal(err)
	}
	if err := up(t, db, Set{"engine", files(one, strings.ReplaceAll(two, "\n", "\r\n"))}); err != nil {
		t.Errorf("other line breaks: %v", err)
	}
	err := up(t, db, Set{"engine", files(one+" ", two, "CREATE TABLE d (x TEXT)")})
	changed := (*ChangedError)(nil)
	if !errors.As(err, &changed) || changed.Version != 1 || !strings.Contains(err.Error(), "0001_step.sql") {
		t.Errorf("%v", err)
	}
	if n := count(t, db, "SELECT count(*) FROM sqlite_schema WHERE name = 'd'"); n != 0 {
		t.Error("went on after the fault")
	}
	// A row that somebody took away is no reason to apply the migration again.
	if _, err := db.ExecContext(t.Context(), "DELETE FROM nightlatch_migrations WHERE version = 1"); err != nil {
		t.Fatal(err)
	}
	if err := up(t, db, Set{"engine", files(one, two)}); !errors.As(err, &changed) {
		t.Errorf("a gap in the database: %v", err)
	}
}

func TestFilesAreWrong(t *testing.T) {
	t.Parallel()
	file := func(names ...string) fstest.MapFS {
		out := fstest.MapFS{}
		for _, n := range names {
			out[n] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		return out
	}
	for name, c := range map[string]struct {
		set  Set
		want string
	}{
		"gap":      {Set{"e", file("0001_a.sql", "0003_c.sql")}, "0003_c.sql"},
		"from 2":   {Set{"e", file("0002_a.sql")}, "number 0001"},
		"doubled":  {Set{"e", file("0001_a.sql", "0001_b.sql")}, "0001_b.sql"},
		"name":     {Set{"e", file("1_a.sql")}, "1_a.sql"},
		"other":    {Set{"e", file("0001_a.sql", "readme.md")}, "readme.md"},
		"set name": {Set{"", file("0001_a.sql")}, "no name"},
	} {
		db := open(t, filepath.Join(t.TempDir(), "db"))
		if err := up(t, db, c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHalfAppliedIsUndone(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "db"))
	db.SetMaxOpenConns(1) // the connection that failed is the next one's
	if err := up(t, db, Set{"engine", files(one)}); err != nil {
		t.Fatal(err)
	}
	err := up(t, db, Set{"engine", files(one, two, three)})
	if err == nil || !strings.Contains(err.Error(), "0003_step.sql") {
		t.Fatalf("%v", err)
	}
	if n := count(t, db, "SELECT count(*) FROM a"); n != 1 {
		t.Errorf("%d rows stayed", n)
	}
	if err := up(t, db, Set{"engine", files(one, two)}); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}

func TestContextIsOver(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "db"))
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Up(ctx, db, SQLite, now, Set{"engine", files(one)}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := up(t, db, Set{"engine", files(one)}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	if err := up(t, open(t, path), Set{"engine", files(one)}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := up(t, db, Set{"engine", files(one, two)}); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("%v", err)
	}
}

func TestManyGoroutinesAtOnce(t *testing.T) {
	t.Parallel()
	path := inWAL(t)
	var all sync.WaitGroup
	for range 8 {
		db := open(t, path)
		all.Go(func() {
			if err := up(t, db, Set{"engine", files(one, two)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := count(t, open(t, path), "SELECT count(*) FROM a"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

const childPath = "NIGHTLATCH_TEST_MIGRATE"

func TestManyProcessesAtOnce(t *testing.T) {
	if path := os.Getenv(childPath); path != "" {
		if err := up(t, open(t, path), Set{"engine", files(one, two)}); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Parallel()
	path := inWAL(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestManyProcessesAtOnce$", "-test.count=1")
			cmd.Env = append(os.Environ(), childPath+"="+path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	if n := count(t, open(t, path), "SELECT count(*) FROM a"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestPostgreSQLTexts(t *testing.T) {
	t.Parallel()
	if got := PostgreSQL.placeholders("$1, $2"); got != "$1, $2" {
		t.Error(got)
	}
	if got := PostgreSQL.begin(); got[0] != "BEGIN" || !slices.Contains(got, "SELECT pg_advisory_xact_lock(7956003915054211444)") {
		t.Error(got)
	}
}
