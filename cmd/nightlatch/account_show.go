package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nightlatch/nightlatch/server"
)

// accountJSON is an account as commands show it.
type accountJSON struct {
	ID             string              `json:"id"`
	Username       string              `json:"username,omitempty"`
	Email          string              `json:"email,omitempty"`
	ConfirmedAt    *time.Time          `json:"email_confirmed_at,omitempty"`
	Groups         []string            `json:"groups"`
	Admin          bool                `json:"admin"`
	Disabled       bool                `json:"disabled"`
	Defined        bool                `json:"defined_by_settings"`
	CreatedAt      time.Time           `json:"created_at"`
	Authenticators []authenticatorJSON `json:"authenticators,omitzero"` // with show
	RecoveryCodes  *int                `json:"recovery_codes_left,omitempty"`
	Sessions       []visitJSON         `json:"sessions,omitzero"`
	Devices        []visitJSON         `json:"devices,omitzero"`
	Throttled      []string            `json:"throttled,omitempty"`
	AfterReset     bool                `json:"after_reset,omitempty"`
	CodeUntil      *time.Time          `json:"one_time_code_until,omitempty"`
	HoldUntil      *time.Time          `json:"hold_until,omitempty"`
}

// visitJSON is a session or a remembered device.
type visitJSON struct {
	ID         string    `json:"id"`
	Addr       string    `json:"addr,omitempty"`
	Agent      string    `json:"agent,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

type authenticatorJSON struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Label      string     `json:"label"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Suspended  bool       `json:"suspended,omitempty"`
}

func newAccountJSON(a server.Account) accountJSON {
	j := accountJSON{
		ID: a.ID, Username: a.Username, Email: a.Email, Groups: a.Groups,
		Admin: a.Admin, Disabled: a.Disabled, Defined: a.Defined, CreatedAt: a.CreatedAt,
	}
	if j.Groups == nil {
		j.Groups = []string{}
	}
	if !a.EmailConfirmedAt.IsZero() {
		j.ConfirmedAt = &a.EmailConfirmedAt
	}
	return j
}

type accountList struct {
	settingsFlags `embed:""`
	JSON          bool `name:"json" help:"Write a JSON array, an account a line."`
	NotEnrolled   bool `help:"Only those who hold no second factor."`
}

// each calls f for every account that is asked for.
func (cmd accountList) each(ctx context.Context, s *server.Server, f func(a server.Account) error) error {
	if !cmd.NotEnrolled {
		return s.Accounts.List(ctx, f)
	}
	return s.Accounts.Pages(ctx, func(page []server.Account) error {
		ids := make([]string, len(page))
		for i, a := range page {
			ids[i] = a.ID
		}
		enrolled, err := s.Service.Enrolled(ctx, ids)
		if err != nil {
			return err
		}
		for _, a := range page {
			if slices.Contains(enrolled, a.ID) {
				continue
			}
			if err := f(a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Run lists the accounts.
func (cmd accountList) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		if cmd.JSON {
			return c.listJSON(func(f func(a server.Account) error) error { return cmd.each(ctx, s, f) })
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NAME\tEMAIL\tGROUPS\tSTATE\tCREATED")
		err := cmd.each(ctx, s, func(a server.Account) error {
			_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n",
				a.Username, a.Email, strings.Join(a.Groups, ","), stateOf(a), a.CreatedAt.Format(time.DateOnly))
			return err
		})
		return errors.Join(err, w.Flush())
	})
}

// listJSON writes as it reads: there may be many.
func (c *console) listJSON(each func(f func(a server.Account) error) error) error {
	before := "["
	err := each(func(a server.Account) error {
		text, err := json.Marshal(newAccountJSON(a))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.stdout, "%s\n%s", before, text)
		before = ","
		return err
	})
	if err != nil {
		return err
	}
	if before == "[" {
		return c.print("[]")
	}
	return c.print("\n]")
}

func stateOf(a server.Account) string {
	var words []string
	if a.Admin {
		words = append(words, "admin")
	}
	if a.Disabled {
		words = append(words, "disabled")
	}
	if a.Defined {
		words = append(words, "settings")
	}
	return strings.Join(words, ",")
}

type accountShow struct {
	named `embed:""`
	JSON  bool `name:"json" help:"Write JSON."`
}

// Run shows one account.
func (cmd accountShow) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		j, err := wholeAccount(ctx, s, a)
		if err != nil {
			return err
		}
		if cmd.JSON {
			out := json.NewEncoder(c.stdout)
			out.SetIndent("", "  ")
			return out.Encode(j)
		}
		return c.showAccount(a, j)
	})
}

// wholeAccount is an account with what it holds, never a secret.
func wholeAccount(ctx context.Context, s *server.Server, a server.Account) (accountJSON, error) {
	j := newAccountJSON(a)
	o, err := s.Service.Overview(ctx, a.ID)
	if err != nil {
		return j, err
	}
	j.Authenticators, j.Sessions, j.Devices, j.AfterReset = []authenticatorJSON{}, []visitJSON{}, []visitJSON{}, o.AfterReset
	for _, held := range o.Authenticators {
		auth := authenticatorJSON{ID: held.ID, Kind: string(held.Kind), Label: held.Label, CreatedAt: held.CreatedAt, Suspended: held.Suspended}
		if !held.LastUsedAt.IsZero() {
			auth.LastUsedAt = &held.LastUsedAt
		}
		j.Authenticators = append(j.Authenticators, auth)
	}
	for _, held := range o.Codes {
		j.RecoveryCodes = &held.Left
	}
	for _, kind := range o.Throttled {
		j.Throttled = append(j.Throttled, string(kind))
	}
	if !o.CodeUntil.IsZero() {
		j.CodeUntil = &o.CodeUntil
	}
	if o.Hold != nil {
		j.HoldUntil = &o.Hold.Until
	}
	sessions, err := s.Service.SessionsOf(ctx, a.ID)
	if err != nil {
		return j, err
	}
	for _, v := range sessions {
		j.Sessions = append(j.Sessions, visitJSON{v.ID, v.Client.Addr, v.Client.Agent, v.CreatedAt, v.LastUsedAt, v.ExpiresAt})
	}
	devices, err := s.Service.DevicesOf(ctx, a.ID)
	for _, v := range devices {
		j.Devices = append(j.Devices, visitJSON{v.ID, v.Client.Addr, v.Client.Agent, v.CreatedAt, v.LastUsedAt, v.ExpiresAt})
	}
	return j, err
}

func (c *console) showAccount(a server.Account, j accountJSON) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	line := func(name, value string) { _, _ = fmt.Fprintf(w, "%s\t%s\n", name, value) }
	line("Name", a.Username)
	line("Email", a.Email)
	line("Groups", strings.Join(a.Groups, ", "))
	line("State", stateOf(a))
	line("Created", a.CreatedAt.Format(time.RFC3339))
	for _, o := range j.Authenticators {
		used := "never used"
		if o.LastUsedAt != nil {
			used = "last used " + o.LastUsedAt.Format(time.RFC3339)
		}
		if o.Suspended {
			used += ", suspended: its owner has disowned it"
		}
		line("Authenticator", fmt.Sprintf("%s (%s), added %s, %s", o.Label, o.Kind, o.CreatedAt.Format(time.DateOnly), used))
	}
	if j.RecoveryCodes != nil {
		line("Recovery codes", fmt.Sprintf("%d left", *j.RecoveryCodes))
	}
	if j.AfterReset {
		line("Waits for", "the code that a reset gave")
	}
	if j.CodeUntil != nil {
		line("One-time code", "good until "+j.CodeUntil.Format(time.RFC3339))
	}
	if j.HoldUntil != nil {
		line("Recovery", "by mail, over on "+j.HoldUntil.Format(time.RFC3339))
	}
	if len(j.Throttled) > 0 {
		line("Throttled", strings.Join(j.Throttled, ", "))
	}
	for _, v := range j.Sessions {
		line("Session", visitText(v))
	}
	for _, v := range j.Devices {
		line("Device", visitText(v))
	}
	return w.Flush()
}

func visitText(v visitJSON) string {
	return strings.TrimSpace(fmt.Sprintf("%s since %s, last used %s", v.Addr, v.CreatedAt.Format(time.DateOnly), v.LastUsedAt.Format(time.RFC3339)))
}
