package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

const (
	secret      = "a tree grows on the moon"
	otherSecret = "two trees grow on the moon"
)

var cheap = password.Cost{Memory: 64, Passes: 1, Lanes: 1}

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 9, 30, 10, 0, time.UTC)} }

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

// site is a data directory on which servers are started.
type site struct {
	t     *testing.T
	dir   string
	clock *clock
	url   string // of a PostgreSQL, where the environment asks for one; else the database is a file in dir
}

func newSite(t *testing.T) *site {
	t.Helper()
	p := newFileSite(t)
	if pgtest.Chosen() {
		p.url = newURL(t)
	}
	return p
}

// newFileSite is a site whose database is a file, whatever the environment asks for: for what files alone have.
func newFileSite(t *testing.T) *site {
	t.Helper()
	return &site{t: t, dir: t.TempDir(), clock: newClock()}
}

// newURL makes a database of PostgreSQL that is up to date.
func newURL(t *testing.T) string {
	t.Helper()
	return pgtest.Copy(t, "server", func(url string) error {
		s, err := sqlstore.OpenPostgreSQL(context.Background(), "pgx", url)
		if err != nil {
			return err
		}
		return errors.Join(Migrate(context.Background(), s, newClock().now()), s.Close())
	})
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var drivers = Drivers{SQLite: "sqlite", PostgreSQL: "pgx"}

// settings are those of an environment: "POLICY_REQUIRE=required".
func (p *site) settings(env ...string) *settings.Settings {
	p.t.Helper()
	vars := []string{"NIGHTLATCH_DATA_DIR=" + filepath.Join(p.dir, "data")}
	if p.url != "" && !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "DATABASE_URL=") }) {
		vars = append(vars, "NIGHTLATCH_DATABASE_URL="+p.url)
	}
	for _, e := range env {
		vars = append(vars, "NIGHTLATCH_"+e)
	}
	set, err := settings.Load(settings.Sources{Dir: p.dir, Env: vars})
	if err != nil {
		p.t.Fatal(err)
	}
	return set
}

// start starts a server on the site's data, as a process of its own would.
func (p *site) start(set *settings.Settings) (*Server, error) {
	return p.startAs(p.t.Context(), set, false)
}

func (p *site) startAs(ctx context.Context, set *settings.Settings, tool bool) (*Server, error) {
	store, key, err := Open(ctx, set, Opening{Drivers: drivers, Now: p.clock.now()})
	if err != nil {
		return nil, err
	}
	p.t.Cleanup(func() { _ = store.Close() })
	s, err := New(ctx, Config{Settings: set, Store: store, Key: key, Now: p.clock.now, Cost: cheap, Tool: tool})
	if err != nil {
		return nil, err
	}
	p.t.Cleanup(s.Close)
	return s, nil
}

func (p *site) mustStart(accounts ...settings.Account) *Server {
	p.t.Helper()
	set := p.settings()
	set.Accounts = accounts
	s, err := p.start(set)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// newServer starts one server on a site of its own.
func newServer(t *testing.T) *Server {
	t.Helper()
	return newSite(t).mustStart()
}

// add makes an account with everybody's password.
func add(t *testing.T, s *Server, a Account) Account {
	t.Helper()
	a, err := s.Add(t.Context(), a, secret, "test", nightlatch.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func find(t *testing.T, s *Server, name string) Account {
	t.Helper()
	a, err := s.Accounts.Find(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return a
}

// client talks to a server with a token.
type client struct {
	t     *testing.T
	http  http.Handler
	token string
}

func newClient(t *testing.T, s *Server) *client {
	t.Helper()
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, http: h}
}

type object = map[string]any

// send sends a request of the API and returns the status and the answer. It keeps the newest token.
func (c *client) send(method, path string, body any) (int, object) {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(c.t.Context(), method, "http://localhost:8080/api/v1"+path, bytes.NewReader(text))
	if body == nil {
		req.Body = http.NoBody
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	w := httptest.NewRecorder()
	c.http.ServeHTTP(w, req)
	answer := object{}
	if w.Body.Len() > 0 && w.Body.Bytes()[0] == '{' {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			c.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	if token, ok := answer["token"].(string); ok {
		c.token = token
	}
	return w.Code, answer
}

// want sends and demands the status.
func (c *client) want(status int, method, path string, body any) object {
	c.t.Helper()
	got, answer := c.send(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s answered %d, want %d: %v", method, path, got, status, answer)
	}
	return answer
}

// signIn proves the password anew.
func (c *client) signIn(name, password string) (int, object) {
	c.t.Helper()
	c.token = ""
	return c.send("POST", "/sign-in", object{"identifier": name, "password": password, "transport": "token"})
}

// mustSignIn signs in and demands what comes next.
func (c *client) mustSignIn(name, password, next string) object {
	c.t.Helper()
	status, answer := c.signIn(name, password)
	if status != http.StatusOK || answer["next"] != next {
		c.t.Fatalf("sign-in of %s: %d %v, want %s", name, status, answer, next)
	}
	return answer
}

func (c *client) verify(kind, code string) (int, object) {
	c.t.Helper()
	return c.send("POST", "/verifications", object{"kind": kind, "code": code})
}

// enroll adds an authenticator app. It returns the app and the recovery codes that came with it.
func (c *client) enroll(clock *clock) (totp.Generator, []any) {
	c.t.Helper()
	begun := c.want(http.StatusCreated, "POST", "/authenticators", object{"kind": "totp"})
	app := generator(c.t, begun["totp"].(object)["secret"].(string))
	done := c.want(http.StatusCreated, "POST", "/authenticators/finish",
		object{"enrollment": begun["enrollment"], "code": codeOf(c.t, app, clock.now())})
	codes, _ := done["recovery_codes"].([]any)
	if where, ok := done["sign_in"].(object); ok && where["token"] != nil {
		c.token = where["token"].(string)
	}
	return app, codes
}

func generator(t *testing.T, text string) totp.Generator {
	t.Helper()
	s, err := totp.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return totp.Generator{Secret: s}
}

func codeOf(t *testing.T, app totp.Generator, at time.Time) string {
	t.Helper()
	code, err := app.At(at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// eventsOf returns the names of the events of an account, the newest first.
func eventsOf(t *testing.T, s *Server, id string) (names []string) {
	t.Helper()
	err := s.store.View(t.Context(), func(r nightlatch.Reader) error {
		events, err := r.EventsOf(t.Context(), id, 0, 100)
		for _, e := range events {
			names = append(names, e.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func hasEvent(t *testing.T, s *Server, id, name string) bool {
	t.Helper()
	return slices.Contains(eventsOf(t, s, id), name)
}

func count(ctx context.Context, s *Server, query string) (n int, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error { return q.QueryRowContext(ctx, query).Scan(&n) })
	return n, err
}

// alter changes the database as another program would.
func alter(t *testing.T, p *site, query string) {
	t.Helper()
	open, driver, path := sqlstore.OpenSQLite, "sqlite", filepath.Join(p.dir, "data", databaseFile)
	if p.url != "" {
		open, driver, path = sqlstore.OpenPostgreSQL, "pgx", p.url
	}
	store, err := open(t.Context(), driver, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error { return write(ctx, query) }); err != nil {
		t.Fatal(err)
	}
}
