package server

import (
	"context"
	"database/sql"
	"strings"

	"github.com/nightlatch/nightlatch/sqlstore"
)

// listed is an account with the key that it was found by: of its name, or of its address.
type listed struct {
	Account
	key     string
	byEmail bool
}

// columns after those of an account: what it was found by.
func (l *listed) Scan(rows *sql.Rows) (err error) {
	l.Account, err = scanAccount(more{rows, []any{&l.key, &l.byEmail}})
	return err
}

// more is a row with columns at its end that are not an account's.
type more struct {
	rows  *sql.Rows
	extra []any
}

func (m more) Scan(to ...any) error { return m.rows.Scan(append(to, m.extra...)...) }

// The order of all accounts is that of the names they go by. It is an index of its own.
const selectAll = `SELECT ` + accountColumns + `,
		CASE WHEN a.username_key <> '' THEN a.username_key ELSE a.email_key END, FALSE
	FROM accounts a
	WHERE CASE WHEN a.username_key <> '' THEN a.username_key ELSE a.email_key END >= $1
	ORDER BY CASE WHEN a.username_key <> '' THEN a.username_key ELSE a.email_key END LIMIT $2`

// Those that begin with something are two walks along the indexes of names and of addresses, each no longer than the
// answer. No name is an address, so no key comes twice.
const selectFrom = `SELECT * FROM (
		SELECT * FROM (SELECT ` + accountColumns + `, a.username_key AS found, FALSE AS by_email FROM accounts a
			WHERE a.username_key <> '' AND a.username_key >= $1 AND a.username_key < $2 ORDER BY a.username_key LIMIT $3) AS named
		UNION ALL
		SELECT * FROM (SELECT ` + accountColumns + `, a.email_key AS found, TRUE AS by_email FROM accounts a
			WHERE a.email_key <> '' AND a.email_key >= $1 AND a.email_key < $2 ORDER BY a.email_key LIMIT $3) AS addressed
	) AS both_ways ORDER BY found LIMIT $3`

// lastRune stands in no name and no address: whatever begins with a text is below the text with it.
const lastRune = "\U0010FFFF"

// after is the least key beyond another one. No key holds a character that cannot be seen.
func after(key string) string { return key + "\x01" }

// walk returns at most n accounts whose name or address begins with a prefix as it is compared, from a key on, in the
// order of keys. Who is found by name and address comes twice.
func (s *Accounts) walk(ctx context.Context, prefix, from string, n int) (found []listed, err error) {
	query, args := selectFrom, []any{max(from, prefix), prefix + lastRune, n}
	if prefix == "" {
		query, args = selectAll, []any{from, n}
	}
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		found, err = listedOf(ctx, q, query, args...)
		if err != nil {
			return err
		}
		for i := range found {
			if found[i].Groups, err = groupsOf(ctx, q, found[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

func listedOf(ctx context.Context, q sqlstore.Querier, query string, args ...any) (found []listed, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var l listed
		if err := l.Scan(rows); err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, rows.Err()
}

// double says whether an account that was found by its address is found by its name, too.
func (l listed) double(prefix string) bool {
	return l.byEmail && l.Username != "" && strings.HasPrefix(nameKey(l.Username), prefix)
}

// pageSize is how many accounts are read at once.
const pageSize = 200

// List calls each for every account, in the order of their names.
func (s *Accounts) List(ctx context.Context, each func(Account) error) error {
	for from := ""; ; {
		page, err := s.walk(ctx, "", from, pageSize)
		if err != nil {
			return err
		}
		for _, l := range page {
			if err := each(l.Account); err != nil {
				return err
			}
			from = after(l.key)
		}
		if len(page) < pageSize {
			return nil
		}
	}
}
