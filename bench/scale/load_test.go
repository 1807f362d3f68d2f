package scale

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/nightlatch/nightlatch/sqlstore"
)

// loader puts rows into tables, quicker than the store may: over a connection of its own, and in the way of the database.
type loader interface {
	// load puts in the rows of each table in one transaction.
	load(ctx context.Context, rows [][][]any) error
	close() error
}

func (h *house) loader(tables []*table) (loader, error) {
	if h.what == "postgres" {
		return copying(h.url, tables)
	}
	return inserting(strings.TrimPrefix(h.url, "sqlite:"), tables)
}

// copyLoader uses COPY of PostgreSQL. It looks up no foreign keys, and waits for no disk: what is lost with the machine is
// made again.
type copyLoader struct {
	db     *sql.DB
	tables []*table
}

func copying(text string, tables []*table) (loader, error) {
	dsn, _, err := sqlstore.PostgreSQLDSN(text + "&session_replication_role=replica&synchronous_commit=off&statement_timeout=10min")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("pgx", dsn)
	return &copyLoader{db, tables}, err
}

func (l *copyLoader) close() error { return l.db.Close() }

func (l *copyLoader) load(ctx context.Context, rows [][][]any) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driver any) error {
		return pgx.BeginFunc(ctx, driver.(*stdlib.Conn).Conn(), func(tx pgx.Tx) error {
			for i, t := range l.tables {
				if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(rows[i])); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
			}
			return nil
		})
	})
}

// insertLoader uses a prepared statement of SQLite for each table, of one row: the driver looks through all placeholders
// for each of them. Its cache holds most of the indexes.
type insertLoader struct {
	db     *sql.DB
	tables []*table
}

func inserting(path string, tables []*table) (loader, error) {
	pragmas := url.Values{"_pragma": {"cache_size(-400000)", "synchronous(OFF)", "busy_timeout(10000)"}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // and so one cache
	return &insertLoader{db, tables}, nil
}

func (l *insertLoader) close() error { return l.db.Close() }

func (l *insertLoader) load(ctx context.Context, rows [][][]any) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for i, t := range l.tables {
		if err := t.insert(ctx, tx, rows[i]); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return tx.Commit()
}

func (t *table) insert(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	stmt, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)",
		t.name, strings.Join(t.columns, ", "), strings.Repeat(", ?", len(t.columns)-1)))
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for _, row := range rows {
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}
