package sqlstore

import (
	"context"
	"math"

	"github.com/nightlatch/nightlatch"
)

// EventsOf is as in nightlatch.Reader.
func (r reader) EventsOf(ctx context.Context, user string, before int64, limit int) ([]nightlatch.EventRecord, error) {
	if limit <= 0 {
		return nil, nil // to SQLite a negative LIMIT is none
	}
	if err := r.lockUser(ctx, user); err != nil {
		return nil, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	return list(ctx, r, scanEvent, selectEvents+`WHERE user_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`, user, before, limit)
}

const selectEvents = `SELECT user_id, seq, at, name, data, mac FROM nl_events `

// FindEvents is as in nightlatch.Reader.
func (r reader) FindEvents(ctx context.Context, q nightlatch.EventQuery, limit int) ([]nightlatch.EventRecord, error) {
	if limit <= 0 {
		return nil, nil // to SQLite a negative LIMIT is none
	}
	at, user, seq := int64(math.MaxInt64), "", int64(math.MaxInt64)
	if !q.Before.IsZero() {
		at, user, seq = stamp(q.Before), q.BeforeUser, q.BeforeSeq
	}
	const order = ` ORDER BY at DESC, user_id DESC, seq DESC LIMIT `
	switch {
	case q.User != "" && q.Name != "":
		return list(ctx, r, scanEvent, selectEvents+`WHERE user_id = $1 AND seq < $2 AND name = $3 ORDER BY seq DESC LIMIT $4`,
			q.User, seq, q.Name, limit)
	case q.User != "":
		return list(ctx, r, scanEvent, selectEvents+`WHERE user_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`, q.User, seq, limit)
	case q.Name != "":
		return list(ctx, r, scanEvent, selectEvents+`WHERE name = $1 AND (at, user_id, seq) < ($2, $3, $4)`+order+`$5`,
			q.Name, at, user, seq, limit)
	}
	return list(ctx, r, scanEvent, selectEvents+`WHERE (at, user_id, seq) < ($1, $2, $3)`+order+`$4`, at, user, seq, limit)
}

func scanEvent(row scanner) (e nightlatch.EventRecord, err error) {
	err = row.Scan(&e.User, &e.Seq, moment{&e.At}, &e.Name, &e.Data, &e.MAC)
	return e, err
}

func (t txn) putEvent(ctx context.Context, e nightlatch.EventRecord) error {
	return t.one(ctx, `INSERT INTO nl_events (user_id, seq, at, name, data, mac)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		e.User, e.Seq, stamp(e.At), e.Name, blob(e.Data), blob(e.MAC))
}
