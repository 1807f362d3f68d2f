package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
)

func (p *site) restoration(from string) Restoration {
	return Restoration{Settings: p.settings(), Drivers: drivers, From: from, By: "test", Now: p.clock.now, Rand: rand.Reader}
}

// stop ends a server as its process would.
func stop(t *testing.T, s *Server) {
	t.Helper()
	s.Close()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// enrollToken adds a counter token and returns it; its counter stands at 1.
func (c *client) enrollToken() totp.Generator {
	c.t.Helper()
	begun := c.want(201, "POST", "/authenticators", object{"kind": "hotp"})
	g := generator(c.t, begun["hotp"].(object)["secret"].(string))
	c.want(201, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "code": pressed(c.t, g, 0)})
	return g
}

func pressed(t *testing.T, g totp.Generator, counter uint64) string {
	t.Helper()
	code, err := g.Code(counter)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// refusedFor demands that a code is refused, and why.
func (c *client) refusedFor(reason string, body object) {
	c.t.Helper()
	if answer := c.want(401, "POST", "/verifications", body); answer["reason"] != reason {
		c.t.Errorf("%v: %v, want %s", body, answer, reason)
	}
}

// TestRestore: what was used and ended since the backup stays so.
func TestRestore(t *testing.T) {
	t.Parallel()
	p := newFileSite(t)
	set := p.settings("POLICY_FACTORS=totp,hotp,recovery")
	s, err := p.start(set)
	if err != nil {
		t.Fatal(err)
	}
	anna := add(t, s, Account{Username: "anna"})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	app, codes := c.enroll(p.clock)
	button := c.enrollToken()
	before := c.token
	waiting := newClient(t, s)
	waiting.mustSignIn("anna", secret, "verify")

	backup := filepath.Join(p.dir, "backup.db")
	if key, err := Backup(t.Context(), set, drivers, backup); err != nil || key != filepath.Join(p.dir, "data", "key") {
		t.Fatal(key, err)
	}
	p.clock.move(time.Minute)
	use := func(body object) {
		c.mustSignIn("anna", secret, "verify")
		c.want(200, "POST", "/verifications", body)
	}
	shown := codeOf(t, app, p.clock.now())
	use(object{"kind": "totp", "code": shown})
	use(object{"kind": "recovery", "code": codes[0]})
	use(object{"kind": "hotp", "code": pressed(t, button, 1)})
	after := c.token

	r := p.restoration(backup)
	r.Settings = set
	if _, err := Restore(t.Context(), r); err == nil || !strings.Contains(err.Error(), "stop the server") {
		t.Fatalf("while a server runs: %v", err)
	}
	if _, err := RestoreInPlace(t.Context(), r); err == nil || !strings.Contains(err.Error(), "stop the server") {
		t.Fatalf("while a server runs: %v", err)
	}
	stop(t, s)
	done, err := Restore(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if done.Users != 1 || done.Sessions != 1 || done.Authenticators != 3 {
		t.Errorf("%+v", done)
	}

	if s, err = p.start(set); err != nil {
		t.Fatal(err)
	}
	c = newClient(t, s)
	for _, token := range []string{before, after} {
		c.token = token
		c.want(401, "GET", "/session", nil)
	}
	c.token = waiting.token
	c.want(401, "GET", "/sign-in", nil)
	c.mustSignIn("anna", secret, "verify")
	c.refusedFor("used", object{"kind": "totp", "code": shown})
	c.refusedFor("used", object{"kind": "recovery", "code": codes[0]})
	c.refusedFor("used", object{"kind": "recovery", "code": codes[1]})
	if status, answer := c.verify("hotp", pressed(t, button, 1)); status == 200 {
		t.Errorf("a counter token's code is good once more: %v", answer)
	}
	if status, answer := c.verify("hotp", pressed(t, button, 2)); status == 200 {
		t.Errorf("one code of a counter token is enough: %v", answer)
	}
	c.want(200, "POST", "/verifications", object{"kind": "hotp", "code": pressed(t, button, 2), "next_code": pressed(t, button, 3)})
	c.mustSignIn("anna", secret, "verify")
	c.want(200, "POST", "/verifications", object{"kind": "hotp", "code": pressed(t, button, 4)})
	p.clock.move(time.Minute)
	c.mustSignIn("anna", secret, "verify")
	c.want(200, "POST", "/verifications", object{"kind": "totp", "code": codeOf(t, app, p.clock.now())})
	if left := c.want(200, "GET", "/recovery-codes", nil)["left"]; left != 0.0 {
		t.Errorf("recovery codes left: %v", left)
	}
	if !hasEvent(t, s, anna.ID, "restored") {
		t.Errorf("events = %v", eventsOf(t, s, anna.ID))
	}
}

// TestRestoreInPlace does the same to what other tools have put back.
func TestRestoreInPlace(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s := p.mustStart()
	add(t, s, Account{Username: "anna"})
	c := newClient(t, s)
	c.mustSignIn("anna", secret, "done")
	app, _ := c.enroll(p.clock)
	p.clock.move(time.Minute)
	shown := codeOf(t, app, p.clock.now())
	stop(t, s)
	if done, err := RestoreInPlace(t.Context(), p.restoration("")); err != nil || done.Users != 1 || done.Before != "" {
		t.Fatalf("%+v %v", done, err)
	}
	c = newClient(t, p.mustStart())
	c.mustSignIn("anna", secret, "verify")
	c.refusedFor("used", object{"kind": "totp", "code": shown})
}

// TestRestoreRefuses: what cannot be made safe replaces nothing.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	p := newFileSite(t)
	s := p.mustStart()
	add(t, s, Account{Username: "anna"})
	backup := filepath.Join(p.dir, "backup.db")
	if _, err := Backup(t.Context(), p.settings(), drivers, backup); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), p.settings(), drivers, backup); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("overwritten: %v", err)
	}
	stop(t, s)
	want := func(r Restoration, want string) {
		t.Helper()
		if _, err := Restore(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if left, _ := filepath.Glob(filepath.Join(r.Settings.DataDir, ".restore-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	other := newFileSite(t)
	want(other.restoration(backup), "key is missing, and the database was sealed with it")
	stop(t, other.mustStart())
	want(other.restoration(backup), "key")
	if find(t, p.mustStart(), "anna").ID == "" {
		t.Error("anna is gone")
	}

	newer := filepath.Join(p.dir, "newer.db")
	text, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(newer, text, 0o600); err != nil {
		t.Fatal(err)
	}
	alterFile(t, newer, `INSERT INTO nightlatch_migrations VALUES ('server', 99, '0099_x.sql', 'x', 'x')`)
	elsewhere := newFileSite(t)
	if err := os.MkdirAll(filepath.Join(elsewhere.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(p.dir, "data", "key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere.dir, "data", "key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	want(elsewhere.restoration(newer), "newer than this program")
	if _, err := os.Stat(filepath.Join(elsewhere.dir, "data", databaseFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused backup is in place: %v", err)
	}
	if _, err := Restore(t.Context(), elsewhere.restoration(backup)); err != nil { // another machine, and the same key
		t.Fatal(err)
	}
	if find(t, elsewhere.mustStart(), "anna").ID == "" {
		t.Error("anna did not come along")
	}
}

// TestBackupOtherDatabases says what to do where a backup is no file.
func TestBackupOtherDatabases(t *testing.T) {
	t.Parallel()
	p := newFileSite(t)
	for url, want := range map[string]string{
		"postgres://app@db.example.com/app": "pg_dump",
		"sqlite:" + sqlstore.Temporary:      "in memory",
		"":                                  "there is no database",
	} {
		set := p.settings("DATABASE_URL=" + url)
		if _, err := Backup(t.Context(), set, drivers, filepath.Join(p.dir, "x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("backup of %q: %v", url, err)
		}
		if url == "" {
			continue
		}
		r := p.restoration("x")
		r.Settings = set
		if _, err := Restore(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("restore to %q: %v", url, err)
		}
	}
}

// alterFile changes a SQLite database as another program would.
func alterFile(t *testing.T, path, query string) {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), "sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error { return write(ctx, query) }); err != nil {
		t.Fatal(err)
	}
}

// A stream that stalls keeps nobody who stops the program, and leaves nothing beside the database.
func TestRestoreFromStalled(t *testing.T) {
	t.Parallel()
	p := newFileSite(t)
	if s, err := p.start(p.settings()); err != nil {
		t.Fatal(err)
	} else {
		stop(t, s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	from, to := io.Pipe()
	go func() {
		_, _ = to.Write(make([]byte, 4096)) // is read to its end, and nothing comes after it
		cancel()
	}()
	if _, err := RestoreFrom(ctx, p.restoration(""), from); !errors.Is(err, context.Canceled) {
		t.Errorf("a stream that stalls: %v", err)
	}
	_ = to.Close()
	if left, err := filepath.Glob(filepath.Join(p.dir, "data", ".restore-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
