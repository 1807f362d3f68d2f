package nightlatch_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/nightlatch/nightlatch"
)

// looks counts how often the records of a user are read, which takes time where there is one: they are unsealed.
type looks struct {
	nightlatch.Store
	n atomic.Int64
}

type lookReader struct {
	nightlatch.Reader
	n *atomic.Int64
}

func (r lookReader) FindUser(ctx context.Context, user string) (nightlatch.UserRecord, error) {
	r.n.Add(1)
	return r.Reader.FindUser(ctx, user)
}

func (r lookReader) AuthenticatorsOf(ctx context.Context, user string) ([]nightlatch.AuthenticatorRecord, error) {
	r.n.Add(1)
	return r.Reader.AuthenticatorsOf(ctx, user)
}

type lookTx struct {
	nightlatch.Tx
	n *atomic.Int64
}

func (t lookTx) FindUser(ctx context.Context, user string) (nightlatch.UserRecord, error) {
	t.n.Add(1)
	return t.Tx.FindUser(ctx, user)
}

func (t lookTx) AuthenticatorsOf(ctx context.Context, user string) ([]nightlatch.AuthenticatorRecord, error) {
	t.n.Add(1)
	return t.Tx.AuthenticatorsOf(ctx, user)
}

func (s *looks) View(ctx context.Context, f func(nightlatch.Reader) error) error {
	return s.Store.View(ctx, func(r nightlatch.Reader) error { return f(lookReader{r, &s.n}) })
}

func (s *looks) Tx(ctx context.Context, f func(ctx context.Context, tx nightlatch.Tx) error) error {
	return s.Store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return f(ctx, lookTx{tx, &s.n}) })
}

// A throttled answer has no slow hash to hide behind: what it takes to open a user's records would tell, by a tenth
// of its time, that somebody has the name. Such answers cost no try, so that anybody may measure thousands.
func TestThrottledLooksAtNobody(t *testing.T) {
	t.Parallel()
	store := &looks{}
	w := newWorld(t, func(c *nightlatch.Config) { store.Store, c.Store = c.Store, store })
	w.add("ann")
	w.addPhone("ann", "phone")
	for range 6 { // the sixth is the first that is throttled, and is noted
		_ = w.from("192.0.2.7", "ann", "ann", "wrong password")
	}
	before := store.n.Load()
	for range 3 {
		if e := new(nightlatch.ThrottledError); !asThrottled(w.from("192.0.2.7", "ann", "ann", right), &e) {
			t.Fatal("not throttled")
		}
	}
	if n := store.n.Load() - before; n != 0 {
		t.Errorf("three throttled tries read %d records of the user, want none", n)
	}
}
