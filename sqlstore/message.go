package sqlstore

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch"
)

const selectMessages = `SELECT id, user_id, sealed, due_at, expires_at, revision FROM nl_messages `

// MessagesDue is as in nightlatch.Reader.
func (r reader) MessagesDue(ctx context.Context, now time.Time, limit int) ([]nightlatch.MessageRecord, error) {
	return list(ctx, r, scanMessage, selectMessages+`WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2`, stamp(now), max(limit, 0))
}

func scanMessage(row scanner) (m nightlatch.MessageRecord, err error) {
	err = row.Scan(&m.ID, &m.User, &m.Sealed, moment{&m.DueAt}, moment{&m.ExpiresAt}, &m.Revision)
	return m, err
}

func (t txn) putMessage(ctx context.Context, m nightlatch.MessageRecord) error {
	return t.put(ctx, m.Revision,
		`INSERT INTO nl_messages (user_id, sealed, due_at, expires_at, id, revision)
		VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_messages SET user_id = $1, sealed = $2, due_at = $3, expires_at = $4, revision = revision + 1
		WHERE id = $5 AND revision = $6`,
		m.User, blob(m.Sealed), stamp(m.DueAt), stamp(m.ExpiresAt), m.ID)
}
