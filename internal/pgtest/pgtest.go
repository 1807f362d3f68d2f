// Package pgtest gives tests a real PostgreSQL: a cluster of the installed programs in a directory of its own, without a
// port, that ends with the test's process.
//
// It links no driver. A test that uses it imports one of the name "pgx". Nothing but tests uses it.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Chosen says whether the environment asks for the tests to run on PostgreSQL, those that run on one database:
// NIGHTLATCH_TEST_DATABASE=postgres.
func Chosen() bool { return os.Getenv("NIGHTLATCH_TEST_DATABASE") == "postgres" }

// Main runs the tests of a package, as TestMain does, and ends the cluster if there was one:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	status := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster != nil {
		shared.cluster.remove()
	}
	return status
}

// shared is the cluster of all tests of a process, with the databases that others are copies of.
var shared struct {
	mu        sync.Mutex
	cluster   *Cluster
	err       error
	templates map[string]error
	number    atomic.Int64
}

// Database makes an empty database for a test, and returns its URL. Where PostgreSQL is not installed, the test is
// skipped, or fails where nothing may be skipped.
func Database(t testing.TB) string {
	t.Helper()
	return common(t).database(t, "template0")
}

// Copy makes a database for a test like one that prepare has filled once for all tests of the process, which name tells from
// others, and returns its URL.
func Copy(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	c := common(t)
	shared.mu.Lock()
	err, ok := shared.templates[name]
	if !ok {
		err = c.command("CREATE DATABASE " + name + " TEMPLATE template0")
		if err == nil {
			err = prepare(c.URL(name))
		}
		if shared.templates == nil {
			shared.templates = map[string]error{}
		}
		shared.templates[name] = err
	}
	shared.mu.Unlock()
	if err != nil {
		t.Fatalf("the database %s, which others are copies of: %v", name, err)
	}
	return c.database(t, name)
}

// common is the cluster of the process, started by the first test that needs it.
func common(t testing.TB) *Cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = start()
	}
	if shared.err != nil {
		lacking(t, shared.err)
	}
	return shared.cluster
}

// errMissing: PostgreSQL is not installed.
var errMissing = errors.New("PostgreSQL is not installed: initdb and postgres are neither in PATH nor in /usr/lib/postgresql/*/bin")

func lacking(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, errMissing) || os.Getenv("CI") != "" || os.Getenv("NIGHTLATCH_NO_SKIP") != "" {
		t.Fatal(err)
	}
	t.Skipf("SKIPPED: %v", err)
}

// Cluster is a PostgreSQL of one test.
type Cluster struct {
	dir     string
	bin     string
	options []string
	server  *process
	admin   *sql.DB
}

// New starts a cluster for one test alone, which may stop, kill and start it, and ends it with the test. What is committed
// in it survives its death, though not the machine's. options are settings of the server, "name=value".
func New(t testing.TB, options ...string) *Cluster {
	t.Helper()
	c, err := start(append([]string{"synchronous_commit=on"}, options...)...)
	if err != nil {
		lacking(t, err)
	}
	t.Cleanup(c.remove)
	return c
}

// URL is that of one of its databases; "postgres" is there from the beginning.
func (c *Cluster) URL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {c.dir}, "user": {user}, "sslmode": {"disable"}}.Encode()
}

const user = "test"

func start(options ...string) (*Cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	removeStale()
	// Not the test's own directory: that is the caller's alone, and the path of a socket has no more than 107 bytes.
	dir, err := os.MkdirTemp("/tmp", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, bin: bin, options: options}
	if err = c.create(); err == nil {
		err = c.Start()
	}
	if err == nil {
		c.admin, err = sql.Open("pgx", c.URL("postgres"))
	}
	if err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// programs is the directory with initdb and postgres.
func programs() (string, error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(installed) // the newest first
	for _, dir := range append(installed, dirs...) {
		_, noInitdb := exec.LookPath(filepath.Join(dir, "initdb"))
		_, noServer := exec.LookPath(filepath.Join(dir, "postgres"))
		if noInitdb == nil && noServer == nil {
			return dir, nil
		}
	}
	return "", errMissing
}

// create makes the files of the cluster.
func (c *Cluster) create() error {
	if err := giveAway(c.dir); err != nil {
		return err
	}
	p, err := c.run("initdb", "-D", c.data(), "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	return p.wait()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Start starts the server, and waits until it answers.
func (c *Cluster) Start() error {
	args := []string{"-D", c.data(), "-k", c.dir, "-h", "", "-p", "5432", "-F"}
	for _, option := range append([]string{
		"synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB", "autovacuum=off",
		"wal_level=minimal", "max_wal_senders=0", "log_min_messages=fatal",
	}, c.options...) {
		args = append(args, "-c", option)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c.server == nil {
			p, err := c.run("postgres", args...)
			if err != nil {
				return err
			}
			c.server = p
		}
		err := c.answers()
		late := time.Now().After(end)
		switch {
		case err == nil:
			return nil
		case late && c.server.ended():
			return c.server.wait()
		case late:
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case c.server.ended():
			c.server = nil // the children of one that was killed live a moment longer, and keep its memory
		}
	}
}

func (c *Cluster) answers() error {
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.PingContext(context.Background())
}

// Stop ends the server as its administrator would: all connections are closed at once.
func (c *Cluster) Stop() error { return c.end(os.Interrupt) }

// Kill ends it without warning.
func (c *Cluster) Kill() error { return c.end(os.Kill) }

func (c *Cluster) end(how os.Signal) error {
	if c.server == nil {
		return nil
	}
	p := c.server
	c.server = nil
	return p.end(how)
}

// remove ends it and takes its files away.
func (c *Cluster) remove() {
	if c.admin != nil {
		_ = c.admin.Close()
	}
	_ = c.Stop()
	_ = os.RemoveAll(c.dir)
}

// database makes one as a copy, which goes with the test.
func (c *Cluster) database(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("t%d", shared.number.Add(1))
	if err := c.command("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.command("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return c.URL(name)
}

func (c *Cluster) command(text string) error {
	_, err := c.admin.ExecContext(context.Background(), text)
	return err
}

// process is a program that is running. Its output is kept, for when it fails.
type process struct {
	cmd  *exec.Cmd
	out  *strings.Builder
	done chan struct{}
	err  error // once it is done
}

// run starts a program of the cluster in a thread that lives as long as it: where the system lets a child die with its
// parent, the parent is that thread.
func (c *Cluster) run(program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(filepath.Join(c.bin, program), args...), out: new(strings.Builder), done: make(chan struct{})} //nolint:gosec,noctx // its end is ours
	p.cmd.Dir, p.cmd.Env = c.dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + c.dir}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p.out, p.out, time.Second
	if err := asOther(p.cmd); err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	return p, <-started
}

func (p *process) wait() error {
	<-p.done
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(p.cmd.Path), p.err, p.out)
	}
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) end(how os.Signal) error {
	if err := p.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(20 * time.Second):
		return errors.Join(errors.New("PostgreSQL did not end in time"), p.cmd.Process.Kill())
	}
}

const prefix = "nightlatch-pg-"

// removeStale removes what processes have left that were killed.
func removeStale() {
	dirs, _ := filepath.Glob("/tmp/" + prefix + "*")
	for _, dir := range dirs {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), prefix+"%d-", &pid); err == nil && !alive(pid) {
			_ = os.RemoveAll(dir)
		}
	}
}
