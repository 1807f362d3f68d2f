package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// front is an application and Nightlatch behind a real proxy, with the configuration that is in deploy/.
type front struct {
	t     *testing.T
	name  string // of the proxy
	dir   string
	plain int    // the port of http
	tls   int    // the port of https
	own   string // where Nightlatch is: host and port
	app   *application
	alone bool // there is no proxy and no TLS: Nightlatch stands before the application by itself
}

// proxies are those that can run here. check is the proxy's own look at its configuration; start returns the command.
var proxies = []struct {
	name, tool string
	write      func(*front)
	check, run func(*front) []string
}{
	{"nginx", "nginx", (*front).writeNginx, (*front).checkNginx, (*front).runNginx},
	{"caddy", "caddy", (*front).writeCaddy, (*front).checkCaddy, (*front).runCaddy},
	{"haproxy", "haproxy", (*front).writeHAProxy, (*front).checkHAProxy, (*front).runHAProxy},
	{"traefik", os.Getenv("NIGHTLATCH_TEST_TRAEFIK"), (*front).writeTraefik, (*front).checkTraefik, (*front).runTraefik},
}

// behind runs a test behind each proxy.
func behind(t *testing.T, test func(t *testing.T, f *front)) {
	t.Helper()
	behindWith(t, (*front).serve, test)
}

// behindWith is behind with another Nightlatch; own starts it and returns where it is.
func behindWith(t *testing.T, own func(*front) string, test func(t *testing.T, f *front)) {
	t.Helper()
	for _, p := range proxies {
		if p.tool == "" {
			continue // Debian has no Traefik: it runs where its program is named
		}
		t.Run(p.name, func(t *testing.T) {
			tool := findTool(p.tool)
			if tool == "" {
				missing(t, p.name)
			}
			f := &front{t: t, name: p.name, dir: t.TempDir(), plain: freePort(t), tls: freePort(t), app: newApplication(t)}
			f.own = own(f)
			p.write(f)
			check := f.command(append([]string{tool}, p.check(f)...))
			if out, err := check.CombinedOutput(); err != nil {
				t.Fatalf("%s does not take its configuration: %v\n%s", p.name, err, out)
			}
			f.start(append([]string{tool}, p.run(f)...))
			test(t, f)
		})
	}
}

// findTool looks where daemons are, too.
func findTool(name string) string {
	for _, at := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	return ""
}

// freePort is one that nothing listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

const frontSettings = `
public_url      = "https://auth.example.com:%d"
cookie_domain   = "example.com"
trusted_proxies = ["127.0.0.1/32"]
[sign_up]
enabled = true
[[rule]]
host  = "app.example.com"
path  = "/public/**"
level = 0
[[rule]]
host    = "app.example.com"
path    = "/read/**"
methods = ["GET"]
level   = 0
[[rule]]
host  = "app.example.com"
path  = "/one/**"
level = 1
[[rule]]
host  = "open.example.com"
level = 0
`

// serve starts Nightlatch, with the account ada, and returns its address.
func (f *front) serve() string { f.t.Helper(); return f.serveWith(frontSettings) }

// serveWith is serve with other settings, in which the port is %d.
func (f *front) serveWith(settings string) string {
	f.t.Helper()
	data, file := filepath.Join(f.dir, "data"), filepath.Join(f.dir, "nightlatch.toml")
	save(f.t, file, fmt.Appendf(nil, settings, f.tls))
	add := exec.Command(built, "account", "add", "ada", "--group", "staff", "--config", file, "--data-dir", data)
	add.Dir, add.Env, add.Stdin = f.dir, withoutSettings(os.Environ()), strings.NewReader(password+"\n")
	if out, err := add.CombinedOutput(); err != nil {
		f.t.Fatalf("account add: %v\n%s", err, out)
	}
	origin := launch(f.t, []string{"--config", file, "--listen", "127.0.0.1:0", "--data-dir", data})
	return strings.TrimPrefix(origin, "http://")
}

// deployed writes a file of deploy/ into the test's directory, with names of ours in the place of those in it, each of
// which must be there. Nothing else of it is changed.
func (f *front) deployed(name string, replace ...string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", filepath.FromSlash(name)))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			f.t.Fatalf("deploy/%s does not say %q", name, replace[i])
		}
	}
	file := filepath.Join(f.dir, filepath.Base(name))
	save(f.t, file, []byte(strings.NewReplacer(replace...).Replace(string(text))))
	return file
}

// command is a program that runs in the test's directory and has no home but that.
func (f *front) command(line []string) *exec.Cmd {
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = f.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "XDG_") }), "HOME="+f.dir)
	endWithUs(cmd)
	return cmd
}

// start starts the proxy and waits until it listens. It is stopped when the test ends.
func (f *front) start(line []string) {
	f.t.Helper()
	cmd := f.command(line)
	said, err := os.Create(filepath.Join(f.dir, "said"))
	if err != nil {
		f.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	f.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
		_ = said.Close()
		if text, err := os.ReadFile(said.Name()); err == nil && f.t.Failed() {
			f.t.Logf("%s said:\n%s", f.name, text)
		}
	})
	f.await(ended)
}

// await waits until both names are answered for, over TLS: Caddy makes their certificates when it listens already, and
// Traefik reads its file then.
func (f *front) await(ended <-chan struct{}) {
	f.t.Helper()
	end := time.Now().Add(patience)
	for _, name := range []string{"app.example.com", "auth.example.com"} {
		for ; ; pause(f.t) {
			conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.tls), f.trusting(name))
			if err == nil {
				err = knows(conn, name)
			}
			if err == nil {
				break
			}
			select {
			case <-ended:
				f.t.Fatalf("%s ended", f.name)
			default:
			}
			if time.Now().After(end) {
				f.t.Fatalf("%s does not answer: %v", f.name, err)
			}
		}
	}
}

// knows says whether there is something behind a name, and closes the connection.
func knows(conn net.Conn, name string) error {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "GET /account HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name); err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	if r.StatusCode == http.StatusNotFound {
		return fmt.Errorf("there is nothing behind %s", name)
	}
	return nil
}

// certificate makes a self-signed one, good for both names.
func (f *front) certificate() (cert, key string) {
	f.t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "example.com"}, DNSNames: []string{"app.example.com", "auth.example.com"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, pair.Public(), pair)
	if err != nil {
		f.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		f.t.Fatal(err)
	}
	cert, key = filepath.Join(f.dir, "cert.pem"), filepath.Join(f.dir, "key.pem")
	save(f.t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	save(f.t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return cert, key
}
