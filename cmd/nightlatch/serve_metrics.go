package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// listenForMetrics takes metrics_listen, if it is set.
func listenForMetrics(ctx context.Context, set *settings.Settings) (net.Listener, error) {
	if set.MetricsListen == "" {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", set.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics on %s: %w; choose another address as metrics_listen", set.MetricsListen, err)
	}
	return l, nil
}

// closeMetrics is for a server that does not come to serving.
func closeMetrics(l net.Listener) {
	if l != nil {
		_ = l.Close()
	}
}

// serveMetrics serves them until ctx ends. Whoever reaches the address may read them.
func serveMetrics(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) {
	if l == nil {
		return
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	log.Info("serving metrics", "listen", l.Addr().String())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Error("metrics are not served any more", "error", err)
	}
}
