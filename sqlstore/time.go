package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// How long a PostgreSQL may take. The server ends a statement by itself (PostgreSQLDSN); these are for one that does not
// answer at all, or not in time.
const (
	beginWithin     = 10 * time.Second // a connection is free, and the transaction begun
	statementWithin = 15 * time.Second // longer than statementLimit
)

var (
	errNoConnection = errors.New("no connection was free, or none answered, within " + beginWithin.String())
	errNoAnswer     = errors.New("the database did not answer within " + statementWithin.String())
)

// beginWithin begins on PostgreSQL: each statement of a Tx sees what was committed before it, and waits for the locks of
// others; a View sees one moment.
func (c *conn) beginWithin(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	c.give = func() { cancel(context.Canceled) }
	late := time.AfterFunc(beginWithin, func() { cancel(errNoConnection) })
	opts := &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	if !c.writes {
		opts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	tx, err := c.pool.db.BeginTx(ctx, opts)
	if !late.Stop() && err == nil {
		_ = tx.Rollback()
		err = errNoConnection
	}
	if err == nil {
		c.tx = tx
		return nil
	}
	c.give()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errNoConnection):
		return fmt.Errorf("sqlstore: begin: %w", errNoConnection)
	case isLost(err):
		return lostError{fmt.Errorf("sqlstore: begin: %w", err)}
	}
	return fmt.Errorf("sqlstore: begin: %w", err)
}

// within bounds one statement. A transaction runs one at a time, so the time of the one before is over.
func (c *conn) within(ctx context.Context) context.Context {
	if c.pool.dialect != PostgreSQL {
		return ctx
	}
	if c.free != nil {
		c.free()
	}
	ctx, c.free = context.WithTimeoutCause(ctx, statementWithin, errNoAnswer)
	return ctx
}

// watch breaks off what has no context of its own, a commit or a roll back, unless it is done in time. What it returns
// ends the watch.
func (c *conn) watch() func() {
	if c.pool.dialect != PostgreSQL {
		return func() {}
	}
	late := time.AfterFunc(statementWithin, c.give)
	return func() { late.Stop() }
}

// nowhere stands for what PostgreSQL cannot keep in a text, so that nothing that is kept has it.
const nowhere = "\uFFFF"

// sought are the arguments of a query. PostgreSQL keeps no text with a zero byte, or that is not UTF-8; who looks for one
// finds nothing, as in SQLite, instead of a fault.
func (d Dialect) sought(args []any) []any {
	if d != PostgreSQL {
		return args
	}
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(text, nowhere), "\x00", nowhere)
		}
	}
	return args
}
