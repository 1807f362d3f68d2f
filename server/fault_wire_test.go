package server

import (
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is the way between a server and its PostgreSQL, which is slow, hangs, or is cut when the test says so.
type wire struct {
	to       string // the database's socket
	listener net.Listener

	mu    sync.Mutex
	delay time.Duration         // of each piece, both ways
	hold  chan struct{}         // while it is there nothing passes; closed when it passes again
	shut  bool                  // nobody gets in
	cutAt string                // the next piece from a server that has this is handed on, and its answer is not
	pairs map[net.Conn]struct{} // the ends of those that are open
	done  sync.WaitGroup
}

// newWire makes the way to the database of a URL, and returns the URL by which the way is taken.
func newWire(t *testing.T, to string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"), listener: l, pairs: map[net.Conn]struct{}{}}
	w.done.Go(w.serve)
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		w.done.Wait()
	})
	return w, "postgres://" + u.Query().Get("user") + "@" + l.Addr().String() + u.Path + "?sslmode=disable"
}

func (w *wire) serve() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("unix", w.to) //nolint:noctx // it ends with the test
		w.mu.Lock()
		if err != nil || w.shut {
			w.mu.Unlock()
			_ = in.Close()
			continue
		}
		w.pairs[in], w.pairs[out] = struct{}{}, struct{}{}
		w.mu.Unlock()
		w.done.Go(func() { w.copy(out, in, true) })
		w.done.Go(func() { w.copy(in, out, false) })
	}
}

// copy hands on what comes, piece by piece.
func (w *wire) copy(to, from net.Conn, asks bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			w.wait()
			cut := asks && w.cuts(piece[:n])
			if cut { // the database carries it out, and nobody hears of it: its answer may come before this goes on
				_ = from.Close()
			}
			if _, err := to.Write(piece[:n]); err != nil || cut {
				if cut {
					time.Sleep(100 * time.Millisecond)
				}
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) wait() {
	w.mu.Lock()
	delay, hold := w.delay, w.hold
	w.mu.Unlock()
	time.Sleep(delay)
	if hold != nil {
		<-hold
	}
}

func (w *wire) cuts(piece []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cutAt == "" || !strings.Contains(strings.ToLower(string(piece)), w.cutAt) {
		return false
	}
	w.cutAt = ""
	return true
}

// cut ends all connections, as a restart of the database does.
func (w *wire) cut() {
	w.pass()
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.pairs {
		_ = c.Close()
	}
	clear(w.pairs)
}

// stop lets nothing pass until pass is called, and tells nobody.
func (w *wire) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold = make(chan struct{})
}

func (w *wire) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hold != nil {
		close(w.hold)
		w.hold = nil
	}
}

// set changes how the wire is.
func (w *wire) set(change func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// newWired is two nodes on one PostgreSQL, of which the first reaches it by a wire.
func newWired(t *testing.T, parameters string) (nodes, *wire) {
	t.Helper()
	p := newFileSite(t)
	direct := newURL(t)
	w, url := newWire(t, direct)
	n := nodes{site: p, served: map[*Server]http.Handler{}}
	for s, at := range map[**Server]string{&n.b: direct, &n.a: url + parameters} {
		started, err := p.start(p.settings("DATABASE_URL=" + at))
		if err != nil {
			t.Fatal(err)
		}
		*s = started
	}
	p.url = direct
	return n, w
}

// TestSlowDatabase: everything takes longer, and nothing goes wrong: neither is a code good twice.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	n, w := newWired(t, "")
	_, code, codes := n.enrolled("anna")
	w.set(func(w *wire) { w.delay = 20 * time.Millisecond })
	for range 3 {
		requests, used := n.sameCode("anna", "totp", code())
		oneWins(t, atOnce(requests...))
		for _, again := range used {
			if status, answer := again(); status != http.StatusUnauthorized {
				t.Errorf("again: %d %v", status, answer)
			}
		}
		n.clock.move(31 * time.Second)
	}
	requests, _ := n.sameCode("anna", "recovery", codes[0].(string))
	oneWins(t, atOnce(requests...))
}

// TestDatabaseThatHangs: who asks meanwhile is told that nothing works, within a bound, and gets in nowhere; another node
// goes on; and afterwards all goes on, with the same code.
func TestDatabaseThatHangs(t *testing.T) {
	t.Parallel()
	n, w := newWired(t, "&pool_max_conns=4")
	in, code, _ := n.enrolled("anna")
	half := n.halfIn("anna", 1)[0]
	w.stop()
	var requests []func() (int, object)
	for range 8 { // more than there are connections
		requests = append(requests, n.client(n.a).posting("/sign-in", object{"identifier": "anna", "password": secret, "transport": "token"}))
	}
	requests = append(requests, half.posting("/verifications", object{"kind": "totp", "code": code()}))
	for _, o := range atOnce(requests...) {
		if o.status != http.StatusServiceUnavailable || o.answer["code"] != "unavailable" {
			t.Errorf("while nothing passes: %d %v", o.status, o.answer)
		}
	}
	n.client(n.a).wantHealthStatus("/readyz", http.StatusServiceUnavailable)
	n.client(n.a).wantHealthStatus("/healthz", http.StatusOK)
	n.at(n.b, in).want(http.StatusOK, "GET", "/session", nil)
	w.pass()
	seen(t, "the database", func() bool {
		status, _ := half.send("GET", "/sign-in", nil)
		return status == http.StatusOK
	})
	// The code was sent while nothing passed: the transaction was given up, and did not use it.
	half.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code()})
}

func (c *client) wantHealthStatus(path string, status int) {
	c.t.Helper()
	if got, said := c.health(path); got != status {
		c.t.Errorf("%s: %d %q, want %d", path, got, said, status)
	}
}

// TestDatabaseGoneAndBack: connections that were cut are replaced before use, so that no request fails once it is back.
func TestDatabaseGoneAndBack(t *testing.T) {
	t.Parallel()
	n, w := newWired(t, "&pool_max_conns=6")
	_, code, codes := n.enrolled("anna")
	half := n.halfIn("anna", 1)[0]
	w.set(func(w *wire) { w.shut = true })
	w.cut()
	if status, answer := half.verify("totp", code()); status != http.StatusServiceUnavailable {
		t.Errorf("without a database: %d %v", status, answer)
	}
	if status, answer := n.client(n.a).signIn("nobody", secret); status != http.StatusServiceUnavailable {
		t.Errorf("without a database: %d %v", status, answer)
	}
	w.set(func(w *wire) { w.shut = false })
	half.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code()})
	for i := range 3 {
		in := n.client(n.a)
		in.mustSignIn("anna", secret, "verify")
		w.cut() // all that lie in the pool are dead
		in.want(http.StatusOK, "POST", "/verifications", object{"kind": "recovery", "code": codes[i]})
	}
}

// TestCutInTheCommit: nobody knows whether it was committed, so nobody is let in; and the code is good at most once.
func TestCutInTheCommit(t *testing.T) {
	t.Parallel()
	n, w := newWired(t, "")
	_, _, codes := n.enrolled("anna")
	for _, code := range codes[:3] {
		half := n.halfIn("anna", 1)[0]
		w.set(func(w *wire) { w.cutAt = "commit\x00" }) // as a simple query ends
		if status, answer := half.verify("recovery", code.(string)); status != http.StatusServiceUnavailable {
			t.Errorf("cut in the commit: %d %v", status, answer)
		}
		w.set(func(w *wire) { w.cutAt = "" })
		seen(t, "that the code is used", func() bool {
			status, answer := n.halfIn("anna", 2)[1].verify("recovery", code.(string))
			return status == http.StatusUnauthorized && answer["reason"] == "used"
		})
	}
}

// TestReadOnlyPostgreSQL: after a fail-over to one that only reads nobody gets in, and no code is used up.
func TestReadOnlyPostgreSQL(t *testing.T) {
	t.Parallel()
	n, w := newWired(t, "")
	_, code, _ := n.enrolled("anna")
	half := n.halfIn("anna", 1)[0]
	name := strings.Trim(n.url[strings.LastIndex(n.url[:strings.Index(n.url, "?")], "/"):strings.Index(n.url, "?")], "/")
	alter(t, n.site, `ALTER DATABASE `+name+` SET default_transaction_read_only = on`)
	w.cut() // the new connections are the ones that only read
	for range 8 {
		if status, answer := half.verify("totp", code()); status != http.StatusServiceUnavailable || answer["code"] != "unavailable" {
			t.Errorf("a right code: %d %v", status, answer)
		}
	}
	alter(t, n.site, `SET TRANSACTION READ WRITE; ALTER DATABASE `+name+` RESET default_transaction_read_only`)
	w.cut()
	half.want(http.StatusOK, "POST", "/verifications", object{"kind": "totp", "code": code()})
}
