// Package sqlstore keeps the engine's records in an SQL database that the caller opened.
//
// It owns the schema and the queries. It links no driver and knows no factor: what is sealed stays sealed. One
// text of each query serves every database; only the schema has a text for each.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/migrate"
)

//go:embed schema
var schema embed.FS

// Pool is one of a Store's pools of connections.
type Pool struct {
	Name  string // "write" or "read", or "all" where one serves both
	Stats sql.DBStats
}

// Pools are the pools of connections, as they are now.
func (s *Store) Pools() []Pool {
	if s.write.db == s.read.db {
		return []Pool{{"all", s.write.db.Stats()}}
	}
	return []Pool{{"write", s.write.db.Stats()}, {"read", s.read.db.Stats()}}
}

// Dialect says which database it is.
type Dialect int

// The dialects.
const (
	SQLite     Dialect = iota // 3.37 or newer, in WAL mode
	PostgreSQL                // 13 or newer
)

// String is the name of the directory that a dialect's schema is in.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "sqlite"
	case PostgreSQL:
		return "postgres"
	}
	return fmt.Sprintf("unknown dialect %d", int(d))
}

func (d Dialect) migrations() (migrate.Dialect, string, error) {
	switch d {
	case SQLite:
		return migrate.SQLite, "schema/" + d.String(), nil
	case PostgreSQL:
		return migrate.PostgreSQL, "schema/" + d.String(), nil
	}
	return 0, "", fmt.Errorf("sqlstore: %s", d)
}

// Store is a nightlatch.Store. Its methods may be called from many goroutines at once.
//
// An error other than nightlatch.ErrNotFound and nightlatch.ErrConflict is the database's or the context's: a lock
// that was not given up in time, a full or read-only disk. Nothing is committed then.
type Store struct {
	dialect     Dialect
	write, read *pool
	close       func() error
	turn        atomic.Uint32 // see raiseEpoch
	queues      queues
}

var _ nightlatch.Store = (*Store)(nil)

// New makes a Store of a database that is open. For SQLite, write has one connection (SetMaxOpenConns(1)) that
// begins its transactions with BEGIN IMMEDIATE, and read has any number of others; SQLiteDSN names the settings. For
// PostgreSQL, both are the same; PostgreSQLDSN names the settings. Call Migrate before anything else.
func New(d Dialect, write, read *sql.DB) *Store {
	return &Store{
		dialect: d, write: &pool{db: write, dialect: d}, read: &pool{db: read, dialect: d},
		close: func() error { return nil },
	}
}

// Close closes what OpenSQLite or OpenPostgreSQL opened, and nothing that was given to New.
func (s *Store) Close() error { return s.close() }

// Dialect says which database it is.
func (s *Store) Dialect() Dialect { return s.dialect }

// Migrations are the files of another package, NNNN_name.sql from 0001, for tables of its own in the same database.
type Migrations = migrate.Set

// Migrate brings the schema up to date: the engine's, then the extra ones in their order, in one transaction.
// Any number of processes may do so at once. The error says what is wrong when the database is newer than the
// program or does not belong to it; nothing is changed then.
func (s *Store) Migrate(ctx context.Context, now time.Time, extra ...Migrations) error {
	d, sets, err := s.dialect.sets(extra)
	if err != nil {
		return err
	}
	if err := connect(ctx, s.write.db); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return migrate.Up(ctx, s.write.db, d, now, sets...)
}

// Missing returns how many migrations Migrate would apply, and changes nothing. Its errors are those of Migrate, and
// one where the database was never migrated.
func (s *Store) Missing(ctx context.Context, extra ...Migrations) (int, error) {
	d, sets, err := s.dialect.sets(extra)
	if err != nil {
		return 0, err
	}
	return migrate.Missing(ctx, s.read.db, d, sets...)
}

// sets are the engine's migrations and the extra ones.
func (d Dialect) sets(extra []Migrations) (migrate.Dialect, []migrate.Set, error) {
	is, dir, err := d.migrations()
	if err != nil {
		return is, nil, err
	}
	files, err := fs.Sub(schema, dir)
	if err != nil {
		return is, nil, err
	}
	return is, append([]migrate.Set{{Name: "engine", Files: files}}, extra...), nil
}

// View runs f on a snapshot of what is committed; see nightlatch.Store. With a ctx that carries a transaction of
// this store, f sees what that has written.
func (s *Store) View(ctx context.Context, f func(r nightlatch.Reader) error) error {
	return s.snapshot(ctx, func(c *conn) error { return f(reader{c}) })
}

// Read is View for tables that are not the engine's: q runs the caller's own queries on a snapshot.
func (s *Store) Read(ctx context.Context, f func(q Querier) error) error {
	return s.snapshot(ctx, func(c *conn) error { return f(c) })
}

// Snapshot runs f with a ctx with which View and Read of this store read one snapshot, over one connection: for what asks
// several times. f may be run again. Its error is f's, or that of the database.
func (s *Store) Snapshot(ctx context.Context, f func(ctx context.Context) error) error {
	return s.snapshot(ctx, func(c *conn) error { return f(reader{c}.Within(ctx)) })
}

func (s *Store) snapshot(ctx context.Context, f func(c *conn) error) error {
	c, err := s.running(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		c, err = s.viewing(ctx)
	}
	if err != nil {
		return err
	}
	if c != nil {
		return f(c)
	}
	return s.read.persist(ctx, func() error {
		c, err := s.read.begin(ctx, false)
		if err != nil {
			return err
		}
		defer c.end(ctx)
		c.store = s
		return c.lostOr(f(c))
	})
}

// Tx runs f in a transaction; see nightlatch.Store. Conn finds the transaction in the ctx that f gets. With a ctx
// that carries one of this store already, f joins it: what f writes is undone when f fails, and committed with
// the outer one else.
func (s *Store) Tx(ctx context.Context, f func(ctx context.Context, tx nightlatch.Tx) error) error {
	outer, err := s.running(ctx)
	if err != nil {
		return err
	}
	if outer != nil {
		return outer.nested(ctx, func() error { return f(ctx, txn{reader{outer}}) })
	}
	how := manner{}
	defer func() { how.leave() }()
	return s.write.persist(ctx, func() error {
		const rounds = 20 // each has a winner, so that only a fault needs more
		for range rounds {
			var held heldError
			if err = s.once(ctx, how, f); errors.As(err, &held) {
				if err = how.queue(ctx, s, held.name); err != nil {
					return err
				}
				err = s.once(ctx, how, f)
			}
			if !isOvertaken(err) {
				break
			}
			how.careful = how.careful || isTaken(err)
		}
		return err
	})
}

func (s *Store) once(ctx context.Context, how manner, f func(ctx context.Context, tx nightlatch.Tx) error) error {
	c, err := s.write.begin(ctx, true)
	if err != nil {
		return err
	}
	defer c.end(ctx)
	c.store, c.careful, c.patient = s, how.careful, how.patient
	inner := context.WithValue(context.WithValue(ctx, ownKey{s}, c), connKey{}, c)
	err = c.lostOr(f(inner, txn{reader{c}}))
	if c.lacks != "" {
		return heldError{c.lacks}
	}
	if again := c.overtaken(err); again != nil {
		return again
	}
	if err != nil {
		return err
	}
	return c.commit(ctx)
}

type (
	ownKey  struct{ store *Store } // the transaction of one store
	viewKey struct{ store *Store } // a View of one store
	connKey struct{}               // the innermost transaction of any
)

// errOver: a transaction's ctx was kept and used after its end.
var errOver = errors.New("sqlstore: the transaction of this context is over")

// running returns the store's transaction that ctx carries, or nil.
func (s *Store) running(ctx context.Context) (*conn, error) {
	c, ok := ctx.Value(ownKey{s}).(*conn)
	if !ok {
		return nil, nil
	}
	if c.over.Load() {
		return nil, errOver
	}
	return c, nil
}

// viewing returns the store's View that ctx carries, or nil.
func (s *Store) viewing(ctx context.Context) (*conn, error) {
	c, ok := ctx.Value(viewKey{s}).(*conn)
	if !ok {
		return nil, nil
	}
	if c.over.Load() {
		return nil, errOver
	}
	return c, nil
}

// Within is as nightlatch.Store has it: with the ctx that it returns, View and Read of this store read the same snapshot.
func (r reader) Within(ctx context.Context) context.Context {
	if r.c.writes {
		return ctx // which carries the transaction already
	}
	return context.WithValue(ctx, viewKey{r.c.store}, r.c)
}

// Conn hands out the transaction of the ctx that Tx gives to its function, for the caller's own writes. It is
// false for another ctx. It is good until that function returns, in one goroutine at a time.
func Conn(ctx context.Context) (Querier, bool) {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok || c.over.Load() {
		return nil, false
	}
	return c, true
}
