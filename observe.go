package nightlatch

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/token"
)

// Observer is told what a Service did, for metrics and traces. It is called when the thing is done, by many goroutines at
// once, and whoever asked waits for it. What it does changes nothing.
type Observer interface {
	Observe(ctx context.Context, o Observation)
}

// Observation is one thing that a Service did. It names no user and holds nothing that a client has sent: each field has
// few values, which are known beforehand.
type Observation struct {
	What    Observed
	Outcome Outcome
	Step    ObservedStep // of a verdict
	Kind    factor.Kind  // of a verdict or a delivery; "" for none that the Service has
	Done    bool         // of a verdict: it finished a sign-in
	// ClockOffBy is how far the clock of an authenticator by time runs ahead of ours (negative: behind), of a verdict that is
	// Right or Clock.
	ClockOffBy time.Duration
	Started    time.Time
	Took       time.Duration
}

// Observed is what was done.
type Observed string

// What is observed.
const (
	ObservedVerdict  Observed = "verdict"  // from the response to the commit
	ObservedDelivery Observed = "delivery" // a message, from its sender's being asked to the answer
	ObservedRead     Observed = "read"     // a View of the Store
	ObservedWrite    Observed = "write"    // a Tx of the Store, run again where it had to be
)

// Outcome is what came of it.
type Outcome string

// The outcomes. Those of a refused verdict are the factor.Reasons besides.
const (
	OutcomeRight     Outcome = "right"     // of a verdict
	OutcomeThrottled Outcome = "throttled" // of a verdict or a delivery: too many
	OutcomeBusy      Outcome = "busy"      // of a verdict: no room to judge
	OutcomeSent      Outcome = "sent"      // of a delivery
	OutcomeRefused   Outcome = "refused"   // of a delivery: the destination cannot be reached
	OutcomeDone      Outcome = "done"      // of a read or a write: it came to its end, or found what it must not go on with
	OutcomeFailed    Outcome = "failed"    // the fault is ours, or the provider's
)

// ObservedStep is where a verdict was asked for.
type ObservedStep string

// The steps.
const (
	ObservedFirst      ObservedStep = "first"      // the first factor of a sign-in
	ObservedSecond     ObservedStep = "second"     // a further one
	ObservedPasskey    ObservedStep = "passkey"    // a sign-in that begins without a name
	ObservedFresh      ObservedStep = "fresh"      // again within a session
	ObservedEnrollment ObservedStep = "enrollment" // the response that finishes one
)

// observe tells the Observer, if there is one.
func (s *Service) observe(ctx context.Context, o Observation) {
	if s.observer == nil {
		return
	}
	o.Took = time.Since(o.Started)
	s.observer.Observe(ctx, o)
}

// observing begins the observation of a verdict.
func (s *Service) observing(step ObservedStep, kind factor.Kind) *Observation {
	o := &Observation{What: ObservedVerdict, Step: step, Started: time.Now()}
	if _, ok := s.factors[kind]; ok { // a client may name any
		o.Kind = kind
	}
	return o
}

// observedStep is where a response to Verify is asked for.
func observedStep(tok string) ObservedStep {
	if t, _ := token.TypeOf(tok); t == token.SignIn {
		return ObservedSecond
	}
	return ObservedFresh
}

// judged ends the observation of a verdict. Who asked without a sign-in or a session was not judged.
func (s *Service) judged(ctx context.Context, o *Observation, next Next, err error) {
	if s.observer == nil || errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrNotFound) {
		return
	}
	var refused *factor.Refused
	var throttled *ThrottledError
	var invalid *InvalidError
	switch {
	case err == nil:
		o.Outcome, o.Done = OutcomeRight, next.Step == StepDone && o.Step != ObservedFresh
	case errors.As(err, &refused):
		o.Outcome, o.ClockOffBy = Outcome(refused.Reason), refused.ClockOffBy
	case errors.As(err, &throttled):
		o.Outcome = OutcomeThrottled
	case errors.Is(err, ErrWrongCredentials), errors.As(err, &invalid), errors.Is(err, ErrConflict), errors.Is(err, ErrForbidden):
		o.Outcome = Outcome(factor.Wrong)
	case errors.Is(err, factor.ErrBusy):
		o.Outcome = OutcomeBusy
	default:
		o.Outcome = OutcomeFailed
	}
	if o.Outcome != OutcomeRight && o.Outcome != Outcome(factor.Clock) {
		o.ClockOffBy = 0
	}
	s.observe(ctx, *o)
}

// delivered observes what came of handing a message to its sender, or of none being handed, because of too many.
func (s *Service) delivered(ctx context.Context, kind factor.Kind, started time.Time, err error) {
	o := Observation{What: ObservedDelivery, Kind: kind, Started: started, Outcome: OutcomeFailed}
	var throttled *ThrottledError
	switch {
	case err == nil:
		o.Outcome = OutcomeSent
	case errors.As(err, &throttled):
		o.Outcome = OutcomeThrottled
	case errors.Is(err, factor.ErrDestination):
		o.Outcome = OutcomeRefused
	}
	s.observe(ctx, o)
}

// unsent observes that a message was not even tried to be sent, because of too many.
func (s *Service) unsent(ctx context.Context, kind factor.Kind, err error) {
	var throttled *ThrottledError
	if _, ok := s.factors[kind]; ok && errors.As(err, &throttled) {
		s.delivered(ctx, kind, time.Now(), err)
	}
}

// observedStore tells of each transaction.
type observedStore struct {
	Store
	s *Service
}

// View is as in Store.
func (o observedStore) View(ctx context.Context, f func(r Reader) error) error {
	return o.watch(ctx, ObservedRead, func(noted func(error) error) error {
		return o.Store.View(ctx, func(r Reader) error { return noted(f(r)) })
	})
}

// Tx is as in Store.
func (o observedStore) Tx(ctx context.Context, f func(ctx context.Context, tx Tx) error) error {
	return o.watch(ctx, ObservedWrite, func(noted func(error) error) error {
		return o.Store.Tx(ctx, func(ctx context.Context, tx Tx) error { return noted(f(ctx, tx)) })
	})
}

// watch runs a transaction. What its function returned by itself is an answer, and no fault of the store.
func (o observedStore) watch(ctx context.Context, what Observed, run func(noted func(error) error) error) error {
	seen := Observation{What: what, Outcome: OutcomeDone, Started: time.Now()}
	var own error
	err := run(func(err error) error {
		own = err
		return err
	})
	if err != nil && (own == nil || isFault(own)) {
		seen.Outcome = OutcomeFailed
	}
	o.s.observe(ctx, seen)
	return err
}

// isFault says whether an error is none that the engine answers with.
func isFault(err error) bool { return errors.Is((&Service{}).outer(err), ErrUnavailable) }

// MessagesWaiting counts the messages to owners that are to be sent now, or again later after a failure: at most limit.
// Errors: ErrUnavailable.
func (s *Service) MessagesWaiting(ctx context.Context, limit int) (n int, err error) {
	err = s.store.View(ctx, func(r Reader) error {
		due, err := r.MessagesDue(ctx, s.time().Add(noticeMaxDelay), limit)
		n = len(due)
		return err
	})
	return n, s.outer(err)
}
