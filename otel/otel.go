// Package otel sends traces of a Nightlatch server by OpenTelemetry (OTLP over HTTP).
//
// It is a module of its own, so that neither the library nor the plain program carries the exporter. It knows requests
// by the pattern of their route, and what the engine did by the few values of an Observation: no name of a user, no
// address, no code and no token is ever part of a span.
package otel

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/metrics"
)

// Tracing traces a server. It is a server.Tracer.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	headers  propagation.TraceContext
}

var _ server.Tracer = (*Tracing)(nil)

// New makes a Tracing that sends to where the environment variables of OpenTelemetry say (OTEL_EXPORTER_OTLP_ENDPOINT
// and its like; OTEL_TRACES_SAMPLER says how many). Options come before the environment. Close sends what is left.
func New(ctx context.Context, version string, options ...otlptracehttp.Option) (*Tracing, error) {
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "nightlatch"), attribute.String("service.version", version)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
	)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracing{provider: p, tracer: p.Tracer("github.com/nightlatch/nightlatch")}, nil
}

// Close sends the spans that are left, as long as ctx lets it.
func (t *Tracing) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Trace is as in server.Tracer: a span for each request, the child of the proxy's where a trusted one names it (W3C Trace
// Context §3.2).
func (t *Tracing) Trace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.headers.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		asked, seen := r.WithContext(ctx), &metrics.Answer{ResponseWriter: w}
		next.ServeHTTP(seen, asked)
		route := metrics.Route(asked)
		span.SetName(method(r.Method) + " " + route)
		span.SetAttributes(
			attribute.String("http.request.method", method(r.Method)), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", seen.Status()),
		)
		if seen.Status() >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

// method is one of those that are known: a client may write anything there.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "_OTHER"
}

// Observe is as in nightlatch.Observer: a span for what was just done, in the one that is under way.
func (t *Tracing) Observe(ctx context.Context, o nightlatch.Observation) {
	inStore := o.What == nightlatch.ObservedRead || o.What == nightlatch.ObservedWrite
	if inStore && !trace.SpanContextFromContext(ctx).IsValid() {
		return // what is done by itself, every second
	}
	_, span := t.tracer.Start(ctx, name(o), trace.WithTimestamp(o.Started))
	span.SetAttributes(attribute.String("nightlatch.outcome", string(o.Outcome)))
	for _, a := range [...]struct{ key, value string }{
		{"nightlatch.kind", string(o.Kind)}, {"nightlatch.step", string(o.Step)},
	} {
		if a.value != "" {
			span.SetAttributes(attribute.String(a.key, a.value))
		}
	}
	if o.ClockOffBy != 0 {
		span.SetAttributes(attribute.Float64("nightlatch.clock_off_by", o.ClockOffBy.Seconds()))
	}
	if o.Outcome == nightlatch.OutcomeFailed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(o.Started.Add(max(o.Took, time.Nanosecond))))
}

func name(o nightlatch.Observation) string {
	switch o.What {
	case nightlatch.ObservedRead:
		return "store read"
	case nightlatch.ObservedWrite:
		return "store write"
	}
	return string(o.What)
}
