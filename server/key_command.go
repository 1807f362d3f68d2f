package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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
	words := commandWords(command)
	if len(words) == 0 {
		return nil, errors.New("key_command: it names no program")
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stdout, stderr := &limitedBuffer{most: keyMost}, &limitedBuffer{most: 4 << 10}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // the operator says what to run
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second // what the command has started may hold its output open
	err := cmd.Run()
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

// commandWords is how a command is run: as it is where it is plain words, since the image that we ship has no shell, and
// by the shell where it is more, as everybody expects.
func commandWords(command string) []string {
	special := "|&;<>()$`*?[]{}#!~='\"\n"
	if os.PathSeparator != '\\' {
		special += `\`
	}
	if strings.ContainsAny(command, special) {
		return []string{"sh", "-c", command}
	}
	return strings.Fields(command)
}
