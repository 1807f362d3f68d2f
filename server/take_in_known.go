package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/nightlatch/nightlatch/server/importer"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// remember notes what this run has taken.
func (t *TakingIn) remember(a Account, from importer.Account) {
	for _, name := range []string{a.Username, a.Email} {
		if name != "" {
			t.seen["name "+nameKey(name)] = a.ID
		}
	}
	t.seen["account "+accountRef(from)] = a.ID
}

// ref tells something from all others of its source, without telling what it is.
func ref(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func accountRef(a importer.Account) string {
	if a.Ref == "" {
		return ""
	}
	return ref("account", a.Ref)
}

// known says whether a ref was taken in before.
func (t *TakingIn) known(ctx context.Context, ref string) (known bool, err error) {
	if ref == "" || t.seen["account "+ref] != "" || t.seen["factor "+ref] != "" {
		return ref != "", nil
	}
	err = t.s.store.Read(ctx, func(q sqlstore.Querier) error {
		return q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM taken_in WHERE source = $1 AND ref = $2`, t.Source, ref).Scan(&known)
	})
	return known, err
}

// note keeps that a ref was taken in.
func (t *TakingIn) note(ctx context.Context, ref, account string) error {
	if ref == "" {
		return nil
	}
	return write(ctx, `INSERT INTO taken_in (source, ref, account_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		t.Source, ref, account, stamp(t.s.now()))
}
