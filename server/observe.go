package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/metrics"
)

// Tracer traces what a server does. otel/ has one.
type Tracer interface {
	nightlatch.Observer
	// Trace traces the requests that next answers. Request headers that continue a trace are there only where a trusted
	// proxy sent them.
	Trace(next http.Handler) http.Handler
}

// observers are all told.
type observers []nightlatch.Observer

// Observe is as in nightlatch.Observer.
func (all observers) Observe(ctx context.Context, o nightlatch.Observation) {
	for _, one := range all {
		one.Observe(ctx, o)
	}
}

// observer is who is told what the engine does, or nil.
func (s *Server) observer() nightlatch.Observer {
	var all observers
	if s.metrics != nil {
		all = append(all, s.metrics)
	}
	if s.tracer != nil {
		all = append(all, s.tracer)
	}
	if all == nil {
		return nil
	}
	return all
}

func (s *Server) newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Sources{
		Version: version(), Load: s.password.Limiter().Load, Pools: s.store.Pools,
		Kinds: func() []string { return []string{"password", "totp", "hotp", "webauthn", "email", "sms", "recovery"} },
		Messages: func(ctx context.Context, limit int) (int, error) {
			return s.Service.MessagesWaiting(ctx, limit)
		},
		Lost: s.lost.records.Load,
	})
}

// version is that of the module that was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// Metrics serves /metrics for a listener of its own, or is nil where metrics_listen is empty.
func (s *Server) Metrics() http.Handler {
	if s.metrics == nil {
		return nil
	}
	return s.metrics.Handler()
}

// traceHeaders continue a trace (W3C Trace Context §3, W3C Baggage §3). From a stranger they would let anybody write into
// ours.
var traceHeaders = [...]string{"Traceparent", "Tracestate", "Baggage"}

// observed is next with what watches it.
func (s *Server) observed(next http.Handler) http.Handler {
	if s.metrics != nil {
		next = s.metrics.Watch(next)
	}
	if s.tracer == nil {
		return next
	}
	traced := s.tracer.Trace(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.trusts(r) {
			for _, name := range traceHeaders {
				r.Header.Del(name)
			}
		}
		traced.ServeHTTP(w, r)
	})
}

// trusts says whether a request comes from one of trusted_proxies.
func (s *Server) trusts(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, network := range s.settings.TrustedProxies {
		if network.Contains(addr.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}
