package nightlatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
)

var errDisk = errors.New("the disk is gone")

// failing is a Store whose n-th call fails: each View, Tx, read, write and commit is one.
type failing struct {
	nightlatch.Store
	mu    sync.Mutex
	left  int // calls until one fails; 0: none
	all   bool
	fired bool
}

func (s *failing) failAt(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.fired = n, false
}

func (s *failing) failAll(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = yes
}

// hasFired says whether a call failed, and lets the rest pass.
func (s *failing) hasFired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = 0
	return s.fired
}

func (s *failing) call() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all {
		return errDisk
	}
	if s.left > 0 {
		if s.left--; s.left == 0 {
			s.fired = true
			return errDisk
		}
	}
	return nil
}

func (s *failing) View(ctx context.Context, f func(nightlatch.Reader) error) error {
	if err := s.call(); err != nil {
		return err
	}
	return s.Store.View(ctx, func(r nightlatch.Reader) error { return f(failingReader{r, s}) })
}

func (s *failing) Tx(ctx context.Context, f func(context.Context, nightlatch.Tx) error) error {
	if err := s.call(); err != nil {
		return err
	}
	return s.Store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		if err := f(ctx, failingTx{failingReader{tx, s}, tx}); err != nil {
			return err
		}
		return s.call() // the commit
	})
}

type failingReader struct {
	nightlatch.Reader
	s *failing
}

type failingTx struct {
	failingReader
	tx nightlatch.Tx
}

func ask[R any](s *failing, f func() (R, error)) (r R, err error) {
	if err := s.call(); err != nil {
		return r, err
	}
	return f()
}

func (r failingReader) FindUser(ctx context.Context, user string) (nightlatch.UserRecord, error) {
	return ask(r.s, func() (nightlatch.UserRecord, error) { return r.Reader.FindUser(ctx, user) })
}

func (r failingReader) AuthenticatorsOf(ctx context.Context, user string) ([]nightlatch.AuthenticatorRecord, error) {
	return ask(r.s, func() ([]nightlatch.AuthenticatorRecord, error) { return r.Reader.AuthenticatorsOf(ctx, user) })
}

func (r failingReader) FindSignIn(ctx context.Context, token string) (nightlatch.SignInRecord, error) {
	return ask(r.s, func() (nightlatch.SignInRecord, error) { return r.Reader.FindSignIn(ctx, token) })
}

func (r failingReader) FindSession(ctx context.Context, token string) (nightlatch.SessionRecord, error) {
	return ask(r.s, func() (nightlatch.SessionRecord, error) { return r.Reader.FindSession(ctx, token) })
}

func (r failingReader) SessionsOf(ctx context.Context, user string) ([]nightlatch.SessionRecord, error) {
	return ask(r.s, func() ([]nightlatch.SessionRecord, error) { return r.Reader.SessionsOf(ctx, user) })
}

func (r failingReader) FindPending(ctx context.Context, id string) (nightlatch.PendingRecord, error) {
	return ask(r.s, func() (nightlatch.PendingRecord, error) { return r.Reader.FindPending(ctx, id) })
}

func (r failingReader) PendingsOf(ctx context.Context, owner string) ([]nightlatch.PendingRecord, error) {
	return ask(r.s, func() ([]nightlatch.PendingRecord, error) { return r.Reader.PendingsOf(ctx, owner) })
}

func (r failingReader) ThrottlesOf(ctx context.Context, subject string) ([]nightlatch.ThrottleRecord, error) {
	return ask(r.s, func() ([]nightlatch.ThrottleRecord, error) { return r.Reader.ThrottlesOf(ctx, subject) })
}

func (r failingReader) Epoch(ctx context.Context) (int64, error) {
	return ask(r.s, func() (int64, error) { return r.Reader.Epoch(ctx) })
}

func (r failingReader) SealedAfter(ctx context.Context, table, after string, except []byte, limit int) ([]nightlatch.SealedRecord, error) {
	return ask(r.s, func() ([]nightlatch.SealedRecord, error) {
		return r.Reader.SealedAfter(ctx, table, after, except, limit)
	})
}

func (t failingTx) PutSealed(ctx context.Context, r nightlatch.SealedRecord, box []byte) error {
	return t.do(func() error { return t.tx.PutSealed(ctx, r, box) })
}

func (t failingTx) do(f func() error) error {
	if err := t.s.call(); err != nil {
		return err
	}
	return f()
}

func (t failingTx) Put(ctx context.Context, r nightlatch.Record) error {
	return t.do(func() error { return t.tx.Put(ctx, r) })
}

func (t failingTx) Delete(ctx context.Context, r nightlatch.Record) error {
	return t.do(func() error { return t.tx.Delete(ctx, r) })
}

func (t failingTx) RaiseEpoch(ctx context.Context) error {
	return t.do(func() error { return t.tx.RaiseEpoch(ctx) })
}

func (t failingTx) Expire(ctx context.Context, now time.Time, limit int) (int, error) {
	return ask(t.s, func() (int, error) { return t.tx.Expire(ctx, now, limit) })
}

// everyCall runs a step with its first call failing, then with its second, and so on until it needs no more calls;
// after each failure the same step must do.
func everyCall[R comparable](t *testing.T, s *failing, name string, prepare func() func() (R, error)) {
	t.Helper()
	for n := 1; ; n++ {
		step := prepare()
		s.failAt(n)
		got, err := step()
		var none R
		fired := s.hasFired()
		switch {
		case !fired && err == nil:
			if n < 4 {
				t.Errorf("%s: only %d calls", name, n)
			}
			return
		case !errors.Is(err, nightlatch.ErrUnavailable) || !errors.Is(err, errDisk):
			t.Fatalf("%s, call %d: err = %v, want unavailable with its cause", name, n, err)
		case got != none:
			t.Fatalf("%s, call %d: answered %v with a failure", name, n, got)
		}
		if _, err := step(); err != nil {
			t.Fatalf("%s, after call %d failed: %v", name, n, err)
		}
		if n > 200 {
			t.Fatalf("%s: no end of calls", name)
		}
	}
}

func TestEveryCallOfTheStoreFails(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w := newWorld(t, func(c *nightlatch.Config) {
		store.Store, c.Store = c.Store, store
		c.Limits = nightlatch.Limits{FreeTries: 1000, DayLimit: 1000}
	})
	n := 0
	user := func() string {
		n++
		id := fmt.Sprint("u", n)
		w.add(id)
		return id
	}
	stands := func(next nightlatch.Next, err error) (string, error) { return next.Token, err }
	done := func(err error) (string, error) { return "", err }

	everyCall(t, store, "right password", func() func() (string, error) {
		id := user()
		w.addKnock(id, "door")
		return func() (string, error) { return stands(w.first(id, right)) }
	})
	everyCall(t, store, "password alone, in place of another session", func() func() (string, error) {
		id := user()
		old := w.withPassword(id)
		return func() (string, error) {
			return stands(w.ProveFirst(t.Context(), nightlatch.First{
				User: id, Name: id, Response: factor.Response{Kind: password.Kind, Password: right}, Start: nightlatch.Start{Replaces: old},
			}))
		}
	})
	everyCall(t, store, "code", func() func() (string, error) {
		id := user()
		phone := w.addPhone(id, "phone")
		tok, code := w.begun(id), phone.next()
		return func() (string, error) { return stands(w.prove(tok, totp.ByTime, code)) } // the code is not lost
	})
	everyCall(t, store, "recovery code", func() func() (string, error) {
		id := user()
		w.addKnock(id, "door")
		code := w.addPaper(id)[0]
		w.guess(id, "knock", 1)
		tok := w.begun(id)
		return func() (string, error) { return stands(w.prove(tok, "paper", code)) }
	})
	everyCall(t, store, "fresh proof", func() func() (string, error) {
		id := user()
		w.addKnock(id, "door")
		tok := w.knocked(id)
		return func() (string, error) { return stands(w.prove(tok, "knock", "right")) }
	})
	everyCall(t, store, "begin of an enrollment", func() func() (string, error) {
		tok := w.withPassword(user())
		return func() (string, error) {
			e, err := w.BeginEnrollment(t.Context(), tok, nightlatch.NewEnrollment{Kind: totp.ByTime}, client)
			return e.ID, err
		}
	})
	everyCall(t, store, "end of an enrollment", func() func() (string, error) {
		tok := w.withPassword(user())
		e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
		return func() (string, error) {
			d, err := w.finish(tok, e.ID, "", "right")
			return d.Next.Token + d.Authenticator.ID + strings.Join(d.Codes, " "), err
		}
	})
	everyCall(t, store, "removal", func() func() (string, error) {
		id := user()
		door := w.addKnock(id, "door")
		w.addPaper(id)
		tok := w.knocked(id)
		return func() (string, error) { return done(w.RemoveAuthenticator(t.Context(), tok, door, client)) }
	})
	everyCall(t, store, "new codes", func() func() (string, error) {
		id := user()
		w.addKnock(id, "door")
		w.addPaper(id)
		tok := w.knocked(id)
		return func() (string, error) {
			codes, err := w.RenewCodes(t.Context(), tok, "paper", client)
			return strings.Join(codes, " "), err
		}
	})
	everyCall(t, store, "sign out", func() func() (string, error) {
		tok := w.withPassword(user())
		return func() (string, error) { return done(w.SignOut(t.Context(), tok, client)) }
	})
	everyCall(t, store, "reset", func() func() (string, error) {
		id := user()
		w.addKnock(id, "door")
		w.knocked(id)
		w.guess(id, "knock", 1)
		code := must(paper{}.codes(sharedRandom, 1))
		return func() (string, error) {
			return done(w.Change(t.Context(), id, nightlatch.Event{Name: nightlatch.EventReset}, func(ctx context.Context) error {
				return w.Reset(ctx, id, "paper", code, w.clock.Now().Add(time.Hour))
			}))
		}
	})
}

// A wrong code that could not be counted is not answered either.
func TestUncountedTryIsNotAnswered(t *testing.T) {
	t.Parallel()
	store := &failing{}
	w := newWorld(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	w.add("ann")
	w.addKnock("ann", "door")
	tok := w.begun("ann")
	for n := 1; ; n++ {
		store.failAt(n)
		_, err := w.prove(tok, "knock", "wrong")
		if !store.hasFired() {
			w.refused(err, factor.Wrong)
			break
		}
		w.want(err, nightlatch.ErrUnavailable)
		if errors.Is(err, factor.ErrRefused) {
			t.Errorf("call %d: the verdict is in the error", n)
		}
	}
	for range 4 { // only the one that was answered was counted
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
}

// twice is a Store that runs each transaction twice, as one does after a serialization failure.
type twice struct{ nightlatch.Store }

func (s twice) Tx(ctx context.Context, f func(context.Context, nightlatch.Tx) error) error {
	again := errors.New("again")
	err := s.Store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		if err := f(ctx, tx); err != nil {
			return err
		}
		return again
	})
	if !errors.Is(err, again) {
		return err
	}
	return s.Store.Tx(ctx, f)
}

// What a transaction did is not done twice when it runs again.
func TestTransactionsRunAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *nightlatch.Config) { c.Store = twice{c.Store} })
	w.add("ann")
	tok := w.withPassword("ann")
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock"})
	for range 4 {
		_, err := w.finish(tok, e.ID, "", "wrong")
		w.refused(err, factor.Wrong)
	}
	done, err := w.finish(tok, e.ID, "", "right")
	if err != nil {
		t.Fatal(err)
	}
	phone := w.addPhone("ann", "phone")
	tok = w.begun("ann")
	for range 4 {
		_, err := w.prove(tok, "knock", "wrong")
		w.refused(err, factor.Wrong)
	}
	next := w.must(w.prove(tok, totp.ByTime, phone.next()))
	if len(next.Session.Proofs) != 2 {
		t.Errorf("proofs = %+v", next.Session.Proofs)
	}
	if got := must(w.Session(t.Context(), next.Token)); got.ID != next.Session.ID {
		t.Error("the session is another")
	}
	codes := must(w.RenewCodes(t.Context(), next.Token, "paper", client))
	w.must(w.prove(w.begun("ann"), "paper", codes[2]))
	w.want(w.RemoveAuthenticator(t.Context(), next.Token, done.Authenticator.ID, client), nil)
	w.verifyTrail("ann")
}

// A right second factor ends a hold whose code is out, which raises Changes: what the first run made of that is not what
// the second one is judged by, else every round would be lost to itself.
func TestEndOfHoldRunsAgain(t *testing.T) {
	t.Parallel()
	w, box := lost(t, func(c *nightlatch.Config) { c.Store = twice{c.Store} })
	session := w.knocked("ann")
	for name, end := range map[string]func(){
		"a sign-in":     func() { w.knocked("ann") },
		"a fresh proof": func() { session = w.must(w.prove(session, "knock", "right")).Token },
	} {
		if w.holdCode(box, "ann") == "" {
			t.Fatalf("%s: no code came", name)
		}
		end()
		if _, holds := w.ways(w.begun("ann")); holds {
			t.Errorf("%s: the hold goes on", name)
		}
		w.clock.pass(time.Hour)
	}
}
