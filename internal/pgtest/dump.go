package pgtest

import (
	"context"
	"database/sql"
	"strings"
	"testing"
)

// Dump returns all texts and bytes that the tables of a database hold, as they are. Numbers are left out: any six digits stand
// in some time.
func Dump(t testing.TB, url string) string {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tables, err := column(db, `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, table := range tables {
		if err := dump(&all, db, table); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func column(db *sql.DB, query string) (values []string, err error) {
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

func dump(to *strings.Builder, db *sql.DB, table string) error {
	rows, err := db.QueryContext(context.Background(), "SELECT * FROM "+table) //nolint:gosec // a name from the catalog
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, v := range values {
			switch v := v.(type) {
			case string:
				to.WriteString(v + "\n")
			case []byte:
				to.Write(append(v, '\n'))
			}
		}
	}
	return rows.Err()
}
