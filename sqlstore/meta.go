package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/seal"
)

// Epoch is as in nightlatch.Reader.
func (r reader) Epoch(ctx context.Context) (int64, error) {
	n, err := find(ctx, r, func(row scanner) (n int64, err error) {
		err = row.Scan(&n)
		return n, err
	}, `SELECT CAST(sum(epoch) AS BIGINT) FROM nl_meta WHERE id >= 1`)
	if r.c.raised {
		n++
	}
	return n, err
}

// epochRows is how many rows of nl_meta are the epoch's alone, in PostgreSQL: those after the first one, which others lock.
const epochRows = 15

// RaiseEpoch is as in nightlatch.Tx. In PostgreSQL it is done with the commit: a row stays locked until the commit is on
// the disk, and those who raise the epoch at the same time would wait for each other that long. For the same reason
// there are several rows.
func (t txn) RaiseEpoch(ctx context.Context) error {
	if t.c.locks() {
		t.c.raised = true
		return nil
	}
	return t.c.raiseEpoch(ctx)
}

func (c *conn) raiseEpoch(ctx context.Context) error {
	row := uint32(1)
	if c.pool.dialect == PostgreSQL {
		row += 1 + c.store.turn.Add(1)%epochRows
	}
	return txn{reader{c}}.one(ctx, `UPDATE nl_meta SET epoch = epoch + 1 WHERE id = $1`, row)
}

// Expire is as in nightlatch.Tx.
func (t txn) Expire(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil // to SQLite a negative LIMIT is none
	}
	if err := t.c.lock(ctx, "expire"); err != nil { // else two would wait for each other's records
		return 0, err
	}
	total := 0
	// Each looks at the time again when it deletes: meanwhile another may have put the record's end off. The plus keeps
	// SQLite from walking along all that has expired for that.
	for _, query := range []string{
		`DELETE FROM nl_authenticators WHERE +expires_at <> 0 AND +expires_at <= $1 AND id IN
			(SELECT id FROM nl_authenticators WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_sign_ins WHERE +expires_at <> 0 AND +expires_at <= $1 AND id IN
			(SELECT id FROM nl_sign_ins WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_sessions WHERE +expires_at <> 0 AND +expires_at <= $1 AND id IN
			(SELECT id FROM nl_sessions WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_pendings WHERE +expires_at <> 0 AND +expires_at <= $1 AND id IN
			(SELECT id FROM nl_pendings WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_devices WHERE +expires_at <> 0 AND +expires_at <= $1 AND id IN
			(SELECT id FROM nl_devices WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_links WHERE +expires_at <> 0 AND +expires_at <= $1 AND token IN
			(SELECT token FROM nl_links WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_messages WHERE +expires_at <> 0 AND +expires_at <= $1 AND id IN
			(SELECT id FROM nl_messages WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		`DELETE FROM nl_throttles WHERE +expires_at <> 0 AND +expires_at <= $1 AND (subject, kind) IN
			(SELECT subject, kind FROM nl_throttles WHERE expires_at <> 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
	} {
		n, err := t.exec(ctx, query, stamp(now), limit)
		if err != nil {
			return 0, err
		}
		total += int(n)
	}
	return total, nil
}

// CheckKey says whether key is the key ring that this store was sealed with; the first one is remembered. Call it
// after Migrate and before anything is opened or sealed. From then on the ring's newest key is in use: where several
// processes serve, UseKey makes sure that all have it. The error names the key that is missing or another's.
func (s *Store) CheckKey(ctx context.Context, key *nightlatch.KeyRing, random io.Reader) error {
	var box []byte
	err := s.View(ctx, func(r nightlatch.Reader) (err error) {
		box, err = findKeyCheck(ctx, r.(reader))
		return err
	})
	if err != nil {
		return err
	}
	if len(box) > 0 {
		if err := key.Check(box); err != nil {
			return err
		}
		if id, err := seal.KeyID(box); err == nil && id == key.Newest() {
			return nil
		}
	}
	return s.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error { return keepKeyCheck(ctx, tx.(txn), key, random) })
}

// Opens says whether key opens what is sealed in this store, as far as the check tells. It changes nothing.
func (s *Store) Opens(ctx context.Context, key *nightlatch.KeyRing) (opens bool, err error) {
	err = s.View(ctx, func(r nightlatch.Reader) error {
		box, err := findKeyCheck(ctx, r.(reader))
		opens = err == nil && len(box) > 0 && key.Check(box) == nil
		return err
	})
	return opens, err
}

// IsSealed says whether the database holds the check of a key: whether anything was ever sealed in it. One that was never
// migrated holds none.
func (s *Store) IsSealed(ctx context.Context) (sealed bool, err error) {
	err = s.View(ctx, func(r nightlatch.Reader) error {
		box, err := findKeyCheck(ctx, r.(reader))
		sealed = len(box) > 0
		return err
	})
	if IsUnmigrated(err) {
		return false, nil
	}
	return sealed, err
}

func findKeyCheck(ctx context.Context, r reader) ([]byte, error) {
	box, err := find(ctx, r, func(row scanner) (b []byte, err error) {
		err = row.Scan(&b)
		return b, err
	}, `SELECT key_check FROM nl_meta WHERE id = 1`)
	if errors.Is(err, nightlatch.ErrNotFound) {
		return nil, errors.New("sqlstore: table nl_meta is empty")
	}
	return box, err
}

// keepKeyCheck notes the ring, or its newest key, unless another process has noted another ring meanwhile.
func keepKeyCheck(ctx context.Context, t txn, key *nightlatch.KeyRing, random io.Reader) error {
	if err := t.c.lock(ctx, "key check"); err != nil {
		return err
	}
	box, err := findKeyCheck(ctx, t.reader)
	if err != nil {
		return err
	}
	if len(box) > 0 {
		if err := key.Check(box); err != nil {
			return err
		}
	}
	if key, err = key.SealingWith(key.Newest()); err != nil {
		return err
	}
	if box, err = key.NewCheck(random); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return t.one(ctx, `UPDATE nl_meta SET key_check = $1 WHERE id = 1`, box)
}
