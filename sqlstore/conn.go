package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
)

// Querier runs statements in a transaction. Placeholders are $1, $2 … for every database; each text is prepared
// once and kept, so texts are constants and values are arguments.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// pool is a *sql.DB with its prepared statements.
type pool struct {
	db      *sql.DB
	dialect Dialect
	stmts   sync.Map // text → *sql.Stmt
	kept    atomic.Int32
}

// maxKept bounds the statements that are kept, should somebody build texts at run time.
const maxKept = 400

var placeholder = regexp.MustCompile(`\$([0-9]+)`)

// text writes $1 as ?1 for SQLite: some of its drivers count $N by order and not by number.
func (d Dialect) text(query string) string {
	if d == SQLite {
		return placeholder.ReplaceAllString(query, "?$1")
	}
	return query
}

// conn is one transaction.
type conn struct {
	pool   *pool
	tx     *sql.Tx
	missed []string // texts that are not prepared yet
	depth  int
	broken error       // a nested transaction could not be undone
	over   atomic.Bool // committed or rolled back
}

func (p *pool) begin(ctx context.Context, opts *sql.TxOptions) (*conn, error) {
	tx, err := p.db.BeginTx(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: begin: %w", err)
	}
	return &conn{pool: p, tx: tx}, nil
}

func (c *conn) commit() error {
	if c.broken != nil {
		return c.broken
	}
	if err := c.tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}

// end rolls back what is not committed, and then prepares what was missed: it could not be done before, since a
// pool of one connection has none to prepare on while a transaction holds it.
func (c *conn) end(ctx context.Context) {
	c.over.Store(true)
	_ = c.tx.Rollback() // sql.ErrTxDone after a commit
	if ctx.Err() != nil {
		return
	}
	for _, query := range c.missed {
		c.pool.prepare(ctx, query)
	}
}

// prepare keeps a statement. A text that cannot be prepared stays as it is, and fails when it is run.
func (p *pool) prepare(ctx context.Context, query string) {
	if _, ok := p.stmts.Load(query); ok || p.kept.Load() >= maxKept {
		return
	}
	stmt, err := p.db.PrepareContext(ctx, p.dialect.text(query))
	if err != nil {
		return
	}
	if _, doubled := p.stmts.LoadOrStore(query, stmt); doubled {
		_ = stmt.Close()
		return
	}
	p.kept.Add(1)
}

// prepared returns the kept statement within the transaction, or nil.
func (c *conn) prepared(ctx context.Context, query string) *sql.Stmt {
	if stmt, ok := c.pool.stmts.Load(query); ok {
		return c.tx.StmtContext(ctx, stmt.(*sql.Stmt))
	}
	c.missed = append(c.missed, query)
	return nil
}

// ExecContext is as in database/sql.
func (c *conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := c.prepared(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return c.tx.ExecContext(ctx, c.pool.dialect.text(query), args...)
}

// QueryContext is as in database/sql.
func (c *conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := c.prepared(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return c.tx.QueryContext(ctx, c.pool.dialect.text(query), args...)
}

// QueryRowContext is as in database/sql.
func (c *conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := c.prepared(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return c.tx.QueryRowContext(ctx, c.pool.dialect.text(query), args...)
}

// nested runs f so that what it wrote is undone when it fails or panics, while the transaction goes on.
func (c *conn) nested(ctx context.Context, f func() error) error {
	c.depth++
	name := fmt.Sprintf("nested_%d", c.depth)
	defer func() { c.depth-- }()
	if _, err := c.tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	done := false
	defer func() {
		if !done {
			c.undo(context.WithoutCancel(ctx), name)
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if _, err := c.tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	done = true
	return nil
}

// undo goes back to a savepoint. Where that fails, the whole transaction must not be committed.
func (c *conn) undo(ctx context.Context, name string) {
	for _, text := range []string{"ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT "} {
		if _, err := c.tx.ExecContext(ctx, text+name); err != nil {
			c.broken = fmt.Errorf("sqlstore: roll back: %w", err)
			return
		}
	}
}

// Drivers are known by the methods of their errors alone, since none is linked here.
type (
	codeError  interface{ Code() int }        // modernc.org/sqlite: the extended result code
	stateError interface{ SQLState() string } // pgx: the SQLSTATE
)

// The extended result codes of SQLite (https://sqlite.org/rescode.html) and SQLSTATEs of PostgreSQL that matter.
const (
	sqliteBusy             = 5 // the primary code
	sqliteBusySnapshot     = 517
	sqliteConstraintKey    = 1555
	sqliteConstraintUnique = 2067

	stateUnique        = "23505"
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
)

// isTaken: a unique value is there already.
func isTaken(err error) bool {
	var code codeError
	if errors.As(err, &code) {
		return code.Code() == sqliteConstraintUnique || code.Code() == sqliteConstraintKey
	}
	var state stateError
	return errors.As(err, &state) && state.SQLState() == stateUnique
}

// isBusy: another connection holds the file's lock, for whatever reason.
func isBusy(err error) bool {
	var code codeError
	return errors.As(err, &code) && code.Code()&0xff == sqliteBusy
}

// isOvertaken: another transaction was faster; the same again may succeed.
func isOvertaken(err error) bool {
	var code codeError
	if errors.As(err, &code) {
		return code.Code() == sqliteBusySnapshot
	}
	var state stateError
	return errors.As(err, &state) && (state.SQLState() == stateSerialization || state.SQLState() == stateDeadlock)
}
