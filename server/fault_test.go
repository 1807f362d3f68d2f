package server

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// health asks a check at the root.
func (c *client) health(path string) (int, string) {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.http.ServeHTTP(w, httptest.NewRequestWithContext(c.t.Context(), "GET", "http://localhost:8080"+path, nil))
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		c.t.Errorf("%s: Cache-Control %q", path, got)
	}
	var answer struct{ Status, Reason string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		c.t.Fatalf("%s: %v: %s", path, err, w.Body)
	}
	return w.Code, strings.TrimSpace(answer.Status + " " + answer.Reason)
}

func (c *client) wantHealth(path string, status int, text string) {
	c.t.Helper()
	if got, said := c.health(path); got != status || said != text {
		c.t.Errorf("%s: %d %q, want %d %q", path, got, said, status, text)
	}
}

// TestReadOnlyDatabase: when nothing can be written nobody is let in, no code is used up and no try lost; and when it
// can be again all goes on. A full disk is tried with a process of its own, beside the command.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	s, writable := newSwitched(t)
	clock := newClock()
	anna := add(t, s, Account{Username: "anna"})
	in := newClient(t, s)
	in.mustSignIn("anna", secret, "done")
	app, codes := in.enroll(clock)
	half := newClient(t, s)
	half.mustSignIn("anna", secret, "verify")
	before := counts(t, s)

	writable(false)
	code := codeOf(t, app, clock.now().Add(30*time.Second)) // the next step's, which the window lets pass
	for range 8 {                                           // more than the throttle gives
		for what, request := range map[string]struct {
			c    *client
			path string
			body object
		}{
			"a right password":      {newClient(t, s), "/sign-in", object{"identifier": "anna", "password": secret, "transport": "token"}},
			"a wrong password":      {newClient(t, s), "/sign-in", object{"identifier": "anna", "password": otherSecret}},
			"an unknown name":       {newClient(t, s), "/sign-in", object{"identifier": "nobody", "password": secret}},
			"a right code":          {half, "/verifications", object{"kind": "totp", "code": code}},
			"a wrong code":          {half, "/verifications", object{"kind": "totp", "code": "000000"}},
			"a right recovery code": {half, "/verifications", object{"kind": "recovery", "code": codes[0]}},
			"a sign-up":             {newClient(t, s), "/accounts", object{"username": "berta", "password": secret}},
		} {
			status, answer := request.c.send("POST", request.path, request.body)
			if status != http.StatusServiceUnavailable || answer["code"] != "unavailable" {
				t.Errorf("%s: %d %v", what, status, answer)
			}
		}
	}
	half.want(http.StatusUnauthorized, "GET", "/session", nil)
	if err := s.SetPassword(t.Context(), anna, otherSecret, "test"); !errors.Is(err, nightlatch.ErrUnavailable) {
		t.Errorf("a password was set: %v", err)
	}
	if diff := cmp.Diff(before, counts(t, s)); diff != "" {
		t.Errorf("something was written (-before +after)\n%s", diff)
	}

	writable(true)
	if answer := half.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code}); answer["next"] != "done" {
		t.Errorf("afterwards: %v", answer)
	}
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "verify")
	c.want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": codes[0]})
	add(t, s, Account{Username: "berta"})
	in.want(http.StatusOK, "GET", "/session", nil)
}

// newSwitched starts a server on a database that can be made read-only.
func newSwitched(t *testing.T) (s *Server, writable func(bool)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), databaseFile)
	open := func(dsn string) *sql.DB {
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	writeDSN, readDSN := sqlstore.SQLiteDSN(path)
	write := open(writeDSN)
	write.SetMaxOpenConns(1)
	site := newSite(t)
	clock := newClock()
	s, err := New(t.Context(), Config{
		Settings: site.settings(), Store: sqlstore.New(sqlstore.SQLite, write, open(readDSN)), Key: newRing(t), Cost: cheap, Now: clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, func(yes bool) {
		if _, err := write.ExecContext(t.Context(), "PRAGMA query_only = "+map[bool]string{true: "0", false: "1"}[yes]); err != nil {
			t.Fatal(err)
		}
	}
}

func keyCheck(t *testing.T, s *Server) (box []byte) {
	t.Helper()
	err := s.store.Read(t.Context(), func(q sqlstore.Querier) error {
		return q.QueryRowContext(t.Context(), `SELECT key_check FROM nl_meta WHERE id = 1`).Scan(&box)
	})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func setKeyCheck(t *testing.T, s *Server, box []byte) {
	t.Helper()
	err := s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		q, _ := sqlstore.Conn(ctx)
		_, err := q.ExecContext(ctx, `UPDATE nl_meta SET key_check = $1 WHERE id = 1`, box)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHealth: readyz tells whether the database answers and is of this program's version, healthz that it runs.
func TestHealth(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	c := newClient(t, s)
	c.wantHealth("/healthz", 200, "ok")
	c.wantHealth("/readyz", 200, "ok")

	alter(t, site, `INSERT INTO nightlatch_migrations VALUES ('server', 99, '0099_x.sql', 'x', 'x')`)
	c.wantHealth("/readyz", 200, "ok") // a newer program serves beside this one
	alter(t, site, `DELETE FROM nightlatch_migrations WHERE version = 99`)
	c.wantHealth("/readyz", 200, "ok")
	alter(t, site, `UPDATE nightlatch_migrations SET set_name = 'other' WHERE set_name = 'server' AND version = 4`)
	alter(t, site, `DELETE FROM nightlatch_migrations WHERE set_name = 'other'`)
	c.wantHealth("/readyz", 503, "unavailable schema")
	alter(t, site, `INSERT INTO nightlatch_migrations VALUES ('server', 4, 'x', 'x', 'x')`)
	c.wantHealth("/readyz", 200, "ok")
	alter(t, site, `ALTER TABLE nightlatch_migrations RENAME TO gone`) // an empty database was put in its place
	c.wantHealth("/readyz", 503, "unavailable schema")
	alter(t, site, `ALTER TABLE gone RENAME TO nightlatch_migrations`)
	c.wantHealth("/readyz", 200, "ok")
	other, err := nightlatch.NewKeyRing(rand.Reader, site.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	check, err := other.NewCheck(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kept := keyCheck(t, s)
	setKeyCheck(t, s, check)
	c.wantHealth("/readyz", 503, "unavailable key")
	setKeyCheck(t, s, kept)
	c.wantHealth("/readyz", 200, "ok")

	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	c.wantHealth("/healthz", 200, "ok")
	c.wantHealth("/readyz", 503, "unavailable database")
	for _, path := range []string{"/session", "/sign-in"} {
		c.token = "nl_s_" + strings.Repeat("A", 43)
		if path == "/sign-in" {
			c.token = "nl_i_" + strings.Repeat("A", 43)
		}
		if status, answer := c.send("GET", path, nil); status != 503 || answer["code"] != "unavailable" {
			t.Errorf("%s without a database: %d %v", path, status, answer)
		}
	}
	if status, _ := c.signIn("anna", secret); status != 503 {
		t.Errorf("sign-in without a database: %d", status)
	}
}

// TestMaintain removes what is over, and stops when it is told to.
func TestMaintain(t *testing.T) {
	t.Parallel()
	s, _, clock := pair(t)
	anna := add(t, s, Account{Username: "anna"})
	newClient(t, s).mustSignIn("anna", secret, "done")
	if _, _, err := s.Reset(t.Context(), anna, "test", "lost"); err != nil {
		t.Fatal(err)
	}
	newClient(t, s).mustSignIn("anna", secret, "verify")
	clock.move(1000 * time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Maintain(ctx); close(done) }()
	eventually(t, "the end of what is over", func() bool {
		n, err := count(t.Context(), s, `SELECT (SELECT count(*) FROM nl_sign_ins) + (SELECT count(*) FROM nl_authenticators WHERE expires_at <> 0)`)
		return err == nil && n == 0
	})
	stop()
	<-done
}

// TestNewRefuses names what cannot be made.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	set := site.settings()
	set.Policy.Require = "sometimes"
	_, err := New(t.Context(), Config{Settings: set, Store: s.store, Key: newRing(t)})
	if err == nil || !strings.HasPrefix(err.Error(), "key: ") {
		t.Errorf("another's key: %v", err)
	}
	if _, err := site.start(set); err == nil {
		t.Error("a policy that is none is taken")
	}
	if _, err := (signUps{s}).CreateAccount(t.Context(), web.NewAccount{Username: "anna", Password: secret}); err != nil {
		t.Error(err)
	}
	s.settings.SignUp.Enabled = false
	if _, err := (signUps{s}).CreateAccount(t.Context(), web.NewAccount{Username: "berta", Password: secret}); !errors.Is(err, nightlatch.ErrForbidden) {
		t.Errorf("a sign-up where there is none: %v", err)
	}
}
