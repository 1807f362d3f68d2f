package password

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Each turn is told of before its hash: one that comes at once, one that was waited for, and a second step's.
func TestTurnsAreTold(t *testing.T) {
	t.Parallel()
	var turns atomic.Int64
	l := New(Options{Parallel: 1, Turn: func() { turns.Add(1) }}).Limiter()
	want := func(n int64) {
		t.Helper()
		if got := turns.Load(); got != n {
			t.Errorf("%d turns are told of, want %d", got, n)
		}
	}
	release, err := l.Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	want(1)
	next := make(chan func())
	go func() {
		release, err := l.SecondSteps().Acquire(t.Context(), "")
		if err != nil {
			t.Error(err)
		}
		next <- release
	}()
	want(1)
	release()
	release = <-next
	want(2)
	release()
}

// However many ask, no more than the limit run at once, and all of them are served.
func TestLimiterPeak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const parallel, askers = 3, 50
		l := NewLimiter(parallel, askers)
		var running, peak, served atomic.Int64
		var wg sync.WaitGroup
		for range askers {
			wg.Go(func() {
				release, err := l.Acquire(t.Context(), "")
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				n := running.Add(1)
				for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
				}
				time.Sleep(time.Second) // the bubble's
				running.Add(-1)
				served.Add(1)
			})
		}
		wg.Wait()
		if peak.Load() != parallel || served.Load() != askers {
			t.Errorf("%d at once and %d served, want %d and %d", peak.Load(), served.Load(), parallel, askers)
		}
	})
}

// Where the queue is full the next one hears ErrBusy at once; who goes makes room.
func TestLimiterQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, 2)
		release, err := l.Acquire(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				again, err := l.Acquire(gone, "")
				if err == nil {
					again()
				}
				errs <- err
			}()
		}
		synctest.Wait()
		if _, err := l.Acquire(t.Context(), ""); !errors.Is(err, ErrBusy) {
			t.Errorf("with a full queue: %v, want ErrBusy", err)
		}
		cancel()
		for range 2 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("who went got %v, want context.Canceled", err)
			}
		}
		go func() {
			again, err := l.Acquire(t.Context(), "")
			if err == nil {
				again()
			}
			errs <- err
		}()
		synctest.Wait()
		release()
		if err := <-errs; err != nil {
			t.Errorf("after others went: %v", err)
		}
		if got := l.Load(); got != (Load{Parallel: 1, Queue: 2, Served: 2, Refused: 1, Left: 2}) {
			t.Errorf("it says %+v", got)
		}
	})
}

func TestLimiterCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewLimiter(1, 1).Acquire(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled although a slot is free", err)
	}
}

// Every way to a hash waits for its turn, and a full queue is a fault and no refusal.
func TestFactorIsLimited(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap, Parallel: 1, Queue: 1})
	held := enroll(t, f, phrase)
	release, err := f.Limiter().Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	f.limiter.first.add(&waiting{turn: make(chan error, 1)}) // one waits already
	c := factor.Call{Rand: random(), Held: []factor.Held{held}}
	for name, call := range map[string]func() error{
		"Verify": func() error {
			_, err := f.Verify(t.Context(), c, nil, factor.Response{Password: phrase})
			return err
		},
		"Verify of nobody": func() error {
			_, err := f.Verify(t.Context(), factor.Call{}, nil, factor.Response{Password: phrase})
			return err
		},
		"FinishEnrollment": func() error {
			_, err := f.FinishEnrollment(t.Context(), c, nil, factor.Response{Password: phrase})
			return err
		},
		"Hash": func() error { _, err := f.Hash(t.Context(), random(), phrase); return err },
	} {
		if err := call(); !errors.Is(err, ErrBusy) || errors.Is(err, factor.ErrRefused) {
			t.Errorf("%s: %v, want ErrBusy", name, err)
		}
	}
}

// One limiter may serve several; without one there is a bound all the same.
func TestSharedLimiter(t *testing.T) {
	t.Parallel()
	l := NewLimiter(2, 100)
	if New(Options{Limiter: l, Parallel: 9}).Limiter() != l {
		t.Error("the given limiter is not used")
	}
	if got := NewLimiter(0, 0).parallel; got < 1 {
		t.Errorf("the default lets %d run", got)
	}
}
