package torture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// build makes the program as it is released, without the race detector, whatever the tests have.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "nightlatch")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./cmd/nightlatch")
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}

// node is a program that serves, is killed, and is started again.
type node struct {
	name    string
	dir     string // its working directory, with its settings
	program string

	mu    sync.Mutex
	url   string // "": it is down
	log   bytes.Buffer
	run   *exec.Cmd
	ended chan struct{} // closed when the process has ended
}

// address is where it listens, or "" while it is down.
func (n *node) address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.url
}

// said is the end of what it has logged.
func (n *node) said() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := n.log.String()
	return n.name + " said at last: " + text[max(0, len(text)-2000):]
}

// Write takes what the process logs.
func (n *node) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(p)
}

const (
	ready    = "nightlatch: ready on "
	patience = 2 * time.Minute // of tests for a process, however busy the machine is
)

// start starts it and waits until it is ready.
func (n *node) start() error {
	cmd := exec.Command(n.program, "serve", "--listen", "localhost:0") //nolint:gosec,noctx // its end is ours
	cmd.Dir, cmd.Env, cmd.Stderr = n.dir, plainEnv(), n
	endWithUs(cmd)
	first := make(chan string, 1)
	out := &firstLine{to: first}
	cmd.Stdout = out
	ended, started := make(chan struct{}), make(chan error, 1)
	go func() { // a thread of its own, with which the process ends
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	n.mu.Lock()
	n.run, n.ended = cmd, ended
	n.mu.Unlock()
	select {
	case line := <-first:
		url, ok := strings.CutPrefix(line, ready)
		if !ok {
			return fmt.Errorf("%s: the first line is %q", n.name, line)
		}
		n.mu.Lock()
		n.url = url
		n.mu.Unlock()
		return nil
	case <-ended:
		return fmt.Errorf("%s has ended by itself\n%s", n.name, n.said())
	case <-time.After(patience):
		return fmt.Errorf("%s is not ready\n%s", n.name, n.said())
	}
}

// kill ends it as a power failure does. It is an error if it had ended by itself.
func (n *node) kill() error { return n.end((*os.Process).Kill) }

// stop ends it as an operator does.
func (n *node) stop() error {
	return n.end(func(p *os.Process) error { return p.Signal(os.Interrupt) })
}

func (n *node) end(how func(*os.Process) error) error {
	n.mu.Lock()
	cmd, ended := n.run, n.ended
	n.run, n.url = nil, ""
	n.mu.Unlock()
	if cmd == nil {
		return nil
	}
	select {
	case <-ended:
		return fmt.Errorf("%s had ended by itself\n%s", n.name, n.said())
	default:
	}
	if err := how(cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s does not end\n%s", n.name, n.said())
	}
}

// plainEnv is an environment without any setting.
func plainEnv() []string { return []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()} }

// firstLine sends on the first line that is written to it.
type firstLine struct {
	text bytes.Buffer
	to   chan string
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.to != nil {
		f.text.Write(p)
		if line, _, whole := strings.Cut(f.text.String(), "\n"); whole {
			f.to <- line
			f.to = nil
		}
	}
	return len(p), nil
}
