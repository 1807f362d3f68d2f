package sqlstore

import (
	"context"

	"github.com/nightlatch/nightlatch"
)

const selectLinks = `SELECT token, user_id, purpose, sealed, created_at, expires_at, used_at, revision FROM nl_links `

// FindLink is as in nightlatch.Reader.
func (r reader) FindLink(ctx context.Context, token string) (nightlatch.LinkRecord, error) {
	return findOwned(ctx, r, func(l nightlatch.LinkRecord) string { return l.User }, func() (nightlatch.LinkRecord, error) {
		return find(ctx, r, scanLink, selectLinks+`WHERE token = $1`, token)
	})
}

// LinksOf is as in nightlatch.Reader.
func (r reader) LinksOf(ctx context.Context, user string) ([]nightlatch.LinkRecord, error) {
	if err := r.lockUser(ctx, user); err != nil {
		return nil, err
	}
	return list(ctx, r, scanLink, selectLinks+`WHERE user_id = $1 ORDER BY created_at DESC, token`, user)
}

func scanLink(row scanner) (l nightlatch.LinkRecord, err error) {
	err = row.Scan(&l.Token, &l.User, &l.Purpose, &l.Sealed,
		moment{&l.CreatedAt}, moment{&l.ExpiresAt}, moment{&l.UsedAt}, &l.Revision)
	return l, err
}

func (t txn) putLink(ctx context.Context, l nightlatch.LinkRecord) error {
	return t.put(ctx, l.Revision,
		`INSERT INTO nl_links (user_id, purpose, sealed, created_at, expires_at, used_at, token, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_links SET user_id = $1, purpose = $2, sealed = $3, created_at = $4, expires_at = $5, used_at = $6,
			revision = revision + 1
		WHERE token = $7 AND revision = $8`,
		l.User, l.Purpose, blob(l.Sealed), stamp(l.CreatedAt), stamp(l.ExpiresAt), stamp(l.UsedAt), l.Token)
}
