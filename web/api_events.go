package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// How many events an answer holds.
const (
	eventsUsual = 50
	eventsMost  = 200
)

// eventJSON is a line of the trail.
type eventJSON struct {
	Seq           int64             `json:"seq"` // ?before= it shows what happened earlier
	At            time.Time         `json:"at"`
	Event         string            `json:"event"`
	Kind          factor.Kind       `json:"kind,omitempty"`
	Authenticator string            `json:"authenticator,omitempty"`
	Label         string            `json:"label,omitempty"`
	Reason        string            `json:"reason,omitempty"`
	By            string            `json:"by,omitempty"`
	Addr          string            `json:"addr,omitempty"`
	Browser       string            `json:"browser,omitempty"`
	Detail        map[string]string `json:"detail,omitempty"`
}

// getEvents shows the account's own trail, the newest first.
func (g *Gate) getEvents(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	own, err := g.session(r, c)
	if err != nil {
		return 0, nil, err
	}
	before, err := number(r, "before", 0, 1<<53)
	if err != nil {
		return 0, nil, err
	}
	limit, err := number(r, "limit", eventsUsual, eventsMost)
	if err != nil {
		return 0, nil, err
	}
	events, err := g.svc.EventsOf(r.Context(), own.User, before, int(limit))
	if err != nil {
		return 0, nil, err
	}
	list := make([]eventJSON, 0, len(events))
	for _, e := range events {
		list = append(list, eventOf(e, c.client.Lang))
	}
	return http.StatusOK, list, nil
}

func eventOf(e nightlatch.Event, lang string) eventJSON {
	j := eventJSON{
		Seq: e.Seq, At: e.At, Event: e.Name, Kind: e.Kind, Authenticator: e.Authenticator, Label: e.Label,
		Reason: e.Reason, By: e.By, Addr: e.Client.Addr, Detail: e.Detail,
	}
	if e.Client.Agent != "" {
		j.Browser = browserText(lang, e.Client.Agent)
	}
	return j
}

// number returns a parameter of the query, from 1 to most, or what is usual where it is not given.
func number(r *http.Request, name string, usual, most int64) (int64, error) {
	values, given := r.URL.Query()[name]
	if !given {
		return usual, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < 1 || n > most || len(values) > 1 {
		return 0, FieldsError{name: "invalid"}
	}
	return n, nil
}

// getOpenAPI serves the document of this API.
func (g *Gate) getOpenAPI(w http.ResponseWriter, _ *http.Request, _ caller, _ []byte) (int, any, error) {
	if g.options.OpenAPI == nil {
		return 0, nil, nightlatch.ErrNotFound
	}
	apiHeaders(w.Header())
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(g.options.OpenAPI)
	if err != nil {
		g.log.Debug("the document was not written", "error", err)
	}
	return http.StatusOK, nil, nil
}
