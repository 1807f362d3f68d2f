package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
)

// commandWithin is how long key_command may take.
const commandWithin = 30 * time.Second

// keyMost is more than any ring is long.
const keyMost = 1 << 20

// keyFromCommand runs the operator's command, by which a key management service can hand the ring out. Its output is the
// ring and nothing else, and stands in no error; what it says on standard error does, since that tells what is wrong.
func keyFromCommand(ctx context.Context, command string, within time.Duration) (*nightlatch.KeyRing, error) {
	words, err := commandWords(command)
	if err != nil {
		return nil, fmt.Errorf("key_command: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stdout, stderr := &limitedBuffer{most: keyMost}, &limitedBuffer{most: 4 << 10}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // the operator says what to run
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second // what the command has started may hold its output open
	err = cmd.Run()
	defer clear(stdout.kept.Bytes())
	switch said := strings.TrimSpace(stderr.kept.String()); {
	case ctx.Err() != nil && err != nil:
		return nil, fmt.Errorf("key_command: it was not done within %v: %.200s", within, said)
	case err != nil && said != "":
		return nil, fmt.Errorf("key_command: %w: %.200s", err, said)
	case err != nil:
		return nil, fmt.Errorf("key_command: %w", err)
	case stdout.over:
		return nil, errors.New("the output of key_command is longer than 1 MiB")
	}
	return named("the output of key_command")(nightlatch.ParseKeyRing(stdout.kept.Bytes()))
}

// limitedBuffer keeps the first bytes. What it is made of is hidden: a bytes.Buffer would read all there is by itself.
type limitedBuffer struct {
	kept bytes.Buffer
	most int
	over bool
}

// Write keeps what fits, and takes all, so that the command goes on.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	fits := p[:min(len(p), b.most-b.kept.Len())]
	b.over = b.over || len(fits) < len(p)
	_, _ = b.kept.Write(fits)
	return len(p), nil
}

// commandWords splits a command at its white space; what stands in '…' or "…" is taken as it is. No shell runs it, so what
// a shell would do something with is refused and not passed on as if it were meant so.
func commandWords(command string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	begun := false
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		case r == '~' && !begun, strings.ContainsRune("|&;<>()$`*?[]{}#!", r):
			return nil, fmt.Errorf("%q means something to a shell, and none runs it: put it into quotes, or the whole into sh -c '…'", r)
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c is not closed", quote)
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("it names no program")
	}
	return words, nil
}
