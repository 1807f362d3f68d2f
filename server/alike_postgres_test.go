package server

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/sqlstore"
	"github.com/nightlatch/nightlatch/web"
)

// counter opens connections that count what they ask the database.
type counter struct {
	driver driver.Driver
	dsn    string
	asked  atomic.Int64
}

func (c *counter) Driver() driver.Driver { return c.driver }

func (c *counter) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &counted{conn.(asking), c}, nil
}

// asking is what a connection of pgx can do.
type asking interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
}

type counted struct {
	asking
	by *counter
}

func (c *counted) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.by.asked.Add(2) // the end of it, too
	return c.asking.BeginTx(ctx, opts)
}

func (c *counted) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.by.asked.Add(1)
	return c.asking.ExecContext(ctx, query, args)
}

func (c *counted) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.by.asked.Add(1)
	return c.asking.QueryContext(ctx, query, args)
}

// newCounted is a server on a PostgreSQL whose statements are counted.
func newCounted(t *testing.T) (*Server, *counter) {
	t.Helper()
	p := newPostgreSQLSite(t)
	dsn, _, err := sqlstore.PostgreSQLDSN(p.url)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	asked := &counter{driver: plain.Driver(), dsn: dsn}
	db := sql.OpenDB(asked)
	t.Cleanup(func() { _, _ = db.Close(), plain.Close() })
	return p.serverOn(p.settings(), sqlstore.New(sqlstore.PostgreSQL, db, db)), asked
}

// TestStrangersCostTheSameStatements: a wrong password takes as many statements whether somebody has the name or not: each
// is a way to the database and back, and may take longer than all else.
func TestStrangersCostTheSameStatements(t *testing.T) {
	t.Parallel()
	s, asked := newCounted(t)
	for _, name := range []string{"anna", "bert"} {
		add(t, s, Account{Username: name})
	}
	if err := s.SetDisabled(t.Context(), find(t, s, "bert"), true, "test"); err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, s)
	for i := range 8 { // the first one makes rows, the others change them; the sixth is the first that is not judged
		status, least := http.StatusUnauthorized, int64(10)
		if i >= 5 {
			status, least = http.StatusTooManyRequests, 3
		}
		counts := map[string]int64{}
		for _, name := range []string{"anna", "nobody", "bert"} {
			before := asked.asked.Load()
			if got, _ := cl.signIn(name, "a wrong password, long enough"); got != status {
				t.Errorf("%s: %d, want %d", name, got, status)
			}
			counts[name] = asked.asked.Load() - before
		}
		if want := counts["nobody"]; counts["anna"] != want || counts["bert"] != want || want < least {
			t.Errorf("statements of %d: %v", i, counts)
		}
	}
}

// TestPagesCostFewStatements: a page of many accounts or of many people's events takes as many statements as one of few.
func TestPagesCostFewStatements(t *testing.T) {
	t.Parallel()
	s, asked := newCounted(t)
	var all []Account
	for i := range 230 {
		name := fmt.Sprintf("name%03d", i)
		all = append(all, Account{Username: name, Email: name + "@example.com", Groups: []string{"a", name}})
	}
	fill(t, s, all...)
	list := func(q web.AccountQuery) func() (int, error) {
		return func() (int, error) {
			page, err := administration{s}.FindAccounts(t.Context(), q)
			return len(page.Accounts), err
		}
	}
	no := false
	for what, c := range map[string]struct {
		do    func() (int, error)
		found int
		most  int64 // the beginning and the end of a transaction are two
	}{
		"list":         {list(web.AccountQuery{Limit: 50}), 50, 5},
		"long list":    {list(web.AccountQuery{Limit: 200}), 200, 5},
		"search":       {list(web.AccountQuery{Text: "name", Limit: 200}), 200, 5},
		"one name":     {list(web.AccountQuery{Text: "name007", Limit: 50}), 1, 5},
		"a long name":  {list(web.AccountQuery{Text: "name007@example.com and more", Limit: 50}), 0, 5},
		"not enrolled": {list(web.AccountQuery{Enrolled: &no, Limit: 100}), 100, 5},
		"names": {func() (int, error) {
			names, err := administration{s}.FindNames(t.Context(), []string{"id000001", "id000002", "nobody", "id000200"})
			return len(names), err
		}, 3, 3},
		"report": {func() (int, error) {
			r, err := s.PolicyReport(t.Context(), s.now())
			return r.Accounts, err
		}, 230, 17}, // two pages, and the events
	} {
		before := asked.asked.Load()
		found, err := c.do()
		if n := asked.asked.Load() - before; err != nil || found != c.found || n > c.most {
			t.Errorf("%s: %d found with %d statements, %v", what, found, n, err)
		}
	}
}

// TestEvenly: the time of an answer is a multiple of the step.
func TestEvenly(t *testing.T) {
	t.Parallel()
	began := time.Now().Add(-3*evenStep - evenStep/2)
	evenly(t.Context(), began)
	if took := time.Since(began); took < 4*evenStep {
		t.Errorf("it took %s, less than the next step", took)
	}
}
