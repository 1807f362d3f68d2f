package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/nightlatch/nightlatch"
)

func epoch(ctx context.Context, r nightlatch.Reader) (int64, error) { return r.Epoch(ctx) }

// testEpoch: it grows, when the transaction is committed.
func testEpoch(t *testing.T, s nightlatch.Store) {
	before := must(t, s, epoch)
	put(t, s, user("u1"))
	if again := must(t, s, epoch); again != before {
		t.Errorf("the epoch went from %d to %d by itself", before, again)
	}
	tx(t, s, func(ctx context.Context, tx nightlatch.Tx) error {
		if err := tx.RaiseEpoch(ctx); err != nil {
			return err
		}
		if within, err := tx.Epoch(ctx); err != nil || within <= before {
			t.Errorf("within the transaction: %d after %d, %v", within, before, err)
		}
		return nil
	})
	raised := must(t, s, epoch)
	if raised <= before {
		t.Errorf("the epoch went from %d to %d", before, raised)
	}
	_ = s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		return errors.Join(tx.RaiseEpoch(ctx), errors.New("roll back"))
	})
	if again := must(t, s, epoch); again != raised {
		t.Errorf("the epoch went from %d to %d by a transaction that failed", raised, again)
	}
}

// testRollback: an error and a panic leave nothing, and the error comes back as it is.
func testRollback(t *testing.T, s nightlatch.Store) {
	put(t, s, user("old"))
	failed := errors.New("failed")
	writeAll := func(ctx context.Context, tx nightlatch.Tx) error {
		changed := user("old")
		changed.Sealed, changed.Revision = []byte("changed"), 1
		return errors.Join(tx.Put(ctx, user("new")), tx.Put(ctx, changed), tx.Put(ctx, event("old", 1)))
	}
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		if err := writeAll(ctx, tx); err != nil {
			t.Error(err)
		}
		return failed
	}); err != failed { //nolint:errorlint // as it is
		t.Errorf("Tx returned %v", err)
	}
	func() {
		defer func() {
			if r := recover(); r != failed {
				t.Errorf("the panic became %v", r)
			}
		}()
		_ = s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			if err := writeAll(ctx, tx); err != nil {
				t.Error(err)
			}
			panic(failed)
		})
	}()
	if err := s.View(t.Context(), func(nightlatch.Reader) error { return failed }); err != failed { //nolint:errorlint // as it is
		t.Errorf("View returned %v", err)
	}
	want := user("old")
	want.Revision = 1
	wantEqual(t, "old", must(t, s, findUser("old")), want)
	events := must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.EventRecord, error) {
		return r.EventsOf(ctx, "old", 0, 10)
	})
	if isThere(t, s, "new") || len(events) > 0 {
		t.Error("something of a failed transaction stayed")
	}
	put(t, s, user("new")) // nothing is locked
}

// testView: it reads what is committed, and cannot write.
func testView(t *testing.T, s nightlatch.Store) {
	put(t, s, user("u1"))
	if err := s.View(t.Context(), func(r nightlatch.Reader) error {
		if _, ok := r.(nightlatch.Tx); ok {
			t.Error("a Reader is a Tx")
		}
		_, err := r.FindUser(t.Context(), "u1")
		return err
	}); err != nil {
		t.Error(err)
	}
	// A Tx sees what it wrote.
	tx(t, s, func(ctx context.Context, tx nightlatch.Tx) error {
		if err := tx.Put(ctx, user("u2")); err != nil {
			return err
		}
		u, err := tx.FindUser(ctx, "u2")
		if u.Revision != 1 {
			t.Errorf("within the transaction: %+v", u)
		}
		return err
	})
}

// testViewIsNotBlocked: a View in the middle of a Tx answers, with what was there before.
func testViewIsNotBlocked(t *testing.T, s nightlatch.Store) {
	put(t, s, user("u1"))
	written, viewed := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			err := tx.Put(ctx, user("u2"))
			close(written)
			<-viewed
			return err
		})
	}()
	<-written
	if !isThere(t, s, "u1") || isThere(t, s, "u2") {
		t.Error("a View reads what is not committed")
	}
	close(viewed)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !isThere(t, s, "u2") {
		t.Error("a View does not read what is committed")
	}
}

// testJoined: Tx with the ctx of a Tx is part of it.
func testJoined(t *testing.T, s nightlatch.Store) {
	failed := errors.New("failed")
	nested := func(outer, inner error) error {
		return s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			if err := tx.Put(ctx, user("outer")); err != nil {
				return err
			}
			if err := s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
				if _, err := tx.FindUser(ctx, "outer"); err != nil {
					return err
				}
				return errors.Join(tx.Put(ctx, user("inner")), inner)
			}); err != nil {
				return err
			}
			if _, err := tx.FindUser(ctx, "inner"); err != nil {
				return err
			}
			return outer
		})
	}
	for name, err := range map[string]error{"outer": nested(failed, nil), "inner": nested(nil, failed)} {
		if !errors.Is(err, failed) {
			t.Errorf("%s failed: %v", name, err)
		}
		if isThere(t, s, "outer") || isThere(t, s, "inner") {
			t.Errorf("%s failed, and something stayed", name)
		}
	}
	if err := nested(nil, nil); err != nil {
		t.Fatal(err)
	}
	if !isThere(t, s, "outer") || !isThere(t, s, "inner") {
		t.Error("something is missing")
	}
	// A ctx that outlives its transaction carries none.
	var kept context.Context
	tx(t, s, func(ctx context.Context, _ nightlatch.Tx) error {
		kept = ctx
		return nil
	})
	if err := s.Tx(kept, putting(user("late"))); err == nil {
		if !isThere(t, s, "late") {
			t.Error("a write after the end of its transaction is lost without an error")
		}
	}
}

// testCanceled: who asked has gone.
func testCanceled(t *testing.T, s nightlatch.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		err := tx.Put(ctx, user("u1"))
		cancel()
		return err
	}); err == nil {
		t.Error("committed after it was canceled")
	}
	if isThere(t, s, "u1") {
		t.Error("something stayed")
	}
	for name, err := range map[string]error{
		"Tx":   s.Tx(ctx, putting(user("u1"))),
		"View": s.View(ctx, func(r nightlatch.Reader) error { _, err := r.FindUser(ctx, "u1"); return err }),
	} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, nightlatch.ErrNotFound) || errors.Is(err, nightlatch.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, s, user("u1")) // nothing is locked
}
