package server

import (
	"context"
	"fmt"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// While accounts have password hashes that other programs made, every answer to a password does the work of all their
// kinds, so that its time does not tell who came from elsewhere. What is in use is a record in the database: another
// process may have taken the hashes in.

// foreignLock: a work that is noted must not be taken off at the same time, since nobody has a hash of it.
const foreignLock = "foreign works"

// noteForeign notes the work of a hash from elsewhere, in the transaction that keeps it.
func (s *Server) noteForeign(ctx context.Context, account string, hashed factor.State) error {
	w, foreign, err := password.WorkOf(hashed)
	if err != nil || !foreign {
		return err
	}
	if err := sqlstore.Lock(ctx, foreignLock); err != nil {
		return err
	}
	if err := write(ctx, `INSERT INTO foreign_works (work) VALUES ($1) ON CONFLICT DO NOTHING`, w.String()); err != nil {
		return err
	}
	return write(ctx, `INSERT INTO foreign_hashes (account_id, work, noted_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET work = excluded.work, noted_at = excluded.noted_at`,
		account, w.String(), stamp(s.now()))
}

// foreignWorks are the works in use. It fails for one that this program does not know.
func (s *Server) foreignWorks(ctx context.Context) (works []password.Work, err error) {
	texts, err := s.column(ctx, `SELECT work FROM foreign_works ORDER BY work`)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		w, err := password.ParseWork(text)
		if err != nil {
			return nil, err
		}
		works = append(works, w)
	}
	return works, nil
}

func (s *Server) column(ctx context.Context, query string, args ...any) (values []string, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		values = nil
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				return err
			}
			values = append(values, v)
		}
		return rows.Err()
	})
	return values, err
}

// forgetStep is how many accounts one look goes through.
const forgetStep = 200

// forgetForeign takes off the record the accounts whose hash was replaced: some of them each time, after the one that
// the last look ended with. A hash that is gone and still on record costs time and nothing else.
func (s *Server) forgetForeign(ctx context.Context) error {
	looked := stamp(s.now())
	ids, err := s.column(ctx, `SELECT account_id FROM foreign_hashes WHERE account_id > $1 ORDER BY account_id LIMIT $2`, s.lookedAt, forgetStep)
	if err != nil {
		return err
	}
	s.lookedAt = ""
	if len(ids) == forgetStep {
		s.lookedAt = ids[len(ids)-1]
	}
	var gone []string
	for _, id := range ids {
		_, held, err := s.Service.HeldOf(ctx, nightlatch.User{ID: id}, password.Kind)
		if err != nil {
			return err
		}
		if still, err := anyForeign(held); err != nil {
			return fmt.Errorf("account %s: %w", id, err)
		} else if !still {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return s.store.Tx(ctx, func(ctx context.Context, _ nightlatch.Tx) error {
		if err := sqlstore.Lock(ctx, foreignLock); err != nil {
			return err
		}
		for _, id := range gone {
			// One that was noted since is of a hash that was not looked at.
			if err := write(ctx, `DELETE FROM foreign_hashes WHERE account_id = $1 AND noted_at < $2`, id, looked); err != nil {
				return err
			}
		}
		return write(ctx, `DELETE FROM foreign_works WHERE NOT EXISTS
			(SELECT 1 FROM foreign_hashes h WHERE h.work = foreign_works.work)`)
	})
}

func anyForeign(held []factor.Held) (bool, error) {
	for _, h := range held {
		if _, foreign, err := password.WorkOf(h.State); foreign || err != nil {
			return foreign, err
		}
	}
	return false, nil
}
