package sqlstore

import (
	"context"

	"github.com/nightlatch/nightlatch"
)

// FindUser is as in nightlatch.Reader.
func (r reader) FindUser(ctx context.Context, user string) (nightlatch.UserRecord, error) {
	if r.c.locks() && !r.c.held[userPrefix+user] {
		return r.findAndLock(ctx, user)
	}
	return find(ctx, r, scanUser, selectUser, user)
}

const selectUser = `SELECT user_id, sealed, revision FROM nl_users WHERE user_id = $1`

// UsersAfter is as in nightlatch.Reader.
func (r reader) UsersAfter(ctx context.Context, user string, limit int) ([]nightlatch.UserRecord, error) {
	return list(ctx, r, scanUser, `SELECT user_id, sealed, revision FROM nl_users
		WHERE user_id > $1 ORDER BY user_id LIMIT $2`, user, max(limit, 0))
}

func scanUser(row scanner) (u nightlatch.UserRecord, err error) {
	err = row.Scan(&u.User, &u.Sealed, &u.Revision)
	return u, err
}

func (t txn) putUser(ctx context.Context, u nightlatch.UserRecord) error {
	return t.put(ctx, u.Revision,
		`INSERT INTO nl_users (sealed, user_id, revision) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_users SET sealed = $1, revision = revision + 1 WHERE user_id = $2 AND revision = $3`,
		blob(u.Sealed), u.User)
}

// deleteUser removes all of a user but the events.
func (t txn) deleteUser(ctx context.Context, u nightlatch.UserRecord) error {
	if err := t.one(ctx, `DELETE FROM nl_users WHERE user_id = $1 AND revision = $2`, u.User, u.Revision); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM nl_authenticators WHERE user_id = $1`,
		`DELETE FROM nl_sign_ins WHERE user_id = $1`,
		`DELETE FROM nl_sessions WHERE user_id = $1`,
		`DELETE FROM nl_pendings WHERE user_id = $1`,
		`DELETE FROM nl_devices WHERE user_id = $1`,
		`DELETE FROM nl_links WHERE user_id = $1`,
		`DELETE FROM nl_throttles WHERE subject = 'user:' || $1`, // as the engine names the subject that is a user
	} {
		if _, err := t.exec(ctx, query, u.User); err != nil {
			return err
		}
	}
	return nil
}
