package server

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/internal/migrate"
	"github.com/nightlatch/nightlatch/internal/softkey"
	"github.com/nightlatch/nightlatch/server/settings"
)

// Databases of each released schema, with accounts that hold factors: testdata/released/engine-E-server-S.sql. They were
// made once and stay as they are. After a new migration add its line to released, and run
//
//	go test ./server -run TestMakeReleased -make-released
//
// which makes the ones that are missing.
var makeReleased = flag.Bool("make-released", false, "make the databases of released schemas that are missing")

// released are the schemas, by how many migrations the engine and the server had.
var released = []struct{ engine, server int }{{1, 1}, {2, 1}, {2, 2}, {3, 3}, {3, 4}, {4, 4}, {5, 4}, {5, 5}}

const releasedDir = "testdata/released"

func releasedFile(engine, server int) string {
	return filepath.Join(releasedDir, fmt.Sprintf("engine-%d-server-%d.sql", engine, server))
}

// held is what the people of such a database have in their hands.
type held struct {
	Key     string `json:"key"`     // the key file
	App     string `json:"app"`     // anna's authenticator app
	Button  string `json:"button"`  // anna's counter token; its counter stands at 1
	Codes   []any  `json:"codes"`   // anna's recovery codes
	Session string `json:"session"` // berta's, who has a password alone
}

const releasedPolicy = "POLICY_FACTORS=totp,hotp,webauthn,recovery"

// TestReleasedSchemas brings each up to date and signs in with what people had before.
func TestReleasedSchemas(t *testing.T) {
	t.Parallel()
	for _, v := range released {
		t.Run(fmt.Sprintf("engine %d, server %d", v.engine, v.server), func(t *testing.T) {
			t.Parallel()
			p, h := newReleased(t, v.engine, v.server)
			set := p.settings(releasedPolicy)
			applied, err := MigrateDatabase(t.Context(), set, Opening{Drivers: drivers, Now: p.clock.now()})
			if err != nil || applied == 0 && v != released[len(released)-1] {
				t.Fatal(applied, err)
			}
			again, err := MigrateDatabase(t.Context(), set, Opening{Drivers: drivers, Now: p.clock.now()})
			if err != nil || again != 0 {
				t.Fatal(again, err)
			}
			useReleased(t, p, set, h)
		})
	}
}

// newReleased is a site with a database of an earlier schema, an hour after it was last used.
func newReleased(t *testing.T, engine, server int) (*site, held) {
	t.Helper()
	p := newFileSite(t)
	p.clock.move(time.Hour)
	data := filepath.Join(p.dir, "data")
	var h held
	text, err := os.ReadFile(filepath.Join(releasedDir, "held.json"))
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err == nil {
		err = os.MkdirAll(data, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(data, keyFile), []byte(h.Key), 0o600)
	}
	if err == nil {
		text, err = os.ReadFile(releasedFile(engine, server))
	}
	if err != nil {
		t.Fatal(err)
	}
	runSQL(t, filepath.Join(data, databaseFile), string(text))
	return p, h
}

func runSQL(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// useReleased signs in with each factor, and adds another.
func useReleased(t *testing.T, p *site, set *settings.Settings, h held) {
	t.Helper()
	s, err := p.start(set)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s)
	app, button := generator(t, h.App), generator(t, h.Button)
	for _, body := range []object{
		{"kind": "totp", "code": codeOf(t, app, p.clock.now())},
		{"kind": "hotp", "code": pressed(t, button, 1)},
		{"kind": "recovery", "code": h.Codes[0]},
	} {
		c.mustSignIn("anna", secret, "verify")
		c.want(200, "POST", "/verifications", body)
		c.mustSignIn("anna", secret, "verify")
		c.refusedFor("used", body)
	}
	k := releasedKey()
	made(t, k, "")
	c.mustSignIn("anna", secret, "verify")
	if status, answer := c.answerKey(k); status != 200 {
		t.Errorf("the security key: %d %v", status, answer)
	}
	c.token = h.Session
	c.want(200, "GET", "/session", nil)
	c.mustSignIn("berta@example.com", secret, "done")
	c.enroll(p.clock)
	anna := find(t, s, "anna")
	if len(anna.Groups) != 1 || anna.Groups[0] != "staff" || !anna.Admin {
		t.Errorf("anna = %+v", anna)
	}
	listReleased(t, s)
	if err := s.Service.Users(t.Context(), func(user string) error {
		_, err := s.Service.VerifyTrail(t.Context(), user, nightlatch.Trail{})
		return err
	}); err != nil {
		t.Error(err)
	}
}

// listReleased: the list tells the groups that each account is in.
func listReleased(t *testing.T, s *Server) {
	t.Helper()
	want := map[string][]string{"anna": {"staff"}, "berta": nil}
	got := map[string][]string{}
	if err := s.Accounts.List(t.Context(), func(a Account) error { got[a.Username] = a.Groups; return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got)\n%s", diff)
	}
}

// TestMakeReleased makes what is missing, from a database of today of which it takes what the schema has room for.
func TestMakeReleased(t *testing.T) {
	if !*makeReleased {
		return
	}
	var p *site
	for _, v := range slices.Backward(released) {
		if _, err := os.Stat(releasedFile(v.engine, v.server)); err != nil {
			continue
		}
		p, _ = newReleased(t, v.engine, v.server)
		if _, err := MigrateDatabase(t.Context(), p.settings(), Opening{Drivers: drivers, Now: p.clock.now()}); err != nil {
			t.Fatal(err)
		}
		break
	}
	if p == nil {
		p = fillReleased(t)
	}
	for _, v := range released {
		if _, err := os.Stat(releasedFile(v.engine, v.server)); err != nil {
			dumpReleased(t, p, v.engine, v.server)
		}
	}
}

// releasedKey is anna's security key, which is made anew each time with equal randomness.
func releasedKey() *softkey.Key { return keyAtHost(201) }

// fillReleased makes the first database of all, and writes down what its people hold.
func fillReleased(t *testing.T) *site {
	t.Helper()
	p := newFileSite(t)
	s, err := p.start(p.settings(releasedPolicy))
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, Account{Username: "anna", Email: "anna@example.com", Groups: []string{"staff"}, Admin: true})
	add(t, s, Account{Username: "berta", Email: "berta@example.com"})
	var h held
	c := newClient(t, s)
	c.mustSignIn("berta", secret, "done")
	h.Session = c.token
	c.mustSignIn("anna", secret, "done")
	var app totp.Generator
	app, h.Codes = c.enroll(p.clock)
	h.App, h.Button = app.Secret.Base32(), c.enrollToken().Secret.Base32()
	begun := c.want(201, "POST", "/authenticators", object{"kind": "webauthn"})
	options, err := json.Marshal(begun["public_key"])
	if err != nil {
		t.Fatal(err)
	}
	credential, err := releasedKey().Create(options)
	if err != nil {
		t.Fatal(err)
	}
	c.want(201, "POST", "/authenticators/finish", object{"enrollment": begun["enrollment"], "credential": credential})
	stop(t, s)
	key, err := os.ReadFile(filepath.Join(p.dir, "data", keyFile))
	if err != nil {
		t.Fatal(err)
	}
	h.Key = string(key)
	text, err := json.MarshalIndent(h, "", "  ")
	if err == nil {
		err = os.MkdirAll(releasedDir, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(releasedDir, "held.json"), append(text, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// first takes the first migrations of a set.
func first(t *testing.T, name string, files fs.FS, n int) migrate.Set {
	t.Helper()
	some := fstest.MapFS{}
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) < n {
		t.Fatal(names, err)
	}
	for _, name := range names[:n] {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		some[name] = &fstest.MapFile{Data: text}
	}
	return migrate.Set{Name: name, Files: some}
}

func dumpReleased(t *testing.T, p *site, engine, server int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	err = migrate.Up(t.Context(), db, migrate.SQLite, p.clock.now(),
		first(t, "engine", os.DirFS("../sqlstore/schema/sqlite"), engine), first(t, "server", os.DirFS("schema/sqlite"), server))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `ATTACH ? AS full`, filepath.Join(p.dir, "data", databaseFile)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "-- A database of a released schema: see ../../released_test.go. It never changes.\nBEGIN;\n")
	for _, text := range column(t, db, `SELECT sql FROM main.sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC, name`) {
		fmt.Fprintf(&out, "%s;\n", text)
	}
	for _, table := range column(t, db, `SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name`) {
		from := "full"
		if table == "nightlatch_migrations" {
			from = "main"
		}
		names := column(t, db, `SELECT name FROM pragma_table_info('`+table+`', 'main')`)
		quoted := "quote(" + strings.Join(names, ") || ', ' || quote(") + ")"
		for _, row := range column(t, db, `SELECT `+quoted+` FROM `+from+`.`+table) {
			fmt.Fprintf(&out, "INSERT INTO %s (%s) VALUES (%s);\n", table, strings.Join(names, ", "), row)
		}
	}
	for _, text := range column(t, db, `SELECT sql FROM main.sqlite_master WHERE type = 'trigger' ORDER BY name`) {
		fmt.Fprintf(&out, "%s;\n", text)
	}
	out.WriteString("COMMIT;\n")
	if err := os.WriteFile(releasedFile(engine, server), out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func column(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(query, err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestReleasedSchemasAreListed: a migration that is new has a line in released.
func TestReleasedSchemasAreListed(t *testing.T) {
	t.Parallel()
	last := released[len(released)-1]
	for dir, n := range map[string]int{"../sqlstore/schema/sqlite": last.engine, "schema/sqlite": last.server} {
		files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
		if err != nil || len(files) != n {
			t.Errorf("%s has %d migrations, and the last line of released says %d: add one, and make its database", dir, len(files), n)
		}
	}
	for _, v := range released {
		if _, err := os.Stat(releasedFile(v.engine, v.server)); err != nil {
			t.Error(err)
		}
	}
}

// TestNewerSchema: a database of a newer program is not touched.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	stop(t, p.mustStart())
	alter(t, p, `INSERT INTO nightlatch_migrations VALUES ('engine', 99, '0099_x.sql', 'x', 'x')`)
	_, err := MigrateDatabase(t.Context(), p.settings(), Opening{Drivers: drivers, Now: p.clock.now()})
	if err == nil || !strings.Contains(err.Error(), "newer than this program") {
		t.Error(err)
	}
}
