package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/internal/pgtest"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// street is a Service with a counter token for each of its users, whose ids are their numbers.
type street struct {
	svc    *nightlatch.Service
	secret totp.Secret
}

// FindUser finds everybody.
func (street) FindUser(_ context.Context, id string) (nightlatch.User, error) {
	return nightlatch.User{ID: id, Name: id}, nil
}

// BenchmarkSecondSteps is Service.Verify of right codes on both databases, by one client and by 16 at once, each with a user
// of its own: median-ms and slow-ms (the 99th of a hundred) of one, durable commit included, steps/s, and cpu-ms, this
// process's processor time for one with the beginning of its sign-in. PostgreSQL is a cluster on this machine that waits
// for the disk.
func BenchmarkSecondSteps(b *testing.B) {
	stores := map[string]func(b *testing.B) *sqlstore.Store{"sqlite": onSQLite, "postgres": onPostgres}
	for _, name := range []string{"sqlite", "postgres"} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) { secondSteps(b, stores[name](b), clients) })
		}
	}
}

func onSQLite(b *testing.B) *sqlstore.Store {
	b.Helper()
	store, err := sqlstore.OpenSQLite(b.Context(), "sqlite", filepath.Join(b.TempDir(), "bench.db"))
	must(b, err)
	return store
}

func onPostgres(b *testing.B) *sqlstore.Store {
	b.Helper()
	cluster := pgtest.New(b, "fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=on")
	store, err := sqlstore.OpenPostgreSQL(b.Context(), "pgx", cluster.URL("postgres"))
	must(b, err)
	return store
}

func secondSteps(b *testing.B, store *sqlstore.Store, clients int) {
	b.Helper()
	b.Cleanup(func() { _ = store.Close() })
	s := newStreet(b, store, clients)
	const turn = 20
	took := make([][]time.Duration, clients)
	failed := make([]error, clients)
	counter := uint64(0)
	before, begun := cpu(b), time.Now()
	for b.Loop() {
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				for n := counter; n < counter+turn && failed[i] == nil; n++ {
					var d time.Duration
					d, failed[i] = s.step(b.Context(), fmt.Sprint(i), n)
					took[i] = append(took[i], d)
				}
			})
		}
		all.Wait()
		counter += turn
	}
	wall, spent := time.Since(begun), cpu(b)-before
	for _, err := range failed {
		must(b, err)
	}
	every := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(ms(every[len(every)/2]), "median-ms")
	b.ReportMetric(ms(every[len(every)*99/100]), "slow-ms")
	b.ReportMetric(float64(len(every))/wall.Seconds(), "steps/s")
	b.ReportMetric(ms(spent)/float64(len(every)), "cpu-ms")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// step begins a sign-in as an application's own does, and times its second step.
func (s street) step(ctx context.Context, user string, counter uint64) (time.Duration, error) {
	code, err := totp.Generator{Secret: s.secret}.Code(counter)
	if err != nil {
		return 0, err
	}
	proof := factor.Proof{Kind: "password", Classes: []factor.Class{factor.Knowledge}, At: time.Now()}
	next, err := s.svc.Begin(ctx, user, proof, nightlatch.Start{})
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	next, err = s.svc.Verify(ctx, next.Token, factor.Response{Kind: totp.ByCounter, Code: code}, nightlatch.Client{})
	took := time.Since(begun)
	if err == nil && next.Step != nightlatch.StepDone {
		err = fmt.Errorf("the sign-in is not done: %v", next.Step)
	}
	return took, err
}

func newStreet(b *testing.B, store *sqlstore.Store, users int) street {
	b.Helper()
	ctx := b.Context()
	must(b, store.Migrate(ctx, time.Now()))
	key, err := nightlatch.NewKeyRing(rand.Reader, time.Now())
	must(b, err)
	s := street{secret: totp.Secret("12345678901234567890")}
	s.svc, err = nightlatch.New(nightlatch.Config{
		Users: s, Store: store, Key: key,
		Factors: []factor.Factor{totp.New(totp.Options{}), totp.NewCounter(totp.Options{}), recovery.New(recovery.Options{})},
	})
	must(b, err)
	b.Cleanup(s.svc.Close)
	state, err := totp.NewState(totp.URI{Kind: totp.ByCounter, Account: anna, Generator: totp.Generator{Secret: s.secret}})
	must(b, err)
	for i := range users {
		user := fmt.Sprint(i)
		must(b, s.svc.Change(ctx, user, nightlatch.Event{Name: "made"}, func(ctx context.Context) error {
			return s.svc.Install(ctx, nightlatch.Installation{
				User: user, Kind: totp.ByCounter, Enrolled: factor.Enrolled{State: state}, Label: "Token",
			})
		}))
	}
	return s
}
