// Package migrate brings a database to the schema that the program knows, forward only.
//
// It owns the table nightlatch_migrations and the lock that lets any number of processes start at once. It knows
// no driver and no schema: migrations come as sets of embedded files, so that two packages may each bring their
// own into one database.
package migrate

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"
)

// Dialect says which database it is.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	PostgreSQL
)

// lockKey is the number of the advisory lock in PostgreSQL: "nightlat" as eight bytes.
const lockKey = 0x6e696768746c6174

func (d Dialect) begin() []string {
	if d == PostgreSQL {
		return []string{
			"BEGIN",
			// An index on millions of rows takes minutes, and so does to wait for who makes it. For a table that others hold
			// nobody waits longer than else: all that come later would wait behind.
			"SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0",
			fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(lockKey)),
			"SET LOCAL lock_timeout TO DEFAULT",
		}
	}
	return []string{"BEGIN IMMEDIATE"}
}

const createTable = `CREATE TABLE IF NOT EXISTS nightlatch_migrations (
	set_name   TEXT   NOT NULL,
	version    INTEGER NOT NULL,
	name       TEXT   NOT NULL,
	sha256     TEXT   NOT NULL,
	applied_at TEXT   NOT NULL,
	PRIMARY KEY (set_name, version)
)`

// Up applies what is missing of each set, in the order given, all in one transaction under a lock: it is applied
// once, whoever else starts at the same time, and wholly or not at all. It returns
//   - *NewerError when the database has a migration that the set does not know,
//   - *ChangedError when one that is applied reads otherwise than the set's,
//   - an error that names the file when a set has gaps or a migration fails.
func Up(ctx context.Context, db *sql.DB, d Dialect, now time.Time, sets ...Set) error {
	loaded := make([][]migration, len(sets))
	for i, set := range sets {
		var err error
		if loaded[i], err = set.load(); err != nil {
			return err
		}
	}
	return locked(ctx, db, d, func(conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, createTable); err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
		for i, set := range sets {
			if err := set.up(ctx, conn, d, now, loaded[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// up applies what is missing of one set.
func (s Set) up(ctx context.Context, conn *sql.Conn, d Dialect, now time.Time, known []migration) error {
	applied, err := appliedOf(ctx, conn, d, s.Name)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := s.fits(applied, known); err != nil {
		return err
	}
	for _, m := range known[len(applied):] {
		if _, err := conn.ExecContext(ctx, m.text); err != nil {
			return fmt.Errorf("migration %s of %s: %w", m.name, s.Name, err)
		}
		if _, err := conn.ExecContext(ctx, d.placeholders(`INSERT INTO nightlatch_migrations
			(set_name, version, name, sha256, applied_at) VALUES ($1, $2, $3, $4, $5)`),
			s.Name, m.version, m.name, m.sum, now.UTC().Format(time.RFC3339)); err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
	}
	return nil
}

// fits says whether what is applied is the beginning of what is known.
func (s Set) fits(applied, known []migration) error {
	if len(applied) > len(known) {
		return &NewerError{Set: s.Name, Database: applied[len(applied)-1].version, Program: len(known)}
	}
	for i, is := range applied {
		if m := known[i]; is.version != m.version || is.sum != m.sum {
			return &ChangedError{Set: s.Name, Version: m.version, Name: cmp.Or(is.name, m.name)}
		}
	}
	return nil
}

func appliedOf(ctx context.Context, conn *sql.Conn, d Dialect, set string) ([]migration, error) {
	rows, err := conn.QueryContext(ctx, d.placeholders(`SELECT version, name, sha256
		FROM nightlatch_migrations WHERE set_name = $1 ORDER BY version`), set)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []migration
	for rows.Next() {
		var m migration
		if err := rows.Scan(&m.version, &m.name, &m.sum); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// locked runs f in a transaction that no other runs beside. It begins by hand, since SQLite must take the lock
// with BEGIN and not with the first write: two that had read would both fail to write.
func locked(ctx context.Context, db *sql.DB, d Dialect, f func(*sql.Conn) error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer func() { _ = conn.Close() }()
	done := false
	defer func() {
		if done {
			return
		}
		// ctx may be over, and that must not leave a transaction open in the pool.
		if _, rollback := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); rollback != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	for i, text := range d.begin() {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			done = i == 0 // there is none yet
			return fmt.Errorf("migrations: %w", err)
		}
	}
	if err := f(conn); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	done = true
	return nil
}
