package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"testing"
)

type state string

func (s state) Error() string    { return "fault " + string(s) }
func (s state) SQLState() string { return string(s) }

// TestLostConnections: after what ends the connection the same is run again, and after nothing else: who has gone, or waited as
// long as may be, does not wait as long once more.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, v := range []struct {
		err             error
		lost, unreached bool
	}{
		{nil, false, false},
		{context.Canceled, false, false},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), false, true},
		{&net.OpError{Op: "read", Err: context.DeadlineExceeded}, false, true},
		{&net.OpError{Op: "read", Err: context.Canceled}, false, false},
		{refused, true, true},
		{io.ErrUnexpectedEOF, true, true},
		{state(stateShutdown), true, true},
		{state(stateCrash), true, true},
		{state(stateStarting), true, true},
		{state("08006"), true, true},
		{state(stateNoRoom), false, true},
		{state("28P01"), false, false}, // a wrong password
		{state("57014"), false, false}, // statement_timeout
		{state(stateUnique), false, false},
		{&fs.PathError{Op: "open", Path: "ca.pem", Err: syscall.ECONNREFUSED}, false, false},
		{errors.New("something else"), false, false},
	} {
		if lost, unreached := isLost(v.err), IsUnreached(v.err); lost != v.lost || unreached != v.unreached {
			t.Errorf("%v: lost %v, unreached %v", v.err, lost, unreached)
		}
	}
}
