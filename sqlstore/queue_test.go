package sqlstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestQueues: one at a time has the turn, who goes keeps nobody up, nobody waits forever, and nothing is left of a queue.
func TestQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q queues
		first, err := q.wait(t.Context(), "u1")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := q.wait(t.Context(), "u2"); err != nil {
			t.Error(err)
		} else {
			other()
		}
		gone, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		go func() {
			_, err := q.wait(gone, "u1")
			errs <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("who went: %v", err)
		}
		if _, err := q.wait(t.Context(), "u1"); !errors.Is(err, errNoTurn) {
			t.Errorf("after %s: %v", queueWithin, err)
		}
		go func() {
			second, err := q.wait(t.Context(), "u1")
			if err == nil {
				second()
			}
			errs <- err
		}()
		synctest.Wait()
		first()
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if len(q.of) > 0 {
			t.Errorf("left: %v", q.of)
		}
	})
}
