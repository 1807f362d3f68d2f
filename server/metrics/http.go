package metrics

import (
	"net/http"
	"strings"
	"time"
)

// Watch counts the requests that next answers, by the pattern that it routed them by.
func (m *Metrics) Watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started, seen := time.Now(), &Answer{ResponseWriter: w}
		defer func() {
			class := seen.Class()
			m.requests.WithLabelValues(Route(r), class).Inc()
			m.answered.WithLabelValues(class).Observe(time.Since(started).Seconds())
		}()
		next.ServeHTTP(seen, r)
	})
}

// Route is the pattern that a request was routed by, without a method: "/api/v1/devices/{id}". What has none goes to the
// application behind the server, or is nowhere.
func Route(r *http.Request) string {
	pattern := r.Pattern
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "" || strings.HasSuffix(pattern, "/") {
		return "other"
	}
	return pattern
}

// Answer notes the status of an answer on its way.
type Answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader is as in http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	if a.status < http.StatusOK { // what is below may be followed by another
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write is as in http.ResponseWriter.
func (a *Answer) Write(p []byte) (int, error) {
	if a.status < http.StatusOK && a.status != http.StatusSwitchingProtocols {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Status is the status, 200 where none was said.
func (a *Answer) Status() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// Class is "2xx", of a status that is none "none".
func (a *Answer) Class() string {
	switch s := a.Status(); {
	case s >= 100 && s < 600:
		return string(rune('0'+s/100)) + "xx"
	default:
		return "none"
	}
}
