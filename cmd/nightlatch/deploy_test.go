package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// What lies in deploy/ is tested with the programs that it is for, as far as these run without a container engine.

// tool is where a program is. Without it the test is skipped, or fails where nothing may be skipped.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("NIGHTLATCH_NO_SKIP") != "" || os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and nothing may be skipped here", name)
	}
	t.Skipf("%s is missing", name)
	return ""
}

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// makeCertificate runs the script of the compose file in a directory.
func makeCertificate(t *testing.T, dir, site string) (said string, status int) {
	t.Helper()
	tool(t, "openssl")
	cmd := exec.Command(tool(t, "sh"), "../../deploy/compose/certificate.sh", dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SITE=" + site}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// A certificate is made if there is none, for the name, and one of the operator's own is left alone.
func TestCertificateOfCompose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := filepath.Join(dir, "fullchain.pem")
	read := func() (*x509.Certificate, string) {
		pair, err := tls.LoadX509KeyPair(at, filepath.Join(dir, "key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf, string(text)
	}
	for _, bad := range []string{"", "192.0.2.1", "Example.com", "a b", "a;b"} {
		if said, status := makeCertificate(t, dir, bad); status == 0 {
			t.Errorf("for %q: %s", bad, said)
		}
	}
	if said, status := makeCertificate(t, dir, "nightlatch.test"); status != 0 || !strings.Contains(said, "browsers will warn") {
		t.Fatalf("%d %s", status, said)
	}
	first, text := read()
	if err := first.VerifyHostname("nightlatch.test"); err != nil || time.Until(first.NotAfter) < 300*24*time.Hour {
		t.Errorf("%v, until %s", err, first.NotAfter)
	}
	if info, err := os.Stat(filepath.Join(dir, "key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v %v", info, err)
	}
	if said, status := makeCertificate(t, dir, "nightlatch.test"); status != 0 || !strings.Contains(said, "still good") {
		t.Errorf("again: %d %s", status, said)
	}
	if _, again := read(); again != text {
		t.Error("one that is good was made anew")
	}
	makeCertificate(t, dir, "other.test")
	other, text := read()
	if err := other.VerifyHostname("other.test"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "self-signed")); err != nil {
		t.Fatal(err)
	}
	makeCertificate(t, dir, "third.test")
	if _, own := read(); own != text {
		t.Error("the operator's own certificate was replaced")
	}
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	if said, status := makeCertificate(t, dir, "third.test"); status == 0 {
		t.Errorf("a key without its certificate: %s", said)
	}
}

// The compose file is one to the program that reads it, as it stands and with .env.example.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	command := []string{"docker", "compose"}
	if exec.Command("docker", "compose", "version").Run() != nil {
		command = []string{tool(t, "docker-compose")}
	}
	for _, more := range [][]string{nil, {"--env-file", ".env.example"}} {
		args := append(append([]string{}, command[1:]...), more...)
		cmd := exec.Command(command[0], append(args, "-f", "compose.yaml", "config")...)
		cmd.Dir = "../../deploy"
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
		for _, want := range []string{"https://nightlatch.test", "read_only: true", "no-new-privileges:true", "127.0.0.1"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("it does not say %q:\n%s", want, out)
			}
		}
	}
}

// With PostgreSQL beside it: unmodified, behind a password that must be set, and reached by the server alone.
func TestComposePostgreSQL(t *testing.T) {
	t.Parallel()
	command := []string{"docker", "compose"}
	if exec.Command("docker", "compose", "version").Run() != nil {
		command = []string{tool(t, "docker-compose")}
	}
	config := func(env ...string) (string, error) {
		args := append(append([]string{}, command[1:]...), "--file", "compose.yaml", "--file", "compose.postgres.yaml", "config")
		cmd := exec.Command(command[0], args...)
		cmd.Dir, cmd.Env = "../../deploy", append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := config("POSTGRES_PASSWORD="); err == nil || !strings.Contains(out, "POSTGRES_PASSWORD") {
		t.Errorf("without a password: %v\n%s", err, out)
	}
	out, err := config("POSTGRES_PASSWORD=a1b2")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"image: postgres:17", "internal: true", "scram-sha-256", "/var/lib/postgresql/data"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Count(out, "ports:") != 1 || strings.Contains(strings.ToLower(out), "trust\n") {
		t.Errorf("more than nginx is reached from outside, or somebody is believed without a password:\n%s", out)
	}
	url := regexp.MustCompile(`postgres://[^\s"]*`).FindString(out)
	set, err := settings.Load(settings.Sources{Dir: t.TempDir(), Env: []string{"NIGHTLATCH_DATABASE_URL=" + url}})
	if err != nil || set.DatabaseURL != "postgres://nightlatch:a1b2@postgres/nightlatch?sslmode=disable" {
		t.Errorf("%q: %v", url, err)
	}
}

var (
	composeLine    = regexp.MustCompile(`(?m)^ +(NIGHTLATCH_[A-Z_]+): ([^#\n]*)`)
	composeDefault = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)
)

// The server takes what the compose file and the image set.
func TestComposeSettings(t *testing.T) {
	t.Parallel()
	env := []string{"PORT=8080", "NIGHTLATCH_DATA_DIR=/data"}
	for _, line := range env {
		if !strings.Contains(deployed(t, "deploy/Dockerfile"), line) {
			t.Errorf("the image does not set %s", line)
		}
	}
	for _, m := range composeLine.FindAllStringSubmatch(deployed(t, "deploy/compose.yaml"), -1) {
		env = append(env, m[1]+"="+strings.TrimSpace(composeDefault.ReplaceAllString(m[2], "$1")))
	}
	set, err := settings.Load(settings.Sources{Dir: t.TempDir(), Env: env})
	if err != nil {
		t.Fatal(err)
	}
	if set.Listen != ":8080" || set.PublicURL != "https://nightlatch.test" || set.SignUp.Enabled || len(set.TrustedProxies) != 1 || set.WebAuthn.RPID != "nightlatch.test" {
		t.Errorf("listen %s, public_url %s, sign_up %v, trusted_proxies %v, rp_id %s", set.Listen, set.PublicURL, set.SignUp.Enabled, set.TrustedProxies, set.WebAuthn.RPID)
	}
	if at := set.TrustedProxies[0]; !strings.Contains(deployed(t, "deploy/compose.yaml"), "ipv4_address: "+at.Addr().String()+"\n") || !at.IsSingleIP() {
		t.Errorf("%s is trusted, and is not nginx alone", at)
	}
}

// The unit of systemd is one, and is hardened.
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	analyze := tool(t, "systemd-analyze")
	unit, exists := deployed(t, "deploy/nightlatch.service"), filepath.Join(t.TempDir(), "nightlatch")
	if err := os.WriteFile(exists, []byte("#!/bin/sh\n"), 0o700); err != nil { // verify looks whether the program is there
		t.Fatal(err)
	}
	const program = "/usr/local/bin/nightlatch"
	if !strings.Contains(unit, "ExecStart="+program+" serve --config /etc/nightlatch/nightlatch.toml\n") {
		t.Error("it starts something else")
	}
	at := filepath.Join(t.TempDir(), "nightlatch.service")
	if err := os.WriteFile(at, []byte(strings.Replace(unit, program, exists, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", at).CombinedOutput(); err != nil || strings.Contains(string(out), at) {
		t.Errorf("verify: %v\n%s", err, out)
	}
	// In tenths: 1.5 of 10.0, where 0.0 has no contact to the world.
	if out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", "--threshold=15", at).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// What a platform runs listens where PORT says.
func TestProcfile(t *testing.T) {
	t.Parallel()
	line, ok := strings.CutPrefix(deployed(t, "Procfile"), "web: ")
	words := strings.Fields(line)
	if !ok || len(words) == 0 || words[0] != "nightlatch" {
		t.Fatalf("%q", line)
	}
	cmd := exec.Command(words[0], words[1:]...)
	p, err := startCommand(t.TempDir(), []string{"PORT=0", "NIGHTLATCH_PUBLIC_URL=https://nightlatch.test"}, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if status, text, err := newBrowser(p.url).send(t.Context(), "GET", "/readyz", ""); err != nil || status != 200 {
		t.Errorf("%d %s %v", status, text, err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// freeAddress is one on this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
