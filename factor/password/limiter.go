package password

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/crypto/argon2"

	"github.com/nightlatch/nightlatch/factor"
)

// ErrBusy says that so many hashes wait to be computed that one more is not worth its while: try again later.
// It is a factor.ErrBusy: a fault of ours (503), never a wrong response.
var ErrBusy = fmt.Errorf("too many passwords are being judged: %w", factor.ErrBusy)

// defaultQueue is how many may wait: at 30 ms a hash and two at once, the last one waits about four seconds.
const defaultQueue = 256

// Limiter bounds how many slow hashes run at once, and so their memory, and how many wait for their turn.
// One may be shared by all that hash slowly. It may be used from many goroutines at once.
//
// Who waits is served in turn: the networks that ask one after the other, those of one network in the order in which they
// came. Where the queue is full, the network with the most in it gives up its youngest for one that has fewer. So nobody
// keeps others out who does not ask from as many networks as there are places.
type Limiter struct {
	parallel, queue int

	mu      sync.Mutex
	running int
	// second steps wait in a line of their own, of which every other turn is: behind them stands a right password.
	first, second lines
	secondWas     bool
	refused, left uint64
	served        uint64

	idKey  IDKey
	turn   func()               // called in each turn before its hash; nil: nobody is
	hashed func(i bool, c Cost) // told of all hashes, by tests
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
	return &Limiter{parallel: parallel, queue: queue, idKey: argon2.IDKey}
}

// Load is what a Limiter has to do.
type Load struct {
	Parallel, Queue  int    // its bounds
	Running, Waiting int    // now
	Served           uint64 // turns that were given
	Refused          uint64 // with ErrBusy
	Left             uint64 // callers who went while they waited
}

// Load is what it has to do now, and what it has done so far.
func (l *Limiter) Load() Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Load{
		Parallel: l.parallel, Queue: l.queue, Running: l.running, Waiting: l.first.n + l.second.n,
		Served: l.served, Refused: l.refused, Left: l.left,
	}
}

// Acquire waits for a turn. from is the network that asks, as in factor.Call. The caller calls release once, when its
// hash is computed. It returns ErrBusy when the queue is full, and the context's error when the caller has gone meanwhile.
func (l *Limiter) Acquire(ctx context.Context, from string) (release func(), err error) {
	return l.acquire(ctx, &l.first, from)
}

// SecondSteps is the same Limiter for who has proven a first factor already: they wait in a queue of their own, as long,
// which every other turn is for. So a flood of passwords does not hold them up.
func (l *Limiter) SecondSteps() *SecondSteps { return &SecondSteps{l} }

// SecondSteps is a Limiter as Limiter.SecondSteps hands it out.
type SecondSteps struct{ limiter *Limiter }

// Acquire is as Limiter.Acquire.
func (s *SecondSteps) Acquire(ctx context.Context, from string) (release func(), err error) {
	return s.limiter.acquire(ctx, &s.limiter.second, from)
}

// Argon2id is as Limiter.Argon2id.
func (s *SecondSteps) Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
	return s.limiter.Argon2id(password, salt, passes, memory, lanes, size)
}

func (l *Limiter) acquire(ctx context.Context, in *lines, from string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wait to hash: %w", err)
	}
	l.mu.Lock()
	if l.running < l.parallel { // then nobody waits
		l.running++
		l.served++
		l.mu.Unlock()
		return l.begin(), nil
	}
	w := &waiting{turn: make(chan error, 1), from: from}
	if in.n >= l.queue {
		l.refused++
		youngest := in.giveUp(from)
		if youngest == nil {
			l.mu.Unlock()
			return nil, ErrBusy
		}
		youngest.turn <- ErrBusy
	}
	in.add(w)
	l.mu.Unlock()
	select {
	case err = <-w.turn:
	case <-ctx.Done():
		err = l.leave(in, w, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	return l.begin(), nil
}

// begin tells of a turn, and returns what ends it.
func (l *Limiter) begin() (release func()) {
	if l.turn != nil {
		l.turn()
	}
	return l.release
}

// leave takes out who does not wait any longer. A turn that came at the same moment is handed on.
func (l *Limiter) leave(in *lines, w *waiting, why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left++
	if !in.remove(w) && <-w.turn == nil {
		l.served--
		l.next()
	}
	return fmt.Errorf("wait to hash: %w", why)
}

func (l *Limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next()
}

// next hands a turn that has ended to who waits.
func (l *Limiter) next() {
	in := &l.first
	if l.second.n > 0 && (!l.secondWas || l.first.n == 0) {
		in = &l.second
	}
	l.secondWas = in == &l.second
	w := in.pop()
	if w == nil {
		l.running--
		return
	}
	l.served++
	w.turn <- nil
}
