package importer

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sqliteMagic begins every SQLite database (SQLite file format §1.3).
const sqliteMagic = "SQLite format 3\x00"

func isSQLite(path string) (bool, error) {
	f, err := openFile(path, maxDatabase)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, len(sqliteMagic))
	n, _ := io.ReadFull(f, head)
	return string(head[:n]) == sqliteMagic, nil
}

// record is one row of a table by the names of its columns. A value is nil, int64, float64, bool, string, []byte, or,
// from JSON, a list or an object.
type record map[string]any

// tables are the rows of every table.
type tables map[string][]record

// readSQLite reads the tables of a database that want says yes to, by their columns. The file is only read.
func readSQLite(ctx context.Context, in Input, path string, want func(columns []string) bool) (tables, error) {
	if in.Driver == "" {
		return nil, errors.New("there is no driver for SQLite in this program")
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(whole), RawQuery: "mode=ro"}
	db, err := sql.Open(in.Driver, name.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	names, err := column(ctx, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as a SQLite database: %w", path, err)
	}
	all := tables{}
	for _, table := range names {
		columns, err := column(ctx, db, `SELECT name FROM pragma_table_info($1) ORDER BY cid`, table)
		if err != nil {
			return nil, err
		}
		if !want(columns) {
			continue
		}
		if all[table], err = rowsIn(ctx, in.rows, db, table, columns); err != nil {
			return nil, fmt.Errorf("%s: table %.40q: %w", path, table, err)
		}
	}
	return all, nil
}

func column(ctx context.Context, db *sql.DB, query string, args ...any) (values []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
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

// rowsIn reads columns by name: what a table makes up when it is asked for all might be of any size.
func rowsIn(ctx context.Context, n *count, db *sql.DB, table string, columns []string) (records []record, err error) {
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = quotedName(name)
	}
	rows, err := db.QueryContext(ctx, `SELECT `+strings.Join(quoted, ", ")+` FROM `+quotedName(table)+` ORDER BY rowid`) //nolint:gosec // names are quoted
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := n.row(ctx); err != nil {
			return nil, err
		}
		cells, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		r := record{}
		for i, name := range columns {
			r[name] = cells[i]
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

func quotedName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// has says whether all names are among the columns.
func has(columns []string, names ...string) bool {
	for _, name := range names {
		found := false
		for _, c := range columns {
			found = found || c == name
		}
		if !found {
			return false
		}
	}
	return true
}

// text is a value as text, "" for none.
func (r record) text(name string) string {
	switch v := r[name].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// number is a value as a whole number, 0 for none.
func (r record) number(name string) int64 {
	switch v := r[name].(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	case bool:
		if v {
			return 1
		}
		return 0
	}
	n, err := strconv.ParseInt(r.text(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// truth is a value as yes or no; missing is what stands for none.
func (r record) truth(name string, missing bool) bool {
	switch v := r[name].(type) {
	case nil:
		return missing
	case bool:
		return v
	case string:
		return v == "1" || strings.EqualFold(v, "true") || strings.EqualFold(v, "t")
	}
	return r.number(name) != 0
}

// time is a value as a time in UTC, zero for none.
func (r record) time(name string) time.Time {
	if t, ok := r[name].(time.Time); ok {
		return t.UTC().Truncate(time.Microsecond)
	}
	return timeOf(r.text(name))
}

// bytes is a value as bytes. In JSON they are base64.
func (r record) bytes(name string) ([]byte, error) {
	switch v := r[name].(type) {
	case []byte:
		return bytes.Clone(v), nil
	case string:
		b, err := unbase64(v)
		if err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("%s is missing", name)
}
