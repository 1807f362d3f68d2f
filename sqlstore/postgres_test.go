package sqlstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

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

// migratedURL is that of a database that is up to date.
func migratedURL(t testing.TB) string {
	t.Helper()
	return pgtest.Copy(t, "engine", func(url string) error {
		s, err := sqlstore.OpenPostgreSQL(context.Background(), "pgx", url)
		if err != nil {
			return err
		}
		return errors.Join(s.Migrate(context.Background(), now), s.Close())
	})
}

// openPostgreSQL opens a store on a database of its own.
func openPostgreSQL(t testing.TB) *sqlstore.Store {
	t.Helper()
	return openURL(t, migratedURL(t))
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) nightlatch.Store { return openPostgreSQL(t) })
}

// TestPostgreSQLDurable: the child has the database of its parent.
func TestPostgreSQLDurable(t *testing.T) {
	const database = "SQLSTORE_TEST_DURABLE"
	if os.Getenv(database) == "" {
		t.Setenv(database, migratedURL(t))
	}
	storetest.Durable(t, func(t *testing.T, _ string) nightlatch.Store { return openURL(t, os.Getenv(database)) })
}

func TestPostgreSQLSettings(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	settings := func(q sqlstore.Querier) string {
		var out []string
		for _, name := range []string{
			"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name", "transaction_isolation", "transaction_read_only",
		} {
			var value string
			if err := q.QueryRowContext(t.Context(), "SHOW "+name).Scan(&value); err != nil {
				t.Fatal(err)
			}
			out = append(out, value)
		}
		return strings.Join(out, ", ")
	}
	if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		if got := settings(conn(ctx, t)); got != "10s, 8s, 30s, nightlatch, read committed, off" {
			t.Errorf("who writes has %s", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Read(t.Context(), func(q sqlstore.Querier) error {
		if got := settings(q); got != "10s, 8s, 30s, nightlatch, repeatable read, on" {
			t.Errorf("who reads has %s", got)
		}
		_, err := q.ExecContext(t.Context(), "UPDATE nl_meta SET epoch = 0")
		return err
	}); err == nil {
		t.Error("a View has written")
	}
}

func TestPostgreSQLDSN(t *testing.T) {
	t.Parallel()
	ours := "application_name=nightlatch&connect_timeout=5&idle_in_transaction_session_timeout=30s&lock_timeout=8s"
	for text, want := range map[string]string{
		"postgres://u:p%40@db:5433/app":                                         "postgres://u:p%40@db:5433/app?" + ours + "&statement_timeout=10s",
		"postgresql://db/app?sslmode=verify-full":                               "postgresql://db/app?" + ours + "&sslmode=verify-full&statement_timeout=10s",
		"postgres://db/app?statement_timeout=1min&pool_max_conns=40":            "postgres://db/app?" + ours + "&statement_timeout=1min",
		"postgres://db/app?statement_timeout=":                                  "postgres://db/app?" + ours,
		"postgres:///app?host=/run/pg&pool_max_conn_idle_time=1m":               "postgres:///app?" + strings.Replace(ours, "&idle", "&host=%2Frun%2Fpg&idle", 1) + "&statement_timeout=10s",
		"mysql://u:hush@db/app":                                                 "error: URL",
		"postgres://u:hu/sh@db/app":                                             "error: URL",
		"postgres://u:hush@db:port/app":                                         "error: URL",
		"postgres://u:hush@db/app?%zz":                                          "error: URL",
		"host=db password=hush":                                                 "error: URL",
		"postgres://u:hush@db/app?pool_max_conns=1":                             "error: from 2 to 1000",
		"postgres://u:hush@db/app?pool_max_conns=many":                          "error: from 2 to 1000",
		"postgres://u:hush@db/app?pool_max_conn_lifetime=10":                    "error: pool_max_conn_lifetime",
		"postgres://u:hush@db/app?pool_min_conns=4":                             `error: "pool_min_conns" is no setting of the pool`,
		"postgres://db/app?pool_max_conns=2&pool_max_conns=&application_name=x": "postgres://db/app?" + strings.Replace(ours, "nightlatch", "x", 1) + "&statement_timeout=10s",
	} {
		dsn, _, err := sqlstore.PostgreSQLDSN(text)
		if part, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hu") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil || dsn != want {
			t.Errorf("%s:\n%s, want\n%s, %v", text, dsn, want, err)
		}
	}
	_, pool, err := sqlstore.PostgreSQLDSN("postgres://db/app?pool_max_conns=40&pool_max_conn_idle_time=1m&pool_max_conn_lifetime=2h")
	if want := (sqlstore.PostgreSQLPool{MaxConns: 40, MaxConnIdleTime: time.Minute, MaxConnLifetime: 2 * time.Hour}); err != nil || pool != want {
		t.Errorf("%+v, %v", pool, err)
	}
	if _, pool, _ := sqlstore.PostgreSQLDSN("postgres://db/app"); pool.MaxConns < 8 || pool.MaxConnIdleTime == 0 || pool.MaxConnLifetime == 0 {
		t.Errorf("by default %+v", pool)
	}
}

func TestCannotOpenPostgreSQL(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	_, name, _ := strings.Cut(strings.SplitN(url, "?", 2)[0], "postgres:///")
	for text, c := range map[string]struct {
		want      string
		unreached bool
	}{
		"postgres://u:hush@127.0.0.1:1/app?connect_timeout=2": {"127.0.0.1:1", true},
		"postgres:///app?host=/nowhere":                       {"/nowhere", true},
		strings.Replace(url, name, "none", 1):                 {"none", false},
		url + "&work_mem=hush":                                {"work_mem", false},
		"postgres://u:hush@db:port/app":                       {"URL", false},
	} {
		s, err := sqlstore.OpenPostgreSQL(t.Context(), "pgx", text)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || sqlstore.IsUnreached(err) != c.unreached || strings.Contains(err.Error(), ":hush") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := sqlstore.OpenPostgreSQL(t.Context(), "no such driver", url); err == nil {
		t.Error("opened without a driver")
	}
}

// TestMigrateAtOnce: many nodes that start on nothing at once all find it up to date, and all agree on the key.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	first := openURL(t, url)
	own := sqlstore.Migrations{Name: "own", Files: fstest.MapFS{"0001_own.sql": {Data: []byte("CREATE TABLE own (n BIGINT); CREATE TABLE more (n BIGINT)")}}}
	if nodes, err := first.Nodes(t.Context()); err != nil || len(nodes) > 0 {
		t.Errorf("nodes of one without tables: %v, %v", nodes, err)
	}
	if sealed, err := first.IsSealed(t.Context()); sealed || err != nil {
		t.Errorf("an empty database is sealed: %v, %v", sealed, err)
	}
	if _, err := first.Missing(t.Context()); err == nil {
		t.Error("an empty database is one of ours")
	}
	var all sync.WaitGroup
	var lock sync.Mutex
	agreed := 0
	var migrated sync.WaitGroup
	migrated.Add(8)
	for range 8 {
		all.Go(func() {
			s, err := sqlstore.OpenPostgreSQL(t.Context(), "pgx", url)
			if err == nil {
				defer s.Close()
				err = s.Migrate(t.Context(), now, own)
			}
			migrated.Done()
			migrated.Wait()
			if err != nil {
				t.Error(err)
				return
			}
			ring, err := nightlatch.NewKeyRing(rand.Reader, now)
			if err != nil {
				t.Error(err)
				return
			}
			if s.CheckKey(t.Context(), ring, slowly{}) == nil {
				lock.Lock()
				agreed++
				lock.Unlock()
			}
		})
	}
	all.Wait()
	if agreed != 1 {
		t.Errorf("%d keys are that of the database", agreed)
	}
	if sealed, err := first.IsSealed(t.Context()); !sealed || err != nil {
		t.Errorf("sealed: %v, %v", sealed, err)
	}
	if n, err := first.Missing(t.Context(), own); n != 0 || err != nil {
		t.Errorf("%d are missing, %v", n, err)
	}
	if err := first.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		_, err := conn(ctx, t).ExecContext(ctx, `INSERT INTO nightlatch_migrations VALUES ('engine', 99, 'x', 'x', 'x')`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := first.Migrate(t.Context(), now); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("a newer database: %v", err)
	}
}

// slowly is randomness that takes its time, so that others look meanwhile.
type slowly struct{}

func (slowly) Read(p []byte) (int, error) {
	time.Sleep(30 * time.Millisecond)
	return rand.Read(p)
}

// TestReadWithinView: who reads within what he reads takes no second connection, however many do so.
func TestReadWithinView(t *testing.T) {
	t.Parallel()
	s := openURL(t, migratedURL(t)+"&pool_max_conns=2")
	var inside, all sync.WaitGroup
	const many = 2
	inside.Add(many)
	for range many {
		all.Go(func() {
			if err := s.View(t.Context(), func(r nightlatch.Reader) error {
				inside.Done()
				inside.Wait() // all connections are taken
				ctx := r.(interface {
					Within(ctx context.Context) context.Context
				}).Within(t.Context())
				return errors.Join(
					s.Read(ctx, func(q sqlstore.Querier) error {
						var n int
						return q.QueryRowContext(ctx, "SELECT count(*) FROM nl_users").Scan(&n)
					}),
					s.View(ctx, func(r nightlatch.Reader) error { _, err := r.Epoch(ctx); return err }))
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestWhatNoTextHolds: PostgreSQL keeps no zero byte and nothing but UTF-8; nobody has such a name.
func TestWhatNoTextHolds(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	for _, name := range []string{"a\x00b", "\xff", "a\xc3"} {
		if isThere(t, s, name) {
			t.Errorf("%q is there", name)
		}
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, name) }); !isFault(err) {
			t.Errorf("%q was put: %v", name, err)
		}
	}
}
