package scale

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// house is a server on a database of one size.
type house struct {
	what   string // the database
	url    string // of it
	size   int
	store  *sqlstore.Store
	server *server.Server
	h      http.Handler
	clock  *clock
	next   int // the account that nobody has signed in to yet
	admin  string
	key    *nightlatch.KeyRing
}

// clock is a time that the measurement moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// databases are how a house of either database is opened: each returns its URL.
var databases = map[string]func(t *testing.T) string{
	"sqlite":   func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "nightlatch.db") },
	"postgres": postgres,
}

// postgres is a cluster of its own that loses nothing, as one in use is.
func postgres(t *testing.T) string {
	t.Helper()
	return pgtest.New(t, "fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=on", "shared_buffers=256MB").URL("postgres")
}

// newHouse opens an empty database.
func newHouse(t *testing.T, what string) *house {
	t.Helper()
	url := databases[what](t)
	set, err := settings.Load(settings.Sources{Dir: t.TempDir(), Env: []string{
		"NIGHTLATCH_DATABASE_URL=" + url, "NIGHTLATCH_DATA_DIR=" + t.TempDir(),
		"NIGHTLATCH_TRUSTED_PROXIES=192.0.2.0/24", "NIGHTLATCH_POLICY_FACTORS=totp,recovery",
	}})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{what: what, url: url, clock: &clock{at: time.Now()}, next: 1}
	store, key, err := server.Open(t.Context(), set, server.Opening{
		Drivers: server.Drivers{SQLite: "sqlite", PostgreSQL: "pgx"}, Now: h.clock.now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h.store, h.key = store, key
	h.server, err = server.New(t.Context(), server.Config{Settings: set, Store: store, Key: key, Now: h.clock.now, Cost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.server.Close)
	if h.h, err = h.server.Handler(); err != nil {
		t.Fatal(err)
	}
	return h
}
