package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// BenchmarkLoad lets so many clients sign in at once, each again and again, by a password and a counter token's code, and
// asks /forward-auth meanwhile, one question after the other. The program is a process of its own.
//
// sign-ins/s are whole ones; cpu-ms is the program's processor time for one, hash-ms that of its password's hash alone,
// computed here; hashes/s is how many the machine computes with all processors and nothing else, before and after, and x-hashes
// the sign-ins' share of that; peak-MB is the most memory that the program took (RssAnon, looked at every 20 ms), peak-rss-MB that with
// the pages of the program's own file (VmHWM), idle-MB before the load, after-MB a while after it; ask-ms are the median and the slowest hundredth of the questions; busy is how many were told to come again.
func BenchmarkLoad(b *testing.B) {
	program := built(b)
	for _, clients := range []int{16, 200} {
		b.Run(strconv.Itoa(clients), func(b *testing.B) { load(b, program, clients) })
	}
}

func built(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "nightlatch")
	build := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-o", program, "./cmd/nightlatch")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}

func load(b *testing.B, program string, clients int) {
	dir := b.TempDir()
	secret := totp.Secret("12345678901234567890")
	crowd(b, dir, program, secret, clients)
	p := started(b, dir, exec.CommandContext(b.Context(), program, "serve"))
	people := make([]*person, clients)
	for i := range people {
		people[i] = newPerson("http://"+p.addr, "user"+strconv.Itoa(i), secret)
	}
	idle := p.memory(b, "RssAnon")
	people[0].signIn(b.Context()) // what is made once is made
	p.connect(b)
	var asked []time.Duration
	stop := make(chan struct{})
	peak := idle
	var watched sync.WaitGroup
	watched.Go(func() { asked = p.ask(people[0].session, stop) })
	watched.Go(func() {
		for tick := time.Tick(20 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick:
				peak = max(peak, p.memory(b, "RssAnon"))
			}
		}
	})
	var busy atomic.Int64
	n, hashes := 0, hashRate()
	cpu, begun := p.cpu(b), time.Now()
	for b.Loop() {
		var all sync.WaitGroup
		for _, one := range people {
			all.Go(func() {
				for range max(1, 320/clients) {
					for one.signIn(b.Context()) == http.StatusServiceUnavailable {
						busy.Add(1)
					}
				}
			})
		}
		all.Wait()
		n += clients * max(1, 320/clients)
	}
	wall, spent := time.Since(begun), p.cpu(b)-cpu
	close(stop)
	watched.Wait()
	for _, one := range people {
		must(b, one.failed)
	}
	hashes = (hashes + hashRate()) / 2
	slices.Sort(asked)
	b.ReportMetric(float64(n)/wall.Seconds(), "sign-ins/s")
	b.ReportMetric(hashes, "hashes/s")
	b.ReportMetric(float64(n)/wall.Seconds()/hashes, "x-hashes")
	b.ReportMetric(spent.Seconds()*1000/float64(n), "cpu-ms")
	b.ReportMetric(hashTime(b), "hash-ms")
	b.ReportMetric(idle, "idle-MB")
	b.ReportMetric(peak, "peak-MB")
	b.ReportMetric(p.memory(b, "VmHWM"), "peak-rss-MB")
	b.ReportMetric(float64(busy.Load()), "busy")
	if len(asked) > 0 {
		b.ReportMetric(asked[len(asked)/2].Seconds()*1000, "ask-median-ms")
		b.ReportMetric(asked[len(asked)*99/100].Seconds()*1000, "ask-99-ms")
	}
	if os.Getenv("BENCH_AFTER") != "" {
		time.Sleep(40 * time.Second)
		b.ReportMetric(p.memory(b, "RssAnon"), "after-MB")
	}
}

// hashTime is the processor time of one hash, in milliseconds: the best of several, since others use the machine.
func hashTime(b *testing.B) float64 {
	b.Helper()
	best := time.Hour
	self := &process{pid: os.Getpid()}
	for range 10 {
		before := self.cpu(b)
		argon2.IDKey([]byte(words), []byte("somesaltsomesalt"), 2, 19*1024, 1, 32)
		best = min(best, self.cpu(b)-before)
	}
	return best.Seconds() * 1000
}

// hashRate is how many hashes a second all processors compute together.
func hashRate() float64 {
	const each = 40
	var all sync.WaitGroup
	begun := time.Now()
	for range runtime.NumCPU() {
		all.Go(func() {
			for range each {
				argon2.IDKey([]byte(words), []byte("somesaltsomesalt"), 2, 19*1024, 1, 32)
			}
		})
	}
	all.Wait()
	return float64(each*runtime.NumCPU()) / time.Since(begun).Seconds()
}

// crowd makes accounts that have the same password and a counter token each.
func crowd(b *testing.B, dir, program string, secret totp.Secret, n int) {
	b.Helper()
	run := func(stdin string, args ...string) string {
		cmd := exec.CommandContext(b.Context(), program, args...)
		cmd.Dir, cmd.Env, cmd.Stdin = dir, withoutSettings(), strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	hash := run(words, "password", "hash")
	must(b, os.WriteFile(filepath.Join(dir, "nightlatch.toml"),
		[]byte("listen = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n[log]\nlevel = \"error\"\n"), 0o600))
	table := bytes.NewBufferString("username,email,password_hash,groups,kind,label,secret,algorithm,digits,period,counter\n")
	for i := range n {
		fmt.Fprintf(table, "user%d,,%q,,hotp,token,%s,SHA1,6,,0\n", i, hash, secret.Base32())
	}
	must(b, os.WriteFile(filepath.Join(dir, "people.csv"), table.Bytes(), 0o600))
	run("", "account", "import", "--from", "csv", "people.csv")
}

// person signs in again and again.
type person struct {
	origin, name string
	secret       totp.Secret
	counter      uint64
	client       *http.Client
	session      string
	failed       error
}

func newPerson(origin, name string, secret totp.Secret) *person {
	return &person{origin: origin, name: name, secret: secret, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
}

// signIn does it once, and returns the status of the last answer.
func (p *person) signIn(ctx context.Context) int {
	token, status := p.post(ctx, "/sign-in", "", map[string]string{"identifier": p.name, "password": words, "transport": "token"})
	if status != http.StatusOK {
		return status
	}
	code, err := totp.Generator{Secret: p.secret}.Code(p.counter)
	p.counter++
	if err != nil {
		p.failed = err
	}
	p.session, status = p.post(ctx, "/verifications", token, map[string]string{"kind": "hotp", "code": code})
	if status != http.StatusOK && p.failed == nil {
		p.failed = fmt.Errorf("a second step of %s: status %d", p.name, status)
	}
	return status
}

func (p *person) post(ctx context.Context, path, token string, body map[string]string) (next string, status int) {
	text, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.origin+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		p.failed = err
		return "", 0
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	got, err := p.client.Do(r)
	if err != nil {
		p.failed = err
		return "", 0
	}
	defer func() { _ = got.Body.Close() }()
	var answer struct{ Token string }
	if err := json.NewDecoder(got.Body).Decode(&answer); err != nil {
		p.failed = err
	}
	if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusServiceUnavailable && p.failed == nil {
		p.failed = fmt.Errorf("%s of %s: status %d", path, p.name, got.StatusCode)
	}
	return answer.Token, got.StatusCode
}

// ask asks about a session until it is told to stop, and says how long each answer took.
func (p *process) ask(session string, stop <-chan struct{}) (took []time.Duration) {
	question, answer := questionOf(session), make([]byte, 8192)
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil
	}
	defer func() { _ = c.Close() }()
	for {
		select {
		case <-stop:
			return took
		case <-time.After(5 * time.Millisecond):
		}
		begun := time.Now()
		if _, err := c.Write(question); err != nil {
			return took
		}
		if _, err := c.Read(answer); err != nil { // an answer is one packet
			return took
		}
		took = append(took, time.Since(begun))
	}
}

// memory is a line of /proc/PID/status, in MB of a million bytes.
func (p *process) memory(b *testing.B, line string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	must(b, err)
	_, rest, _ := strings.Cut(string(text), line+":")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	must(b, err)
	return float64(kib) * 1024 / 1e6
}
