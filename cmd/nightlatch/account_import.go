package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/nightlatch/nightlatch/server"
	"github.com/nightlatch/nightlatch/server/importer"
	"github.com/nightlatch/nightlatch/server/settings"
)

type accountImport struct {
	settingsFlags `embed:""`
	From          string   `required:"" placeholder:"FORMAT" help:"Where the accounts come from: nightlatch, csv, flask-security, authelia or u2f."`
	Secrets       string   `placeholder:"FILE" help:"The source's own keys, as TOML: password_salt, totp_secrets, encryption_key."`
	DryRun        bool     `help:"Do all but the commit."`
	Files         []string `arg:"" name:"file" help:"What to read."`
}

// Run takes the accounts in and reports each.
func (cmd accountImport) Run(ctx context.Context, c *console) error {
	in := importer.Input{Files: cmd.Files, Driver: drivers().SQLite}
	if !hasFormat(cmd.From) {
		return misuse("--from %s: there is no such format; allowed are %s", cmd.From, strings.Join(importer.Formats(), ", "))
	}
	if cmd.Secrets != "" {
		if err := settings.ReadTOML(cmd.Secrets, &in.Secrets); err != nil {
			return misuse("--secrets: %w", err)
		}
	}
	read, err := importer.ReadFiles(ctx, cmd.From, in)
	if err != nil {
		return err
	}
	return cmd.withServer(ctx, c, func(s *server.Server) error { return cmd.takeIn(ctx, c, s, read) })
}

func hasFormat(name string) bool {
	for _, f := range importer.Formats() {
		if f == name {
			return true
		}
	}
	return false
}

// sum counts what became of the accounts.
type sum map[server.Outcome]int

func (cmd accountImport) takeIn(ctx context.Context, c *console, s *server.Server, read importer.Read) error {
	counts, faults := sum{}, 0
	for _, r := range read.Refused {
		counts[server.NotTakenIn]++
		faults++
		if err := c.print("%s", shownRefusal(r.At, r.Name, r.Why)); err != nil {
			return err
		}
	}
	taking := s.NewTakingIn(cmd.From, byCommandLine, cmd.DryRun)
	for _, a := range read.Accounts {
		t, err := taking.One(ctx, a)
		if err != nil {
			return fmt.Errorf("%s: %w; what was reported before it is done", reportLine(a.At, a.Name()), err)
		}
		counts[t.Outcome]++
		if !t.Whole() {
			faults++
		}
		if err := report(c, t); err != nil {
			return err
		}
	}
	if err := c.print("%s", counts.words(cmd.DryRun)); err != nil {
		return err
	}
	if faults > 0 {
		return fmt.Errorf("%s not taken in whole; see what was reported", plural(faults, "account was", "accounts were"))
	}
	return nil
}

// report prints a line about an account, and one about each part of it that was left out.
func report(c *console, t server.Taken) error {
	if t.Outcome == server.NotTakenIn {
		return c.print("%s", shownRefusal(t.At, t.Name, t.Why))
	}
	parts := []string{t.At, t.Name, string(t.Outcome)}
	if len(t.Took) > 0 {
		parts = append(parts, strings.Join(t.Took, ", "))
	}
	if err := c.print("%s", reportLine(parts...)); err != nil {
		return err
	}
	for _, l := range t.Left {
		if err := c.print("%s", reportLine(l.At, t.Name, "left out", l.What, l.Why)); err != nil {
			return err
		}
	}
	return nil
}

func shownRefusal(at, name, why string) string {
	if name == "" {
		return reportLine(at, "refused", why)
	}
	return reportLine(at, name, "refused", why)
}

// reportLine is a line of the report. All of it may come from the file: names, and where they stand.
func reportLine(parts ...string) string { return printable(strings.Join(parts, ": ")) }

// printable is a text of another program as a terminal may show it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

func (n sum) words(dry bool) string {
	text := fmt.Sprintf("%s taken in, %d added to, %d taken in before, %d refused",
		plural(n[server.TakenIn], "account", "accounts"), n[server.AddedTo], n[server.TakenThen], n[server.NotTakenIn])
	if dry {
		text += "; a dry run: nothing was changed"
	}
	return text
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

type accountExport struct {
	settingsFlags `embed:""`
	NoSecrets     bool   `help:"Leave out the password's hash and all secrets. What is written cannot be imported then."`
	File          string `arg:"" help:"The file to make; it must not exist."`
}

// Run writes the file, which its owner alone may read, and says what it holds.
func (cmd accountExport) Run(ctx context.Context, c *console) error {
	return cmd.withServer(ctx, c, func(s *server.Server) error {
		f, err := os.OpenFile(cmd.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already; choose another name", cmd.File)
		}
		if err != nil {
			return err
		}
		written, defined, err := s.Export(ctx, f, !cmd.NoSecrets)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return errors.Join(err, os.Remove(cmd.File)) // half of it would pass for all
		}
		if defined > 0 {
			_, _ = fmt.Fprintf(c.stderr, "%s left out: settings define them.\n", plural(defined, "account was", "accounts were"))
		}
		if !cmd.NoSecrets {
			_, _ = fmt.Fprintf(c.stderr, "%s holds the secrets of all accounts as they are: whoever reads it can sign in as anybody. "+
				"Delete it when it was imported.\n", cmd.File)
		}
		return c.print("%s written to %s", plural(written, "account", "accounts"), cmd.File)
	})
}
