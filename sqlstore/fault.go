package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
)

// Drivers are known by the methods of their errors alone, since none is linked here.
type (
	codeError  interface{ Code() int }         // modernc.org/sqlite: the extended result code
	stateError interface{ SQLState() string }  // pgx: the SQLSTATE
	safeError  interface{ SafeToRetry() bool } // pgx: nothing was sent
)

// The extended result codes of SQLite (https://sqlite.org/rescode.html) and SQLSTATEs of PostgreSQL
// (https://www.postgresql.org/docs/current/errcodes-appendix.html) that matter.
const (
	sqliteError            = 1 // whatever has no code of its own
	sqliteBusy             = 5 // the primary code
	sqliteBusySnapshot     = 517
	sqliteConstraintKey    = 1555
	sqliteConstraintUnique = 2067

	stateUnique        = "23505"
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
	stateNoTable       = "42P01"
	stateLocked        = "55P03" // at once, or after lock_timeout
	stateNoRoom        = "53300" // too many connections
	stateShutdown      = "57P01" // by the administrator
	stateCrash         = "57P02"
	stateStarting      = "57P03" // or stopping
	classConnection    = "08"
)

// stateOf is the SQLSTATE of an error, or "".
func stateOf(err error) string {
	var state stateError
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// isTaken: a unique value is there already.
func isTaken(err error) bool {
	var code codeError
	if errors.As(err, &code) {
		return code.Code() == sqliteConstraintUnique || code.Code() == sqliteConstraintKey
	}
	return stateOf(err) == stateUnique
}

// isBusy: another connection holds the file's lock, for whatever reason.
func isBusy(err error) bool {
	var code codeError
	return errors.As(err, &code) && code.Code()&0xff == sqliteBusy
}

// againError: the same again may succeed, although what has failed is not of that kind.
type againError struct{ error }

func (e againError) Unwrap() error { return e.error }

// isOvertaken: another transaction was faster; the same again may succeed.
func isOvertaken(err error) bool {
	var code codeError
	if errors.As(err, &code) {
		return code.Code() == sqliteBusySnapshot
	}
	state := stateOf(err)
	return state == stateSerialization || state == stateDeadlock || errors.As(err, &againError{})
}

// isLost: the connection is gone, and with it all that was not committed on it.
func isLost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	switch state := stateOf(err); {
	case state == stateShutdown, state == stateCrash, state == stateStarting, strings.HasPrefix(state, classConnection):
		return true
	case state != "":
		return false
	}
	var file *fs.PathError // a certificate that is not there, whose reason looks like one of the network's
	if errors.As(err, &file) {
		return false
	}
	var network net.Error
	var safe safeError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &network) || errors.As(err, &safe) && safe.SafeToRetry()
}

// IsUnreached says whether an error of OpenPostgreSQL means that there is no database that listens yet, or one that is
// just starting, so that it is worth to wait. One that says nothing within connect_timeout is such: as long as a machine is
// not up, what is sent to it may be dropped on the way.
func IsUnreached(err error) bool {
	return isLost(err) || stateOf(err) == stateNoRoom || errors.Is(err, context.DeadlineExceeded)
}

// IsUnmigrated says whether an error means that a database answers and lacks a table: it was never migrated, or somebody
// has emptied it.
func IsUnmigrated(err error) bool {
	var code codeError
	if errors.As(err, &code) { // SQLite has no number for it
		return code.Code() == sqliteError && strings.Contains(err.Error(), "no such table: ")
	}
	return stateOf(err) == stateNoTable
}

// lostError: all was undone since the connection was lost before the commit.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// note keeps the first fault: PostgreSQL does nothing more in a transaction that had one, whatever the caller makes of it.
func (c *conn) note(err error) error {
	if err != nil && c.fault == nil && c.pool.dialect == PostgreSQL {
		c.fault = err
	}
	return err
}

// lostOr is err, as a lostError where the connection was lost meanwhile.
func (c *conn) lostOr(err error) error {
	switch {
	case c.pool.dialect != PostgreSQL:
		return err
	case isLost(c.fault):
		return lostError{fmt.Errorf("sqlstore: the connection was lost: %w", c.fault)}
	}
	return err
}

// overtaken returns why the transaction is to run again, or nil. A value that another transaction has just taken spoils
// all of this one; the next round sees that it is taken.
func (c *conn) overtaken(err error) error {
	switch {
	case isOvertaken(err):
		return err
	case isOvertaken(c.fault):
		return againError{c.fault}
	case c.pool.dialect == PostgreSQL && isTaken(c.fault) && !c.careful:
		return againError{c.fault}
	}
	return nil
}

// persist runs f again where the connection was lost before anything was committed: after a restart of the database all
// connections that lie in the pool are dead, and each is found so when it is used.
func (p *pool) persist(ctx context.Context, f func() error) error {
	rounds := 0
	for {
		err := f()
		var lost lostError
		if !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
		if rounds == 0 {
			rounds = p.db.Stats().OpenConnections + 3
		}
		if rounds--; rounds == 0 {
			return err
		}
	}
}
