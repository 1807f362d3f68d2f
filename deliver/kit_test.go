package deliver_test

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/deliver"
	"github.com/nightlatch/nightlatch/factor"
)

// script is a sender that fails as it is told, and counts.
type script struct {
	errs []error // of each call; after the last one it succeeds
	sent int     // how often it was called
}

func (s *script) Send(context.Context, factor.Message) error {
	s.sent++
	if s.sent > len(s.errs) {
		return nil
	}
	return s.errs[s.sent-1]
}

var (
	errPlain    = errors.New("wrong password")
	errOutage   = deliver.Temporary(errors.New("outage"))
	errUnclear  = deliver.Unclear(errors.New("broke off"))
	errRefused  = deliver.Refused(errors.New("no such number"))
	errReworded = errors.Join(errors.New("at the second provider"), errOutage)
)

// watch is a clock that goes on while somebody sleeps.
type watch struct {
	now    time.Time
	slept  []time.Duration
	broken error // what sleeping ends with
}

func (w *watch) sleep(_ context.Context, d time.Duration) error {
	w.slept = append(w.slept, d)
	w.now = w.now.Add(d)
	return w.broken
}
