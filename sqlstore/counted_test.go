package sqlstore_test

import (
	"context"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestCountSealedAfterMany: what is behind more records than one statement counts is counted, too: of a key that it leaves out
// people would be told that it may be removed.
func TestCountSealedAfterMany(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *sqlstore.Store) {
		const many = 40_000 // two full pages, and one record after them
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
			q := conn(ctx, t)
			const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
			if _, err := q.ExecContext(ctx, numbers+`INSERT INTO nl_pendings
				(id, owner_id, user_id, kind, purpose, sealed, created_at, expires_at, revision)
				SELECT 'p' || CAST(100000 + i AS TEXT), 'o', 'u', 'totp', '', $2, 0, 0, 1 FROM n`, many, seal.Prefix(2)); err != nil {
				return err
			}
			if _, err := q.ExecContext(ctx, numbers+`INSERT INTO nl_events (user_id, seq, at, name, data, mac)
				SELECT 'u', i, 0, 'x', $2, $3 FROM n`, many, []byte{}, []byte{0, 0, 0, 2}); err != nil {
				return err
			}
			if err := tx.Put(ctx, nightlatch.PendingRecord{ID: "q", Owner: "o", User: "u", Sealed: seal.Prefix(1)}); err != nil {
				return err
			}
			return tx.Put(ctx, nightlatch.EventRecord{User: "v", Seq: 1, At: now, Name: "x", MAC: []byte{0, 0, 0, 1}})
		}); err != nil {
			t.Fatal(err)
		}
		var all []nightlatch.SealedCount
		if err := s.View(t.Context(), func(r nightlatch.Reader) (err error) {
			all, err = r.CountSealed(t.Context())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got := map[nightlatch.SealedCount]bool{}
		for _, c := range all {
			got[c] = true
		}
		for _, table := range []string{"pendings", "events"} {
			for _, want := range []nightlatch.SealedCount{{Table: table, Key: 1, Records: 1}, {Table: table, Key: 2, Records: many}} {
				if !got[want] {
					t.Errorf("%+v is not among %+v", want, all)
				}
			}
		}
	})
}
