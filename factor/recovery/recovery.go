// Package recovery is the factor of last resort: codes on paper, each good once.
//
// A user holds one set of ten. An administrator's, a reset's and a hold's code are further sets, of one code and
// with a count of tries of their own. Only hashes are kept, those of used codes too, so that a code that comes
// back is told from one that never was.
//
// The package owns how codes are made, written, read and remembered. It does not know what a code opens (the
// engine says so in Held.Allows), when a set expires, or who is told.
package recovery

import (
	"context"
	"runtime"

	"golang.org/x/crypto/argon2"

	"github.com/nightlatch/nightlatch/factor"
)

// Kind is the kind of this factor.
const Kind factor.Kind = "recovery"

const (
	setSize      = 10 // codes of a user's own set
	oneCodeTries = 5  // wrong codes that a set of one bears
)

// Limiter bounds how many slow hashes run at once. Acquire waits for a turn; release ends it. Its errors are
// faults of ours: they cost no try. from is the network that asks, as in factor.Call. A *password.Limiter and its
// SecondSteps are such, and may be shared.
//
// One may have a method more, by which it hashes in memory that is used again:
//
//	Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte
type Limiter interface {
	Acquire(ctx context.Context, from string) (release func(), err error)
}

// argon2id is as in golang.org/x/crypto/argon2, with the memory in KiB.
type argon2id func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte

// Options sets the factor up. The zero value is safe.
type Options struct {
	// Limiter bounds the hashes, of 19 MiB each; as many at once as there are processors if nil.
	Limiter Limiter
	// Cost of the hashes of a new set; DefaultCost if zero. A set keeps the cost that it was made with.
	Cost Cost
}

// Factor judges recovery codes. It implements factor.Factor.
type Factor struct {
	limiter  Limiter
	argon2id argon2id
	cost     Cost // of new sets
}

var (
	_ factor.Factor   = (*Factor)(nil)
	_ factor.OneCoder = (*Factor)(nil)
)

// New returns the factor.
func New(o Options) *Factor {
	if o.Limiter == nil {
		o.Limiter = make(slots, runtime.GOMAXPROCS(0))
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost()
	}
	f := &Factor{limiter: o.Limiter, argon2id: argon2.IDKey, cost: o.Cost}
	if l, ok := o.Limiter.(interface {
		Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte
	}); ok {
		f.argon2id = l.Argon2id
	}
	return f
}

// slots is the limiter where none is given: whoever waits, waits until the caller goes.
type slots chan struct{}

func (s slots) Acquire(ctx context.Context, _ string) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Info describes the factor. It is Single although several sets may be held: a new set of ten replaces the old.
func (f *Factor) Info() factor.Info {
	return factor.Info{
		Kind: Kind, Name: "Recovery codes", Class: factor.Possession, Backup: true, Single: true,
	}
}

// BeginEnrollment makes nothing yet: the codes come with FinishEnrollment, so that codes that were never shown
// are never alive. The prompt is a Keep without codes.
func (f *Factor) BeginEnrollment(
	context.Context, factor.Call, factor.Response,
) (factor.Prompt, factor.State, error) {
	return factor.Keep{}, nil, nil
}

// FinishEnrollment makes ten codes and shows them, whatever the response says.
func (f *Factor) FinishEnrollment(
	ctx context.Context, c factor.Call, _ factor.State, _ factor.Response,
) (factor.Enrolled, error) {
	return f.enroll(ctx, c, setSize, 0)
}

// OneCode makes a set of one code, for an administrator or the engine to hand out. After five wrong codes it is
// dead. When it expires and what it allows is the caller's to say, in Held.
func (f *Factor) OneCode(ctx context.Context, c factor.Call) (factor.Enrolled, error) {
	return f.enroll(ctx, c, 1, oneCodeTries)
}

// enroll makes a set. Its hashes are computed one after the other in one turn, so that making a set takes no
// more memory than judging a code.
func (f *Factor) enroll(ctx context.Context, c factor.Call, size, tries int) (factor.Enrolled, error) {
	release, err := f.limiter.Acquire(ctx, c.From)
	if err != nil {
		return factor.Enrolled{}, err
	}
	defer release()
	salt, err := newSalt(c.Rand)
	if err != nil {
		return factor.Enrolled{}, err
	}
	s := set{Version: version, Cost: f.cost, Salt: salt, MaxTries: tries}
	shown := make([]string, size)
	for i := range shown {
		text, err := newCode(c.Rand)
		if err != nil {
			return factor.Enrolled{}, err
		}
		if err := ctx.Err(); err != nil { // ten hashes take a third of a second
			return factor.Enrolled{}, err
		}
		shown[i] = grouped(text)
		s.Codes = append(s.Codes, code{Hash: f.hash(f.cost, text, salt)})
	}
	state, err := s.encode()
	if err != nil {
		return factor.Enrolled{}, err
	}
	return factor.Enrolled{State: state, Left: size, Show: factor.Keep{Codes: shown}}, nil
}

// Challenge asks for a code. It needs no state.
func (f *Factor) Challenge(context.Context, factor.Call, factor.State) (factor.Prompt, factor.State, error) {
	return factor.Code{}, nil, nil
}
