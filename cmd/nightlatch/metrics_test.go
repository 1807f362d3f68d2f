package main

import (
	"errors"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// metricsAt waits until a server has said where it serves metrics.
func metricsAt(t *testing.T, p *process) string {
	t.Helper()
	says := regexp.MustCompile(`msg="serving metrics" listen=(\S+)`)
	for deadline := time.After(time.Minute); ; {
		text, more := p.stderr.now()
		if found := says.FindStringSubmatch(text); found != nil {
			return found[1]
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("it serves no metrics: %s", text)
		}
	}
}

// TestMetricsListen: metrics are on a listener of their own, and on no other one, and end with the server.
func TestMetricsListen(t *testing.T) {
	t.Parallel()
	p, err := startServer(t.TempDir(), []string{"NIGHTLATCH_METRICS_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	at := metricsAt(t, p)
	get := func(url string, want int) string {
		t.Helper()
		status, text, err := newBrowser(url).send(t.Context(), "GET", "/metrics", "")
		if err != nil || status != want {
			t.Errorf("GET %s/metrics: %d %v", url, status, err)
		}
		return string(text)
	}
	if text := get("http://"+at, 200); !strings.Contains(text, "nightlatch_build_info{") || !strings.Contains(text, "go_goroutines") {
		t.Errorf("metrics = %.500s", text)
	}
	get(p.url, 404)
	if status, _, err := newBrowser("http://"+at).send(t.Context(), "GET", "/healthz", ""); err != nil || status != 404 {
		t.Errorf("the public pages are at the metrics' listener: %d %v", status, err)
	}

	cmd := exec.CommandContext(t.Context(), "nightlatch", "serve", "--listen", "localhost:0")
	cmd.Dir, cmd.Env = t.TempDir(), append(plainEnv(), "NIGHTLATCH_METRICS_LISTEN="+at)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), "nightlatch: serve: listen for metrics on "+at+": ") {
		t.Errorf("with an address that is taken: %v %s", err, out)
	}

	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", at); err == nil {
		_ = conn.Close()
		t.Error("metrics are served after the server's end")
	}
}
