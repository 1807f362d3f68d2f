package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

type keyCommands struct {
	List   keyList   `cmd:"" help:"List the keys of the ring, and how much is sealed with each."`
	New    keyNew    `cmd:"" help:"Print a new key, for key_file or the environment variable NIGHTLATCH_KEY. It changes nothing."`
	Rotate keyRotate `cmd:"" help:"Make a new key and seal everything with it anew. It may run beside servers, be broken off, and run again."`
}

type keyNew struct {
	settingsFlags `embed:""`
}

// Run prints one key as a line, to be added to the ring: its number follows those of the ring that settings name.
func (cmd keyNew) Run(ctx context.Context, c *console) error {
	set, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	ring, why := server.NextKey(ctx, set, server.Config{Now: c.now, Rand: c.random})
	if ring == nil {
		return why
	}
	if why != nil {
		c.complain(fmt.Sprintf("key new: the key ring in use was not read, so that this is number %d: %v", ring.Newest(), why))
	}
	return c.print("%s", strings.TrimSpace(string(ring.FormatNewest())))
}

type keyList struct {
	settingsFlags `embed:""`
	JSON          bool `name:"json" help:"Write JSON."`
}

// keyJSON is a key as the command shows it.
type keyJSON struct {
	Number  uint32 `json:"number"`
	Date    string `json:"date"` // "": it is not in the ring
	Records int64  `json:"records"`
	Events  int64  `json:"events"`
	Seals   bool   `json:"seals"`
	MayGo   bool   `json:"may_be_removed"`
}

// Run lists what depends on which key. The answer is no where something needs a key that is not there.
func (cmd keyList) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		uses, err := s.KeyUses(ctx)
		if err != nil {
			return err
		}
		if cmd.JSON {
			err = c.printKeys(uses)
		} else {
			err = c.showKeys(uses)
		}
		for _, u := range uses {
			if u.Date.IsZero() && u.Records > 0 {
				err = errors.Join(err, lostKey(u))
			}
		}
		return err
	})
}

func lostKey(u server.KeyUse) error {
	if u.Number == 0 {
		return fmt.Errorf("%d values are no sealed ones: somebody changed them", u.Records)
	}
	return fmt.Errorf("%d records need key %d, which is not in the key ring: put it back", u.Records, u.Number)
}

func (c *console) printKeys(uses []server.KeyUse) error {
	list := []keyJSON{}
	for _, u := range uses {
		k := keyJSON{Number: u.Number, Records: u.Records, Events: u.Events, Seals: u.Seals, MayGo: u.MayGo}
		if !u.Date.IsZero() {
			k.Date = u.Date.Format(time.DateOnly)
		}
		list = append(list, k)
	}
	out := json.NewEncoder(c.stdout)
	out.SetIndent("", "  ")
	return out.Encode(list)
}

func (c *console) showKeys(uses []server.KeyUse) error {
	if err := c.print("%-6s  %-10s  %9s  %9s", "NUMBER", "DATE", "RECORDS", "EVENTS"); err != nil {
		return err
	}
	for _, u := range uses {
		date, note := "missing", ""
		if !u.Date.IsZero() {
			date = u.Date.Format(time.DateOnly)
		}
		switch {
		case u.Seals:
			note = "seals"
		case u.MayGo && u.Events > 0:
			note = fmt.Sprintf("may be removed, but events verify needs it for %d events", u.Events)
		case u.MayGo:
			note = "may be removed"
		}
		line := fmt.Sprintf("%-6d  %-10s  %9d  %9d  %s", u.Number, date, u.Records, u.Events, note)
		if err := c.print("%s", strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

type keyRotate struct {
	settingsFlags `embed:""`
	Wait          time.Duration `default:"2m" help:"How long to wait for servers that lack the new key."`
}

// Run says each step in a line.
func (cmd keyRotate) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		var lost error
		err := s.RotateKey(ctx, &server.Rotation{Wait: cmd.Wait, Say: func(line string) {
			lost = errors.Join(lost, c.print("%s", line))
		}})
		return errors.Join(err, lost)
	})
}
