package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
)

type eventsCommands struct {
	List       eventsList       `cmd:"" default:"withargs" help:"Show the newest events, the oldest of them first."`
	Verify     eventsVerify     `cmd:"" help:"Verify the trails of all accounts: nothing was changed, removed or reordered."`
	Checkpoint eventsCheckpoint `cmd:"" help:"Write how long every trail is, to be kept elsewhere, for verify."`
}

// eventsMost is how many events one call shows.
const eventsMost = 100_000

type eventsList struct {
	settingsFlags `embed:""`
	Account       string `placeholder:"NAME" help:"Of this account alone: its user name, its e-mail address, or the id of one that was removed."`
	Name          string `placeholder:"EVENT" help:"Of this name alone, like signed_in."`
	Limit         int    `default:"100" help:"How many at most, up to 100000."`
	JSON          bool   `name:"json" help:"Write a JSON array, an event a line."`
}

// Run shows events.
func (cmd eventsList) Run(ctx context.Context, c *console) error {
	if cmd.Limit < 1 || cmd.Limit > eventsMost {
		return misuse("--limit is %d; allowed is a whole number from 1 to %d", cmd.Limit, eventsMost)
	}
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		q := nightlatch.EventQuery{Name: cmd.Name}
		if cmd.Account != "" {
			var err error
			if q.User, err = findTrail(ctx, s, cmd.Account); err != nil {
				return err
			}
		}
		found, err := findEvents(ctx, s, q, cmd.Limit)
		if err != nil {
			return err
		}
		slices.Reverse(found)
		ids := make([]string, len(found))
		for i, e := range found {
			ids[i] = e.User
		}
		names, err := findNames(ctx, s, ids)
		if err != nil {
			return err
		}
		if cmd.JSON {
			return c.eventsJSON(names, found)
		}
		for _, e := range found {
			if err := c.print("%s", eventLine(e, names.of(e.User))); err != nil {
				return err
			}
		}
		return nil
	})
}

// findEvents reads the newest, in steps.
func findEvents(ctx context.Context, s *server.Server, q nightlatch.EventQuery, limit int) ([]nightlatch.EventOf, error) {
	const step = 500
	var all []nightlatch.EventOf
	for len(all) < limit {
		page, err := s.Service.FindEvents(ctx, q, min(step, limit-len(all)))
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
		last := page[len(page)-1]
		if last.At.IsZero() { // spoiled; to a query it would be no place to go on from
			break
		}
		q.Before, q.BeforeUser, q.BeforeSeq = last.At, last.User, last.Seq
	}
	return all, nil
}

// namesOf is what accounts go by. One that was removed goes by its id.
type namesOf map[string]string

func findNames(ctx context.Context, s *server.Server, ids []string) (namesOf, error) {
	return s.Accounts.Names(ctx, ids)
}

func (n namesOf) of(user string) string { return cmp.Or(n[user], user) }

// findTrail is the id of an account as it was typed.
func findTrail(ctx context.Context, s *server.Server, typed string) (string, error) {
	a, err := s.Accounts.Find(ctx, typed)
	if !errors.Is(err, nightlatch.ErrNotFound) {
		return a.ID, err
	}
	left, err := s.Service.EventsOf(ctx, typed, 0, 1)
	if err == nil && len(left) == 0 {
		err = fmt.Errorf("there is no account %q", typed)
	}
	return typed, err
}

// eventLine is an event as one line. What people could choose is quoted where it could be taken for something else.
func eventLine(e nightlatch.EventOf, account string) string {
	parts := []string{e.At.UTC().Format(time.RFC3339), word(account), word(e.Name)}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+word(value))
		}
	}
	add("kind", string(e.Kind))
	add("authenticator", e.Label)
	add("reason", e.Reason)
	add("by", e.By)
	for _, key := range slices.Sorted(maps.Keys(e.Detail)) {
		add(word(key), e.Detail[key])
	}
	add("addr", e.Client.Addr)
	add("agent", e.Client.Agent)
	return strings.Join(parts, " ")
}

// word quotes a value unless it is one plain word: a terminal obeys control characters, and people read spaces.
func word(s string) string {
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '=' || r == unicode.ReplacementChar
	}
	if s == "" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}

// eventJSON is an event as the command shows it.
type eventJSON struct {
	At      time.Time `json:"at"`
	Account struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"account"`
	Seq           int64             `json:"seq"`
	Event         string            `json:"event"`
	Kind          string            `json:"kind,omitempty"`
	Authenticator string            `json:"authenticator,omitempty"`
	Label         string            `json:"label,omitempty"`
	Reason        string            `json:"reason,omitempty"`
	By            string            `json:"by,omitempty"`
	Addr          string            `json:"addr,omitempty"`
	Agent         string            `json:"agent,omitempty"`
	Detail        map[string]string `json:"detail,omitempty"`
}

func newEventJSON(e nightlatch.EventOf, name string) eventJSON {
	j := eventJSON{
		At: e.At, Seq: e.Seq, Event: e.Name, Kind: string(e.Kind), Authenticator: e.Authenticator, Label: e.Label,
		Reason: e.Reason, By: e.By, Addr: e.Client.Addr, Agent: e.Client.Agent, Detail: e.Detail,
	}
	j.Account.ID, j.Account.Name = e.User, name
	return j
}

func (c *console) eventsJSON(names namesOf, found []nightlatch.EventOf) error {
	before := "["
	for _, e := range found {
		text, err := json.Marshal(newEventJSON(e, names.of(e.User)))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.stdout, "%s\n%s", before, text); err != nil {
			return err
		}
		before = ","
	}
	if before == "[" {
		return c.print("[]")
	}
	return c.print("\n]")
}
