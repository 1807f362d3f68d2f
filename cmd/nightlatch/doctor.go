package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

type doctorCommand struct {
	serverFlags `embed:""`
	JSON        bool `name:"json" help:"Write JSON."`
}

// Run looks at everything, a line each. The answer is no when something is at fault; warnings stop nothing.
func (cmd doctorCommand) Run(ctx context.Context, c *console) error {
	set, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	found := server.Diagnose(ctx, server.Examination{Settings: set, Drivers: drivers(), Now: c.now, Rand: c.random})
	if cmd.JSON {
		out := json.NewEncoder(c.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(found); err != nil {
			return err
		}
	}
	faults := 0
	for _, f := range found {
		if f.Grade == server.Fault {
			faults++
		}
		if cmd.JSON {
			continue
		}
		if err := c.print("%-7s  %-10s  %s", f.Grade, f.Area, f.Text); err != nil {
			return err
		}
	}
	switch faults {
	case 0:
		return nil
	case 1:
		return errors.New("one fault was found; it says above what to do")
	}
	return fmt.Errorf("%d faults were found; they say above what to do", faults)
}

type policyCommands struct {
	Explain policyExplain `cmd:"" help:"Say which rule decides about an address, what it asks for, and whether an account would pass."`
	Report  policyReport  `cmd:"" help:"Count whom the policy stops, and whom it would have stopped in the last 30 days with policy.report_only."`
}

type policyReport struct {
	settingsFlags `embed:""`
	JSON          bool `name:"json" help:"Write JSON."`
}

// reportDays is how far a report looks back.
const reportDays = 30

// reportJSON is a report as the command shows it.
type reportJSON struct {
	Require        nightlatch.Require `json:"require"`
	Authenticators int                `json:"authenticators"`
	ReportOnly     bool               `json:"report_only"`
	Accounts       int                `json:"accounts"`
	Required       int                `json:"required"`
	Lacking        []lackingJSON      `json:"lacking"`
	Since          time.Time          `json:"since"`
	WouldStop      int                `json:"would_stop"`
}

type lackingJSON struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Working int    `json:"authenticators"`
}

// Run reports.
func (cmd policyReport) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		r, err := s.PolicyReport(ctx, c.now().Add(-reportDays*24*time.Hour))
		if err != nil {
			return err
		}
		j := reportJSON{
			Require: r.Require, Authenticators: r.Authenticators, ReportOnly: r.ReportOnly, Accounts: r.Accounts,
			Required: r.Required, Lacking: []lackingJSON{}, Since: r.Since.UTC().Truncate(time.Second), WouldStop: r.Stopped,
		}
		for _, l := range r.Lacking {
			j.Lacking = append(j.Lacking, lackingJSON{l.Account.ID, l.Account.Name(), l.Working})
		}
		if cmd.JSON {
			out := json.NewEncoder(c.stdout)
			out.SetIndent("", "  ")
			return out.Encode(j)
		}
		return c.showReport(j)
	})
}

func (c *console) showReport(j reportJSON) error {
	only := ""
	if j.ReportOnly {
		only = ", report_only"
	}
	lines := []string{
		fmt.Sprintf("policy: require = %q, authenticators = %d%s", j.Require, j.Authenticators, only),
		fmt.Sprintf("%d of %d accounts must hold a second factor", j.Required, j.Accounts),
		fmt.Sprintf("%d of these hold too few", len(j.Lacking)),
	}
	for _, l := range j.Lacking {
		lines = append(lines, fmt.Sprintf("  %s holds %d of %d", word(l.Account), l.Working, j.Authenticators))
	}
	lines = append(lines, fmt.Sprintf("%d people signed in since %s who would have been stopped", j.WouldStop, j.Since.Format(time.DateOnly)))
	for _, l := range lines {
		if err := c.print("%s", l); err != nil {
			return err
		}
	}
	return nil
}
