package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a nightlatch of its own that serves.
type process struct {
	cmd            *exec.Cmd
	url            string
	stdout, stderr *lines
	ended          chan error
}

// lines is what a process writes, and who waits for some of it.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

func (l *lines) String() string {
	text, _ := l.now()
	return text
}

func (l *lines) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

const ready = "nightlatch: ready on "

// startServer runs "nightlatch serve" in dir until it is ready, on a port that is free unless args or env say another.
func startServer(dir string, env []string, args ...string) (*process, error) {
	told := slices.ContainsFunc(append(args, env...), func(s string) bool {
		return s == "--listen" || strings.HasPrefix(s, "PORT=") || strings.HasPrefix(s, "NIGHTLATCH_LISTEN=")
	})
	if !told {
		args = append(args, "--listen", "localhost:0")
	}
	return startCommand(dir, env, exec.Command("nightlatch", append([]string{"serve"}, args...)...))
}

func startCommand(dir string, env []string, cmd *exec.Cmd) (*process, error) {
	p := &process{
		cmd: cmd, stdout: &lines{more: make(chan struct{})}, stderr: &lines{more: make(chan struct{})}, ended: make(chan error, 1),
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, p.stdout, p.stderr
	cmd.Env = append(plainEnv(), env...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- cmd.Wait() }()
	deadline := time.After(time.Minute)
	for {
		text, more := p.stdout.now()
		if line, _, whole := strings.Cut(text, "\n"); whole {
			p.url = strings.TrimPrefix(line, ready)
			if p.url == line {
				return p, fmt.Errorf("the first line is %q", line)
			}
			return p, nil
		}
		select {
		case <-more:
		case err := <-p.ended:
			p.ended <- err
			return p, fmt.Errorf("it has ended: %v: %s", err, p.stderr)
		case <-deadline:
			return p, fmt.Errorf("it is not ready: %s", p.stderr)
		}
	}
}

// plainEnv is an environment without any setting.
func plainEnv() []string {
	race, value := quickExit()
	return []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"), race + "=" + value}
}

// stop ends the process as an operator does, and says what is not as it should be.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := <-p.ended
	p.ended <- err
	if err != nil {
		return fmt.Errorf("after SIGTERM: %w: %s", err, p.stderr)
	}
	if text := p.stdout.String(); text != ready+p.url+"\n" {
		return fmt.Errorf("standard output is more than one line: %q", text)
	}
	return nil
}

// kill ends it as a power failure does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	err := <-p.ended
	p.ended <- err
}

// browser is a client that keeps cookies.
type browser struct {
	url  string
	http *http.Client
}

func newBrowser(url string) *browser {
	jar, _ := cookiejar.New(nil) // does not fail
	return &browser{url: url, http: &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// send sends a request of which body, unless it is empty, is JSON.
func (b *browser) send(ctx context.Context, method, path, body string) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, b.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// api sends a request of the API and reads the answer.
func (b *browser) api(ctx context.Context, method, path string, body any) (status int, answer map[string]any, err error) {
	sent := ""
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		sent = string(text)
	}
	status, text, err := b.send(ctx, method, "/api/v1"+path, sent)
	if err == nil && len(text) > 0 && text[0] == '{' {
		err = json.Unmarshal(text, &answer)
	}
	return status, answer, err
}
