package otel

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

// receiver takes traces by OTLP over HTTP, as a collector does.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*spans.Span
	all   bytes.Buffer // everything, as text
	got   chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan struct{}, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &sent) != nil {
			t.Errorf("%s %s %v", req.URL, req.Header.Get("Content-Type"), err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		r.all.WriteString(sent.String())
		for _, rs := range sent.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				r.spans = append(r.spans, ss.GetSpans()...)
			}
		}
		r.mu.Unlock()
		answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(answer)
		r.got <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) named(name string) (found []*spans.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

func (r *receiver) childrenOf(parent *spans.Span) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if bytes.Equal(s.GetParentSpanId(), parent.GetSpanId()) {
			names = append(names, s.GetName())
		}
	}
	return names
}

// traced is a server whose traces go to the receiver.
func traced(t *testing.T, r *receiver) (http.Handler, *Tracing, *server.Server) {
	t.Helper()
	tracing, err := New(t.Context(), "test", otlptracehttp.WithEndpointURL(r.URL+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	set, err := settings.Load(settings.Sources{Dir: dir, Env: []string{
		"NIGHTLATCH_DATA_DIR=" + filepath.Join(dir, "data"), "NIGHTLATCH_TRUSTED_PROXIES=192.0.2.1/32", "NIGHTLATCH_SIGN_UP_ENABLED=true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	store, key, err := server.Open(t.Context(), set, server.Opening{Drivers: server.Drivers{SQLite: "sqlite"}, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, err := server.New(t.Context(), server.Config{Settings: set, Store: store, Key: key, Rand: rand.Reader, Tracer: tracing})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h, tracing, s
}

func send(t *testing.T, h http.Handler, from, path, traceparent string, body map[string]any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:8080"+path, bytes.NewReader(text))
	r.RemoteAddr = from + ":1234"
	r.Header.Set("Content-Type", "application/json")
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
		r.Header.Set("Tracestate", "odd=tracestate")
		r.Header.Set("Baggage", "odd=baggage")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

// TestTraces: a request is a span, with what the engine did in it; a trace goes on where a trusted proxy says so, and
// nobody is named.
func TestTraces(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	h, tracing, _ := traced(t, r)
	const password = "a tree grows on the moon"
	account := map[string]any{"username": "oddname", "email": "odd@example.com", "password": password, "transport": "token"}
	if status := send(t, h, "192.0.2.1", "/api/v1/accounts", "", account); status != http.StatusCreated {
		t.Fatal(status)
	}
	in := map[string]any{"identifier": "oddname", "password": password, "transport": "token"}
	if status := send(t, h, "192.0.2.1", "/api/v1/sign-in", traceparent, in); status != http.StatusOK {
		t.Fatal(status)
	}
	in["password"] = "another one than that"
	if status := send(t, h, "198.51.100.9", "/api/v1/sign-in", traceparent, in); status != http.StatusUnauthorized {
		t.Fatal(status)
	}
	send(t, h, "198.51.100.9", "/oddname/oddpath?oddquery=1", "", nil)
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	signIns := r.named("POST /api/v1/sign-in")
	if len(signIns) != 2 {
		t.Fatalf("spans of sign-ins: %d", len(signIns))
	}
	for i, continued := range []bool{true, false} {
		if got := hex.EncodeToString(signIns[i].GetTraceId()) == traceID; got != continued {
			t.Errorf("sign-in %d continues the client's trace: %v", i, got)
		}
		if got := signIns[i].GetTraceState(); continued != (got == "odd=tracestate") {
			t.Errorf("sign-in %d: trace state %q", i, got)
		}
		children := r.childrenOf(signIns[i])
		for _, want := range []string{"verdict", "store read", "store write"} {
			if !slices.Contains(children, want) {
				t.Errorf("sign-in %d has the children %v, and no %q", i, children, want)
			}
		}
	}
	if len(r.named("POST other")) != 1 {
		t.Error("an unknown path has no span of its own")
	}
	text := strings.ReplaceAll(r.all.String(), "odd=tracestate", "")
	for _, secret := range []string{"odd", password, "moon", "another", "198.51.100.9", "192.0.2.1", "nl_"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in a trace", secret)
		}
	}
}

// TestReceiverAway: who takes traces may be away, and the server serves all the same.
func TestReceiverAway(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	h, tracing, _ := traced(t, r)
	r.Close()
	if status := send(t, h, "192.0.2.1", "/api/v1/sign-in", "", map[string]any{"identifier": "x", "password": "x"}); status != http.StatusUnauthorized {
		t.Error(status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = tracing.Close(ctx)
}
