// Command nightlatch is the server, and the tools of its operator.
//
// Each group of commands has a file. A command is a struct: its fields are its flags and arguments, its Run method
// does it. Exit status: 0 done, 1 it failed or the answer is no, 2 wrong usage or settings.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // rules name time zones, and small containers have no database of them

	"github.com/alecthomas/kong"

	"github.com/nightlatch/nightlatch/server/settings"
)

// commands is everything that the program does.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run the server."`
	Account  accountCommands `cmd:"" help:"Make, show and change accounts. No server needs to run."`
	Config   configCommand   `cmd:"" help:"Show every setting, its value, and where it came from."`
	Events   eventsCommands  `cmd:"" help:"Show and verify the trails of what happened. No server needs to run."`
	Key      keyCommands     `cmd:"" help:"List, make and rotate the keys that seal what is secret."`
	Policy   policyCommands  `cmd:"" help:"Which rule decides about an address; whom the policy stops."`
	Doctor   doctorCommand   `cmd:"" help:"Look for what is wrong, and say what to do about it."`
	Backup   backupCommand   `cmd:"" help:"Write a copy of a SQLite database to a file. A server may run."`
	Restore  restoreCommand  `cmd:"" help:"Put a backup back, and end what it cannot know to be over. No server may run."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database up to date, as serve does."`
	OTP      otpCommands     `cmd:"" name:"otp" help:"Make and verify one-time codes, otpauth: URIs and QR codes."`
	Password passwordCommand `cmd:"" help:"Hash a password for settings and imports."`
	Version  versionCommand  `cmd:"" help:"Show the version."`
}

// console is the world around a command.
type console struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            []string // as os.Environ
	now            func() time.Time
	random         io.Reader
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(status)
}

// run does one command and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	c := &console{stdin: stdin, stdout: stdout, stderr: stderr, env: env, now: time.Now, random: rand.Reader}
	helped := false // --help was answered; kong goes on parsing all the same
	parser, err := kong.New(new(commands),
		kong.Name("nightlatch"),
		kong.Description("The second lock on a sign-in: two-factor authentication for people and applications."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
	if err != nil {
		return c.report("usage", err)
	}
	parsed, err := parser.Parse(asked(args))
	switch {
	case helped:
		return 0
	case err != nil:
		why := strings.Replace(err.Error(), ` but got "EOL" (<EOL>)`, "", 1) // a flag without its value
		return c.report("usage", misuse("%s; see nightlatch --help", why))
	}
	return c.report(commandName(parsed), parsed.Run())
}

// asked turns "help otp code", which many people type first, into "otp code --help".
func asked(args []string) []string {
	if len(args) == 0 || args[0] != "help" {
		return args
	}
	return append(slices.Clone(args[1:]), "--help")
}

// commandName is "otp code" without the names of its arguments.
func commandName(parsed *kong.Context) string {
	name, _, _ := strings.Cut(parsed.Command(), " <")
	return name
}

// usageError is an error for which the user's input is to blame: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// report writes an error as one line, "nightlatch: WHAT: WHY", or each fault of the settings as one, and returns
// the exit status.
func (c *console) report(what string, err error) int {
	if err == nil {
		return 0
	}
	if faults := settings.Faults(nil); errors.As(err, &faults) {
		for _, fault := range faults {
			c.complain(fault.String())
		}
		return 2
	}
	c.complain(what + ": " + err.Error())
	if errors.As(err, &usageError{}) {
		return 2
	}
	return 1
}

func (c *console) complain(line string) {
	// With standard error gone there is nobody left to tell.
	_, _ = fmt.Fprintln(c.stderr, "nightlatch: "+strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// print writes a line to standard output. It fails when that cannot be written, say to a full disk.
func (c *console) print(format string, args ...any) error {
	if _, err := fmt.Fprintf(c.stdout, format+"\n", args...); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
