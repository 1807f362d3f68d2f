package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// Whoever makes accounts by the thousand is stopped, also when all come at once and whatever they are called.
func TestSignUpsOfAnAddress(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings("SIGN_UP_PER_ADDRESS_PER_HOUR=3"))
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	from := func(addr string) error {
		names++
		_, err := signUps{s}.CreateAccount(t.Context(), web.NewAccount{
			Username: fmt.Sprintf("person %d", names), Password: secret, Client: nightlatch.Client{Addr: addr},
		})
		return err
	}
	stopped := func(addr string, wait time.Duration) {
		t.Helper()
		var e *nightlatch.ThrottledError
		if err := from(addr); !errors.As(err, &e) || e.RetryAfter != wait {
			t.Fatalf("%s: %v, want throttled for %v", addr, err, wait)
		}
	}
	through := func(addr string) {
		t.Helper()
		if err := from(addr); err != nil {
			t.Fatalf("%s: %v", addr, err)
		}
	}
	through("192.0.2.7")
	p.clock.move(20 * time.Minute)
	through("::ffff:192.0.2.7")
	through("192.0.2.7")
	stopped("192.0.2.7", 40*time.Minute)
	through("192.0.2.8")
	if again, err := p.start(p.settings("SIGN_UP_PER_ADDRESS_PER_HOUR=3")); err != nil {
		t.Fatal(err)
	} else {
		s = again
	}
	stopped("192.0.2.7", 40*time.Minute) // after a restart, too
	for _, addr := range []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::1%eth0"} {
		through(addr)
	}
	stopped("2001:db8:1:2:3::", time.Hour)
	through("2001:db8:1:3::1")
	p.clock.move(40 * time.Minute)
	through("192.0.2.7")
	stopped("192.0.2.7", 20*time.Minute)
	for range 5 { // the command line is nobody's address
		through("")
	}
}

func TestSignUpsAtOnce(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings("SIGN_UP_PER_ADDRESS_PER_HOUR=3"))
	if err != nil {
		t.Fatal(err)
	}
	var made, stopped atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		c := newClient(t, s) // all come from the address of httptest
		all.Go(func() {
			status, _ := c.send("POST", "/accounts", object{"username": fmt.Sprintf("person %d", i), "password": secret, "transport": "token"})
			switch status {
			case http.StatusCreated:
				made.Add(1)
			case http.StatusTooManyRequests:
				stopped.Add(1)
			}
		})
	}
	all.Wait()
	if made.Load() != 3 || stopped.Load() != 17 {
		t.Errorf("%d of 20 at once were made and %d stopped, want 3 and 17", made.Load(), stopped.Load())
	}
}

// TestNamesMadeUp: whoever asks for links with names made up fills no table.
func TestNamesMadeUp(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings())
	if err != nil {
		t.Fatal(err)
	}
	may := 0
	for i := range 100 {
		err := s.Service.Transact(t.Context(), func(ctx context.Context) error {
			ok, err := s.countLink(ctx, linkTo{name: fmt.Sprintf("name %d", i), none: true, reset: true}, "192.0.2.7")
			if ok {
				may++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var rows int
	err = s.store.Read(t.Context(), func(q sqlstore.Querier) error {
		return q.QueryRowContext(t.Context(), `SELECT count(*) FROM nl_throttles`).Scan(&rows)
	})
	if err != nil || may != linksPerAddress || rows != 2*linksPerAddress+1 {
		t.Errorf("%d links, %d rows, %v", may, rows, err)
	}
}

// TestTakenIsCounted: nobody tries all names by signing up, and whoever tried too many may sign up all the same.
func TestTakenIsCounted(t *testing.T) {
	t.Parallel()
	for _, verify := range []string{"false", "true"} {
		p := newSite(t)
		s, err := p.start(p.settings("SIGN_UP_PER_ADDRESS_PER_HOUR=3", "SIGN_UP_VERIFY_EMAIL="+verify, "MAIL_URL=outbox:", "MAIL_FROM=id@example.com"))
		if err != nil {
			t.Fatal(err)
		}
		add(t, s, Account{Username: "anna"})
		from := func(name, addr string) error {
			_, err := signUps{s}.CreateAccount(t.Context(), web.NewAccount{
				Username: name, Email: name + "@example.com", Password: secret, Client: nightlatch.Client{Addr: addr},
			})
			return err
		}
		var fields web.FieldsError
		var throttled *nightlatch.ThrottledError
		for i := range 5 {
			switch err := from("Anna", "192.0.2.7"); {
			case i < 3 && (!errors.As(err, &fields) || fields["username"] != "taken"):
				t.Errorf("%d: %v, want taken", i, err)
			case i >= 3 && (!errors.As(err, &throttled) || throttled.RetryAfter != time.Hour):
				t.Errorf("%d: %v, want throttled for an hour", i, err)
			}
		}
		// What else is wrong is told of a name that is free and of one that is taken alike: else all names could be tried with
		// passwords that are refused.
		with := func(name, secret string) error {
			_, err := signUps{s}.CreateAccount(t.Context(), web.NewAccount{
				Username: name, Email: name + "@example.com", Password: secret, Client: nightlatch.Client{Addr: "192.0.2.7"},
			})
			return err
		}
		taken, free := with("Anna", "short"), with("dora", "short")
		if !errors.As(taken, &fields) || len(fields) != 1 || fields["password"] != "too_short" || taken.Error() != free.Error() {
			t.Errorf("a name that is taken: %v; one that is free: %v", taken, free)
		}
		p.clock.move(time.Minute)
		if err := from("bert", "192.0.2.7"); err != nil {
			t.Errorf("a name that is free: %v", err)
		}
		if err := from("anna", "192.0.2.8"); !errors.As(err, &fields) {
			t.Errorf("from elsewhere: %v", err)
		}
		// Nor does the time to wait tell, where no account is made any more.
		for err = error(nil); err == nil; {
			err = from(rand.Text(), "192.0.2.7")
		}
		p.clock.move(time.Minute)
		var known, unknown *nightlatch.ThrottledError
		if !errors.As(from("anna", "192.0.2.7"), &known) || !errors.As(from(rand.Text(), "192.0.2.7"), &unknown) || known.RetryAfter != unknown.RetryAfter {
			t.Errorf("a name that is taken: %v; one that is free: %v", known, unknown)
		}
	}
}

// TestTakenIsCountedOfRenames: nobody tries all names by renaming an account of his own.
func TestTakenIsCountedOfRenames(t *testing.T) {
	t.Parallel()
	p := newSite(t)
	s, err := p.start(p.settings("SIGN_UP_PER_ADDRESS_PER_HOUR=2"))
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, Account{Username: "anna"})
	session := sessionOf(t, s, add(t, s, Account{Username: "bert"}))
	rename := func(name string) error {
		return profiles{s}.Rename(t.Context(), session, name, nightlatch.Client{Addr: "192.0.2.7"})
	}
	var fields web.FieldsError
	var throttled *nightlatch.ThrottledError
	for i := range 3 {
		switch err := rename("Anna"); {
		case i < 2 && (!errors.As(err, &fields) || fields["username"] != "taken"):
			t.Errorf("%d: %v, want taken", i, err)
		case i == 2 && !errors.As(err, &throttled):
			t.Errorf("%d: %v, want throttled", i, err)
		}
	}
	if err := rename("dora"); err != nil {
		t.Errorf("a name that is free: %v", err)
	}
}
