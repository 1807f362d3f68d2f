package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxLine is the longest line that is read, in bytes; an otpauth: URI may have 16 KiB.
const maxLine = 32 << 10

// askSecret reads one line that nobody should see: from the terminal without echo, after the question, or else the
// first line of standard input. Its line end is removed and nothing else. It fails when there is no line.
func (c *console) askSecret(ctx context.Context, question string) (string, error) {
	if f, ok := c.terminal(); ok {
		return c.askTerminal(ctx, f, question)
	}
	return firstLine(c.stdin)
}

// askNewSecret is askSecret, twice at a terminal, where nobody sees a slip.
func (c *console) askNewSecret(ctx context.Context, question string) (string, error) {
	first, err := c.askSecret(ctx, question)
	if err != nil {
		return "", err
	}
	if _, ok := c.terminal(); !ok {
		return first, nil
	}
	again, err := c.askSecret(ctx, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two are not the same; try again")
	}
	return first, nil
}

// terminal is standard input, if a person sits there.
func (c *console) terminal() (*os.File, bool) {
	f, ok := c.stdin.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// askTerminal asks on standard error, so that standard output holds the answer alone.
func (c *console) askTerminal(ctx context.Context, f *os.File, question string) (string, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask at the terminal: %w", err)
	}
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	_, _ = fmt.Fprint(c.stderr, question)
	go func() {
		line, err := term.ReadPassword(fd)
		answers <- answer{line, err}
	}()
	select {
	case a := <-answers:
		_, _ = fmt.Fprintln(c.stderr)
		if a.err != nil {
			return "", fmt.Errorf("read from the terminal: %w", a.err)
		}
		return string(a.line), nil
	case <-ctx.Done(): // Ctrl-C: the echo must come back before the program ends
		_ = term.Restore(fd, before)
		_, _ = fmt.Fprintln(c.stderr)
		return "", errors.New("broken off")
	}
}

// firstLine reads up to the first line end, which may be missing.
func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine+1)).ReadString('\n')
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", fmt.Errorf("read standard input: %w", err)
	case len(line) > maxLine:
		return "", fmt.Errorf("the line on standard input is longer than %d bytes", maxLine)
	case line == "":
		return "", errors.New("standard input is empty")
	}
	if text, ended := strings.CutSuffix(line, "\n"); ended {
		return strings.TrimSuffix(text, "\r"), nil
	}
	return line, nil
}
