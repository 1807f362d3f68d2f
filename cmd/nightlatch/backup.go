package main

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/settings"
)

type backupCommand struct {
	settingsFlags `embed:""`
	File          string `arg:"" help:"The file to write. It must not be there yet. - is standard output."`
}

// Run writes a backup.
func (cmd backupCommand) Run(ctx context.Context, c *console) error {
	set, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	if cmd.File == "-" {
		if f, ok := c.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return misuse("standard output is a terminal: lead it to a file; with docker compose exec say -T")
		}
		key, err := server.BackupTo(ctx, set, drivers(), c.stdout)
		if err == nil {
			c.complain("backup: it is whole; the key that opens it is not in it: keep a copy of " + key + ", in another place")
		}
		return err
	}
	key, err := server.Backup(ctx, set, drivers(), cmd.File)
	if err != nil {
		return err
	}
	if err := c.print("the database is in %s, whole", cmd.File); err != nil {
		return err
	}
	return c.print("the key that opens it is not: keep a copy of %s, in another place", key)
}

type restoreCommand struct {
	settingsFlags `embed:""`
	File          string `arg:"" optional:"" help:"A file that nightlatch backup has written. - is standard input."`
	InPlace       bool   `name:"in-place" help:"Take no file: make a database safe that pg_restore or a snapshot has put back."`
}

// Run puts a backup back. No server may run meanwhile.
func (cmd restoreCommand) Run(ctx context.Context, c *console) error {
	if cmd.InPlace == (cmd.File != "") {
		return misuse("name the file of a backup, or say --in-place")
	}
	set, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	r := server.Restoration{
		Settings: set, Drivers: drivers(), From: cmd.File, By: byCommandLine, Now: c.now, Rand: c.random,
	}
	done, err := cmd.restore(ctx, c, r)
	if err != nil {
		return err
	}
	return c.showRestored(cmd.File, done)
}

func (cmd restoreCommand) restore(ctx context.Context, c *console, r server.Restoration) (server.Restored, error) {
	switch {
	case cmd.InPlace:
		return server.RestoreInPlace(ctx, r)
	case cmd.File != "-":
		return server.Restore(ctx, r)
	}
	if f, ok := c.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return server.Restored{}, misuse("standard input is a terminal: lead a file to it; with docker compose run say -T")
	}
	return server.RestoreFrom(ctx, r, c.stdin)
}

func (c *console) showRestored(from string, done server.Restored) error {
	what := from
	switch from {
	case "":
		what = "the database"
	case "-":
		what = "the backup"
	}
	lines := []string{"%s is in place, with the records of %d users; %d sessions and %d remembered devices ended, unfinished sign-ins and links of mails too"}
	args := [][]any{{what, done.Users, done.Sessions, done.Devices}}
	add := func(text string, values ...any) { lines, args = append(lines, text), append(args, values) }
	add("used up are codes of authenticator apps up to now and all recovery codes; counter tokens must give two codes in a row")
	add("what was changed since the backup (passwords, authenticators, accounts) is as it was then; who was reset needs another reset")
	if done.Before != "" {
		add("the database before is kept as %s: remove it when you are sure", done.Before)
	}
	for i, text := range lines {
		if err := c.print(text, args[i]...); err != nil {
			return err
		}
	}
	return nil
}

type migrateCommand struct {
	settingsFlags `embed:""`
}

// Run brings the database up to date.
func (cmd migrateCommand) Run(ctx context.Context, c *console) error {
	set, err := settings.Load(cmd.sources(c))
	if err != nil {
		return err
	}
	applied, err := server.MigrateDatabase(ctx, set, server.Opening{Drivers: drivers(), Wait: true, Log: c.logger(set), Now: c.now()})
	if err != nil {
		return err
	}
	if applied == 0 {
		return c.print("the database is up to date; nothing was to be done")
	}
	return c.print("the database is up to date; migrations applied: %d", applied)
}
