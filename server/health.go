package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nightlatch/nightlatch/sqlstore"
)

// unready is why the server cannot serve now: a word of few, and a sentence. Neither says anything of whom it serves.
type unready struct{ reason, detail string }

// Why a server is not ready.
var (
	noDatabase = &unready{"database", "the database does not answer"}
	noSchema   = &unready{"schema", "the database is not up to date: something has put an older one in its place; start the server anew"}
	noKey      = &unready{"key", "the key does not open what is sealed in the database; put back the key that belongs to it"}
)

// ready says why the server cannot serve now, or nil. A newer program may have brought the database further: both serve
// until the older one ends.
func (s *Server) ready(ctx context.Context) *unready {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	n, err := migrations(ctx, s.store)
	switch {
	case sqlstore.IsUnmigrated(err):
		s.log.Error("the database is empty", "error", err)
		return noSchema
	case err != nil:
		s.log.Error("the database does not answer", "error", err)
		return noDatabase
	case n < s.schema:
		s.log.Error("the database is not up to date", "migrations", n, "needed", s.schema)
		return noSchema
	}
	opens, err := s.store.Opens(ctx, s.Service.Key())
	switch {
	case err != nil:
		s.log.Error("the database does not answer", "error", err)
		return noDatabase
	case !opens:
		s.log.Error("the key does not open what is sealed in the database", "key", s.Service.Key().Newest())
		return noKey
	}
	return nil
}

func health(w http.ResponseWriter, why *unready) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if why != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"status":"unavailable","reason":%q,"detail":%q}`+"\n", why.reason, why.detail)
		return
	}
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n")
}
