package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take before a test gives up. It is long, because machines may be busy; what is
// waited for is looked at all the time.
const patience = 60 * time.Second

// serve starts the program with a database of its own and returns its origin. It is stopped when the test ends.
// settings are variables without their prefix: "POLICY_REQUIRE=required".
func serve(t *testing.T, settings ...string) (origin string) {
	t.Helper()
	return serveAt(t, t.TempDir(), settings...)
}

// serveAt is serve with its data in a directory.
func serveAt(t *testing.T, dir string, settings ...string) (origin string) {
	t.Helper()
	return launch(t, []string{"--demo", "--listen", "localhost:0", "--data-dir", dir}, settings...)
}

// launch is serve with flags.
func launch(t *testing.T, flags []string, settings ...string) (origin string) {
	t.Helper()
	cmd := exec.Command(built, append([]string{"serve"}, flags...)...)
	cmd.Dir = t.TempDir() // where no settings lie
	cmd.Env = withoutSettings(os.Environ())
	for _, s := range append(databaseOf(t, flags), settings...) {
		cmd.Env = append(cmd.Env, "NIGHTLATCH_"+s)
	}
	endWithUs(cmd)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 8)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() { stop(t, cmd, lines, &said) })
	select {
	case line := <-lines:
		origin, ok := strings.CutPrefix(line, "nightlatch: ready on ")
		if !ok {
			t.Fatalf("the first line of standard output is %q", line)
		}
		return origin
	case <-time.After(patience):
		t.Fatal("the program did not get ready")
	}
	return ""
}

// command runs a command beside the server, as an operator does, without settings of the surroundings.
func command(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(built, args...)
	cmd.Env = withoutSettings(os.Environ())
	for _, s := range databaseOf(t, args) {
		cmd.Env = append(cmd.Env, "NIGHTLATCH_"+s)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// stop ends the program as an operator does, and looks that it ended well and printed no second line.
func stop(t *testing.T, cmd *exec.Cmd, lines <-chan string, said io.Reader) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for line := range lines { // ends with the program, and before Wait, which closes the pipe
		t.Errorf("a line more on standard output: %q", line)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with: %v", err)
	}
	if t.Failed() {
		log, _ := io.ReadAll(said)
		t.Logf("standard error of the program:\n%s", log)
	}
}

// withoutSettings keeps settings of the surroundings out of the program.
func withoutSettings(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, "NIGHTLATCH_") && !strings.HasPrefix(e, "PORT=") {
			kept = append(kept, e)
		}
	}
	return kept
}
