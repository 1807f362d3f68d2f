package main

import (
	"context"

	"github.com/nightlatch/nightlatch/server"
)

// newTracing makes what traces the server: in this program nothing. otel/ builds the same program with another file in
// the place of this one. end sends what is left.
func newTracing(context.Context) (tracer server.Tracer, end func(), err error) {
	return nil, func() {}, nil
}
