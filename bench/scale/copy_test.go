package scale

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// table is what a copy has in one table.
type table struct {
	name, owner string // owner: the column of the account
	columns     []string
	rows        [][]any // of the account that is copied, what is sealed unsealed
}

// copier makes copies of an account.
type copier struct {
	h      *house
	id     string // of the account that is copied
	tables []*table
	load   loader
}

func (h *house) copier(ctx context.Context, name string) (*copier, error) {
	a, err := h.server.Accounts.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	// Groups come before their account, which says what they are: else a trigger would write it once more.
	c := &copier{h: h, id: a.ID, tables: []*table{
		{name: "account_groups", owner: "account_id"},
		{name: "accounts", owner: "id"},
		{name: "foreign_hashes", owner: "account_id"},
		{name: "nl_users", owner: "user_id"},
		{name: "nl_authenticators", owner: "user_id"},
		{name: "nl_events", owner: "user_id"},
	}}
	for _, t := range c.tables {
		if err := h.store.Read(ctx, func(q sqlstore.Querier) error { return t.read(ctx, q, a.ID) }); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		for _, row := range t.rows {
			if err := c.unseal(t, row); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	c.load, err = h.loader(c.tables)
	return c, err
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

// fill puts the copies from first up to last in, while it makes the next ones.
func (c *copier) fill(ctx context.Context, first, last int) error {
	type made struct {
		rows [][][]any
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan made)
	go func() {
		defer close(next)
		for ; first < last; first += batch {
			rows, err := c.make(first, min(first+batch, last))
			select {
			case next <- made{rows, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	for m := range next {
		if m.err != nil {
			return m.err
		}
		if err := c.load.load(ctx, m.rows); err != nil {
			return err
		}
	}
	return nil
}

// make makes the rows of copies, for each table. They come in the order of their ids, by which most indexes begin.
func (c *copier) make(first, last int) ([][][]any, error) {
	ids := make([]string, last-first)
	for i := range ids {
		ids[i] = token.NewID(rand.Reader)
	}
	slices.Sort(ids)
	made := make([][][]any, len(c.tables))
	for i, t := range c.tables {
		for j, id := range ids {
			for _, row := range t.rows {
				another, err := c.row(t, row, id, first+j)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", t.name, err)
				}
				made[i] = append(made[i], another)
			}
		}
	}
	return made, nil
}

// row is a row of the copy of a number.
func (c *copier) row(t *table, from []any, id string, n int) (row []any, err error) {
	row = slices.Clone(from)
	for i, column := range t.columns {
		switch column {
		case t.owner:
			row[i] = id
		case "id":
			row[i] = token.NewID(rand.Reader)
		case "username", "username_key":
			row[i] = nameOf(n)
		case "email", "email_key":
			row[i] = nameOf(n) + "@example.com"
		}
	}
	if i := slices.Index(t.columns, "sealed"); i >= 0 {
		plain, _ := from[i].([]byte)
		row[i], err = c.h.key.Seal(rand.Reader, plain, t.place(row))
	}
	return row, err
}

// unseal puts what is sealed in a row in the clear.
func (c *copier) unseal(t *table, row []any) (err error) {
	if i := slices.Index(t.columns, "sealed"); i >= 0 {
		box, _ := row[i].([]byte)
		row[i], err = c.h.key.Open(box, t.place(row))
	}
	return err
}

// place is where the sealed value of a row stands.
func (t *table) place(row []any) seal.Place {
	user, _ := row[slices.Index(t.columns, t.owner)].(string)
	if i := slices.Index(t.columns, "id"); i >= 0 {
		id, _ := row[i].(string)
		return seal.Place{Table: "authenticators", Column: "sealed", ID: id, User: user}
	}
	return seal.Place{Table: "users", Column: "sealed", ID: user, User: user}
}
