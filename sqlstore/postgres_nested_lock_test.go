package sqlstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestLocksAfterAnUndo: PostgreSQL gives up the locks of what is undone. A transaction that goes on after a nested one has
// failed takes them again, so that nobody counts between what it reads and what it writes.
func TestLocksAfterAnUndo(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(ctx context.Context, tx nightlatch.Tx) error{
		"a user":      func(ctx context.Context, tx nightlatch.Tx) error { _, err := tx.FindUser(ctx, "u1"); return err },
		"one unknown": func(ctx context.Context, tx nightlatch.Tx) error { _, err := tx.SessionsOf(ctx, "u2"); return err },
		"a name":      func(ctx context.Context, tx nightlatch.Tx) error { _, err := tx.ThrottlesOf(ctx, "name:x"); return err },
		"of ones own": func(ctx context.Context, _ nightlatch.Tx) error { return sqlstore.Lock(ctx, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openPostgreSQL(t)
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				return tx.Put(ctx, nightlatch.UserRecord{User: "u1"})
			}); err != nil {
				t.Fatal(err)
			}
			undone, over := errors.New("undone"), make(chan error, 1)
			err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				if err := s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
					return errors.Join(read(ctx, tx), undone)
				}); !errors.Is(err, undone) {
					return err
				}
				if err := read(ctx, tx); err != nil {
					return err
				}
				go func() { over <- s.Tx(context.Background(), read) }()
				eventually(t, "the other waits, or is done", func() bool { return waiting(t, s) > 0 || len(over) > 0 })
				if len(over) > 0 {
					t.Error("another one did not wait")
				}
				return nil
			})
			if err = errors.Join(err, <-over); err != nil {
				t.Error(err)
			}
		})
	}
}
