package server

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch/sqlstore"
)

// listed is an account with the key that it was found by: of its name, or of its address.
type listed struct {
	Account
	key     string
	byEmail bool
}

// columns after those of an account: its groups, where the database keeps them beside it, and what it was found by.
func (l *listed) Scan(rows *sql.Rows) (err error) {
	var groups sql.NullString
	l.Account, err = scanAccount(more{rows, []any{&groups, &l.key, &l.byEmail}})
	if l.grouped = groups.Valid; groups.String != "" {
		l.Groups = slices.Sorted(strings.SplitSeq(groups.String, ","))
	}
	return err
}

// more is a row with columns at its end that are not an account's.
type more struct {
	rows  *sql.Rows
	extra []any
}

func (m more) Scan(to ...any) error { return m.rows.Scan(append(to, m.extra...)...) }

// The order of all accounts is that of the names they go by. It is an index of its own.
const selectAll = `SELECT ` + accountColumns + `, a.group_names,
		CASE WHEN a.username_key <> '' THEN a.username_key ELSE a.email_key END, FALSE
	FROM accounts a
	WHERE CASE WHEN a.username_key <> '' THEN a.username_key ELSE a.email_key END >= $1
	ORDER BY CASE WHEN a.username_key <> '' THEN a.username_key ELSE a.email_key END LIMIT $2`

// Those that begin with something are two walks along the indexes of names and of addresses, each no longer than the
// answer. No name is an address, so no key comes twice.
const selectFrom = `SELECT * FROM (
		SELECT * FROM (SELECT ` + accountColumns + `, a.group_names, a.username_key AS found, FALSE AS by_email FROM accounts a
			WHERE a.username_key <> '' AND a.username_key >= $1 AND a.username_key < $2 ORDER BY a.username_key LIMIT $3) AS named
		UNION ALL
		SELECT * FROM (SELECT ` + accountColumns + `, a.group_names, a.email_key AS found, TRUE AS by_email FROM accounts a
			WHERE a.email_key <> '' AND a.email_key >= $1 AND a.email_key < $2 ORDER BY a.email_key LIMIT $3) AS addressed
	) AS both_ways ORDER BY found LIMIT $3`

// lastRune stands in no name and no address: whatever begins with a text is below the text with it.
const lastRune = "\U0010FFFF"

// after is the least key beyond another one. No key holds a character that cannot be seen.
func after(key string) string { return key + "\x01" }

// walk returns at most n accounts whose name or address begins with a prefix as it is compared, from a key on, in the
// order of keys, with their groups where the database keeps them beside an account. Who is found by name and address comes twice.
func (s *Accounts) walk(ctx context.Context, prefix, from string, n int) (found []listed, err error) {
	query, args := selectFrom, []any{max(from, prefix), prefix + lastRune, n}
	if prefix == "" {
		query, args = selectAll, []any{from, n}
	}
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		found, err = listedOf(ctx, q, query, args...)
		return err
	})
	return found, err
}

// group puts the groups of all that lack them into accounts.
func (s *Accounts) group(ctx context.Context, accounts []Account) error {
	var ids []string
	for _, a := range accounts {
		if !a.grouped {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return s.store.Read(ctx, func(q sqlstore.Querier) error {
		groups, err := groupsOf(ctx, q, ids...)
		for i, a := range accounts {
			if !a.grouped {
				accounts[i].Groups = groups[a.ID]
			}
		}
		return err
	})
}

func idsOf(accounts []Account) []string {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	return ids
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
	return s.Pages(ctx, func(page []Account) error {
		for _, a := range page {
			if err := each(a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Pages calls each for some accounts at a time until it had all, in the order of their names: for what can be asked of
// many at once.
func (s *Accounts) Pages(ctx context.Context, each func([]Account) error) error {
	for from := ""; ; {
		page, last, err := s.page(ctx, from)
		if err != nil || len(page) == 0 {
			return err
		}
		size := len(page) // each may shorten it
		if err := each(page); err != nil || size < pageSize {
			return err
		}
		from = after(last)
	}
}

// page is a page of all accounts, from a key on, and the key of the last of them.
func (s *Accounts) page(ctx context.Context, from string) (page []Account, last string, err error) {
	err = s.store.Snapshot(ctx, func(ctx context.Context) error {
		found, err := s.walk(ctx, "", from, pageSize)
		if err != nil {
			return err
		}
		page = make([]Account, len(found))
		for i, l := range found {
			page[i], last = l.Account, l.key
		}
		return s.group(ctx, page)
	})
	return page, last, err
}

// Names returns what accounts go by, by their ids. One that is no more is not among them.
func (s *Accounts) Names(ctx context.Context, ids []string) (names map[string]string, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		names = make(map[string]string, len(ids))
		return sqlstore.Among(ids, func(list string, args []any) error {
			found, err := listedOf(ctx, q, `SELECT `+accountColumns+`, NULL, '', FALSE FROM accounts a WHERE a.id IN `+list, args...)
			for _, l := range found {
				u := l.user()
				names[l.ID] = cmp.Or(u.Name, u.Email, u.ID)
			}
			return err
		})
	})
	return names, err
}
