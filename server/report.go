package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// PolicyReport is whom the policy stops, or would.
type PolicyReport struct {
	Require        nightlatch.Require
	Authenticators int
	ReportOnly     bool
	Accounts       int       // that are not disabled
	Required       int       // of these: must hold a second factor
	Lacking        []Lacking // of these: hold too few
	Since          time.Time
	Stopped        int // who signed in since and would have been stopped, were it not for report_only
}

// Lacking is an account that holds too few second factors.
type Lacking struct {
	Account Account
	Working int // how many it holds that can be proven
}

// PolicyReport counts whom the policy stops, and whom it would have stopped since a time.
// Errors: nightlatch.ErrUnavailable.
func (s *Server) PolicyReport(ctx context.Context, since time.Time) (PolicyReport, error) {
	p := s.Service.Policy()
	r := PolicyReport{Require: p.Require, Authenticators: p.AtLeast, ReportOnly: p.ReportOnly, Since: since}
	err := s.Accounts.Pages(ctx, func(page []Account) error {
		page = slices.DeleteFunc(page, func(a Account) bool { return a.Disabled })
		r.Accounts += len(page)
		page = slices.DeleteFunc(page, func(a Account) bool { return !p.Requires(a.Admin) })
		r.Required += len(page)
		working, err := s.Service.WorkingOf(ctx, idsOf(page))
		for i, n := range working {
			if n < p.AtLeast {
				r.Lacking = append(r.Lacking, Lacking{page[i], n})
			}
		}
		return err
	})
	if err != nil {
		return r, err
	}
	r.Stopped, err = s.stoppedSince(ctx, since)
	return r, err
}

// stoppedSince counts people, not sign-ins.
func (s *Server) stoppedSince(ctx context.Context, since time.Time) (int, error) {
	const step = 500
	users := map[string]bool{}
	for q := (nightlatch.EventQuery{Name: nightlatch.EventWouldStop}); ; {
		page, err := s.Service.FindEvents(ctx, q, step)
		if err != nil {
			return 0, err
		}
		for _, e := range page {
			if e.At.Before(since) {
				return len(users), nil
			}
			users[e.User] = true
			q.Before, q.BeforeUser, q.BeforeSeq = e.At, e.User, e.Seq
		}
		if len(page) < step {
			return len(users), nil
		}
	}
}

const adminsShutOut = "the policy requires a second factor, and no administrator who is not disabled holds one that works: " +
	"let one enroll before grace is over, or make another with nightlatch account add NAME --admin"

// adminsShutOut says whether there are administrators and none of them can prove a second factor, which the policy asks
// of them.
func (s *Server) adminsShutOut(ctx context.Context) (bool, error) {
	if p := s.Service.Policy(); !p.Requires(true) || p.ReportOnly {
		return false, nil
	}
	admins, err := s.enabledAdmins(ctx)
	if err != nil {
		return false, err
	}
	working, err := s.Service.WorkingOf(ctx, admins)
	if err != nil || slices.Max(append(working, 0)) > 0 {
		return false, err
	}
	return len(admins) > 0, nil
}

func (s *Server) enabledAdmins(ctx context.Context) (ids []string, err error) {
	err = s.store.Read(ctx, func(q sqlstore.Querier) error {
		rows, err := q.QueryContext(ctx, `SELECT id FROM accounts WHERE admin = $1 AND disabled = $2 ORDER BY id`, true, false)
		if err != nil {
			return fmt.Errorf("administrators: %w", err)
		}
		defer func() { _ = rows.Close() }()
		ids = ids[:0]
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}
