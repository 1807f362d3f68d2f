package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
	"github.com/nightlatch/nightlatch/web"
)

const byCommandLine = "command line"

type accountCommands struct {
	Add      accountAdd      `cmd:"" help:"Make an account. Its password comes from the terminal, or standard input."`
	List     accountList     `cmd:"" help:"List all accounts."`
	Show     accountShow     `cmd:"" help:"Show an account and what it holds, never a secret."`
	Reset    accountReset    `cmd:"" help:"Remove all authenticators, recovery codes, devices and sessions; print the code with which to enroll anew."`
	Code     accountCode     `cmd:"" help:"Print a one-time code, which stands for the second factor once within 10 minutes."`
	Password accountPassword `cmd:"" help:"Give an account a new password and end its sessions."`
	Group    accountGroup    `cmd:"" help:"Add an account to a group, or take it out."`
	Admin    accountAdmin    `cmd:"" help:"Make an account an administrator's, or not."`
	Disable  accountDisable  `cmd:"" help:"Shut an account out and end its sessions."`
	Enable   accountEnable   `cmd:"" help:"Let a disabled account in again."`
	Remove   accountRemove   `cmd:"" help:"Remove an account with all that it holds; its trail stays, and its name is never given again."`
	Unlock   accountUnlock   `cmd:"" help:"End the waiting that wrong tries have brought an account."`
	Import   accountImport   `cmd:"" help:"Take in accounts, password hashes and factors of another program."`
	Export   accountExport   `cmd:"" help:"Write all accounts to a file, for an import elsewhere. It holds their secrets."`
	End      accountEnd      `cmd:"" name:"end-sessions" help:"End all sessions and unfinished sign-ins of an account."`
}

// withServer opens what settings name, runs f, and closes it. No server needs to run; one that runs sees the change.
func (flags settingsFlags) withServer(ctx context.Context, c *console, f func(s *server.Server) error) error {
	set, err := settings.Load(flags.sources(c))
	if err != nil {
		return err
	}
	s, end, err := c.open(ctx, set, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	return errors.Join(inWords(f(s)), end())
}

// named is a command about one account.
type named struct {
	settingsFlags `embed:""`
	Name          string `arg:"" help:"The user name or e-mail address."`
}

func (n named) run(ctx context.Context, c *console, f func(s *server.Server, a server.Account) error) error {
	return n.withServer(ctx, c, func(s *server.Server) error {
		a, err := s.Accounts.Find(ctx, n.Name)
		if errors.Is(err, nightlatch.ErrNotFound) {
			return fmt.Errorf("there is no account %q", n.Name)
		}
		if err != nil {
			return err
		}
		return f(s, a)
	})
}

// inWords says what a refused field means. What is taken is the answer no, all else wrong usage.
func inWords(err error) error {
	fields := web.FieldsError{}
	var invalid *nightlatch.InvalidError
	if errors.As(err, &invalid) {
		fields[invalid.Field] = invalid.Problem
	} else if !errors.As(err, &fields) {
		return err
	}
	var all []string
	misused := false
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		problem := fields[field]
		misused = misused || problem != "taken"
		if field == "password" {
			all = append(all, passwordProblem(problem).Error())
			continue
		}
		all = append(all, fieldProblem(field, problem))
	}
	err = errors.New(strings.Join(all, "; "))
	if misused {
		return usageError{err}
	}
	return err
}

// fieldProblem says what a problem code means, and what is allowed.
func fieldProblem(field, problem string) string {
	allowed := map[string]string{
		"username": "allowed is 1 to 64 characters without @ and without spaces at its ends",
		"email":    "allowed is an e-mail address like ada@example.com, up to 254 bytes",
		"group":    "allowed is 1 to 64 of a-z, 0-9, dot, underscore and dash",
	}
	allowed["groups"] = allowed["group"]
	allowed["reason"] = "allowed is 1 to 500 characters on one line"
	switch text := "the " + strings.TrimSuffix(field, "s"); {
	case problem == "taken" && field == "username":
		return text + " is taken, or was once; choose another"
	case problem == "taken":
		return text + " is taken; choose another"
	case allowed[field] != "":
		return text + " is " + strings.ReplaceAll(problem, "_", " ") + "; " + allowed[field]
	default:
		return text + " is " + strings.ReplaceAll(problem, "_", " ")
	}
}

type accountAdd struct {
	named `embed:""`
	Email string   `placeholder:"E" help:"The e-mail address."`
	Group []string `placeholder:"G" help:"A group; may be given again."`
	Admin bool     `help:"Make it an administrator's."`
}

// Run makes the account.
func (cmd accountAdd) Run(ctx context.Context, c *console) error {
	a := server.Account{Username: cmd.Name, Email: cmd.Email, Groups: cmd.Group, Admin: cmd.Admin}
	if strings.Contains(cmd.Name, "@") && cmd.Email == "" {
		a.Username, a.Email = "", cmd.Name
	}
	secret, err := c.askNewSecret(ctx, "Password: ")
	if err != nil {
		return err
	}
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		_, err := s.Add(ctx, a, secret, byCommandLine, nightlatch.Client{})
		return err
	})
}

type accountPassword struct {
	named `embed:""`
}

// Run sets the password.
func (cmd accountPassword) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		secret, err := c.askNewSecret(ctx, "New password: ")
		if err != nil {
			return err
		}
		return s.SetPassword(ctx, a, secret, byCommandLine)
	})
}

type accountGroup struct {
	named `embed:""`
	Do    string `arg:"" name:"add|remove" enum:"add,remove" help:"What to do."`
	Group string `arg:"" help:"The group."`
}

// Run changes the groups.
func (cmd accountGroup) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.SetGroup(ctx, a, cmd.Group, cmd.Do == "add", byCommandLine)
	})
}

type accountAdmin struct {
	named  `embed:""`
	Switch string `arg:"" name:"on|off" enum:"on,off" help:"Whether it is one."`
}

// Run makes an administrator, or ends it.
func (cmd accountAdmin) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.SetAdmin(ctx, a, cmd.Switch == "on", byCommandLine)
	})
}

type accountDisable struct {
	named `embed:""`
}

// Run shuts the account out.
func (cmd accountDisable) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.SetDisabled(ctx, a, true, byCommandLine)
	})
}

type accountEnable struct {
	named `embed:""`
}

// Run lets the account in.
func (cmd accountEnable) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.SetDisabled(ctx, a, false, byCommandLine)
	})
}

type accountUnlock struct {
	named `embed:""`
}

// Run ends the throttles.
func (cmd accountUnlock) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.Unlock(ctx, a, byCommandLine)
	})
}

type accountRemove struct {
	named `embed:""`
}

// Run removes the account.
func (cmd accountRemove) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.Remove(ctx, a, byCommandLine)
	})
}
