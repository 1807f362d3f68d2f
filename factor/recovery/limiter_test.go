package recovery

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

// full is a limiter that is busy.
type full struct{ err error }

func (f full) Acquire(context.Context, string) (func(), error) { return nil, f.err }

// Every hash waits for its turn, and its limiter's error is passed on as a fault.
func TestLimiter(t *testing.T) {
	t.Parallel()
	busy := errors.New("busy")
	f := New(Options{Limiter: full{busy}})
	c := factor.Call{Rand: random(1)}
	for name, call := range map[string]func() error{
		"Verify":           func() error { _, err := f.Verify(t.Context(), c, nil, factor.Response{Code: never}); return err },
		"FinishEnrollment": func() error { _, err := f.FinishEnrollment(t.Context(), c, nil, factor.Response{}); return err },
		"OneCode":          func() error { _, err := f.OneCode(t.Context(), c); return err },
	} {
		if err := call(); !errors.Is(err, busy) || errors.Is(err, factor.ErrRefused) {
			t.Errorf("%s: %v, want the limiter's error", name, err)
		}
	}
}

// turns counts turns taken and given back.
type turns struct{ taken, released int }

func (l *turns) Acquire(context.Context, string) (func(), error) {
	l.taken++
	return func() { l.released++ }, nil
}

// Each call takes one turn and gives it back, refused or not.
func TestLimiterReleased(t *testing.T) {
	t.Parallel()
	l := &turns{}
	f := New(Options{Limiter: l})
	f.cost = cheap().cost
	h, codes := ten(t, f, "a")
	_, _ = judge(t, f, codes[0], &h)
	_, _ = judge(t, f, never, &h)
	_, _ = judge(t, f, never)
	_, _ = f.FinishEnrollment(t.Context(), factor.Call{Rand: strings.NewReader("")}, nil, factor.Response{})
	if l.taken != 5 || l.released != 5 {
		t.Errorf("%d turns taken, %d released, want 5 and 5", l.taken, l.released)
	}
}

// Without a limiter of the caller's the own one bounds, and who waits may go.
func TestOwnLimiter(t *testing.T) {
	t.Parallel()
	s := make(slots, 1)
	release, err := s.Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := s.Acquire(ctx, ""); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	release()
	if _, err := s.Acquire(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a free slot and a caller who has gone: %v, want context.Canceled", err)
	}
	if _, err := s.Acquire(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// With nobody, as long is hashed as with one.
func TestNobodyHashes(t *testing.T) {
	t.Parallel()
	l := &turns{}
	f := New(Options{Limiter: l})
	f.cost = Cost{Memory: 8, Passes: 1, Lanes: 0} // Argon2 panics at it: proof that it is asked
	defer func() {
		if recover() == nil {
			t.Error("nothing was hashed for nobody")
		}
	}()
	_, _ = judge(t, f, never)
}

// leaving is a limiter whose caller goes as soon as it has its turn.
type leaving struct{ leave context.CancelFunc }

func (l leaving) Acquire(context.Context, string) (func(), error) {
	l.leave()
	return func() {}, nil
}

// Nobody computes the ten hashes of a caller who has gone.
func TestGoneWhileMaking(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := New(Options{Limiter: leaving{cancel}})
	_, err := f.FinishEnrollment(ctx, factor.Call{Rand: random(1)}, nil, factor.Response{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
