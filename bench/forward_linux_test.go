package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// bareVariable makes this binary the bare server that /forward-auth is compared with.
const bareVariable = "BENCH_BARE"

func TestMain(m *testing.M) {
	if os.Getenv(bareVariable) == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("bare: ready on http://%s\n", l.Addr())
	panic(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })))
}

const (
	connections = 32
	// turn is how many requests each of the two servers answers before it is the other's turn.
	turn = 200 * connections
)

// BenchmarkForwardAuth asks the program itself for decisions about a signed-in session at level 2, and a bare net/http
// server, which answers 200 to the same requests, in turn, over 32 connections. Each is a process of its own, so that
// the processor time (x-bare, of the servers alone) has no share of the client's; nobody signs in meanwhile; rate is the requests a second in the
// same manner, of which the client has its share.
func BenchmarkForwardAuth(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "nightlatch")
	build := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-o", program, "./cmd/nightlatch")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the program: %v\n%s", err, out)
	}
	secret := settle(b, dir, program)
	asked := started(b, dir, exec.CommandContext(b.Context(), program, "serve"))
	bare := started(b, dir, exec.CommandContext(b.Context(), os.Args[0]))
	question := questionOf(signedIn(b, "http://"+asked.addr, secret))
	time.Sleep(3 * time.Second) // nobody signs in any more: the threads beside hashes are gone
	asked.connect(b)
	bare.connect(b)
	asked.work(b, question)
	bare.work(b, question)
	var ours, theirs work
	for b.Loop() {
		theirs.add(bare.work(b, question))
		ours.add(asked.work(b, question))
	}
	n := float64(b.N * turn)
	b.ReportMetric(float64(ours.cpu)/float64(theirs.cpu), "x-bare-cpu")
	b.ReportMetric(float64(theirs.wall)/float64(ours.wall), "x-bare-rate")
	b.ReportMetric(float64(theirs.cpu)/n, "bare-cpu-ns")
	b.ReportMetric(float64(ours.cpu)/n, "ours-cpu-ns")
	b.ReportMetric(n/theirs.wall.Seconds(), "bare-req/s")
	b.ReportMetric(n/ours.wall.Seconds(), "ours-req/s")
}

// settle writes settings with one account that has an authenticator app, whose secret it returns.
func settle(b *testing.B, dir, program string) totp.Secret {
	b.Helper()
	hash := exec.CommandContext(b.Context(), program, "password", "hash")
	hash.Env, hash.Stdin = withoutSettings(), strings.NewReader(words)
	hashed, err := hash.Output()
	must(b, err)
	secret := totp.Secret("12345678901234567890")
	text := fmt.Sprintf(`listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.0/8"]
[log]
level = "error"
[[account]]
username = "anna"
groups = ["staff"]
password_hash = %q
totp_secret = %q
[[rule]]
path = "/public/**"
level = 0
[[rule]]
host = "wiki.example.com"
path = "/wiki/**"
level = 2
groups = ["staff"]
`, strings.TrimSpace(string(hashed)), secret.Base32())
	must(b, os.WriteFile(filepath.Join(dir, "nightlatch.toml"), []byte(text), 0o600))
	return secret
}

// process is a server in a process of its own, with the connections to it.
type process struct {
	pid   int
	addr  string
	conns []net.Conn
}

// withoutSettings keeps settings of the surroundings out of the program.
func withoutSettings() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "NIGHTLATCH_") || strings.HasPrefix(e, "PORT=") })
}

// started starts a server, and stops it when the benchmark ends.
func started(b *testing.B, dir string, cmd *exec.Cmd) *process {
	b.Helper()
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(withoutSettings(), bareVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(b, err)
	_, addr, _ := strings.Cut(strings.TrimSpace(line), "http://")
	return &process{pid: cmd.Process.Pid, addr: addr}
}

// signedIn returns the token of a session at level 2.
func signedIn(b *testing.B, origin string, secret totp.Secret) string {
	b.Helper()
	post := func(path, token string, body map[string]string) (answer struct{ Next, Token string }) {
		text, err := json.Marshal(body)
		must(b, err)
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, origin+"/api/v1"+path, bytes.NewReader(text))
		must(b, err)
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		got, err := http.DefaultClient.Do(r)
		must(b, err)
		text, err = io.ReadAll(got.Body)
		must(b, err)
		must(b, got.Body.Close())
		if err := json.Unmarshal(text, &answer); err != nil || answer.Token == "" {
			b.Fatalf("%s: %s %s", path, got.Status, text)
		}
		return answer
	}
	next := post("/sign-in", "", map[string]string{"identifier": anna, "password": words, "transport": "token"})
	code, err := totp.Generator{Secret: secret}.At(time.Now())
	must(b, err)
	next = post("/verifications", next.Token, map[string]string{"kind": "totp", "code": code})
	if next.Next != "done" {
		b.Fatalf("the sign-in is not done: %v", next.Next)
	}
	return next.Token
}

// questionOf is what a proxy asks about a browser's request.
func questionOf(token string) []byte {
	return []byte("GET /forward-auth HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n" +
		"Cookie: theme=dark; nightlatch_session=" + token + "; wiki=5f2e\r\n" +
		"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\n" +
		"X-Forwarded-Host: wiki.example.com\r\nX-Forwarded-Uri: /wiki/page?action=view\r\n\r\n")
}

func (p *process) connect(b *testing.B) {
	b.Helper()
	for range connections {
		var d net.Dialer
		c, err := d.DialContext(b.Context(), "tcp", p.addr)
		must(b, err)
		b.Cleanup(func() { _ = c.Close() })
		p.conns = append(p.conns, c)
	}
}

// work is what answers cost.
type work struct{ cpu, wall time.Duration }

func (w *work) add(more work) { w.cpu, w.wall = w.cpu+more.cpu, w.wall+more.wall }

// work sends a turn of questions and says what that cost the server.
func (p *process) work(b *testing.B, question []byte) work {
	b.Helper()
	before, begun := p.cpu(b), time.Now()
	var all sync.WaitGroup
	failed := make(chan error, connections)
	for _, c := range p.conns {
		all.Go(func() { failed <- converse(c, question, turn/connections) })
	}
	all.Wait()
	wall := time.Since(begun)
	for range connections {
		must(b, <-failed)
	}
	return work{p.cpu(b) - before, wall}
}

// converse asks n times. It reads no more of an answer than it must, to take little of the machine.
func converse(c net.Conn, question []byte, n int) error {
	answer := make([]byte, 4096)
	for range n {
		if _, err := c.Write(question); err != nil {
			return err
		}
		have := 0
		for !bytes.HasSuffix(answer[:have], []byte("\r\n\r\n")) {
			got, err := c.Read(answer[have:])
			if err != nil {
				return err
			}
			have += got
		}
		if !bytes.HasPrefix(answer[:have], []byte("HTTP/1.1 200 OK\r\n")) {
			return fmt.Errorf("the answer is %s", answer[:have])
		}
	}
	return nil
}

// cpu is the processor time that the process has had: its clock of clock_getcpuclockid(3).
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	const processClock = 2
	var at syscall.Timespec
	id := ^p.pid<<3 | processClock
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&at)), 0); errno != 0 {
		b.Fatal(errno)
	}
	return time.Duration(at.Nano())
}
