package sqlstore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestSealedAfterMany: the few that are left among thousands that are sealed anew are found, each once and in order.
func TestSealedAfterMany(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *sqlstore.Store) {
		const many = 4100
		left := []string{"00000", "01999", "02000", "03999", "04000", "04099"}
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			for i := range many {
				r := nightlatch.PendingRecord{ID: fmt.Sprintf("%05d", i), Owner: "o", User: "u", Sealed: seal.Prefix(2)}
				if slices.Contains(left, r.ID) {
					r.Sealed = seal.Prefix(1)
				}
				if err := tx.Put(ctx, r); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for limit := 1; limit <= len(left)+1; limit++ {
			var got []string
			for after := ""; ; {
				var page []nightlatch.SealedRecord
				err := s.View(t.Context(), func(r nightlatch.Reader) (err error) {
					page, err = r.SealedAfter(t.Context(), "pendings", after, seal.Prefix(2), limit)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page {
					got = append(got, r.ID)
				}
				if len(page) < limit {
					break
				}
				after = page[len(page)-1].ID
			}
			if !slices.Equal(got, left) {
				t.Errorf("%d at once: %v", limit, got)
			}
		}
	})
}
