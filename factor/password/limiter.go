package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// ErrBusy says that so many hashes wait to be computed that one more is not worth its while: try again later.
// It is a fault of ours (503), never a wrong response.
var ErrBusy = errors.New("too many passwords are being judged, try again later")

// defaultQueue is how many may wait: at 30 ms a hash and two at once, the last one waits about four seconds.
const defaultQueue = 256

// Limiter bounds how many slow hashes run at once, and so their memory, and how many wait for their turn.
// One may be shared by all that hash slowly. It may be used from many goroutines at once.
type Limiter struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

// NewLimiter lets parallel hashes run at once and queue more wait. Zero or less means the default: as many as
// there are processors (GOMAXPROCS), and 256.
func NewLimiter(parallel, queue int) *Limiter {
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	if queue <= 0 {
		queue = defaultQueue
	}
	return &Limiter{slots: make(chan struct{}, parallel), queue: int64(queue)}
}

// Acquire waits for a turn. The caller calls release once, when its hash is computed.
// It returns ErrBusy when the queue is full, and the context's error when the caller has gone meanwhile.
func (l *Limiter) Acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wait to hash: %w", err)
	}
	select {
	case l.slots <- struct{}{}:
		return l.release, nil
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > l.queue {
		return nil, ErrBusy
	}
	select {
	case l.slots <- struct{}{}:
		return l.release, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash: %w", ctx.Err())
	}
}

func (l *Limiter) release() { <-l.slots }
