// Package metrics counts what a server does, for Prometheus.
//
// It owns the names of the metrics and the values of their labels, which are closed: no name of a user, no address and
// nothing that a client has sent is ever one. It knows no settings, and listens on nothing by itself.
package metrics

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// Sources are what is read when somebody scrapes. All must be set.
type Sources struct {
	Version  string          // of the program
	Kinds    func() []string // that a verdict or a delivery can have
	Load     func() password.Load
	Pools    func() []sqlstore.Pool
	Messages func(ctx context.Context, limit int) (int, error)
	Lost     func() int64 // records whose key is not in the ring
}

// Metrics counts. It is a nightlatch.Observer.
type Metrics struct {
	sources      Sources
	registry     *prometheus.Registry
	signIns      *prometheus.CounterVec
	verdicts     *prometheus.HistogramVec
	throttled    *prometheus.CounterVec
	deliveries   *prometheus.CounterVec
	took         *prometheus.HistogramVec
	clock        prometheus.Histogram
	transactions *prometheus.HistogramVec
	requests     *prometheus.CounterVec
	answered     *prometheus.HistogramVec
}

var _ nightlatch.Observer = (*Metrics)(nil)

// seconds are the bounds of what takes time: a second step is a matter of milliseconds, a mail one of seconds.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// offsets are the bounds of clocks that are off, in seconds: between steps of 30 s, so that a quantile that Prometheus
// interpolates is the step itself, and to what can be told of at all. The sum of this histogram falls where clocks are
// behind, and rate takes that for a restart: whoever watches it takes the buckets.
var offsets = []float64{-615, -315, -135, -105, -75, -45, -15, 15, 45, 75, 105, 135, 315, 615}

// New makes Metrics with a registry of their own.
func New(s Sources) *Metrics {
	m := &Metrics{sources: s, registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: seconds}, labels)
	}
	m.signIns = counter("sign_ins_total", "Steps of sign-ins: done, or continued (right, and something else is asked), or why not; by the kind that was proven.", "outcome", "kind")
	m.verdicts = histogram("verdict_seconds", "From a response to the commit of what it came to.", "step", "kind", "outcome")
	m.throttled = counter("throttled_total", "What was refused because of too many: verdicts, and messages.", "what", "kind")
	m.deliveries = counter("deliveries_total", "Messages that were handed to a provider, by channel.", "channel", "outcome")
	m.took = histogram("delivery_seconds", "How long providers took.", "channel", "outcome")
	m.clock = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "clock_offset_seconds", Buckets: offsets,
		Help: "How far clocks of authenticator apps run ahead of ours, in whole periods. Where most of them do, it is ours that is wrong.",
	})
	m.transactions = histogram("transaction_seconds", "Transactions of the engine.", "access", "outcome")
	m.requests = counter("http_requests_total", "Requests by the pattern of their route.", "route", "status")
	m.answered = histogram("http_request_seconds", "From a request to the end of its answer.", "status")
	m.registry.MustRegister(
		m.signIns, m.verdicts, m.throttled, m.deliveries, m.took, m.clock, m.transactions, m.requests, m.answered,
		newState(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler serves the metrics on /metrics, and nothing else.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second, ErrorHandling: promhttp.ContinueOnError,
	}))
	return mux
}

// Observe is as in nightlatch.Observer.
func (m *Metrics) Observe(_ context.Context, o nightlatch.Observation) {
	switch kind := m.kind(o.Kind); o.What {
	case nightlatch.ObservedVerdict:
		m.verdict(o, kind)
	case nightlatch.ObservedDelivery:
		m.deliveries.WithLabelValues(kind, string(o.Outcome)).Inc()
		if o.Outcome == nightlatch.OutcomeThrottled {
			m.throttled.WithLabelValues("message", kind).Inc()
			return
		}
		m.took.WithLabelValues(kind, string(o.Outcome)).Observe(o.Took.Seconds())
	case nightlatch.ObservedRead, nightlatch.ObservedWrite:
		m.transactions.WithLabelValues(string(o.What), string(o.Outcome)).Observe(o.Took.Seconds())
	}
}

func (m *Metrics) verdict(o nightlatch.Observation, kind string) {
	outcome := string(o.Outcome)
	m.verdicts.WithLabelValues(string(o.Step), kind, outcome).Observe(o.Took.Seconds())
	if o.Outcome == nightlatch.OutcomeThrottled {
		m.throttled.WithLabelValues("verdict", kind).Inc()
	}
	known := o.Step != nightlatch.ObservedEnrollment && o.Kind == totp.ByTime
	if known && (o.Outcome == nightlatch.OutcomeRight || o.Outcome == nightlatch.Outcome(factor.Clock)) {
		m.clock.Observe(o.ClockOffBy.Seconds())
	}
	switch {
	case o.Step == nightlatch.ObservedFresh, o.Step == nightlatch.ObservedEnrollment && !o.Done:
		return // no sign-in
	case o.Done:
		outcome = "done"
	case o.Outcome == nightlatch.OutcomeRight:
		outcome = "continued"
	}
	m.signIns.WithLabelValues(outcome, kind).Inc()
}

// kind is the kind where it is one of those that are known, so that nothing else can become a label.
func (m *Metrics) kind(k factor.Kind) string {
	if slices.Contains(m.sources.Kinds(), string(k)) {
		return string(k)
	}
	return "none"
}
