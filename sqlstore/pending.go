package sqlstore

import (
	"context"

	"github.com/nightlatch/nightlatch"
)

const selectPendings = `SELECT id, owner_id, user_id, kind, purpose, sealed, created_at, expires_at, revision FROM nl_pendings `

// FindPending is as in nightlatch.Reader.
func (r reader) FindPending(ctx context.Context, id string) (nightlatch.PendingRecord, error) {
	return findOwned(ctx, r, func(p nightlatch.PendingRecord) string { return p.User }, func() (nightlatch.PendingRecord, error) {
		return find(ctx, r, scanPending, selectPendings+`WHERE id = $1`, id)
	})
}

// PendingsOf is as in nightlatch.Reader.
func (r reader) PendingsOf(ctx context.Context, owner string) ([]nightlatch.PendingRecord, error) {
	pendings, err := list(ctx, r, scanPending, selectPendings+`WHERE owner_id = $1 ORDER BY created_at DESC, id`, owner)
	if err != nil || !r.c.locks() {
		return pendings, err
	}
	for _, p := range pendings { // an owner is of one user
		if !r.c.held[userPrefix+p.User] {
			if err := r.lockUser(ctx, p.User); err != nil {
				return nil, err
			}
			return r.PendingsOf(ctx, owner)
		}
	}
	return pendings, nil
}

func scanPending(row scanner) (p nightlatch.PendingRecord, err error) {
	err = row.Scan(&p.ID, &p.Owner, &p.User, &p.Kind, &p.Purpose, &p.Sealed,
		moment{&p.CreatedAt}, moment{&p.ExpiresAt}, &p.Revision)
	return p, err
}

func (t txn) putPending(ctx context.Context, p nightlatch.PendingRecord) error {
	return t.put(ctx, p.Revision,
		`INSERT INTO nl_pendings (owner_id, user_id, kind, purpose, sealed, created_at, expires_at, id, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_pendings SET owner_id = $1, user_id = $2, kind = $3, purpose = $4, sealed = $5, created_at = $6,
			expires_at = $7, revision = revision + 1
		WHERE id = $8 AND revision = $9`,
		p.Owner, p.User, p.Kind, p.Purpose, blob(p.Sealed), stamp(p.CreatedAt), stamp(p.ExpiresAt), p.ID)
}
