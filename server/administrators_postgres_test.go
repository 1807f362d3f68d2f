package server

import (
	"context"
	"sync"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// TestAdministratorGoesWhileActing: an administrator who shuts the only other one out and removes the own account at the
// same moment stays, as one after the other.
func TestAdministratorGoesWhileActing(t *testing.T) {
	t.Parallel()
	s := newPostgreSQLSite(t).mustStart()
	anna := add(t, s, Account{Username: "anna", Admin: true})
	other := add(t, s, Account{Username: "other", Admin: true})
	session, removed := sessionOf(t, s, anna), make(chan error, 1)
	demoted := other
	demoted.Admin = false
	var once sync.Once
	acting := s.manage(t.Context(), doer{by: byAdministrator, admin: anna.ID}, other, nightlatch.Event{Name: eventChanged}, func(ctx context.Context) error {
		once.Do(func() {
			go func() { removed <- profiles{s}.RemoveOwn(context.Background(), session, nightlatch.Client{}) }()
			eventually(t, "the other waits, or is done", func() bool { return len(removed) > 0 || lockWaits(t, s) > 0 })
		})
		return s.writeEdit(ctx, other, demoted)
	})
	removal := <-removed
	left, err := s.enabledAdmins(t.Context())
	if err != nil || len(left) != 1 || (acting == nil) == (removal == nil) {
		t.Errorf("%d administrators are left: %v, %v; %v", len(left), acting, removal, err)
	}
}

func lockWaits(t *testing.T, s *Server) (n int) {
	t.Helper()
	if err := s.store.Read(t.Context(), func(q sqlstore.Querier) error {
		return q.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
