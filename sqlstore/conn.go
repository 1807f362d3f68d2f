package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
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
	store  *Store // whose transaction it is
	tx     *sql.Tx
	missed []string // texts that are not prepared yet
	depth  int
	broken error       // a nested transaction could not be undone
	over   atomic.Bool // committed or rolled back

	// What follows matters with PostgreSQL alone.
	writes  bool            // it is a Tx
	careful bool            // a unique value was taken in an earlier round: what may meet one is nested
	patient bool            // it has its turn in the process, and waits for locks
	lacks   string          // the lock that another has: it begins again in its turn
	raised  bool            // the epoch is raised at the end
	held    map[string]bool // what is locked by name
	fault   error           // the first one that was not undone: nothing goes on after it
	free    func()          // ends the statement's time, or nil
	give    func()          // gives up what begin has taken
}

// begin begins a transaction that writes, or a snapshot.
func (p *pool) begin(ctx context.Context, writes bool) (*conn, error) {
	c := &conn{pool: p, writes: writes, give: func() {}}
	var opts *sql.TxOptions
	switch {
	case p.dialect == PostgreSQL:
		return c, c.beginWithin(ctx)
	case !writes:
		opts = &sql.TxOptions{ReadOnly: true}
	}
	tx, err := p.db.BeginTx(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: begin: %w", err)
	}
	c.tx = tx
	return c, nil
}

func (c *conn) commit(ctx context.Context) error {
	if c.broken != nil {
		return c.broken
	}
	if c.raised {
		if err := c.raiseEpoch(ctx); err != nil {
			return c.lostOr(err)
		}
	}
	defer c.watch()()
	if err := c.tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}

// end rolls back what is not committed, and then prepares what was missed: it could not be done before, since a
// pool of one connection has none to prepare on while a transaction holds it.
func (c *conn) end(ctx context.Context) {
	c.over.Store(true)
	c.rollback()
	if ctx.Err() != nil {
		return
	}
	for _, query := range c.missed {
		c.pool.prepare(ctx, query)
	}
}

func (c *conn) rollback() {
	defer c.give()
	defer c.watch()()
	if c.free != nil {
		c.free()
	}
	_ = c.tx.Rollback() // sql.ErrTxDone after a commit
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
		_ = stmt.Close() //nolint:sqlclosecheck // the other one stays open
		return
	}
	p.kept.Add(1)
}

// prepared returns the kept statement within the transaction, or nil. The driver of PostgreSQL keeps statements by itself.
func (c *conn) prepared(ctx context.Context, query string) *sql.Stmt {
	if c.pool.dialect == PostgreSQL {
		return nil
	}
	if stmt, ok := c.pool.stmts.Load(query); ok {
		return c.tx.StmtContext(ctx, stmt.(*sql.Stmt))
	}
	c.missed = append(c.missed, query)
	return nil
}

// ExecContext is as in database/sql.
func (c *conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := c.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept
		return stmt.ExecContext(ctx, args...)
	}
	result, err := c.tx.ExecContext(c.within(ctx), c.pool.dialect.text(query), args...)
	return result, c.note(err)
}

// QueryContext is as in database/sql.
func (c *conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := c.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept
		return stmt.QueryContext(ctx, args...)
	}
	rows, err := c.tx.QueryContext(c.within(ctx), c.pool.dialect.text(query), c.pool.dialect.sought(args)...)
	return rows, c.note(err)
}

// QueryRowContext is as in database/sql.
func (c *conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := c.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // it is kept
		return stmt.QueryRowContext(ctx, args...)
	}
	row := c.tx.QueryRowContext(c.within(ctx), c.pool.dialect.text(query), c.pool.dialect.sought(args)...)
	_ = c.note(row.Err())
	return row
}

// nested runs f so that what it wrote is undone when it fails or panics, while the transaction goes on.
func (c *conn) nested(ctx context.Context, f func() error) error {
	c.depth++
	name := fmt.Sprintf("nested_%d", c.depth)
	defer func() { c.depth-- }()
	if err := c.command(ctx, "SAVEPOINT "+name); err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	done, raised, held := false, c.raised, maps.Clone(c.held)
	defer func() {
		if !done {
			c.raised, c.held = raised, held // PostgreSQL gives up the locks of what is undone (its manual, §13.3.2)
			c.undo(context.WithoutCancel(ctx), name)
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if err := c.command(ctx, "RELEASE SAVEPOINT "+name); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	done = true
	return nil
}

// undo goes back to a savepoint. Where that fails, the whole transaction must not be committed.
func (c *conn) undo(ctx context.Context, name string) {
	for _, text := range []string{"ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT "} {
		if err := c.command(ctx, text+name); err != nil {
			c.broken = fmt.Errorf("sqlstore: roll back: %w", err)
			return
		}
	}
	if isTaken(c.fault) {
		c.fault = nil // of what was undone; the transaction goes on
	}
}

// command runs a text that is not worth keeping.
func (c *conn) command(ctx context.Context, text string) error {
	_, err := c.tx.ExecContext(c.within(ctx), text)
	return c.note(err)
}
