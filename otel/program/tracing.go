//go:build otel

// This file stands in the place of cmd/nightlatch/tracing.go where the program is built with traces: see ../Makefile.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/otel"
	"github.com/nightlatch/nightlatch/server"
)

// sendWithin is how long the end of the server may wait for the last traces to be taken.
const sendWithin = 5 * time.Second

// newTracing makes what traces the server, where a variable of the environment says where to send traces.
func newTracing(ctx context.Context) (tracer server.Tracer, end func(), err error) {
	to := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if to == "" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, func() {}, nil
	}
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	t, err := otel.New(ctx, version)
	if err != nil {
		return nil, nil, err
	}
	return t, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendWithin)
		defer cancel()
		_ = t.Close(ctx) // who takes traces may be away; the server ends all the same
	}, nil
}
