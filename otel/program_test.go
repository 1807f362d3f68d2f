package otel

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProgram builds the program with traces and runs it: its traces reach who takes them, the last ones at its end.
func TestProgram(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "nightlatch-otel")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "otel", "-overlay", "otel/overlay.json", "-o", program, "./cmd/nightlatch")
	build.Dir, build.Env = root, append(os.Environ(), "GOWORK="+filepath.Join(root, "otel", "go.work"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	r := newReceiver(t)
	cmd := exec.CommandContext(t.Context(), program, "serve", "--listen", "localhost:0")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "OTEL_EXPORTER_OTLP_ENDPOINT=" + r.URL, "OTEL_SERVICE_NAME=the-lock"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "nightlatch: ready on ")
	if err != nil || !ok {
		t.Fatal(line, err)
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(r.named("GET /readyz")) != 1 || !strings.Contains(r.all.String(), "the-lock") {
		t.Errorf("traces = %.1000s", r.all.String())
	}
}
