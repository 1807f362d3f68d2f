package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/web"
)

// newPostgreSQLSite is a site on PostgreSQL, whatever the environment asks for.
func newPostgreSQLSite(t *testing.T) *site {
	t.Helper()
	p := newFileSite(t)
	p.url = newURL(t)
	return p
}

// beside is another directory on the same database, as another node has one.
func (p *site) beside() *site {
	p.t.Helper()
	return &site{t: p.t, dir: p.t.TempDir(), clock: p.clock, url: p.url}
}

// TestOpenPostgreSQL: a key is made with the first node alone, and never for a database that has one.
func TestOpenPostgreSQL(t *testing.T) {
	t.Parallel()
	first := newPostgreSQLSite(t)
	first.mustStart()
	if info, err := os.Stat(filepath.Join(first.dir, "data", "key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(first.dir, "data", databaseFile)); err == nil {
		t.Error("a file was made, too")
	}
	second := first.beside()
	if _, err := second.start(second.settings()); err == nil || !strings.Contains(err.Error(), "is missing, and the database was sealed with it") {
		t.Errorf("another node without the key: %v", err)
	}
	if _, err := second.start(second.settings("KEY=" + oneLine(newRing(t)))); err == nil || !strings.Contains(err.Error(), "key 1") {
		t.Errorf("another node with another key: %v", err)
	}
	if _, err := second.start(second.settings("KEY_FILE=" + filepath.Join(first.dir, "data", "key"))); err != nil {
		t.Errorf("another node with the key: %v", err)
	}
	// The key comes from elsewhere, and nothing can be written: a container that is read-only.
	third := newPostgreSQLSite(t)
	if err := os.WriteFile(filepath.Join(third.dir, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := third.start(third.settings("KEY=" + oneLine(newRing(t)))); err != nil {
		t.Errorf("nowhere to write: %v", err)
	}
	if _, err := third.start(third.settings()); err == nil || !strings.Contains(err.Error(), "key file") {
		t.Errorf("nowhere for the key: %v", err)
	}
	for url, want := range map[string]string{
		"postgres://u:hush@localhost:1/app":                         "it does not answer",
		strings.Replace(first.url, "user=test", "user=nobody", 1):   "nobody",
		"postgresql://u:hush@localhost:1/app?host=/nowhere&port=11": "it does not answer",
	} {
		_, err := first.start(first.settings("DATABASE_URL=" + url))
		if err == nil || !strings.HasPrefix(err.Error(), "database: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "u:hush") {
			t.Errorf("%s: %v", url, err)
		}
	}
	// One that answers, and does not let us in, is not waited for.
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, _, err := Open(soon, first.settings("DATABASE_WAIT=1h", "DATABASE_URL="+strings.Replace(first.url, "user=test", "user=nobody", 1)),
		Opening{Drivers: drivers, Wait: true, Now: first.clock.now()})
	if err == nil || !strings.Contains(err.Error(), "nobody") || soon.Err() != nil {
		t.Errorf("refused at once: %v", err)
	}
}

// TestWaitForPostgreSQL: a server waits for its database, and says so in one line; a tool does not wait.
func TestWaitForPostgreSQL(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	p := newFileSite(t)
	p.url = c.URL("postgres")
	var log lockedBuffer
	open := func(wait bool, env ...string) error {
		store, _, err := Open(t.Context(), p.settings(env...), Opening{
			Drivers: drivers, Wait: wait, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: p.clock.now(),
		})
		if err == nil {
			err = store.Close()
		}
		return err
	}
	for _, c := range []struct {
		wait bool
		env  string
		want string
	}{
		{false, "DATABASE_WAIT=60s", "it does not answer; start it"},
		{true, "DATABASE_WAIT=0s", "it does not answer; start it"},
		{true, "DATABASE_WAIT=1s", "it does not answer, after database_wait = 1s"},
	} {
		if err := open(c.wait, c.env); err == nil || !strings.HasPrefix(err.Error(), "database: "+c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if n := strings.Count(log.String(), "waiting for the database"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("it said:\n%s", log.String())
	}
	opened := make(chan error, 1)
	go func() { opened <- open(true, "DATABASE_WAIT=60s") }()
	eventually(t, "it waits", func() bool { return strings.Count(log.String(), "waiting for the database") == 2 })
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("once it was up: %v", err)
	}
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestRestartOfPostgreSQL: while the database is away everything is refused; once it is back, no request fails.
func TestRestartOfPostgreSQL(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	p := newFileSite(t)
	p.url = c.URL("postgres") + "&pool_max_conns=6"
	s := p.mustStart()
	add(t, s, Account{Username: "anna"})
	client := newClient(t, s)
	client.mustSignIn("anna", secret, "done")
	var all sync.WaitGroup
	for range 12 { // so that the pool is full
		all.Go(func() {
			other := *client
			for range 5 {
				other.send("GET", "/authenticators", nil)
			}
		})
	}
	all.Wait()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/authenticators", "/events"} {
		if status, answer := client.send("GET", path, nil); status != http.StatusServiceUnavailable {
			t.Errorf("%s without a database: %d %v", path, status, answer)
		}
	}
	client.wantHealth("/readyz", 503, "unavailable database")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	client.wantHealth("/readyz", 200, "ok")
	for i := range 50 {
		path := []string{"/session", "/authenticators", "/events"}[i%3]
		if status, answer := client.send("GET", path, nil); status != http.StatusOK {
			t.Errorf("request %d, %s: %d %v", i, path, status, answer)
		}
	}
	client.mustSignIn("anna", secret, "done")
}

// TestSmallPool: with as few connections as a pool may have, many requests at once wait for each other and none waits for
// itself.
func TestSmallPool(t *testing.T) {
	t.Parallel()
	p := newPostgreSQLSite(t)
	p.url += "&pool_max_conns=2"
	s := p.mustStart()
	var all sync.WaitGroup
	for i := range 12 {
		name := fmt.Sprintf("anna%d", i)
		add(t, s, Account{Username: name})
		c := newClient(t, s)
		c.mustSignIn(name, secret, "done")
		c.enroll(p.clock)
		half := *c
		half.mustSignIn(name, secret, "verify")
		all.Go(func() {
			for range 3 {
				half.want(http.StatusOK, "GET", "/sign-in", nil)
				for _, path := range []string{"/session", "/authenticators", "/events", "/sessions"} {
					c.want(http.StatusOK, "GET", path, nil)
				}
			}
		})
	}
	all.Wait()
}

// TestLastAdministratorsAtOnce: of two administrators that remove themselves at once one stays, on two nodes.
func TestLastAdministratorsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPostgreSQLSite(t)
	other := p.beside()
	one := p.mustStart()
	two, err := other.start(other.settings("KEY_FILE=" + filepath.Join(p.dir, "data", "key")))
	if err != nil {
		t.Fatal(err)
	}
	for round := range 8 {
		names := []string{fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round)}
		var errs [2]error
		var all sync.WaitGroup
		gate := make(chan struct{})
		for i, s := range []*Server{one, two} {
			a := add(t, s, Account{Username: names[i], Admin: true})
			session := sessionOf(t, s, a)
			all.Go(func() {
				<-gate
				errs[i] = profiles{s}.RemoveOwn(t.Context(), session, nightlatch.Client{})
			})
		}
		close(gate)
		all.Wait()
		left, err := one.enabledAdmins(t.Context())
		if err != nil || len(left) != 1 || (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("round %d: %d administrators are left: %v, %v; %v", round, len(left), errs[0], errs[1], err)
		}
		for _, id := range left {
			a, err := one.Accounts.findID(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if err := one.Remove(t.Context(), a, "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// sessionOf is a session that has just begun with the password.
func sessionOf(t *testing.T, s *Server, a Account) string {
	t.Helper()
	proof := factor.Proof{Kind: password.Kind, Classes: []factor.Class{factor.Knowledge}, At: s.now()}
	next, err := s.Service.Begin(t.Context(), a.ID, proof, nightlatch.Start{})
	if err != nil || next.Step != nightlatch.StepDone {
		t.Fatalf("%v: %v", next.Step, err)
	}
	return next.Token
}

// TestSameNameAtOnce: of two that want a name at the same moment, on two nodes, one gets it and the other is told.
func TestSameNameAtOnce(t *testing.T) {
	t.Parallel()
	p := newPostgreSQLSite(t)
	other := p.beside()
	one := p.mustStart()
	two, err := other.start(other.settings("KEY_FILE=" + filepath.Join(p.dir, "data", "key")))
	if err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		a := Account{Username: fmt.Sprintf("anna%d", round), Email: fmt.Sprintf("anna%d@example.com", round)}
		var errs [2]error
		var all sync.WaitGroup
		gate := make(chan struct{})
		for i, s := range []*Server{one, two} {
			all.Go(func() {
				<-gate
				_, errs[i] = s.Add(t.Context(), a, secret, "test", nightlatch.Client{})
			})
		}
		close(gate)
		all.Wait()
		fields := web.FieldsError{}
		if (errs[0] == nil) == (errs[1] == nil) || !errors.As(errors.Join(errs[0], errs[1]), &fields) || fields["username"] != "taken" && fields["email"] != "taken" {
			t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
		}
	}
}

// TestDoctorOfPostgreSQL says what is wrong with one, and changes nothing.
func TestDoctorOfPostgreSQL(t *testing.T) {
	t.Parallel()
	p := newFileSite(t)
	p.url = pgtest.New(t, "fsync=on", "full_page_writes=on").URL("postgres")
	found := func(env ...string) (out []string) {
		for _, f := range Diagnose(t.Context(), Examination{Settings: p.settings(env...), Drivers: drivers, Now: p.clock.now, Rand: zeroRand{}}) {
			if f.Area == "database" {
				out = append(out, string(f.Grade)+" "+f.Text)
			}
		}
		return out
	}
	if got := strings.Join(found(), "\n"); !strings.HasPrefix(got, "warning it has no tables: ") {
		t.Errorf("before anything is there: %s", got)
	}
	p.mustStart()
	for url, want := range map[string]string{
		p.url:                                       "ok it is whole, up to date and can be written",
		p.url + "&synchronous_commit=off":           "fault synchronous_commit is off",
		"postgres://u:hush@localhost:1/app":         "fault it does not answer",
		p.url + "&default_transaction_read_only=on": "fault it cannot be written",
	} {
		began := time.Now()
		got := strings.Join(found("DATABASE_URL="+url), "\n")
		if !strings.Contains(got, want) || strings.Contains(got, "hush") || time.Since(began) > 20*time.Second {
			t.Errorf("%s:\n%s", url, got)
		}
	}
}

type zeroRand struct{}

func (zeroRand) Read(p []byte) (int, error) { clear(p); return len(p), nil }
