package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch"
)

// reader is a nightlatch.Reader, txn a nightlatch.Tx. They are two types so that who is given a Reader cannot
// make a Tx of it.
type (
	reader struct{ c *conn }
	txn    struct{ reader }
)

// Put inserts or replaces a record; see nightlatch.Tx.
func (t txn) Put(ctx context.Context, r nightlatch.Record) error {
	if err := t.lockOf(ctx, r); err != nil {
		return err
	}
	switch r := r.(type) {
	case nightlatch.UserRecord:
		return t.putUser(ctx, r)
	case nightlatch.AuthenticatorRecord:
		return t.putAuthenticator(ctx, r)
	case nightlatch.SignInRecord:
		return t.putSignIn(ctx, r)
	case nightlatch.SessionRecord:
		return t.putSession(ctx, r)
	case nightlatch.PendingRecord:
		return t.putPending(ctx, r)
	case nightlatch.ThrottleRecord:
		return t.putThrottle(ctx, r)
	case nightlatch.EventRecord:
		return t.putEvent(ctx, r)
	case nightlatch.MessageRecord:
		return t.putMessage(ctx, r)
	case nightlatch.DeviceRecord:
		return t.putDevice(ctx, r)
	case nightlatch.LinkRecord:
		return t.putLink(ctx, r)
	}
	return fmt.Errorf("sqlstore: %T is no record", r)
}

// Delete removes a record; see nightlatch.Tx.
func (t txn) Delete(ctx context.Context, r nightlatch.Record) error {
	if err := t.lockOf(ctx, r); err != nil {
		return err
	}
	switch r := r.(type) {
	case nightlatch.UserRecord:
		return t.deleteUser(ctx, r)
	case nightlatch.AuthenticatorRecord:
		return t.one(ctx, `DELETE FROM nl_authenticators WHERE id = $1 AND revision = $2`, r.ID, r.Revision)
	case nightlatch.SignInRecord:
		return t.one(ctx, `DELETE FROM nl_sign_ins WHERE id = $1 AND revision = $2`, r.ID, r.Revision)
	case nightlatch.SessionRecord:
		return t.one(ctx, `DELETE FROM nl_sessions WHERE id = $1 AND revision = $2`, r.ID, r.Revision)
	case nightlatch.PendingRecord:
		return t.one(ctx, `DELETE FROM nl_pendings WHERE id = $1 AND revision = $2`, r.ID, r.Revision)
	case nightlatch.ThrottleRecord:
		return t.one(ctx, `DELETE FROM nl_throttles WHERE subject = $1 AND kind = $2 AND revision = $3`, r.Subject, r.Kind, r.Revision)
	case nightlatch.MessageRecord:
		return t.one(ctx, `DELETE FROM nl_messages WHERE id = $1 AND revision = $2`, r.ID, r.Revision)
	case nightlatch.DeviceRecord:
		return t.one(ctx, `DELETE FROM nl_devices WHERE id = $1 AND revision = $2`, r.ID, r.Revision)
	case nightlatch.LinkRecord:
		return t.one(ctx, `DELETE FROM nl_links WHERE token = $1 AND revision = $2`, r.Token, r.Revision)
	case nightlatch.EventRecord:
		return errors.New("sqlstore: an event is never deleted")
	}
	return fmt.Errorf("sqlstore: %T is no record", r)
}

// put runs insert for revision 0, and else update with the revision as one argument more.
func (t txn) put(ctx context.Context, revision int64, insert, update string, args ...any) error {
	if revision == 0 {
		return t.one(ctx, insert, args...)
	}
	return t.one(ctx, update, append(args, revision)...)
}

// one runs a statement that must meet one row, else it returns nightlatch.ErrConflict.
func (t txn) one(ctx context.Context, query string, args ...any) error {
	var n int64
	var err error
	if t.c.careful {
		err = t.c.nested(ctx, func() (err error) {
			n, err = t.exec(ctx, query, args...)
			return err
		})
	} else {
		n, err = t.exec(ctx, query, args...)
	}
	if isTaken(err) || err == nil && n != 1 {
		return nightlatch.ErrConflict
	}
	return err
}

// exec runs a statement and returns how many rows it met.
func (t txn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := t.c.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("sqlstore: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("sqlstore: %w", err)
	}
	return n, nil
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// find runs a query for one record. It returns nightlatch.ErrNotFound when there is none.
func find[R any](ctx context.Context, r reader, scan func(scanner) (R, error), query string, args ...any) (R, error) {
	record, err := scan(r.c.QueryRowContext(ctx, query, args...))
	if err == nil {
		return record, nil
	}
	var none R
	if errors.Is(err, sql.ErrNoRows) {
		return none, nightlatch.ErrNotFound
	}
	_ = r.c.note(err)
	return none, fmt.Errorf("sqlstore: %w", err)
}

// list runs a query for any number of records.
func list[R any](ctx context.Context, r reader, scan func(scanner) (R, error), query string, args ...any) ([]R, error) {
	rows, err := r.c.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	defer rows.Close()
	var out []R
	for rows.Next() {
		record, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
		out = append(out, record)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: %w", r.c.note(err))
	}
	return out, nil
}

// stamp is a time as it is kept: microseconds since 1970, 0 for the zero time.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment scans a stamp into a time.
type moment struct{ t *time.Time }

// Scan reads a stamp; it is for package sql.
func (m moment) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time is kept as %T", value)
	}
	if n == 0 {
		*m.t = time.Time{}
	} else {
		*m.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// blob keeps no bytes as an empty value: the columns refuse NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
