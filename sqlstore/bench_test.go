package sqlstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nightlatch/nightlatch"
)

// BenchmarkFindSession is what a session check reads when no cache has it.
func BenchmarkFindSession(b *testing.B) {
	s := openNew(b)
	if err := s.Tx(b.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		for i := range 1000 {
			if err := tx.Put(ctx, nightlatch.SessionRecord{
				ID: fmt.Sprint("id", i), Token: fmt.Sprint("token", i), User: "u1", Data: make([]byte, 200), CreatedAt: now, ExpiresAt: now,
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.View(b.Context(), func(r nightlatch.Reader) error {
			_, err := r.FindSession(b.Context(), "token500")
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSecondStep is what the second step of a sign-in reads and writes, durable commit included.
func BenchmarkSecondStep(b *testing.B) {
	s := openNew(b)
	if err := s.Tx(b.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		return tx.Put(ctx, nightlatch.UserRecord{User: "u1", Sealed: make([]byte, 300)})
	}); err != nil {
		b.Fatal(err)
	}
	n := int64(0)
	for b.Loop() {
		n++
		if err := s.Tx(b.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			u, err := tx.FindUser(ctx, "u1")
			if err != nil {
				return err
			}
			if _, err := tx.AuthenticatorsOf(ctx, "u1"); err != nil {
				return err
			}
			if _, err := tx.ThrottlesOf(ctx, "user:u1"); err != nil {
				return err
			}
			if err := tx.Put(ctx, u); err != nil {
				return err
			}
			if err := tx.Put(ctx, nightlatch.EventRecord{User: "u1", Seq: n, At: now, Name: "x", Data: make([]byte, 200), MAC: make([]byte, 36)}); err != nil {
				return err
			}
			return tx.Put(ctx, nightlatch.SessionRecord{ID: fmt.Sprint(n), Token: fmt.Sprint(n), User: "u1", Data: make([]byte, 200)})
		}); err != nil {
			b.Fatal(err)
		}
	}
}
