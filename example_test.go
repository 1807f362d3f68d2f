package nightlatch_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/nightlatchtest"
	"github.com/nightlatch/nightlatch/sqlstore"

	_ "modernc.org/sqlite" // the driver that OpenDir is told of
)

// A service with authenticator apps and recovery codes, on SQLite.
func ExampleNew() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	store, err := sqlstore.OpenDir(ctx, "sqlite", dir, rand.Reader, time.Now())
	if err != nil {
		panic(err)
	}
	defer store.Close()
	svc, err := nightlatch.New(nightlatch.Config{
		Users: oneUser{}, Store: store, Key: store.Key, Origin: "https://example.com",
		Factors: []factor.Factor{totp.New(totp.Options{}), recovery.New(recovery.Options{})},
		Policy:  nightlatch.Policy{Require: nightlatch.Required, Grace: 14 * 24 * time.Hour},
	})
	if err != nil {
		panic(err)
	}
	defer svc.Close()
	fmt.Println(svc.Policy().Kinds())
	// Output: [totp]
}

// Everybody must have a second factor, and may put it off for two weeks.
func ExamplePolicy_Decide() {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	policy := nightlatch.Policy{Require: nightlatch.Required, Grace: 14 * 24 * time.Hour}
	password := []factor.Proof{{Kind: "password", Classes: []factor.Class{factor.Knowledge}, At: now}}
	phone := factor.Held{ID: "1", Kind: "totp", Label: "My phone"}

	fmt.Println(policy.Decide(nil, nil, false, nightlatch.Standing{}, now).Step)
	fmt.Println(policy.Decide(password, []factor.Held{phone}, false, nightlatch.Standing{}, now).Step)
	d := policy.Decide(password, nil, false, nightlatch.Standing{RequiredSince: now}, now)
	fmt.Println(d.Step, "until", d.EnrollBy.Format(time.DateOnly))
	d = policy.Decide(password, nil, false, nightlatch.Standing{RequiredSince: now}, now.Add(15*24*time.Hour))
	fmt.Println(d.Step)
	// Output:
	// verify
	// verify
	// done until 2026-12-06
	// enroll
}

// What a user holds, for a page of an application's own or for its administrators. It never has a secret.
func ExampleService_HoldingsOf() {
	t := &inExample{} // in a test: its *testing.T
	defer t.end()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(nightlatch.User{ID: "7", Name: "ada"}))
	kit.EnrollPhone("7", "My phone")
	kit.EnrollKey("7", "Blue key")

	held, err := kit.HoldingsOf(t.Context(), "7")
	if err != nil {
		panic(err)
	}
	for _, a := range held.Authenticators {
		fmt.Println(a.Kind, a.Label)
	}
	for _, c := range held.Codes {
		fmt.Println(c.Kind, c.Left)
	}
	// Output:
	// webauthn Blue key
	// totp My phone
	// recovery 10
}

// An administrator resets a user who has lost everything, and hands over a code with which alone the user may enroll.
func ExampleService_Reset() {
	t := &inExample{}
	defer t.end()
	ada := nightlatch.User{ID: "7", Name: "ada"}
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(ada))
	kit.EnrollPhone("7", "The phone that fell into the lake")

	code, err := recovery.New(recovery.Options{}).OneCode(t.Context(), factor.Call{Now: kit.Now(), Rand: rand.Reader})
	if err != nil {
		panic(err)
	}
	event := nightlatch.Event{Name: nightlatch.EventReset, By: "administrator", Reason: "came in person, showed a passport"}
	err = kit.Change(t.Context(), "7", event, func(ctx context.Context) error {
		return kit.Reset(ctx, "7", recovery.Kind, code, kit.Now().Add(72*time.Hour))
	})
	if err != nil {
		panic(err)
	}
	next := kit.FirstStep("7")
	fmt.Println(next.Step, next.Offers[0].Kind)
	next, err = kit.Verify(t.Context(), next.Token, factor.Response{Kind: recovery.Kind, Code: code.Show.(factor.Keep).Codes[0]}, nightlatchtest.Client())
	if err != nil {
		panic(err)
	}
	fmt.Println(next.Step)
	// Output:
	// verify recovery
	// enroll
}

// A payment is confirmed by a second factor, whatever was proven before, and made once.
func ExampleService_BeginConfirmation() {
	t := &inExample{}
	defer t.end()
	kit := nightlatchtest.New(t, nightlatchtest.NewUsers(nightlatch.User{ID: "7", Name: "ada"}))
	phone := kit.EnrollPhone("7", "My phone")

	payment := nightlatch.Confirmation{User: "7", What: "Pay 100.00 EUR to ACME, order 4711"}
	next, err := kit.BeginConfirmation(t.Context(), payment, nightlatch.Start{Client: nightlatchtest.Client()})
	if err != nil {
		panic(err)
	}
	fmt.Println(next.Step, next.Offers[0].Label)
	next, err = kit.Verify(t.Context(), next.Token, factor.Response{Kind: totp.ByTime, Code: phone.Next()}, nightlatchtest.Client())
	if err != nil {
		panic(err)
	}
	fmt.Println(next.Step, next.Confirms)
	fmt.Println(kit.UseConfirmation(t.Context(), next.Token, payment, nightlatchtest.Client()))
	fmt.Println(kit.UseConfirmation(t.Context(), next.Token, payment, nightlatchtest.Client()))
	// Output:
	// verify My phone
	// done Pay 100.00 EUR to ACME, order 4711
	// <nil>
	// no sign-in or session
}

// inExample is a testing.TB where there is no test.
type inExample struct {
	testing.TB
	cleanups []func()
}

func (*inExample) Helper()                   {}
func (*inExample) Context() context.Context  { return context.Background() }
func (*inExample) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (*inExample) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (t *inExample) Cleanup(f func())        { t.cleanups = append(t.cleanups, f) }
func (t *inExample) TempDir() string {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (t *inExample) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
