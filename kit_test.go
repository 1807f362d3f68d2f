package nightlatch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// A world is a Service on a database of its own, with people, a clock that stands still, and factors.

// start is when the tests play.
var start = time.Date(2026, 11, 22, 10, 20, 30, 0, time.UTC)

var client = nightlatch.Client{Addr: "192.0.2.7", Agent: "test"}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people are the application's users.
type people struct {
	mu    sync.Mutex
	byID  map[string]nightlatch.User
	fault error
}

func (p *people) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		return nightlatch.User{}, p.fault
	}
	u, ok := p.byID[id]
	if !ok {
		// As a store would say it, with more around it.
		return nightlatch.User{}, errors.Join(nightlatch.ErrNotFound, errors.New("no such row"))
	}
	return u, nil
}

func (p *people) put(u nightlatch.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[u.ID] = u
}

func (p *people) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byID, id)
}

func (p *people) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = err
}

type world struct {
	testing.TB
	*nightlatch.Service
	clock  *clock
	people *people
	store  *sqlstore.Store
	path   string
	key    *nightlatch.KeyRing
	config nightlatch.Config
	app    factor.Factor // authenticator apps
	codes  []string      // recovery codes of a test
}

// newWorld makes one; each option changes the Config before the Service is made.
func newWorld(t testing.TB, options ...func(*nightlatch.Config)) *world {
	t.Helper()
	w := &world{
		TB: t, clock: &clock{now: start}, people: &people{byID: map[string]nightlatch.User{}},
		path: newDatabase(t, t.TempDir()), app: totp.New(totp.Options{}),
	}
	w.store = openStore(t, w.path)
	var err error
	if w.key, err = nightlatch.NewKeyRing(sharedRandom, start); err != nil {
		t.Fatal(err)
	}
	w.config = nightlatch.Config{
		Users: w.people, Store: w.store, Key: w.key, Now: w.clock.Now, Origin: "https://example.com",
		Factors: []factor.Factor{w.app, knock("knock"), paper{}, newPassword()},
	}
	for _, o := range options {
		o(&w.config)
	}
	w.Service = w.another()
	return w
}

func newPassword() factor.Factor {
	return password.New(password.Options{MinLength: 8, Cost: password.Cost{Memory: 64, Passes: 1, Lanes: 1}})
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// newDatabase is where openStore opens a store that nobody else has: a file in a directory, or a database of PostgreSQL
// where the environment asks for that.
func newDatabase(t testing.TB, dir string) string {
	t.Helper()
	if !pgtest.Chosen() {
		return filepath.Join(dir, "nightlatch.db")
	}
	return pgtest.Copy(t, "engine", func(url string) error {
		s, err := sqlstore.OpenPostgreSQL(context.Background(), "pgx", url)
		if err != nil {
			return err
		}
		return errors.Join(s.Migrate(context.Background(), start), s.Close())
	})
}

func openStore(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	open, driver := sqlstore.OpenSQLite, "sqlite"
	if pgtest.Chosen() {
		open, driver = sqlstore.OpenPostgreSQL, "pgx"
	}
	s, err := open(context.Background(), driver, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(context.Background(), start); err != nil {
		t.Fatal(err)
	}
	return s
}

// another makes one more Service of the same Config, as another process would.
func (w *world) another(options ...func(*nightlatch.Config)) *nightlatch.Service {
	w.Helper()
	c := w.config
	for _, o := range options {
		o(&c)
	}
	s, err := nightlatch.New(c)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(s.Close)
	return s
}

func withPolicy(p nightlatch.Policy) func(*nightlatch.Config) {
	return func(c *nightlatch.Config) { c.Policy = p }
}

func required(c *nightlatch.Config) { c.Policy.Require = nightlatch.Required }

func withFactors(f ...factor.Factor) func(*nightlatch.Config) {
	return func(c *nightlatch.Config) { c.Factors = append(f, c.Factors...) }
}

// The people's password is the same: nothing here depends on it.
const right = "correct horse battery"

// add makes a person with a password.
func (w *world) add(id string) {
	w.Helper()
	u := nightlatch.User{ID: id, Name: id, Email: id + "@example.org"}
	w.people.put(u)
	enrolled, err := w.Prepare(w.Context(), u, password.Kind, factor.Response{Password: right})
	if err != nil {
		w.Fatal(err)
	}
	w.install(nightlatch.Installation{User: id, Kind: password.Kind, Enrolled: enrolled})
}

func (w *world) install(in nightlatch.Installation) {
	w.Helper()
	err := w.Change(w.Context(), in.User, nightlatch.Event{Name: "prepared"}, func(ctx context.Context) error {
		return w.Install(ctx, in)
	})
	if err != nil {
		w.Fatal(err)
	}
}

// phone is an authenticator app with one secret.
type phone struct {
	w  *world
	id string
	totp.Generator
}

// addPhone gives a person an authenticator app.
func (w *world) addPhone(user, label string) *phone {
	w.Helper()
	p := w.newPhone()
	state, err := totp.NewState(totp.URI{Kind: totp.ByTime, Account: user, Generator: p.Generator})
	if err != nil {
		w.Fatal(err)
	}
	w.install(nightlatch.Installation{User: user, Kind: totp.ByTime, Label: label, Enrolled: factor.Enrolled{State: state}})
	p.id = w.idOf(user, label)
	return p
}

func (w *world) newPhone() *phone {
	w.Helper()
	secret, err := totp.NewSecret(sharedRandom, totp.DefaultSecretSize)
	if err != nil {
		w.Fatal(err)
	}
	return &phone{w: w, Generator: totp.Generator{Secret: secret}}
}

// code is the one that the phone shows now.
func (p *phone) code() string {
	p.w.Helper()
	code, err := p.At(p.w.clock.Now())
	if err != nil {
		p.w.Fatal(err)
	}
	return code
}

// next waits for the next code, so that it is not used yet.
func (p *phone) next() string {
	p.w.Helper()
	p.w.clock.pass(30 * time.Second)
	return p.code()
}

// wrong is a code that the phone shows nowhere near.
func (p *phone) wrong() string {
	p.w.Helper()
	var near []string
	for step := -40; step <= 40; step++ {
		code, err := p.At(p.w.clock.Now().Add(time.Duration(step) * 30 * time.Second))
		if err != nil {
			p.w.Fatal(err)
		}
		near = append(near, code)
	}
	for _, code := range []string{"000000", "111111", "222222", "333333"} {
		if !slices.Contains(near, code) {
			return code
		}
	}
	p.w.Fatal("no code is wrong")
	return ""
}

// addKnock gives a person an authenticator of the fake kind "knock" that opens to "right".
func (w *world) addKnock(user, label string) string {
	w.Helper()
	w.install(nightlatch.Installation{User: user, Kind: "knock", Label: label, Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	return w.idOf(user, label)
}

// idOf is the id of an authenticator by its label.
func (w *world) idOf(user, label string) string {
	w.Helper()
	h, err := w.HoldingsOf(w.Context(), user)
	if err != nil {
		w.Fatal(err)
	}
	for _, a := range h.Authenticators {
		if a.Label == label {
			return a.ID
		}
	}
	w.Fatalf("%s holds no %q", user, label)
	return ""
}

// first proves a password.
func (w *world) first(user, text string) (nightlatch.Next, error) {
	return w.ProveFirst(w.Context(), nightlatch.First{
		User: user, Name: user, Response: factor.Response{Kind: password.Kind, Password: text}, Start: nightlatch.Start{Client: client},
	})
}

// begun is the token of a sign-in whose password was right.
func (w *world) begun(user string) string {
	w.Helper()
	next, err := w.first(user, right)
	if err != nil {
		w.Fatal(err)
	}
	if next.Step == nightlatch.StepDone {
		w.Fatal("the password was enough")
	}
	return next.Token
}

// withPassword is the token of a session of a person who holds nothing else.
func (w *world) withPassword(user string) string {
	w.Helper()
	next, err := w.first(user, right)
	if err != nil {
		w.Fatal(err)
	}
	if next.Step != nightlatch.StepDone {
		w.Fatalf("step = %s, want done", next.Step)
	}
	return next.Token
}

// prove answers in a sign-in or session.
func (w *world) prove(tok string, kind factor.Kind, code string) (nightlatch.Next, error) {
	return w.Verify(w.Context(), tok, factor.Response{Kind: kind, Code: code}, client)
}

// knocked is the token of a session of a person who holds a knock.
func (w *world) knocked(user string) string {
	w.Helper()
	return w.must(w.prove(w.begun(user), "knock", "right")).Token
}
