package web

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
)

// managedEventJSON is a line of anybody's trail.
type managedEventJSON struct {
	Account struct {
		ID   string  `json:"id"`
		Name *string `json:"name"`
	} `json:"account"`
	eventJSON
}

// getAdminEvents searches the trails of all.
func (g *Gate) getAdminEvents(_ http.ResponseWriter, r *http.Request, c caller, _ []byte) (int, any, error) {
	limit, err := number(r, "limit", eventsUsual, eventsMost)
	if err != nil {
		return 0, nil, err
	}
	list, next, err := g.findEvents(r, int(limit))
	if err != nil {
		return 0, nil, err
	}
	j := struct {
		Events []managedEventJSON `json:"events"`
		Next   *string            `json:"next"`
	}{Events: []managedEventJSON{}, Next: orNull(next)}
	for _, e := range list {
		line := managedEventJSON{eventJSON: eventOf(e.Event, c.client.Lang)}
		line.Account.ID, line.Account.Name = e.User, orNull(e.name)
		j.Events = append(j.Events, line)
	}
	return http.StatusOK, j, nil
}

// namedEvent is an event with the name of the account that it happened to; "" where that is no more.
type namedEvent struct {
	nightlatch.EventOf
	name string
}

// findEvents searches by the query's account (a name, an address or an id), name and before.
func (g *Gate) findEvents(r *http.Request, limit int) (list []namedEvent, next string, err error) {
	q, err := g.eventQuery(r)
	if err != nil {
		return nil, "", err
	}
	events, err := g.svc.FindEvents(r.Context(), q, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(events) > limit {
		events = events[:limit]
		next = eventCursor(events[limit-1])
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.User
	}
	names, err := g.options.Administration.FindNames(r.Context(), ids)
	if err != nil {
		return nil, "", err
	}
	for _, e := range events {
		list = append(list, namedEvent{e, names[e.User]})
	}
	return list, next, nil
}

func (g *Gate) eventQuery(r *http.Request) (q nightlatch.EventQuery, err error) {
	if q.Name, err = queryText(r, "name", mostUsername); err != nil {
		return q, err
	}
	who, err := queryText(r, "account", mostEmail)
	if err != nil {
		return q, err
	}
	before, err := queryText(r, "before", 2*maxCursor)
	if err != nil {
		return q, err
	}
	if before != "" {
		if err := readEventCursor(before, &q); err != nil {
			return q, FieldsError{"before": "invalid"}
		}
	}
	q.Name = strings.TrimSpace(q.Name)
	if q.User = strings.TrimSpace(who); q.User == "" || g.options.Accounts == nil {
		return q, nil
	}
	id, _, err := g.options.Accounts.FindAccount(r.Context(), q.User)
	if id != "" {
		q.User = id // else it is an id itself, maybe of an account that is no more
	}
	return q, err
}

// maxCursor is the longest text that says where a page of a list ended, before it is encoded.
const maxCursor = 1024

// eventCursor says where a page of events ended.
func eventCursor(e nightlatch.EventOf) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %s", e.At.UnixMicro(), e.Seq, e.User))
}

func readEventCursor(text string, q *nightlatch.EventQuery) error {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	var at int64
	if _, err := fmt.Sscanf(string(plain), "%d %d %s", &at, &q.BeforeSeq, &q.BeforeUser); err != nil {
		return err
	}
	q.Before = time.UnixMicro(at).UTC()
	return nil
}
