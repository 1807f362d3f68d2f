package server

import (
	"io"
	"net/http"
)

// onlyGet serves GET and HEAD, and answers 405 to the rest, as the paths of the API do.
func onlyGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Allow", "GET, HEAD")
		h.Set("Content-Type", "application/problem+json")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = io.WriteString(w, `{"type":"urn:nightlatch:problem:method_not_allowed","title":"The method is not allowed here.",`+
			`"status":405,"code":"method_not_allowed","detail":"The method is not allowed here."}`+"\n")
	})
}

// notKept says that no answer may be kept, unless next says otherwise. The redirects of http.ServeMux, by which it puts
// a path right, would say nothing.
func notKept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
