// Package nightlatchtest is a kit for the tests of an application that has Nightlatch in it.
//
// New makes a Service that is ready: SQLite in a file that goes with the test, every second factor, a clock that
// stands still until the test moves it, an inbox in the place of mail and SMS. EnrollPhone and EnrollKey give a user
// an authenticator, SignIn proves it, and a Browser goes through the application's own handler as a person does.
//
// It owns no rule: what it does goes through the same Service as in production, throttles and single use included, so
// a test waits for the next code (Phone.Next) as a person does. It links the driver modernc.org/sqlite. It is for
// tests only.
package nightlatchtest

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/sqlstore"

	_ "modernc.org/sqlite" // the kit's database
)

// Origin is where the kit's browsers are, and what its security keys are bound to: web.Options.PublicURL.
const Origin = "https://example.com"

const rpID = "example.com"

// Start is when a kit's clock begins. It lies in the past, so that a sign-in of which an application says time.Now()
// is never an old one.
var Start = time.Date(2026, 1, 2, 9, 30, 10, 0, time.UTC)

// Kit is a Service and all that a test needs around it.
type Kit struct {
	*nightlatch.Service
	Clock *Clock
	Inbox *Inbox
	Store *sqlstore.Store
	Key   *nightlatch.KeyRing

	t testing.TB
	// answers prove the first authenticator of each user that the kit has enrolled.
	answers map[string]func(token string) (nightlatch.Next, error)
}

// New makes a Kit whose users are the application's, or those of NewUsers. Each option changes the Config before the
// Service is made: its Policy, its Factors (security keys, apps, codes by e-mail and SMS, recovery codes), its Notices.
// What goes wrong ends the test; all that is made is closed after it. A Kit is used by one goroutine at a time.
func New(t testing.TB, users nightlatch.Users, options ...func(*nightlatch.Config)) *Kit {
	t.Helper()
	k := &Kit{
		Clock: NewClock(Start), Inbox: &Inbox{}, t: t, answers: map[string]func(string) (nightlatch.Next, error){},
	}
	var err error
	if k.Store, err = sqlstore.OpenSQLite(t.Context(), "sqlite", filepath.Join(t.TempDir(), "nightlatch.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Store.Close() })
	if err := k.Store.Migrate(t.Context(), k.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if k.Key, err = nightlatch.NewKeyRing(rand.Reader, k.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	c := nightlatch.Config{
		Users: users, Store: k.Store, Key: k.Key, Factors: factors(t), Origin: Origin, Now: k.Clock.Now,
		Senders: map[factor.Kind]nightlatch.Sender{sentcode.Email: k.Inbox, sentcode.SMS: k.Inbox},
	}
	for _, option := range options {
		option(&c)
	}
	if k.Service, err = nightlatch.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Service.Close)
	return k
}

// factors are all second factors, the strongest first.
func factors(t testing.TB) []factor.Factor {
	keys, err := webauthn.New(webauthn.Options{RPID: rpID, Origins: []string{Origin}})
	if err != nil {
		t.Fatal(err)
	}
	return []factor.Factor{
		keys, totp.New(totp.Options{}), totp.NewCounter(totp.Options{}), sentcode.NewEmail(sentcode.Options{}),
		sentcode.NewSMS(sentcode.Options{ParsePhone: parsePhone}), recovery.New(recovery.Options{Cost: recovery.Cost{Memory: 64, Passes: 1, Lanes: 1}}),
	}
}

// parsePhone takes every number in international form: nothing is sent anywhere.
func parsePhone(text, _ string) (e164, spoken string, err error) {
	if !strings.HasPrefix(text, "+") || len(text) < 8 || len(text) > 16 || strings.Trim(text[1:], "0123456789") != "" {
		return "", "", errors.New("no number in international form")
	}
	return text, text, nil
}
