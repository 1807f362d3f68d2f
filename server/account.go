package server

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// Account is one account of the server.
type Account struct {
	ID               string
	Username, Email  string // as typed; one of them at least is not empty
	EmailConfirmedAt time.Time
	Groups           []string
	Admin, Disabled  bool
	Defined          bool // settings define it: it is read-only elsewhere
	HeldBack         bool // whoever had another address before disowned this one: it opens nothing
	CreatedAt        time.Time

	mark    string // of a defined one: what settings said when it was last taken in
	grouped bool   // Groups were read with it
	// before is the confirmed address before the last change, or "", which may be undone until undoUntil.
	before    string
	undoUntil time.Time
}

// Name is what the account goes by.
func (a Account) Name() string {
	if a.Username != "" {
		return a.Username
	}
	return a.Email
}

// user is the engine's view. An address that is held back is none to it: nothing that opens anything must go there.
func (a Account) user() nightlatch.User {
	u := nightlatch.User{
		ID: a.ID, Name: a.Username, Email: a.Email, EmailConfirmedAt: a.EmailConfirmedAt,
		Groups: a.Groups, Admin: a.Admin, Disabled: a.Disabled,
	}
	if a.HeldBack {
		u.Email, u.EmailConfirmedAt = "", time.Time{}
	}
	return u
}

// Accounts are all accounts of the server. They live in the engine's database, so that an account changes together
// with its event and its sessions.
type Accounts struct {
	store *sqlstore.Store
	now   func() time.Time
}

const accountColumns = `a.id, a.username, a.email, a.email_confirmed_at, a.admin, a.disabled, a.defined, a.created_at,
	coalesce((SELECT w.held_back FROM account_addresses w WHERE w.account_id = a.id), FALSE),
	coalesce((SELECT w.former FROM account_addresses w WHERE w.account_id = a.id AND w.former_confirmed_at <> 0), ''),
	coalesce((SELECT w.former_until FROM account_addresses w WHERE w.account_id = a.id), 0)`

func scanAccount(row interface{ Scan(...any) error }) (Account, error) {
	var a Account
	var confirmed, created, until int64
	err := row.Scan(&a.ID, &a.Username, &a.Email, &confirmed, &a.Admin, &a.Disabled, &a.mark, &created, &a.HeldBack,
		&a.before, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return a, nightlatch.ErrNotFound
	}
	a.EmailConfirmedAt, a.CreatedAt, a.Defined, a.undoUntil = at(confirmed), at(created), a.mark != "", at(until)
	return a, err
}

// at reads a time of the database.
func at(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micro).UTC()
}

// stamp writes one.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FindUser returns the engine's view of an account. Errors: nightlatch.ErrNotFound.
func (s *Accounts) FindUser(ctx context.Context, id string) (nightlatch.User, error) {
	a, err := s.findID(ctx, id)
	u := a.user()
	if a.HeldBack || a.undoUntil.After(s.now()) {
		u.EmailBefore = a.before
	}
	return u, err
}

func (s *Accounts) findID(ctx context.Context, id string) (Account, error) {
	return s.find(ctx, `SELECT `+accountColumns+` FROM accounts a WHERE a.id = $1`, id)
}

// Find returns the account of a user name or an e-mail address, as typed. Errors: nightlatch.ErrNotFound.
func (s *Accounts) Find(ctx context.Context, identifier string) (Account, error) {
	return s.findKey(ctx, nameKey(identifier))
}

// findKey looks an address up as an address and a name as a name: an address is never a name.
func (s *Accounts) findKey(ctx context.Context, key string) (Account, error) {
	return s.find(ctx, `SELECT `+accountColumns+` FROM accounts a
		WHERE (a.username_key = $1 AND a.username_key <> '') OR (a.email_key = $1 AND a.email_key <> '')`, key)
}

func (s *Accounts) find(ctx context.Context, query, arg string) (a Account, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		a, err = scanAccount(q.QueryRowContext(ctx, query, arg))
		if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
			return err
		}
		// Also for an account that nobody has: a name that is unknown takes as long as one that is known.
		groups, groupsErr := groupsOf(ctx, q, a.ID)
		a.Groups = groups[a.ID]
		return errors.Join(err, groupsErr)
	})
	return a, err
}

// groupsOf returns the groups of accounts by their ids, sorted.
func groupsOf(ctx context.Context, q sqlstore.Querier, ids ...string) (map[string][]string, error) {
	groups := map[string][]string{}
	err := sqlstore.Among(ids, func(list string, args []any) error {
		rows, err := q.QueryContext(ctx, `SELECT account_id, name FROM account_groups WHERE account_id IN `+list+` ORDER BY account_id, name`, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, name string
			if err := rows.Scan(&id, &name); err != nil {
				return err
			}
			groups[id] = append(groups[id], name)
		}
		return rows.Err()
	})
	return groups, err
}

// insert puts a new account in. It returns the names of the fields that are taken.
func insert(ctx context.Context, a Account) (taken []string, err error) {
	q, ok := sqlstore.Conn(ctx)
	if !ok {
		return nil, errors.New("an account is made outside a transaction")
	}
	if taken, err = claim(ctx, q, a, a.CreatedAt); err != nil || len(taken) > 0 {
		return taken, err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO accounts
		(id, username, username_key, email, email_key, email_confirmed_at, admin, disabled, defined, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.ID, a.Username, nameKey(a.Username), a.Email, nameKey(a.Email), stamp(a.EmailConfirmedAt), a.Admin, a.Disabled, a.mark, stamp(a.CreatedAt))
	if err != nil {
		return nil, err
	}
	return nil, setGroups(ctx, q, a.ID, a.Groups)
}

// claim is takenOf for who writes them next, in the transaction of ctx: until its end nobody else claims the same. A name
// that was given and removed between the look and the writing would be given once more, and nothing would refuse it.
func claim(ctx context.Context, q sqlstore.Querier, a Account, now time.Time) (taken []string, err error) {
	for _, key := range []string{nameKey(a.Username), nameKey(a.Email)} { // a name has no "@", so that all lock in one order
		if key == "" {
			continue
		}
		if err := sqlstore.Lock(ctx, "name "+key); err != nil {
			return nil, err
		}
	}
	return takenOf(ctx, q, a, now)
}

// takenOf returns the names of the fields that are another account's, or were: a name for good, an address as long as it
// can be put back.
func takenOf(ctx context.Context, q sqlstore.Querier, a Account, now time.Time) (taken []string, err error) {
	for _, check := range []struct {
		field, value, query string
		more                []any
	}{
		{"username", a.Username, `SELECT (SELECT count(*) FROM accounts WHERE username_key = $1 AND id <> $2)
			+ (SELECT count(*) FROM removed_names WHERE username_key = $1 AND account_id <> $2)`, nil},
		{"email", a.Email, `SELECT (SELECT count(*) FROM accounts WHERE email_key = $1 AND id <> $2)
			+ (SELECT count(*) FROM account_addresses WHERE former_key = $1 AND account_id <> $2 AND former_until > $3)`, []any{stamp(now)}},
	} {
		if check.value == "" {
			continue
		}
		var n int
		args := append([]any{nameKey(check.value), a.ID}, check.more...)
		if err := q.QueryRowContext(ctx, check.query, args...).Scan(&n); err != nil {
			return nil, err
		}
		if n > 0 {
			taken = append(taken, check.field)
		}
	}
	return taken, nil
}

func setGroups(ctx context.Context, q sqlstore.Querier, id string, groups []string) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM account_groups WHERE account_id = $1`, id); err != nil {
		return err
	}
	for _, g := range groups {
		_, err := q.ExecContext(ctx, `INSERT INTO account_groups (account_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, g)
		if err != nil {
			return err
		}
	}
	return nil
}

// write runs one statement in the transaction of ctx.
func write(ctx context.Context, query string, args ...any) error {
	q, ok := sqlstore.Conn(ctx)
	if !ok {
		return errOutside
	}
	_, err := q.ExecContext(ctx, query, args...)
	return err
}

// taken returns the names of the fields of a that are another account's, or were.
func (s *Accounts) taken(ctx context.Context, a Account, now time.Time) (taken []string, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		taken, err = takenOf(ctx, q, a, now)
		return err
	})
	return taken, err
}

var errOutside = errors.New("an account is changed outside a transaction")
