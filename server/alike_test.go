package server

import (
	"database/sql"
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestStrangersCostTheSame: what strangers may ask for costs as many commits whoever is meant, since nothing else of it
// takes as long, also where somebody was mailed enough.
func TestStrangersCostTheSame(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	path := filepath.Join(p.dir, databaseFile)
	writeDSN, readDSN := sqlstore.SQLiteDSN(path)
	write, read := openSQL(t, writeDSN), openSQL(t, readDSN)
	write.SetMaxOpenConns(1)
	set := p.settings("MAIL_URL=outbox:", "SIGN_UP_VERIFY_EMAIL=true", "SENT_CODE_PER_DESTINATION_PER_HOUR=3")
	if err := os.MkdirAll(set.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := p.serverOn(set, sqlstore.New(sqlstore.SQLite, write, read))
	add(t, s, Account{Username: "anna", Email: "anna@example.com"})
	add(t, s, Account{Username: "bert", Email: "bert@example.com"})
	add(t, s, Account{Username: "dora"})
	if err := s.SetDisabled(t.Context(), find(t, s, "bert"), true, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := write.ExecContext(t.Context(), "PRAGMA wal_autocheckpoint = 0"); err != nil { // the log only grows
		t.Fatal(err)
	}
	c := newClient(t, s)
	commits := func(f func()) int {
		before := commitsOf(t, path+"-wal")
		f()
		return commitsOf(t, path+"-wal") - before
	}
	for range 7 { // the last ones are too many
		for path, bodies := range map[string][]object{
			"/password/reset-requests": {
				{"identifier": "anna"}, {"identifier": "nobody"}, {"identifier": "bert"}, {"identifier": "dora"}, {"identifier": "no@example.com"},
			},
			"/email/confirmation-requests": {{"email": "anna@example.com"}, {"email": "no@example.com"}, {"email": "bert@example.com"}, {"email": "x"}},
		} {
			for _, body := range bodies {
				if n := commits(func() { c.want(http.StatusAccepted, "POST", path, body) }); n != 1 {
					t.Errorf("%s %v: %d commits", path, body, n)
				}
			}
		}
	}
	free := commits(func() {
		c.want(http.StatusAccepted, "POST", "/accounts", object{"email": "free@example.com", "password": secret})
	})
	taken := commits(func() {
		c.want(http.StatusAccepted, "POST", "/accounts", object{"email": "anna@example.com", "password": secret})
	})
	if free != taken {
		t.Errorf("a free address costs %d commits, a taken one %d", free, taken)
	}
}

func openSQL(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// serverOn starts a server on a database that is open.
func (p *site) serverOn(set *settings.Settings, store *sqlstore.Store) *Server {
	p.t.Helper()
	s, err := New(p.t.Context(), Config{Settings: set, Store: store, Key: newRing(p.t), Cost: cheap, Now: p.clock.now})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(s.Close)
	return s
}

// commitsOf counts the commits in a write-ahead log: frames whose header says how large the database is after them
// (https://sqlite.org/fileformat2.html#the_write_ahead_log).
func commitsOf(t *testing.T, wal string) (n int) {
	t.Helper()
	text, err := os.ReadFile(wal)
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	page := int(binary.BigEndian.Uint32(text[8:]))
	for at := header; at+frameHeader+page <= len(text); at += frameHeader + page {
		if binary.BigEndian.Uint32(text[at+4:]) != 0 {
			n++
		}
	}
	return n
}
