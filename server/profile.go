package server

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// An account may change its name so often in that time: each takes a name away from everybody else, for good.
const (
	renamesMost   = 5
	renamesWithin = 30 * 24 * time.Hour
)

// Profile is as in web.Owners.
func (p profiles) Profile(ctx context.Context, user string) (web.Profile, error) {
	s := p.s
	a, err := s.Accounts.findID(ctx, user)
	if err != nil {
		return web.Profile{}, err
	}
	way, err := s.Accounts.address(ctx, user)
	if err != nil {
		return web.Profile{}, err
	}
	names, err := s.Accounts.formerNames(ctx, user, time.Time{})
	v := web.Profile{Fixed: a.Defined, SendsMail: s.sendsMail(), CreatedAt: a.CreatedAt, FormerNames: names}
	if way.wants(nameKey(way.Wanted), s.now()) {
		v.Wanted = way.Wanted
	}
	if way.mayUndo(s.now()) {
		v.Former, v.FormerUntil, v.ChangedAt = way.Former, way.FormerUntil, way.ChangedAt
	}
	v.HeldBack = way.HeldBack
	return v, err
}

// formerNames are the names that an account gave up after a time, as they are compared, the oldest first.
func (s *Accounts) formerNames(ctx context.Context, id string, after time.Time) (names []string, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		names = nil
		rows, err := q.QueryContext(ctx, `SELECT username_key FROM removed_names
			WHERE account_id = $1 AND removed_at > $2 ORDER BY removed_at, username_key`, id, stamp(after))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	})
	return names, err
}

// Rename is as in web.Owners.
func (p profiles) Rename(ctx context.Context, session, name string, c nightlatch.Client) error {
	s := p.s
	if _, err := s.own(ctx, session); err != nil {
		return err
	}
	if problem := usernameProblem(name); problem != "" {
		return web.FieldsError{"username": problem}
	}
	_, err := s.Service.ChangeOwn(ctx, session, nightlatch.Own{
		Event: nightlatch.Event{Name: eventRenamed, Client: c},
		Do: func(ctx context.Context, u nightlatch.User) error {
			before, err := s.Accounts.findID(ctx, u.ID)
			if err != nil {
				return err
			}
			given, err := s.Accounts.formerNames(ctx, u.ID, s.now().Add(-renamesWithin))
			if err != nil {
				return err
			}
			if len(given) >= renamesMost {
				return &nightlatch.ThrottledError{RetryAfter: 24 * time.Hour}
			}
			a := before
			a.Username = name
			taken, err := update(ctx, a, before, s.now())
			if err == nil && len(taken) > 0 {
				return &nightlatch.InvalidError{Field: "username", Problem: "taken"}
			}
			return err
		},
	})
	var invalid *nightlatch.InvalidError
	if errors.As(err, &invalid) && invalid.Problem == "taken" { // nobody is to try all names so, either
		return s.countSignUp(ctx, c.Addr, web.FieldsError{"username": "taken"})
	}
	return err
}

// RemoveOwn is as in web.Owners.
func (p profiles) RemoveOwn(ctx context.Context, session string, c nightlatch.Client) error {
	s := p.s
	a, err := s.own(ctx, session)
	if err != nil {
		return err
	}
	_, err = s.Service.ChangeOwn(ctx, session, nightlatch.Own{
		Event: s.removal(a, "", c),
		Do: func(ctx context.Context, u nightlatch.User) error {
			if last, err := s.Accounts.lastAdmin(ctx, u.ID); err != nil {
				return err
			} else if last {
				return nightlatch.ErrConflict // nobody would be left to help the others
			}
			return s.remove(ctx, u.ID)
		},
	})
	return err
}

// Remove removes an account with all that it holds. Its trail stays, and its name is never given again. by says who does
// it.
func (s *Server) Remove(ctx context.Context, a Account, by string) error {
	if a.Defined {
		return errDefined
	}
	return s.Service.Change(ctx, a.ID, s.removal(a, by, nightlatch.Client{}), func(ctx context.Context) error {
		return s.remove(ctx, a.ID)
	})
}

// removal tells whoever had the account, also by the address that could be put back: afterwards it has none any more.
func (s *Server) removal(a Account, by string, c nightlatch.Client) nightlatch.Event {
	e := nightlatch.Event{Name: eventRemoved, By: by, Client: c}
	if a.Email != "" {
		e.Tell = []string{a.Email}
	}
	if a.before != "" && (a.HeldBack || a.undoUntil.After(s.now())) {
		e.Tell = append(e.Tell, a.before)
	}
	return e
}

func (s *Server) remove(ctx context.Context, id string) error {
	a, err := s.Accounts.findID(ctx, id)
	if err != nil {
		return err
	}
	if key := nameKey(a.Username); key != "" {
		err := write(ctx, `INSERT INTO removed_names (username_key, account_id, removed_at) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, key, id, stamp(s.now()))
		if err != nil {
			return err
		}
	}
	if err := write(ctx, `DELETE FROM accounts WHERE id = $1`, id); err != nil {
		return err
	}
	return s.Service.RemoveUser(ctx, id)
}

// lockAdmins makes those wait for each other whose right to do something rests on who is an administrator.
func lockAdmins(ctx context.Context) error { return sqlstore.Lock(ctx, "administrators") }

// lastAdmin says whether an account is the only administrator that is not disabled. Two that go at once must not both find
// the other one, so it is asked in the transaction that they go in.
func (s *Accounts) lastAdmin(ctx context.Context, id string) (last bool, err error) {
	if err := lockAdmins(ctx); err != nil {
		return false, err
	}
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		var own, others int
		err := q.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM accounts WHERE id = $1 AND admin AND NOT disabled),
			(SELECT count(*) FROM accounts WHERE id <> $1 AND admin AND NOT disabled)`, id).Scan(&own, &others)
		last = own > 0 && others == 0
		return err
	})
	return last, err
}
