package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/nightlatch/nightlatch"
)

// How transactions wait for each other. SQLite has one that writes at a time, and nothing of this matters there.
//
// With PostgreSQL a transaction locks each user that it reads or writes anything of, until it ends: the record of the user
// or, where there is none, the user's name as an advisory lock. What it reads after that is what the one before has
// committed, since each statement has a snapshot of its own (READ COMMITTED). What belongs to nobody, like the
// tries for a name that nobody has, is locked by its name alone.

const userPrefix = "user:" // as the engine names the subject that is a user

// locks says whether the transaction must lock what it reads.
func (c *conn) locks() bool { return c.writes && c.pool.dialect == PostgreSQL }

// Lock makes transactions that name the same thing wait for each other, from here to their ends. Use it where
// a decision rests on what is not there, or on more than one row of tables of your own. A transaction that locks several
// does so in an order that all have. It fails outside a Tx.
func Lock(ctx context.Context, name string) error {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok || c.over.Load() {
		return errors.New("sqlstore: a lock is taken outside a transaction")
	}
	return c.lock(ctx, "application:"+name)
}

// lock takes the advisory lock of a name. Two names that share a number wait for each other, and nothing else comes of it.
func (c *conn) lock(ctx context.Context, name string) error {
	if !c.locks() || c.held[name] {
		return nil
	}
	sum := sha256.Sum256([]byte("nightlatch:" + name))
	number := int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any number will do
	if c.patient {
		if _, err := c.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, number); err != nil {
			return fmt.Errorf("sqlstore: %w", err)
		}
	} else {
		free := false
		if err := c.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1)`, number).Scan(&free); err != nil {
			return fmt.Errorf("sqlstore: %w", c.note(err))
		}
		if !free {
			return c.contend(name)
		}
	}
	c.hold(name)
	return nil
}

func (c *conn) hold(name string) {
	if c.held == nil {
		c.held = map[string]bool{}
	}
	c.held[name] = true
}

// lockUser locks a user, known or not.
func (r reader) lockUser(ctx context.Context, user string) error {
	if !r.c.locks() || r.c.held[userPrefix+user] {
		return nil
	}
	_, err := r.FindUser(ctx, user)
	if errors.Is(err, nightlatch.ErrNotFound) {
		return nil
	}
	return err
}

// lockSubject locks the user or the name that a throttle is of.
func (r reader) lockSubject(ctx context.Context, subject string) error {
	if user, ok := strings.CutPrefix(subject, userPrefix); ok {
		return r.lockUser(ctx, user)
	}
	return r.c.lock(ctx, subject)
}

// findAndLock finds the record of a user. Who locks a record that is there waits for who locked it before; where there is
// none, and none has come meanwhile, the name is locked, so that two that make it do not overlap.
func (r reader) findAndLock(ctx context.Context, user string) (u nightlatch.UserRecord, err error) {
	name := userPrefix + user
	query := selectUser + ` FOR UPDATE NOWAIT`
	if r.c.patient {
		query = selectUser + ` FOR UPDATE`
	}
	look := func() { u, err = find(ctx, r, scanUser, query, user) }
	look()
	if errors.Is(err, nightlatch.ErrNotFound) {
		if err := r.c.lock(ctx, name); err != nil {
			return u, err
		}
		look()
	}
	switch {
	case err == nil:
		r.c.hold(name)
	case stateOf(err) == stateLocked && !r.c.patient:
		err = r.c.contend(name)
	}
	return u, err
}

// findOwned finds a record by something else than its user, locks the user, and finds it as it is then.
func findOwned[R any](ctx context.Context, r reader, user func(R) string, get func() (R, error)) (R, error) {
	record, err := get()
	if err != nil || !r.c.locks() || r.c.held[userPrefix+user(record)] {
		return record, err
	}
	if err := r.lockUser(ctx, user(record)); err != nil {
		return record, err
	}
	return get()
}

// lockOf locks whom a record belongs to.
func (t txn) lockOf(ctx context.Context, r nightlatch.Record) error {
	if !t.c.locks() {
		return nil
	}
	switch r := r.(type) {
	case nightlatch.UserRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.AuthenticatorRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.SignInRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.SessionRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.PendingRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.ThrottleRecord:
		return t.lockSubject(ctx, r.Subject)
	case nightlatch.EventRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.MessageRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.DeviceRecord:
		return t.lockUser(ctx, r.User)
	case nightlatch.LinkRecord:
		return t.lockUser(ctx, r.User)
	}
	return nil
}
