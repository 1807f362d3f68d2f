package deliver_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

func TestWordsOfErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err                         error
		temporary, unclear, refused bool
	}{
		"plain":               {err: errPlain},
		"outage":              {err: errOutage, temporary: true},
		"wrapped":             {err: errReworded, temporary: true},
		"unclear":             {err: errUnclear, unclear: true},
		"refused":             {err: errRefused, refused: true},
		"unclear is stronger": {err: deliver.Temporary(errUnclear), unclear: true},
		"refused is stronger": {err: deliver.Temporary(errRefused), refused: true},
		"nil":                 {err: deliver.Temporary(nil)},
	} {
		if got := deliver.IsTemporary(tc.err); got != tc.temporary {
			t.Errorf("%s: temporary %v", name, got)
		}
		if got := errors.Is(tc.err, deliver.ErrUnclear); got != tc.unclear {
			t.Errorf("%s: unclear %v", name, got)
		}
		if got := errors.Is(tc.err, factor.ErrDestination); got != tc.refused {
			t.Errorf("%s: refused %v", name, got)
		}
	}
	if deliver.Temporary(nil) != nil {
		t.Error("no error became one")
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	code, notice := factor.Message{Once: true}, factor.Message{}
	for name, tc := range map[string]struct {
		m     factor.Message
		r     deliver.Retries
		errs  []error
		sent  int
		slept []time.Duration
		want  error
	}{
		"at once":           {m: code, sent: 1},
		"after an outage":   {m: code, errs: []error{errOutage}, sent: 2, slept: []time.Duration{500 * time.Millisecond}},
		"three times":       {m: code, errs: []error{errOutage, errOutage, errOutage, nil}, sent: 3, slept: []time.Duration{5e8, 1e9}, want: errOutage},
		"refused":           {m: notice, errs: []error{errRefused}, sent: 1, want: errRefused},
		"at last refused":   {m: notice, errs: []error{errOutage, errRefused}, sent: 2, slept: []time.Duration{5e8}, want: errRefused},
		"works not at all":  {m: notice, errs: []error{errPlain}, sent: 1, want: errPlain},
		"unclear, a code":   {m: code, errs: []error{errUnclear}, sent: 1, want: errUnclear},
		"then unclear":      {m: code, errs: []error{errOutage, errUnclear}, sent: 2, slept: []time.Duration{5e8}, want: errUnclear},
		"unclear, a notice": {m: notice, errs: []error{errUnclear}, sent: 2, slept: []time.Duration{5e8}},
		"as said":           {m: code, r: deliver.Retries{Times: 5, Backoff: time.Second, Limit: time.Minute}, errs: []error{errOutage, errOutage, errOutage, errOutage}, sent: 5, slept: []time.Duration{1e9, 2e9, 4e9, 8e9}},
		"no time is left":   {m: code, r: deliver.Retries{Times: 9, Backoff: 4 * time.Second}, errs: []error{errOutage, errOutage, errOutage}, sent: 2, slept: []time.Duration{4e9}, want: errOutage},
	} {
		s, w := &script{errs: tc.errs}, &watch{}
		tc.r.Now, tc.r.Sleep = func() time.Time { return w.now }, w.sleep
		err := deliver.Retry(s, tc.r).Send(t.Context(), tc.m)
		if !errors.Is(err, tc.want) || s.sent != tc.sent {
			t.Errorf("%s: sent %d times, %v", name, s.sent, err)
		}
		if diff := cmp.Diff(tc.slept, w.slept); diff != "" {
			t.Errorf("%s: slept %s", name, diff)
		}
	}
}

func TestRetryEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	s := &script{errs: []error{errOutage, errOutage}}
	if err := deliver.Retry(s, deliver.Retries{}).Send(gone, factor.Message{}); !errors.Is(err, errOutage) || s.sent != 1 {
		t.Errorf("the caller has gone: sent %d times, %v", s.sent, err)
	}
	s, w := &script{errs: []error{errOutage, errOutage}}, &watch{broken: context.Canceled}
	err := deliver.Retry(s, deliver.Retries{Sleep: w.sleep}).Send(t.Context(), factor.Message{})
	if !errors.Is(err, errOutage) || s.sent != 1 {
		t.Errorf("the caller goes while it waits: sent %d times, %v", s.sent, err)
	}
	// The real sleep does not outlast its caller, and sleeps.
	ending, end := context.WithCancel(t.Context())
	first := deliver.Func(func(context.Context, factor.Message) error { s.sent++; end(); return errOutage })
	if err := deliver.Retry(first, deliver.Retries{Backoff: time.Second}).Send(ending, factor.Message{}); !errors.Is(err, errOutage) {
		t.Error(err)
	}
	s = &script{errs: []error{errOutage}}
	if err := deliver.Retry(s, deliver.Retries{Backoff: 1}).Send(t.Context(), factor.Message{}); err != nil || s.sent != 2 {
		t.Errorf("sent %d times, %v", s.sent, err)
	}
}

// A sender that hangs is told when the limit is over.
func TestLimits(t *testing.T) {
	t.Parallel()
	var until []time.Duration
	s := deliver.Func(func(ctx context.Context, _ factor.Message) error {
		end, ok := ctx.Deadline()
		if !ok {
			t.Error("no deadline")
		}
		until = append(until, time.Until(end))
		return nil
	})
	for _, sender := range []deliver.Sender{
		deliver.Retry(s, deliver.Retries{}), deliver.Failover(s, s), deliver.Retry(s, deliver.Retries{Limit: time.Second}),
	} {
		if err := sender.Send(t.Context(), factor.Message{}); err != nil {
			t.Fatal(err)
		}
	}
	if until[0] > deliver.Limit || until[1] > deliver.Limit || until[2] > time.Second {
		t.Errorf("limits %v", until)
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first, second  error
		sent           int // by the second
		want           error
		temporaryAtAll bool
	}{
		"the first works":      {},
		"an outage":            {first: errOutage, sent: 1},
		"wrong credentials":    {first: errPlain, sent: 1},
		"unclear":              {first: errUnclear, want: errUnclear},
		"refused":              {first: errRefused, want: errRefused},
		"both":                 {first: errPlain, second: errOutage, sent: 1, want: errOutage, temporaryAtAll: true},
		"both, second unclear": {first: errOutage, second: errUnclear, sent: 1, want: errUnclear},
		"both, second refuses": {first: errOutage, second: errRefused, sent: 1, want: errRefused},
		"both, second is off":  {first: errOutage, second: errPlain, sent: 1, want: errPlain},
	} {
		first, second := &script{errs: []error{tc.first}}, &script{errs: []error{tc.second}}
		err := deliver.Failover(first, second).Send(t.Context(), factor.Message{})
		if !errors.Is(err, tc.want) || second.sent != tc.sent || first.sent != 1 || deliver.IsTemporary(err) != tc.temporaryAtAll {
			t.Errorf("%s: second sent %d times, %v", name, second.sent, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	second := &script{}
	if err := deliver.Failover(&script{errs: []error{errOutage}}, second).Send(gone, factor.Message{}); !errors.Is(err, errOutage) || second.sent != 0 {
		t.Errorf("the caller has gone: %d, %v", second.sent, err)
	}
}
