package nightlatch_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// must is the answer of a step that went well.
func (w *world) must(next nightlatch.Next, err error) nightlatch.Next {
	w.Helper()
	if err != nil {
		w.Fatalf("err = %v", err)
	}
	return next
}

// want checks that an error is the one.
func (w *world) want(err, target error) {
	w.Helper()
	if !errors.Is(err, target) {
		w.Fatalf("err = %v, want %v", err, target)
	}
}

// refused checks the reason of a refusal and returns it.
func (w *world) refused(err error, reason factor.Reason) *factor.Refused {
	w.Helper()
	var refused *factor.Refused
	if !errors.As(err, &refused) || refused.Reason != reason {
		w.Fatalf("err = %v, want refused: %s", err, reason)
	}
	return refused
}

// throttled checks that nothing was judged, and for how long that lasts.
func (w *world) throttled(err error, wait time.Duration) *nightlatch.ThrottledError {
	w.Helper()
	var e *nightlatch.ThrottledError
	if !errors.As(err, &e) {
		w.Fatalf("err = %v, want throttled", err)
	}
	if e.RetryAfter != wait {
		w.Fatalf("throttled for %v, want %v", e.RetryAfter, wait)
	}
	return e
}

// events are the names of a person's trail, the oldest first, from a place on.
func (w *world) events(user string, from int) []string {
	w.Helper()
	list, err := w.EventsOf(w.Context(), user, 0, 10_000)
	if err != nil {
		w.Fatal(err)
	}
	slices.Reverse(list)
	names := []string{}
	for _, e := range list[min(from, len(list)):] {
		names = append(names, e.Name)
	}
	return names
}

// count says how many events of a name a trail has.
func count(names []string, name string) (n int) {
	for _, other := range names {
		if other == name {
			n++
		}
	}
	return n
}

// inParallel runs f n times at once and returns what each came to.
func inParallel[R any](n int, f func(i int) R) []R {
	out := make([]R, n)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			out[i] = f(i)
		})
	}
	close(gate)
	all.Wait()
	return out
}

// alter is a token with another last byte of randomness.
func alter(tok string) string {
	raw, err := base64.RawURLEncoding.DecodeString(tok[5:])
	if err != nil {
		panic(err)
	}
	raw[0] ^= 1
	return tok[:5] + base64.RawURLEncoding.EncodeToString(raw)
}

func asThrottled(err error, e **nightlatch.ThrottledError) bool { return errors.As(err, e) }

func asInvalid(err error, e **nightlatch.InvalidError) bool { return errors.As(err, e) }
