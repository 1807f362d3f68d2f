package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// front is the nginx of the compose file before a server.
type front struct {
	t          *testing.T
	dir        string
	plain, tls string // where it listens
	nginx      *exec.Cmd
	client     *http.Client
}

// newFront starts nginx with the compose file's own configuration, at other places.
func newFront(t *testing.T, upstream string) *front {
	t.Helper()
	f := &front{t: t, dir: t.TempDir(), plain: freeAddress(t), tls: freeAddress(t)}
	program := tool(t, "nginx")
	if said, status := makeCertificate(t, f.dir, "nightlatch.test"); status != 0 {
		t.Fatal(said)
	}
	text := deployed(t, "deploy/compose/nginx.conf.template")
	for _, pair := range [][2]string{
		{"${SITE}", "nightlatch.test"},
		{"listen 80 ", "listen " + f.plain + " "},
		{"listen 443 ", "listen " + f.tls + " "},
		{"/etc/nginx/certificate/", f.dir + "/"},
		{"/var/cache/nginx/", f.dir + "/"},
		{"/var/log/nginx/", f.dir + "/"},
		{"resolver 127.0.0.11 valid=10s ipv6=off;", ""},
		{"http://nightlatch:8080", upstream},
	} {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("the configuration has no %s", pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	head := fmt.Sprintf("daemon off;\npid %[1]s/pid;\nerror_log %[1]s/error.log notice;\n", f.dir)
	if os.Geteuid() == 0 {
		head += "user root;\n" // whose directory it is
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text = fmt.Sprintf("%s_temp_path %s/%s;\n", kind, f.dir, kind) + text
	}
	conf := filepath.Join(f.dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(head+"events {}\nhttp {\n"+text+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-p", f.dir, "-e", filepath.Join(f.dir, "error.log"), "-c", conf}
	if out, err := exec.Command(program, append(args, "-t")...).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	f.nginx = exec.Command(program, args...)
	if err := f.nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	f.client = f.newClient()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", f.tls)
		if err == nil {
			_ = conn.Close()
			return f
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// stop lets nginx finish, so that its logs are whole.
func (f *front) stop() {
	if f.nginx.ProcessState == nil {
		f.client.CloseIdleConnections()
		_ = f.nginx.Process.Signal(syscall.SIGQUIT)
		_ = f.nginx.Wait()
	}
}

// newClient trusts the certificate that was made, and finds the name here.
func (f *front) newClient() *http.Client {
	pem, err := os.ReadFile(filepath.Join(f.dir, "fullchain.pem"))
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		f.t.Fatalf("the certificate cannot be read: %v", err)
	}
	jar, _ := cookiejar.New(nil) // does not fail
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		at := f.plain
		if strings.HasSuffix(address, ":443") {
			at = f.tls
		}
		return new(net.Dialer).DialContext(ctx, network, at)
	}
	return &http.Client{
		Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dial, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
}

func (f *front) do(method, address, body string, header ...string) (*http.Response, string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, h := range append(header, "Content-Type: application/json") {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp, string(text)
}

var stylesheet = regexp.MustCompile(`/asset/nightlatch\.css\?v=[^"]+`)

const site = "https://nightlatch.test"

// The compose file's nginx before a real server: TLS, HTTP to HTTPS, sign-up through it, bodies, assets, and the log.
func TestComposeNginx(t *testing.T) {
	t.Parallel()
	env := []string{"NIGHTLATCH_PUBLIC_URL=" + site, "NIGHTLATCH_TRUSTED_PROXIES=127.0.0.1/32", "NIGHTLATCH_SIGN_UP_ENABLED=true"}
	p, err := startServer(t.TempDir(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	f := newFront(t, strings.Replace(p.url, "localhost", "127.0.0.1", 1))
	if resp, _ := f.do("GET", "http://nightlatch.test/a?b=c", ""); resp.StatusCode != 301 || resp.Header.Get("Location") != site+"/a?b=c" {
		t.Errorf("plain: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp, _ := f.do("GET", "http://192.0.2.1/", ""); resp.Header.Get("Location") != site+"/" {
		t.Errorf("by an address: %s", resp.Header.Get("Location"))
	}
	if resp, _ := f.do("GET", site+"/a", "", "Host: x"); resp.ProtoMajor != 2 {
		t.Errorf("%s", resp.Proto)
	}
	f.elsewhere()
	f.account()
	asset := f.assets()
	f.bodies()
	if resp, _ := f.do("GET", site+"/forward-auth", "", "X-Original-Method: GET", "X-Original-URL: "+site+"/"); resp.StatusCode != 404 {
		t.Errorf("/forward-auth: %d", resp.StatusCode)
	}
	f.do("GET", site+"/password/reset?token=not-for-a-log", "")
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if resp, _ := f.do("GET", site+"/password/reset?token=not-for-a-log", ""); resp.StatusCode != 502 {
		t.Errorf("without a server: %d", resp.StatusCode)
	}
	if resp, _ := f.do("GET", site+asset, ""); resp.StatusCode != 200 {
		t.Errorf("an asset without a server: %d", resp.StatusCode)
	}
	f.stop()
	f.logs()
}

// elsewhere: another name over TLS leads to the one that keys and cookies belong to.
func (f *front) elsewhere() {
	f.t.Helper()
	conn, err := tls.Dial("tcp", f.tls, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it asks for another name
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n")
	text, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 301 ") || !strings.Contains(string(text), "\r\nLocation: "+site+"/x\r\n") {
		f.t.Errorf("%v %s", err, text)
	}
}

// account: people sign up and are signed in, and nobody says himself where he comes from.
func (f *front) account() {
	f.t.Helper()
	resp, text := f.do("POST", site+"/api/v1/accounts", `{"username":"ada","password":"correct horse battery staple"}`, "X-Forwarded-For: 198.51.100.66")
	if resp.StatusCode != 201 || !strings.Contains(fmt.Sprint(resp.Header["Set-Cookie"]), "__Host-nightlatch_session=") {
		f.t.Fatalf("sign-up: %d %s", resp.StatusCode, text)
	}
	if resp, text := f.do("GET", site+"/api/v1/sessions", ""); resp.StatusCode != 200 || strings.Contains(text, "198.51.100.66") {
		f.t.Errorf("sessions: %d %s", resp.StatusCode, text)
	}
}

// assets come from nginx the second time.
func (f *front) assets() string {
	f.t.Helper()
	_, page := f.do("GET", site+"/", "")
	asset := stylesheet.FindString(page)
	for range 2 {
		if resp, _ := f.do("GET", site+asset, ""); resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			f.t.Errorf("%s: %d %v", asset, resp.StatusCode, resp.Header)
		}
	}
	return asset
}

// bodies that are too large are refused by the server as long as it can, then by nginx.
func (f *front) bodies() {
	f.t.Helper()
	for size, kind := range map[int]string{100 << 10: "application/problem+json", 200 << 10: "text/html"} {
		resp, _ := f.do("POST", site+"/api/v1/sign-in", strings.Repeat("x", size))
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 413 || got != kind {
			f.t.Errorf("%d bytes: %d %s, want 413 %s", size, resp.StatusCode, got, kind)
		}
	}
}

var logLine = regexp.MustCompile(`^127\.0\.0\.1 \S+ "[A-Z]+ /\S* HTTP/[0-9.]+" \d{3} \d+ took=[0-9.]+ upstream=\S+ cache=\S+$`)

// logs say how long everything took, and no token.
func (f *front) logs() {
	f.t.Helper()
	for _, name := range []string{"access.log", "error.log"} {
		text, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			f.t.Fatal(err)
		}
		if strings.Contains(string(text), "not-for-a-log") {
			f.t.Errorf("a token is in %s:\n%s", name, text)
		}
		if name != "access.log" {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if !logLine.MatchString(strings.TrimSpace(line)) {
				f.t.Errorf("%q", line)
			}
		}
		if !strings.Contains(string(text), "cache=HIT") || !strings.Contains(string(text), "/password/reset HTTP") {
			f.t.Errorf("no asset came from nginx:\n%s", text)
		}
	}
}
