package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/server"
)

// reasoned is a command about one account that somebody else hears the reason of.
type reasoned struct {
	named  `embed:""`
	Reason string `required:"" placeholder:"TEXT" help:"Why; it stands in the trail, and in the mail to the owner."`
}

// give runs what makes a code, and prints it, once: all of standard output.
func (cmd reasoned) give(ctx context.Context, c *console, hint string,
	produce func(s *server.Server, a server.Account) (code string, until time.Time, err error),
) error {
	if strings.TrimSpace(cmd.Reason) == "" {
		return misuse("--reason is empty")
	}
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		code, until, err := produce(s, a)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(c.stderr, "Good once, until %s, after the password, %s:\n", until.Format(time.RFC3339), hint)
		return c.print("%s", code)
	})
}

type accountReset struct {
	reasoned `embed:""`
}

// Run resets the account and prints the code, once.
func (cmd accountReset) Run(ctx context.Context, c *console) error {
	return cmd.give(ctx, c, "to enroll anew", func(s *server.Server, a server.Account) (string, time.Time, error) {
		return s.Reset(ctx, a, byCommandLine, cmd.Reason)
	})
}

type accountCode struct {
	reasoned `embed:""`
}

// Run prints a one-time code, once.
func (cmd accountCode) Run(ctx context.Context, c *console) error {
	return cmd.give(ctx, c, "as a recovery code", func(s *server.Server, a server.Account) (string, time.Time, error) {
		return s.GiveCode(ctx, a, byCommandLine, cmd.Reason)
	})
}

type accountEnd struct {
	named `embed:""`
}

// Run ends the sessions.
func (cmd accountEnd) Run(ctx context.Context, c *console) error {
	return cmd.run(ctx, c, func(s *server.Server, a server.Account) error {
		return s.EndSessions(ctx, a, byCommandLine)
	})
}
