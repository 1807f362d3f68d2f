package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
}

// Run lists the accounts.
func (cmd accountList) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		if cmd.JSON {
			return c.listJSON(ctx, s)
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NAME\tEMAIL\tGROUPS\tSTATE\tCREATED")
		err := s.Accounts.List(ctx, func(a server.Account) error {
			_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n",
				a.Username, a.Email, strings.Join(a.Groups, ","), stateOf(a), a.CreatedAt.Format(time.DateOnly))
			return err
		})
		return errors.Join(err, w.Flush())
	})
}

// listJSON writes as it reads: there may be many.
func (c *console) listJSON(ctx context.Context, s *server.Server) error {
	before := "["
	err := s.Accounts.List(ctx, func(a server.Account) error {
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
		held, err := s.Service.HoldingsOf(ctx, a.ID)
		if err != nil {
			return err
		}
		j := newAccountJSON(a)
		j.Authenticators = []authenticatorJSON{}
		for _, o := range held.Authenticators {
			auth := authenticatorJSON{ID: o.ID, Kind: string(o.Kind), Label: o.Label, CreatedAt: o.CreatedAt, Suspended: o.Suspended}
			if !o.LastUsedAt.IsZero() {
				auth.LastUsedAt = &o.LastUsedAt
			}
			j.Authenticators = append(j.Authenticators, auth)
		}
		for _, o := range held.Codes {
			j.RecoveryCodes = &o.Left
		}
		if cmd.JSON {
			out := json.NewEncoder(c.stdout)
			out.SetIndent("", "  ")
			return out.Encode(j)
		}
		return c.showAccount(a, j)
	})
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
	return w.Flush()
}
