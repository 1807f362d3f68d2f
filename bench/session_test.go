package bench

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// house is a Service on a database file, with one user.
type house struct {
	svc      *nightlatch.Service
	password *password.Factor
	clock    time.Time
	secret   totp.Secret
}

const (
	anna  = "anna"
	words = "a long enough password"
)

// FindUser finds the one user.
func (h *house) FindUser(context.Context, string) (nightlatch.User, error) {
	return nightlatch.User{ID: anna, Name: anna}, nil
}

// FindAccount finds the one user.
func (h *house) FindAccount(context.Context, string) (user, key string, err error) {
	return anna, anna, nil
}

// CheckAccount finds nothing wrong.
func (h *house) CheckAccount(context.Context, web.NewAccount) error { return nil }

// CreateAccount makes none.
func (h *house) CreateAccount(context.Context, web.NewAccount) (string, error) {
	return "", nightlatch.ErrForbidden
}

// MayCreate is false.
func (h *house) MayCreate() bool { return false }

func newHouse(b *testing.B) *house {
	b.Helper()
	store, err := sqlstore.OpenSQLite(b.Context(), "sqlite", filepath.Join(b.TempDir(), "bench.db"))
	must(b, err)
	b.Cleanup(func() { _ = store.Close() })
	must(b, store.Migrate(b.Context(), time.Now()))
	key, err := nightlatch.NewKeyRing(rand.Reader, time.Now())
	must(b, err)
	h := &house{clock: time.Now(), password: password.New(password.Options{})}
	h.svc, err = nightlatch.New(nightlatch.Config{
		Users: h, Store: store, Key: key, Now: func() time.Time { return h.clock },
		Factors: []factor.Factor{totp.New(totp.Options{}), recovery.New(recovery.Options{}), h.password},
	})
	must(b, err)
	b.Cleanup(h.svc.Close)
	h.enroll(b)
	return h
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// enroll gives the user a password and an authenticator app.
func (h *house) enroll(b *testing.B) {
	b.Helper()
	ctx := b.Context()
	u, _ := h.FindUser(ctx, anna)
	hashed, err := h.svc.Prepare(ctx, u, password.Kind, factor.Response{Password: words})
	must(b, err)
	h.secret, err = totp.NewSecret(rand.Reader, 0)
	must(b, err)
	state, err := totp.NewState(totp.URI{Account: anna, Generator: totp.Generator{Secret: h.secret}})
	must(b, err)
	must(b, h.svc.Change(ctx, anna, nightlatch.Event{Name: "made"}, func(ctx context.Context) error {
		if err := h.svc.Install(ctx, nightlatch.Installation{User: anna, Kind: password.Kind, Enrolled: hashed}); err != nil {
			return err
		}
		return h.svc.Install(ctx, nightlatch.Installation{
			User: anna, Kind: totp.ByTime, Enrolled: factor.Enrolled{State: state}, Label: "Phone",
		})
	}))
}

// first is the first step, with the password's hash.
func (h *house) first(b *testing.B) string {
	b.Helper()
	next, err := h.svc.ProveFirst(b.Context(), nightlatch.First{
		User: anna, Name: anna, Response: factor.Response{Kind: password.Kind, Password: words},
	})
	must(b, err)
	return next.Token
}

// begin is the first step without a hash, as an application's own sign-in makes it.
func (h *house) begin(b *testing.B) string {
	b.Helper()
	proof := factor.Proof{Kind: password.Kind, Classes: []factor.Class{factor.Knowledge}, At: h.clock}
	next, err := h.svc.Begin(b.Context(), anna, proof, nightlatch.Start{})
	must(b, err)
	return next.Token
}

// second is the second step, half a minute later, so that the code is a new one.
func (h *house) second(b *testing.B, token string) nightlatch.Next {
	b.Helper()
	code, err := totp.Generator{Secret: h.secret}.At(h.clock)
	must(b, err)
	next, err := h.svc.Verify(b.Context(), token, factor.Response{Kind: totp.ByTime, Code: code}, nightlatch.Client{})
	must(b, err)
	if next.Step != nightlatch.StepDone {
		b.Fatalf("the sign-in is not done: %v", next.Step)
	}
	return next
}

func (h *house) later() { h.clock = h.clock.Add(31 * time.Second) }

// BenchmarkSecondStep is Service.Verify of a right code, durable commit included.
func BenchmarkSecondStep(b *testing.B) {
	h := newHouse(b)
	for b.Loop() {
		b.StopTimer()
		h.later()
		token := h.begin(b)
		b.StartTimer()
		h.second(b, token)
	}
}

// BenchmarkSignInWithoutHash is both steps, without the password's hash.
func BenchmarkSignInWithoutHash(b *testing.B) {
	h := newHouse(b)
	for b.Loop() {
		h.later()
		h.second(b, h.begin(b))
	}
}

// BenchmarkWholeSignIn is both steps with the password's hash; hash-share is how much of the time the hash alone takes.
func BenchmarkWholeSignIn(b *testing.B) {
	h := newHouse(b)
	var whole, hash time.Duration
	hashed, err := h.password.FinishEnrollment(b.Context(), factor.Call{Rand: rand.Reader}, nil, factor.Response{Password: words})
	must(b, err)
	held := []factor.Held{{ID: "1", Kind: password.Kind, State: hashed.State}}
	for b.Loop() {
		h.later()
		begun := time.Now()
		h.second(b, h.first(b))
		whole += time.Since(begun)
		begun = time.Now()
		_, err := h.password.Verify(b.Context(), factor.Call{Held: held, Now: h.clock, Rand: rand.Reader}, nil, factor.Response{Password: words})
		hash += time.Since(begun)
		must(b, err)
	}
	b.ReportMetric(float64(whole)/float64(hash), "x-hash")
}

// BenchmarkSessionCheck asks a handler behind Require and a bare one in turn, over one connection each, and reports how
// many times the processor time of the bare one a request behind Require takes. The client's share is in both.
func BenchmarkSessionCheck(b *testing.B) {
	h := newHouse(b)
	gate, err := web.New(h.svc, web.Options{PublicURL: "http://localhost", Accounts: h})
	must(b, err)
	token := h.second(b, h.begin(b)).Token
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello") })
	bare, guarded := serve(b, hello), serve(b, gate.Require(nightlatch.Level2, hello))
	ask(b, bare, token)
	ask(b, guarded, token)
	const turn = 200
	var cpuBare, cpuGuarded time.Duration
	for b.Loop() {
		cpuBare += cost(b, turn, bare, token)
		cpuGuarded += cost(b, turn, guarded, token)
	}
	b.ReportMetric(float64(cpuGuarded)/float64(cpuBare), "x-bare")
	b.ReportMetric(float64(cpuBare)/float64(b.N*turn), "bare-cpu-ns")
	b.ReportMetric(float64(cpuGuarded)/float64(b.N*turn), "guarded-cpu-ns")
}

func serve(b *testing.B, h http.Handler) *url.URL {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	must(b, err)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}}
	s.Start()
	b.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	must(b, err)
	return u
}

func ask(b *testing.B, u *url.URL, token string) {
	r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Cookie": {"nightlatch_session=" + token}}}
	answer, err := http.DefaultClient.Do(r)
	must(b, err)
	_, err = io.Copy(io.Discard, answer.Body)
	must(b, err)
	must(b, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status)
	}
}

// cost is the processor time of this process for n requests.
func cost(b *testing.B, n int, u *url.URL, token string) time.Duration {
	before := cpu(b)
	for range n {
		ask(b, u, token)
	}
	return cpu(b) - before
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
