package sqlstore

import (
	"context"
	"slices"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

const selectAuthenticators = `SELECT id, user_id, kind, label, label_key, sealed, lookup, preferred,
	created_at, last_used_at, expires_at, allows, revision FROM nl_authenticators `

// AuthenticatorsOf is as in nightlatch.Reader.
func (r reader) AuthenticatorsOf(ctx context.Context, user string) ([]nightlatch.AuthenticatorRecord, error) {
	if err := r.lockUser(ctx, user); err != nil {
		return nil, err
	}
	return list(ctx, r, scanAuthenticator, selectAuthenticators+`WHERE user_id = $1 ORDER BY created_at, id`, user)
}

// HoldingsOf is as in nightlatch.Reader. All that it asks for stands in one index.
func (r reader) HoldingsOf(ctx context.Context, users []string) (all []nightlatch.Holding, err error) {
	for _, user := range slices.Sorted(slices.Values(users)) { // in an order that all have, so that nobody waits for ever
		if err := r.lockUser(ctx, user); err != nil {
			return nil, err
		}
	}
	err = Among(users, func(in string, args []any) error {
		some, err := list(ctx, r, scanHolding, `SELECT user_id, kind, allows, expires_at FROM nl_authenticators WHERE user_id IN `+in, args...)
		all = append(all, some...)
		return err
	})
	return all, err
}

func scanHolding(row scanner) (h nightlatch.Holding, err error) {
	return h, row.Scan(&h.User, &h.Kind, &h.Allows, moment{&h.ExpiresAt})
}

// FindLookup is as in nightlatch.Reader.
func (r reader) FindLookup(ctx context.Context, kind factor.Kind, lookup string) (nightlatch.AuthenticatorRecord, error) {
	return findOwned(ctx, r, func(a nightlatch.AuthenticatorRecord) string { return a.User }, func() (nightlatch.AuthenticatorRecord, error) {
		return find(ctx, r, scanAuthenticator, selectAuthenticators+`WHERE kind = $1 AND lookup = $2 AND lookup <> ''`, kind, lookup)
	})
}

func scanAuthenticator(row scanner) (a nightlatch.AuthenticatorRecord, err error) {
	err = row.Scan(&a.ID, &a.User, &a.Kind, &a.Label, &a.LabelKey, &a.Sealed, &a.Lookup, &a.Preferred,
		moment{&a.CreatedAt}, moment{&a.LastUsedAt}, moment{&a.ExpiresAt}, &a.Allows, &a.Revision)
	return a, err
}

func (t txn) putAuthenticator(ctx context.Context, a nightlatch.AuthenticatorRecord) error {
	return t.put(ctx, a.Revision,
		`INSERT INTO nl_authenticators (user_id, kind, label, label_key, sealed, lookup, preferred,
			created_at, last_used_at, expires_at, allows, id, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_authenticators SET user_id = $1, kind = $2, label = $3, label_key = $4, sealed = $5, lookup = $6,
			preferred = $7, created_at = $8, last_used_at = $9, expires_at = $10, allows = $11, revision = revision + 1
		WHERE id = $12 AND revision = $13`,
		a.User, a.Kind, a.Label, a.LabelKey, blob(a.Sealed), a.Lookup, a.Preferred,
		stamp(a.CreatedAt), stamp(a.LastUsedAt), stamp(a.ExpiresAt), a.Allows, a.ID)
}
