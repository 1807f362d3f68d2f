package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nightlatch/nightlatch/factor"
)

// crowd is a limiter whose one turn is taken, and the names of those who wait for it.
type crowd struct {
	*testing.T
	*Limiter
	release func()
	served  []string
	refused []string
}

// busy makes it. Call it within synctest.Test.
func busy(t *testing.T, queue int) *crowd {
	t.Helper()
	l := NewLimiter(1, queue)
	release, err := l.Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return &crowd{T: t, Limiter: l, release: release}
}

type acquirer interface {
	Acquire(ctx context.Context, from string) (release func(), err error)
}

// comes lets one wait who came after all who wait.
func (l *crowd) comes(ctx context.Context, to acquirer, from, name string) {
	l.Helper()
	go func() {
		release, err := to.Acquire(ctx, from)
		switch {
		case err == nil:
			l.served = append(l.served, name) // one at a time
			release()
		case errors.Is(err, ErrBusy):
			l.refused = append(l.refused, name)
		case !errors.Is(err, context.Canceled):
			l.Error(err)
		}
	}()
	synctest.Wait()
}

func (l *crowd) want(served, refused string) {
	l.Helper()
	l.release()
	synctest.Wait()
	if got := strings.Join(l.served, " "); got != served {
		l.Errorf("served are %s, want %s", got, served)
	}
	if got := strings.Join(l.refused, " "); got != refused {
		l.Errorf("refused are %s, want %s", got, refused)
	}
	if load := l.Load(); load.Running != 0 || load.Waiting != 0 || len(l.first.of)+len(l.second.of)+len(l.first.order)+len(l.second.order) != 0 {
		l.Errorf("afterwards: %+v", load)
	}
}

// Who came first is served first.
func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := busy(t, 20)
		for i := range 10 {
			l.comes(t.Context(), l, "a", fmt.Sprint(i))
		}
		l.want("0 1 2 3 4 5 6 7 8 9", "")
	})
}

// Networks are served in turn, however many wait in one of them.
func TestNetworksTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := busy(t, 20)
		for i := range 6 {
			l.comes(t.Context(), l, "flood", fmt.Sprint(i))
		}
		l.comes(t.Context(), l, "owner", "owner")
		l.comes(t.Context(), l, "other", "other1")
		l.comes(t.Context(), l, "other", "other2")
		l.want("0 owner other1 1 other2 2 3 4 5", "")
	})
}

// A full queue is not full for a network that has fewer in it than another: the youngest of the longest line goes.
func TestAFloodKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := busy(t, 4)
		for i := range 6 {
			l.comes(t.Context(), l, "flood", fmt.Sprint(i))
		}
		l.comes(t.Context(), l, "owner", "owner1")
		l.comes(t.Context(), l, "flood", "6")
		l.comes(t.Context(), l, "owner", "owner2")
		l.comes(t.Context(), l, "owner", "owner3") // no better than the flood
		if load := l.Load(); load.Waiting != 4 || load.Refused != 6 {
			t.Errorf("%+v", load)
		}
		l.want("0 owner1 1 owner2", "4 5 3 6 2 owner3")
	})
}

// Who goes leaves the line at once, and loses nobody's turn.
func TestWhoGoesLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := busy(t, 3)
		gone, cancel := context.WithCancel(t.Context())
		l.comes(t.Context(), l, "a", "0")
		l.comes(gone, l, "a", "1")
		l.comes(t.Context(), l, "a", "2")
		cancel()
		synctest.Wait()
		l.comes(t.Context(), l, "a", "3")
		if load := l.Load(); load.Waiting != 3 || load.Left != 1 {
			t.Errorf("%+v", load)
		}
		l.want("0 2 3", "")
	})
}

// A turn that comes when its caller goes is handed on.
func TestTurnOfWhoGoesIsHandedOn(t *testing.T) {
	t.Parallel()
	l := NewLimiter(1, 2)
	if _, err := l.Acquire(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	gone, next := &waiting{turn: make(chan error, 1)}, &waiting{turn: make(chan error, 1)}
	l.first.add(gone)
	l.first.add(next)
	l.release() // it is the turn of who is just going
	if err := l.leave(&l.first, gone, context.Canceled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	select {
	case err := <-next.turn:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Error("the turn is lost")
	}
	if load := l.Load(); load.Running != 1 || load.Waiting != 0 || load.Served != 2 {
		t.Errorf("%+v", load)
	}
}

// Every other turn is a second step's, and their queue has room when that of the passwords is full.
func TestSecondStepsDoNotWaitBehindPasswords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := busy(t, 3)
		for i := range 4 {
			l.comes(t.Context(), l, "flood", fmt.Sprint(i))
		}
		second := l.SecondSteps()
		for i := range 2 {
			l.comes(t.Context(), second, "owner", fmt.Sprint("second", i))
		}
		l.want("second0 0 second1 1 2", "3")
	})
}

// A fault of ours: it can be told from all others, and is no refusal.
func TestBusyIsAFault(t *testing.T) {
	t.Parallel()
	if !errors.Is(ErrBusy, factor.ErrBusy) || errors.Is(ErrBusy, factor.ErrRefused) {
		t.Error("it is another one")
	}
}

// More lines than places there are not: what strangers can make grow is bounded by the queue.
func TestLinesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := busy(t, 8)
		var names []string
		for i := range 1000 {
			l.comes(t.Context(), l, fmt.Sprint("network", i), fmt.Sprint(i))
			if i < 8 {
				names = append(names, fmt.Sprint(i))
			}
		}
		if n := len(l.first.of); n != 8 || len(l.first.order) != 8 {
			t.Errorf("%d lines", n)
		}
		if got := len(slices.Compact(l.refused)); got != 992 {
			t.Errorf("%d refused", got)
		}
		l.refused = nil
		l.want(strings.Join(names, " "), "")
	})
}
