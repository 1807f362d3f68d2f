package scale

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// rowsAtOnce is how many rows one INSERT has.
const rowsAtOnce = 100

// table is what a copy has in one table.
type table struct {
	name, owner string // owner: the column of the account
	columns     []string
	rows        [][]any // of the account that is copied
}

// copier makes copies of an account.
type copier struct {
	h      *house
	id     string // of the account that is copied
	tables []*table
}

func (h *house) copier(ctx context.Context, name string) (*copier, error) {
	a, err := h.server.Accounts.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &copier{h: h, id: a.ID, tables: []*table{
		{name: "accounts", owner: "id"}, {name: "account_groups", owner: "account_id"}, {name: "foreign_hashes", owner: "account_id"},
		{name: "nl_users", owner: "user_id"}, {name: "nl_authenticators", owner: "user_id"}, {name: "nl_events", owner: "user_id"},
	}}
	for _, t := range c.tables {
		if err := h.store.Read(ctx, func(q sqlstore.Querier) error { return t.read(ctx, q, a.ID) }); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return c, nil
}

// read reads the rows of an account.
func (t *table) read(ctx context.Context, q sqlstore.Querier, id string) error {
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+t.name+" WHERE "+t.owner+" = $1", id)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if t.columns, err = rows.Columns(); err != nil {
		return err
	}
	t.rows = nil
	for rows.Next() {
		row := make([]any, len(t.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		t.rows = append(t.rows, row)
	}
	return rows.Err()
}

// make makes the copies from first up to last in one transaction, which may run again.
func (c *copier) make(ctx context.Context, first, last int) error {
	return c.h.store.Tx(ctx, func(ctx context.Context, _ nightlatch.Tx) error {
		q, _ := sqlstore.Conn(ctx)
		made := make([][][]any, len(c.tables))
		for n := first; n < last; n++ {
			id := token.NewID(rand.Reader)
			for i, t := range c.tables {
				for _, row := range t.rows {
					another, err := c.row(t, row, id, n)
					if err != nil {
						return err
					}
					made[i] = append(made[i], another)
				}
			}
		}
		for i, t := range c.tables {
			for rows := range slices.Chunk(made[i], rowsAtOnce) {
				if err := t.insert(ctx, q, rows); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
			}
		}
		return nil
	})
}

// row is a row of the copy of a number.
func (c *copier) row(t *table, from []any, id string, n int) ([]any, error) {
	row := slices.Clone(from)
	name, own, sealed := nameOf(n), "", -1
	for i, column := range t.columns {
		switch column {
		case t.owner:
			row[i] = id
		case "id":
			own = token.NewID(rand.Reader)
			row[i] = own
		case "username", "username_key":
			row[i] = name
		case "email", "email_key":
			row[i] = name + "@example.com"
		case "sealed":
			sealed = i
		}
	}
	if sealed < 0 {
		return row, nil
	}
	was, now := seal.Place{Table: "users", Column: "sealed", ID: c.id, User: c.id}, seal.Place{Table: "users", Column: "sealed", ID: id, User: id}
	if own != "" {
		old, _ := from[slices.Index(t.columns, "id")].(string)
		was = seal.Place{Table: "authenticators", Column: "sealed", ID: old, User: c.id}
		now = seal.Place{Table: "authenticators", Column: "sealed", ID: own, User: id}
	}
	box, _ := from[sealed].([]byte)
	plain, err := c.h.key.Open(box, was)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	row[sealed], err = c.h.key.Seal(rand.Reader, plain, now)
	return row, err
}

// insert writes rows with one statement.
func (t *table) insert(ctx context.Context, q sqlstore.Querier, rows [][]any) error {
	var text strings.Builder
	fmt.Fprintf(&text, "INSERT INTO %s (%s) VALUES ", t.name, strings.Join(t.columns, ", "))
	args := make([]any, 0, len(rows)*len(t.columns))
	for i, row := range rows {
		if i > 0 {
			text.WriteString(", ")
		}
		for j := range row {
			text.WriteString(map[bool]string{true: "(", false: ", "}[j == 0])
			fmt.Fprintf(&text, "$%d", len(args)+j+1)
		}
		text.WriteString(")")
		args = append(args, row...)
	}
	_, err := q.ExecContext(ctx, text.String(), args...)
	return err
}
