package web_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// secret is everybody's password.
const secret = "a tree grows on the moon"

// house is a whole server: SQLite in a file, all factors, a clock that the test moves.
type house struct {
	t     *testing.T
	clock *clock
	dir   string // with the database, and outbox.jsonl
	url   string // of the database, where that is a PostgreSQL
	store *sqlstore.Store
	key   *nightlatch.KeyRing
	log   *logged
	all   *server.Server
	http  *httptest.Server
	doc   *openapi3.T
}

// newHouse starts one. settings are environment variables without their prefix: "POLICY_REQUIRE=required".
func newHouse(t *testing.T, env ...string) *house {
	t.Helper()
	h := &house{
		t: t, clock: &clock{at: time.Date(2026, 11, 22, 9, 30, 10, 0, time.UTC)}, dir: t.TempDir(), log: &logged{}, doc: document(t),
	}
	var err error
	if pgtest.Chosen() {
		h.url = pgtest.Copy(t, "server", migrated)
		h.store, err = sqlstore.OpenPostgreSQL(t.Context(), "pgx", h.url)
	} else {
		h.store, err = sqlstore.OpenSQLite(t.Context(), "sqlite", filepath.Join(h.dir, "test.db"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	if h.key, err = nightlatch.NewKeyRing(zeros{}, h.clock.now()); err != nil {
		t.Fatal(err)
	}
	h.start(env...)
	return h
}

// migrated brings a database of PostgreSQL up to date, of which those of the houses are copies.
func migrated(url string) error {
	s, err := sqlstore.OpenPostgreSQL(context.Background(), "pgx", url)
	if err != nil {
		return err
	}
	return errors.Join(server.Migrate(context.Background(), s, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)), s.Close())
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// again is the same house after a restart with other settings.
func (h *house) again(env ...string) *house {
	h.t.Helper()
	other := *h
	other.start(env...)
	return &other
}

func (h *house) start(env ...string) {
	h.t.Helper()
	vars := []string{
		"NIGHTLATCH_POLICY_FACTORS=totp,hotp,recovery", "NIGHTLATCH_LISTEN=localhost:8080", "NIGHTLATCH_DATA_DIR=" + h.dir,
	}
	for _, e := range env {
		vars = append(vars, "NIGHTLATCH_"+e)
	}
	set, err := settings.Load(settings.Sources{Dir: h.dir, Env: vars})
	if err != nil {
		h.t.Fatal(err)
	}
	h.all, err = server.New(h.t.Context(), server.Config{
		Settings: set, Store: h.store, Key: h.key, Now: h.clock.now, Cost: password.Cost{Memory: 64, Passes: 1, Lanes: 1},
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	handler, err := h.all.Handler()
	if err != nil {
		h.t.Fatal(err)
	}
	srv, all := httptest.NewServer(handler), h.all
	h.http = srv
	h.t.Cleanup(func() {
		srv.Close()
		all.Close()
	})
}

// logged is what a house has logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// zeros is randomness of no use but for a key that protects nothing.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// clock is the time of a house.
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

// person is a client with an account.
type person struct {
	*client
	name   string
	phone  totp.Generator // the authenticator app
	authID string
	codes  []string // recovery codes
}

// signUp makes an account over the API.
func (h *house) signUp(name string, byToken bool) *person {
	h.t.Helper()
	p := &person{client: h.client(), name: name}
	body := map[string]any{"username": name, "password": secret}
	if byToken {
		body["transport"] = "token"
	}
	p.post("/accounts", body).want(http.StatusCreated)
	return p
}

// add makes an account beside the API: its owner has not signed in.
func (h *house) add(name string) *person {
	h.t.Helper()
	account := server.Account{Username: name}
	if _, err := h.all.Add(h.t.Context(), account, secret, "test", nightlatch.Client{}); err != nil {
		h.t.Fatal(err)
	}
	return &person{client: h.client(), name: name}
}

// setAdmin makes an account an administrator's, or not.
func (h *house) setAdmin(name string, admin bool) {
	h.t.Helper()
	account, err := h.all.Accounts.Find(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.all.SetAdmin(h.t.Context(), account, admin, "test"); err != nil {
		h.t.Fatal(err)
	}
}

// signIn proves the password in a new browser, or with a new token.
func (p *person) signIn(byToken bool) answer {
	p.t.Helper()
	p.client = p.h.client()
	body := map[string]any{"identifier": p.name, "password": secret}
	if byToken {
		body["transport"] = "token"
	}
	return p.post("/sign-in", body).want(http.StatusOK)
}

// enroll adds an authenticator app and keeps what comes with it.
func (p *person) enroll() answer {
	p.t.Helper()
	begun := p.post("/authenticators", map[string]any{"kind": "totp", "label": "My phone"}).want(http.StatusCreated)
	p.phone = generator(p.t, begun.text("totp", "secret"))
	done := p.post("/authenticators/finish", map[string]any{"enrollment": begun.text("enrollment"), "code": p.code()})
	done.want(http.StatusCreated)
	p.authID = done.text("authenticator", "id")
	for _, c := range done.list("recovery_codes") {
		p.codes = append(p.codes, c.(string))
	}
	return done
}

// code is what the app shows now.
func (p *person) code() string { return p.codeAt(0) }

// codeAt is what the app shows some time from now.
func (p *person) codeAt(d time.Duration) string {
	p.t.Helper()
	code, err := p.phone.At(p.h.clock.now().Add(d))
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// nextCode waits for a code that was never used.
func (p *person) nextCode() string {
	p.h.clock.move(30 * time.Second)
	return p.code()
}

// wrongCode is one that the app shows at no time around now.
func (p *person) wrongCode() string {
	p.t.Helper()
	near := map[string]bool{}
	for step := -25; step <= 25; step++ {
		near[p.codeAt(time.Duration(step)*30*time.Second)] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

func generator(t *testing.T, base32 string) totp.Generator {
	t.Helper()
	s, err := totp.ParseSecret(base32)
	if err != nil {
		t.Fatal(err)
	}
	return totp.Generator{Secret: s}
}

// dump is all that is stored, to see that nothing changed.
func (h *house) dump() string {
	h.t.Helper()
	var b strings.Builder
	err := h.store.Read(context.Background(), func(q sqlstore.Querier) error {
		query := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
		if h.url != "" {
			query = `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`
		}
		tables, err := column(q, query)
		if err != nil {
			return err
		}
		for _, table := range tables {
			rows, err := allOf(q, table)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s: %s\n", table, rows)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

func column(q sqlstore.Querier, query string) (values []string, err error) {
	rows, err := q.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

func allOf(q sqlstore.Querier, table string) (string, error) {
	rows, err := q.QueryContext(context.Background(), "SELECT * FROM "+table)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for rows.Next() {
		cells := make([]sql.RawBytes, len(names))
		to := make([]any, len(names))
		for i := range cells {
			to[i] = &cells[i]
		}
		if err := rows.Scan(to...); err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%x\n", cells)
	}
	return b.String(), rows.Err()
}
