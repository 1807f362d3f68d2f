package server

import (
	"context"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestCountBesideExpire: what was counted expires between the look and the writing; whoever signs up hears nothing of it.
func TestCountBesideExpire(t *testing.T) {
	t.Parallel()
	s := newPostgreSQLSite(t).mustStart()
	count := func() error {
		wait, err := s.count(context.Background(), "sign_up:192.0.2.1/32", signUpKind, 5)
		if wait > 0 {
			t.Errorf("it waits %v", wait)
		}
		return err
	}
	mustDo(t, count())
	counted := make(chan error)
	mustDo(t, s.store.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
		if err := write(ctx, `DELETE FROM nl_throttles WHERE kind = $1`, string(signUpKind)); err != nil {
			return err
		}
		go func() { counted <- count() }()
		eventually(t, "the one who counts waits", func() bool {
			n := 0
			err := s.store.Read(t.Context(), func(q sqlstore.Querier) error {
				return q.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
			})
			return err == nil && n == 1
		})
		return nil
	}))
	mustDo(t, <-counted)
}
