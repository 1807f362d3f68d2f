package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/nightlatch/nightlatch/locale"
)

// lastResort answers 503 where next panics, and logs why (ASVS 16.5.4). Without it the connection would be cut off, and
// whoever waits would be told nothing. An answer that has begun is cut off all the same.
func (s *Server) lastResort(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answering{ResponseWriter: w}
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(fault) // it is meant
			}
			s.log.Error("a request panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
			if a.begun {
				panic(http.ErrAbortHandler)
			}
			s.sayFault(w, r)
		}()
		next.ServeHTTP(a, r)
	})
}

// sayFault says that something went wrong, and nothing of what: by hand, since anything else may be what panicked.
func (s *Server) sayFault(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	clear(h)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Retry-After", "5")
	if strings.HasPrefix(r.URL.Path, s.prefix()+"/api/") {
		h.Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		const title = "The service cannot answer right now. Please try again."
		_, _ = io.WriteString(w, `{"type":"urn:nightlatch:problem:unavailable","title":"`+title+`","status":503,"code":"unavailable",`+
			`"detail":"`+title+`","retry_after":5}`+"\n")
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	lang := locale.Match(r.Header.Get("Accept-Language"))
	_, _ = io.WriteString(w, locale.T(lang, "Something went wrong on our side. Please try again later.")+"\n") //nolint:gosec // of our catalog
}

// answering notes whether an answer has begun.
type answering struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader is as in http.ResponseWriter.
func (a *answering) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write is as in http.ResponseWriter.
func (a *answering) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }
