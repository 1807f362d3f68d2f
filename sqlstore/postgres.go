package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// PostgreSQLPool is how many connections a Store keeps to PostgreSQL. OpenPostgreSQL reads it from the URL, by the names
// that pgx's own pool has for them.
type PostgreSQLPool struct {
	MaxConns        int           // pool_max_conns: at once; default 8, or 4 for each processor where that is more
	MaxConnIdleTime time.Duration // pool_max_conn_idle_time: one that is idle so long is closed; default 5m
	MaxConnLifetime time.Duration // pool_max_conn_lifetime: an older one is replaced; default 1h
}

// What every connection asks of the server, where the URL says nothing else. They bound how long one client that hangs,
// or one statement that waits, can hold up the others.
var serverLimits = []struct{ name, value string }{
	{"statement_timeout", "10s"},
	{"lock_timeout", "8s"}, // above the second after which the server looks for a deadlock
	{"idle_in_transaction_session_timeout", "30s"},
	{"connect_timeout", "5"}, // of one attempt, in seconds
	{"application_name", "nightlatch"},
}

var errNoURL = errors.New("it is no URL like postgres://USER:PASSWORD@HOST:5432/DATABASE; what is special in the password is written as %XX")

// PostgreSQLDSN reads "postgres://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE" and returns the data source name for the
// driver pgx ("pgx"), with the limits that the Store relies on, and what it says of the pool. A parameter of the URL
// stands before a limit of ours; an empty one leaves it out, which a connection pooler may need. Its errors show
// nothing of the URL's password.
func PostgreSQLDSN(text string) (string, PostgreSQLPool, error) {
	pool := PostgreSQLPool{MaxConns: max(8, 4*runtime.GOMAXPROCS(0)), MaxConnIdleTime: 5 * time.Minute, MaxConnLifetime: time.Hour}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", pool, errNoURL // what url.Parse says may hold a part of the password
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", pool, errNoURL
	}
	for _, limit := range serverLimits {
		if !values.Has(limit.name) {
			values.Set(limit.name, limit.value)
		}
		if values.Get(limit.name) == "" {
			values.Del(limit.name)
		}
	}
	if err := pool.take(values); err != nil {
		return "", pool, err
	}
	u.RawQuery = values.Encode()
	return u.String(), pool, nil
}

// take reads the pool's values, and takes them out.
func (p *PostgreSQLPool) take(values url.Values) error {
	if text := values.Get("pool_max_conns"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 2 || n > 1000 {
			return fmt.Errorf("pool_max_conns is %q; allowed is a whole number from 2 to 1000", text)
		}
		p.MaxConns = n
	}
	for name, to := range map[string]*time.Duration{
		"pool_max_conn_idle_time": &p.MaxConnIdleTime, "pool_max_conn_lifetime": &p.MaxConnLifetime,
	} {
		if text := values.Get(name); text != "" {
			d, err := time.ParseDuration(text)
			if err != nil || d < time.Second {
				return fmt.Errorf("%s is %q; allowed is a duration from 1s on, like 5m", name, text)
			}
			*to = d
		}
	}
	for name := range values {
		if !strings.HasPrefix(name, "pool_") {
			continue
		}
		switch name {
		case "pool_max_conns", "pool_max_conn_idle_time", "pool_max_conn_lifetime":
			values.Del(name)
		default:
			return fmt.Errorf("%q is no setting of the pool; there are pool_max_conns, pool_max_conn_idle_time and pool_max_conn_lifetime", name)
		}
	}
	return nil
}

// OpenPostgreSQL connects to a database by its URL (PostgreSQLDSN says what that may hold), with a driver that the caller
// has linked (github.com/jackc/pgx/v5/stdlib, "pgx"), and returns a Store that Close closes. Call Migrate before anything
// else. It does not wait: IsUnreached says of its error whether that is worth it.
func OpenPostgreSQL(ctx context.Context, driver, text string) (*Store, error) {
	dsn, pool, err := PostgreSQLDSN(text)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	db.SetMaxOpenConns(pool.MaxConns)
	db.SetMaxIdleConns(pool.MaxConns)
	db.SetConnMaxIdleTime(pool.MaxConnIdleTime)
	db.SetConnMaxLifetime(pool.MaxConnLifetime)
	ping, cancel := context.WithTimeout(ctx, beginWithin)
	defer cancel()
	if err := db.PingContext(ping); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: %w", err), db.Close())
	}
	s := New(PostgreSQL, db, db)
	s.close = db.Close
	return s, nil
}
