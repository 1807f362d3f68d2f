package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ready says why the server cannot serve now, or nil.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	n, err := migrations(ctx, s.store)
	if err != nil {
		s.log.Error("the database does not answer", "error", err)
		return errors.New("the database does not answer")
	}
	if n != s.schema {
		return errors.New("another version of the program has changed the database")
	}
	return nil
}

func health(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"status":"unavailable","reason":%q}`+"\n", err.Error())
		return
	}
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
}
