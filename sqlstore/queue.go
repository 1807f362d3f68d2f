package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Who waits for a lock of PostgreSQL holds a connection, and there are few: whoever sends much at once for one user would
// hold all of them, and everybody else would wait. So a transaction does not wait for its first lock. It is undone, queues in
// the process for what the lock is of, without a connection, and begins again when it is its turn; then it waits. Of one user
// a process holds two connections at most: of the transaction that was there first, and of the one whose turn it is.

// manner is how a transaction is run again.
type manner struct {
	careful, patient bool // see conn
	release          func()
}

// queue waits for the turn. It is taken once for a transaction: with two, two could wait for each other.
func (m *manner) queue(ctx context.Context, s *Store, name string) (err error) {
	if m.release, err = s.queues.wait(ctx, name); err == nil {
		m.patient = true
	}
	return err
}

func (m *manner) leave() {
	if m.release != nil {
		m.release()
	}
}

// heldError: another transaction has a lock.
type heldError struct{ name string }

// Error is for logs, which never see it.
func (e heldError) Error() string { return "sqlstore: another transaction has the lock" }

// contend notes which lock is missing. The transaction comes to nothing, whatever its function makes of the error.
func (c *conn) contend(name string) error {
	if c.lacks == "" {
		c.lacks = name
	}
	return heldError{name}
}

// queueWithin is how long a transaction waits for its turn: as long as the server lets it wait for a lock.
const queueWithin = 8 * time.Second

var errNoTurn = errors.New("others held what it needs for " + queueWithin.String())

// queues are those who wait, by what for. The zero value is ready.
type queues struct {
	mu sync.Mutex
	of map[string]*line
}

// line is one queue: who takes the token is first.
type line struct {
	token chan struct{}
	n     int // who waits or is first
}

// wait waits until it is one's turn. release is called once.
func (q *queues) wait(ctx context.Context, name string) (release func(), err error) {
	l := q.join(name)
	late := time.NewTimer(queueWithin)
	defer late.Stop()
	select {
	case <-l.token:
		return func() {
			l.token <- struct{}{}
			q.leave(name, l)
		}, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = errNoTurn
	}
	q.leave(name, l)
	return nil, fmt.Errorf("sqlstore: %w", err)
}

func (q *queues) join(name string) *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.of[name]
	if l == nil {
		l = &line{token: make(chan struct{}, 1)}
		l.token <- struct{}{}
		if q.of == nil {
			q.of = map[string]*line{}
		}
		q.of[name] = l
	}
	l.n++
	return l
}

func (q *queues) leave(name string, l *line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.n--; l.n == 0 {
		delete(q.of, name)
	}
}
