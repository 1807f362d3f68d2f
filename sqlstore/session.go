package sqlstore

import (
	"context"

	"github.com/nightlatch/nightlatch"
)

// FindSignIn is as in nightlatch.Reader.
func (r reader) FindSignIn(ctx context.Context, token string) (nightlatch.SignInRecord, error) {
	return findOwned(ctx, r, func(s nightlatch.SignInRecord) string { return s.User }, func() (nightlatch.SignInRecord, error) {
		return find(ctx, r, scanSignIn, `SELECT id, token, user_id, data, created_at, expires_at, revision
			FROM nl_sign_ins WHERE token = $1`, token)
	})
}

func scanSignIn(row scanner) (s nightlatch.SignInRecord, err error) {
	err = row.Scan(&s.ID, &s.Token, &s.User, &s.Data, moment{&s.CreatedAt}, moment{&s.ExpiresAt}, &s.Revision)
	return s, err
}

func (t txn) putSignIn(ctx context.Context, s nightlatch.SignInRecord) error {
	return t.put(ctx, s.Revision,
		`INSERT INTO nl_sign_ins (token, user_id, data, created_at, expires_at, id, revision)
		VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_sign_ins SET token = $1, user_id = $2, data = $3, created_at = $4, expires_at = $5, revision = revision + 1
		WHERE id = $6 AND revision = $7`,
		s.Token, s.User, blob(s.Data), stamp(s.CreatedAt), stamp(s.ExpiresAt), s.ID)
}

const selectSessions = `SELECT id, token, user_id, data, created_at, last_used_at, expires_at, revision FROM nl_sessions `

// FindSession is as in nightlatch.Reader.
func (r reader) FindSession(ctx context.Context, token string) (nightlatch.SessionRecord, error) {
	return findOwned(ctx, r, func(s nightlatch.SessionRecord) string { return s.User }, func() (nightlatch.SessionRecord, error) {
		return find(ctx, r, scanSession, selectSessions+`WHERE token = $1`, token)
	})
}

// SessionsOf is as in nightlatch.Reader.
func (r reader) SessionsOf(ctx context.Context, user string) ([]nightlatch.SessionRecord, error) {
	if err := r.lockUser(ctx, user); err != nil {
		return nil, err
	}
	return list(ctx, r, scanSession, selectSessions+`WHERE user_id = $1 ORDER BY last_used_at DESC, id`, user)
}

func scanSession(row scanner) (s nightlatch.SessionRecord, err error) {
	err = row.Scan(&s.ID, &s.Token, &s.User, &s.Data,
		moment{&s.CreatedAt}, moment{&s.LastUsedAt}, moment{&s.ExpiresAt}, &s.Revision)
	return s, err
}

func (t txn) putSession(ctx context.Context, s nightlatch.SessionRecord) error {
	return t.put(ctx, s.Revision,
		`INSERT INTO nl_sessions (token, user_id, data, created_at, last_used_at, expires_at, id, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT DO NOTHING`,
		`UPDATE nl_sessions SET token = $1, user_id = $2, data = $3, created_at = $4, last_used_at = $5, expires_at = $6,
			revision = revision + 1
		WHERE id = $7 AND revision = $8`,
		s.Token, s.User, blob(s.Data), stamp(s.CreatedAt), stamp(s.LastUsedAt), stamp(s.ExpiresAt), s.ID)
}
