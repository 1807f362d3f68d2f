package server

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/internal/migrate"
	"github.com/nightlatch/nightlatch/internal/pgtest"
)

// firstOnPostgreSQL is how many migrations the engine had when it was first released for PostgreSQL.
const firstOnPostgreSQL = 4

// TestReleasedSchemasOnPostgreSQL is TestReleasedSchemas with the same records in PostgreSQL, in the schema that it had then.
func TestReleasedSchemasOnPostgreSQL(t *testing.T) {
	t.Parallel()
	seen, last := 0, released[len(released)-1]
	for _, v := range released {
		if v.engine < firstOnPostgreSQL {
			continue
		}
		seen++
		t.Run(fmt.Sprintf("engine %d, server %d", v.engine, v.server), func(t *testing.T) {
			t.Parallel()
			p, h := newReleased(t, v.engine, v.server)
			file := filepath.Join(p.dir, "data", databaseFile)
			p.url = pgtest.Database(t)
			moveReleased(t, p, file, v.engine, v.server)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			set := p.settings(releasedPolicy)
			for _, want := range []int{last.engine + last.server - v.engine - v.server, 0} {
				applied, err := MigrateDatabase(t.Context(), set, Opening{Drivers: drivers, Now: p.clock.now()})
				if err != nil || applied != want {
					t.Fatalf("%d migrations, want %d: %v", applied, want, err)
				}
			}
			useReleased(t, p, set, h)
		})
	}
	if seen < 3 {
		t.Errorf("%d schemas", seen)
	}
}

// moveReleased makes the schema in PostgreSQL, and fills it with what the file has.
func moveReleased(t *testing.T, p *site, file string, engine, server int) {
	t.Helper()
	from, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	to, err := sql.Open("pgx", p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	to.SetMaxOpenConns(1) // SET below is of one connection
	err = migrate.Up(t.Context(), to, migrate.PostgreSQL, p.clock.now(),
		first(t, "engine", os.DirFS("../sqlstore/schema/postgres"), engine), first(t, "server", os.DirFS("schema/postgres"), server))
	if err == nil {
		_, err = to.ExecContext(t.Context(), `SET session_replication_role = replica`) // in whatever order the tables come
	}
	if err != nil {
		t.Fatal(err)
	}
	tables := column(t, to, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'nightlatch_migrations'`)
	moved := 0
	for _, table := range tables {
		moved += moveTable(t, from, to, table)
	}
	if moved < 20 {
		t.Errorf("%d rows", moved)
	}
}

// moveTable writes the rows of a table in the place of those of the same key, and returns how many.
func moveTable(t *testing.T, from, to *sql.DB, table string) (moved int) {
	t.Helper()
	shape := `SELECT column_name FROM information_schema.columns WHERE table_name = '` + table + `'`
	names := column(t, from, `SELECT name FROM pragma_table_info('`+table+`')`)
	known := column(t, to, shape)
	names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(known, name) })
	if len(names) == 0 {
		return 0 // a table of PostgreSQL alone
	}
	flags := column(t, to, shape+` AND data_type = 'boolean'`)
	places := make([]string, len(names))
	for i := range names {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	if table == "nl_meta" { // a migration has filled it
		if _, err := to.ExecContext(t.Context(), `DELETE FROM nl_meta WHERE id = 1`); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := from.QueryContext(t.Context(), `SELECT `+strings.Join(names, ", ")+` FROM `+table)
	if err != nil {
		t.Fatal(table, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(table, err)
		}
		for i, name := range names {
			if slices.Contains(flags, name) {
				values[i] = values[i] == int64(1)
			}
		}
		_, err := to.ExecContext(t.Context(), `INSERT INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(places, ", ")+`)`, values...)
		if err != nil {
			t.Fatal(table, err)
		}
		moved++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(table, err)
	}
	return moved
}
