package sqlstore

import (
	"context"

	"github.com/nightlatch/nightlatch"
)

// ThrottlesOf is as in nightlatch.Reader.
func (r reader) ThrottlesOf(ctx context.Context, subject string) ([]nightlatch.ThrottleRecord, error) {
	if err := r.lockSubject(ctx, subject); err != nil {
		return nil, err
	}
	return list(ctx, r, scanThrottle, `SELECT subject, kind, data, expires_at, revision
		FROM nl_throttles WHERE subject = $1 ORDER BY kind`, subject)
}

func scanThrottle(row scanner) (h nightlatch.ThrottleRecord, err error) {
	err = row.Scan(&h.Subject, &h.Kind, &h.Data, moment{&h.ExpiresAt}, &h.Revision)
	return h, err
}

func (t txn) putThrottle(ctx context.Context, h nightlatch.ThrottleRecord) error {
	return t.put(ctx, h.Revision,
		`INSERT INTO nl_throttles (data, expires_at, subject, kind, revision)
		VALUES ($1, $2, $3, $4, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_throttles SET data = $1, expires_at = $2, revision = revision + 1
		WHERE subject = $3 AND kind = $4 AND revision = $5`,
		blob(h.Data), stamp(h.ExpiresAt), h.Subject, h.Kind)
}
