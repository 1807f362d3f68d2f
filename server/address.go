package server

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// undoLife is how long the address before a change can hold it back and be put back.
const undoLife = 7 * 24 * time.Hour

// address is what is under way with the address of an account. Its zero value says that nothing is.
type address struct {
	Wanted            string // waits to be confirmed
	WantedUntil       time.Time
	Former            string // was there before, and can be put back until FormerUntil
	FormerConfirmedAt time.Time
	FormerUntil       time.Time
	ChangedAt         time.Time
	HeldBack          bool // the owner of Former disowned the change: the address opens nothing
}

// mayUndo says whether the address before can be put back.
func (w address) mayUndo(now time.Time) bool { return w.Former != "" && w.FormerUntil.After(now) }

// wants says whether an address waits to be confirmed.
func (w address) wants(key string, now time.Time) bool {
	return key != "" && nameKey(w.Wanted) == key && w.WantedUntil.After(now)
}

// address reads what is under way with the address of an account.
func (s *Accounts) address(ctx context.Context, id string) (w address, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		var wantedUntil, confirmed, until, changed int64
		err := q.QueryRowContext(ctx, `SELECT wanted, wanted_until, former, former_confirmed_at, former_until, changed_at, held_back
			FROM account_addresses WHERE account_id = $1`, id).
			Scan(&w.Wanted, &wantedUntil, &w.Former, &confirmed, &until, &changed, &w.HeldBack)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		w.WantedUntil, w.FormerConfirmedAt, w.FormerUntil, w.ChangedAt = at(wantedUntil), at(confirmed), at(until), at(changed)
		return err
	})
	return w, err
}

// putAddress keeps it, in the transaction of ctx.
func putAddress(ctx context.Context, id string, w address) error {
	if w == (address{}) {
		return write(ctx, `DELETE FROM account_addresses WHERE account_id = $1`, id)
	}
	return write(ctx, `INSERT INTO account_addresses
		(account_id, wanted, wanted_key, wanted_until, former, former_key, former_confirmed_at, former_until, changed_at, held_back)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (account_id) DO UPDATE SET wanted = $2, wanted_key = $3, wanted_until = $4, former = $5, former_key = $6,
			former_confirmed_at = $7, former_until = $8, changed_at = $9, held_back = $10`,
		id, w.Wanted, nameKey(w.Wanted), stamp(w.WantedUntil), w.Former, nameKey(w.Former),
		stamp(w.FormerConfirmedAt), stamp(w.FormerUntil), stamp(w.ChangedAt), w.HeldBack)
}

// findWanting returns the account that has an address and has not confirmed it or, if there is none, the one that was
// the last to want it. Errors: nightlatch.ErrNotFound.
func (s *Accounts) findWanting(ctx context.Context, key string, now time.Time) (Account, error) {
	a, err := s.findKey(ctx, key)
	if !errors.Is(err, nightlatch.ErrNotFound) && (err != nil || nameKey(a.Email) == key && a.EmailConfirmedAt.IsZero()) {
		return a, err
	}
	var id string
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		err := q.QueryRowContext(ctx, `SELECT account_id FROM account_addresses
			WHERE wanted_key = $1 AND wanted_key <> '' AND wanted_until > $2 ORDER BY wanted_until DESC, account_id LIMIT 1`,
			key, stamp(now)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return s.findID(ctx, id)
}

// setAddress gives an account an address, in the transaction of ctx. Errors: nightlatch.ErrConflict where it is another's.
func (s *Server) setAddress(ctx context.Context, a Account) error {
	q, ok := sqlstore.Conn(ctx)
	if !ok {
		return errors.New("an account is changed outside a transaction")
	}
	taken, err := claim(ctx, q, Account{ID: a.ID, Email: a.Email}, s.now())
	if err == nil && len(taken) > 0 {
		err = nightlatch.ErrConflict
	}
	if err != nil {
		return err
	}
	return write(ctx, `UPDATE accounts SET email = $2, email_key = $3, email_confirmed_at = $4 WHERE id = $1`,
		a.ID, a.Email, nameKey(a.Email), stamp(a.EmailConfirmedAt))
}
