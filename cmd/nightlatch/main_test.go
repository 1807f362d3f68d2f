package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nightlatch": main})
}

// TestScripts runs testdata/script/*.txtar, each of which is a dialogue with the program.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                scriptCommands,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PORT", "")      // the machine's own is not meant
			e.Setenv("NEWLINE", "\n") // a script cannot write one in an argument
			e.Setenv(quickExit())
			e.Values[worldKey{}] = new(world)
			return nil
		},
	})
}

// quickExit keeps a process that was built with the race detector from sleeping a second before it ends.
func quickExit() (name, value string) { return "GORACE", "atexit_sleep_ms=0" }

// status N COMMAND… runs a command of nightlatch and demands the exit status N. Its output can be matched with
// stdout and stderr of the script's own files out and err.
func status(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: status N ARGUMENT…")
	}
	var out, err bytes.Buffer
	got := run(context.Background(), args[1:], strings.NewReader(""), &out, &err, []string{})
	ts.Logf("[stdout]\n%s[stderr]\n%s", out.String(), err.String())
	ts.Check(os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), err.Bytes(), 0o600))
	if want := args[0]; string('0'+rune(got)) != want {
		ts.Fatalf("nightlatch %s: status %d, want %s", strings.Join(args[1:], " "), got, want)
	}
	if got != 0 && strings.Count(err.String(), "\n") != 1 {
		ts.Fatalf("an error is one line, this is none:\n%s", err.String())
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestAnswerThatCannotBeWritten: a secret that nobody saw was not printed.
func TestAnswerThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"version", "otp secret", "config", "config --json", "otp code --secret GEZDGNBVGY3TQOJQ", "otp qr --png - otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ"} {
		var err bytes.Buffer
		if got := run(t.Context(), strings.Fields(args), strings.NewReader(""), full{}, &err, nil); got != 1 {
			t.Errorf("%s: status %d, want 1", args, got)
		}
		if !strings.Contains(err.String(), "no space left on device") {
			t.Errorf("%s: the error is %q", args, err.String())
		}
	}
}

// TestFirstLine: one line end goes, and nothing else.
func TestFirstLine(t *testing.T) {
	t.Parallel()
	tests := map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a", " a \nb": " a ", "\n": "", "a\r": "a\r", "\r\n": ""}
	for in, want := range tests {
		if got, err := firstLine(strings.NewReader(in)); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", strings.Repeat("a", maxLine+1), strings.Repeat("a", maxLine) + "\n"} {
		if got, err := firstLine(strings.NewReader(in)); err == nil {
			t.Errorf("%d bytes: %d bytes, want an error", len(in), len(got))
		}
	}
}
