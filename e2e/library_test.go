package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// runExample builds a program of examples/, runs it with a directory of its own, and returns where it listens. more are
// command lines to run before.
func runExample(t *testing.T, name string, more ...[]string) (origin string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "example")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./examples/"+name)
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	data := []string{"-dir", filepath.Join(dir, "data")}
	for _, args := range more {
		cmd := exec.Command(program, append(data, args...)...)
		cmd.Env = append(withoutSettings(os.Environ()), "PASSWORD="+password)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	for range 3 { // another program may take the port that was free
		addr := "localhost:" + strconv.Itoa(freePort(t))
		if origin = started(t, exec.Command(program, append(data, "-listen", addr)...)); origin != "" {
			return origin
		}
	}
	t.Fatalf("%s does not listen", name)
	return ""
}

// started runs a program that says where it listens, until the test ends; "": it has ended by itself.
func started(t *testing.T, cmd *exec.Cmd) (origin string) {
	t.Helper()
	endWithUs(cmd)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(said)
	line, _ := lines.ReadString('\n')
	_, origin, found := strings.Cut(strings.TrimSpace(line), "listening on ")
	if !found {
		return ""
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	origin, _, _ = strings.Cut(origin, ": ")
	return origin
}

// TestLibrary is a person's way through an application of its own users and sessions: its own log-in, then the second
// factor, and nobody inherits it.
func TestLibrary(t *testing.T) {
	origin := runExample(t, "existing-app/after", []string{"-add", "ada"}, []string{"-add", "bob"})
	p := open(t, origin, options{})
	logIn := func(name string) {
		p.fill("Name", name)
		p.fill("Password", password)
		p.press("Log in")
	}
	p.visit("/", 200)
	logIn("ada")
	p.wantHeading("Add an authenticator")
	phone, _ := p.addApp(p.scan)
	p.press("Continue")
	p.wantText("The orders of ada")
	p.press("Log out")

	logIn("ada")
	p.wantHeading("Verify that it is you")
	p.giveCode(phone.code(), 200)
	p.wantText("The orders of ada")

	t.Log("somebody else in the same browser, who did not even log out")
	p.visit("/login", 200)
	logIn("bob")
	p.wantHeading("Add an authenticator")
	p.visit("/", 200)
	p.wantNoText("The orders of")
}

// TestPaymentIsConfirmed: an application that only confirms payments, and the page that says what is confirmed.
func TestPaymentIsConfirmed(t *testing.T) {
	p := open(t, runExample(t, "second-factor-only"), options{narrow: true})
	p.visit("/", 200)
	p.fill("Name", "ada")
	p.press("Log in")
	p.wantText("Pay 100.00 EUR to ACME")
	p.press("Pay")
	p.wantHeading("Add an authenticator")
	p.seen("confirm-choose")
	phone, _ := p.addApp(p.scan)
	p.press("Continue")
	p.wantText("Pay 100.00 EUR to ACME")
	p.press("Pay")
	p.wantHeading("Please confirm")
	p.wantText("Pay 100.00 EUR to ACME (payment 1)")
	p.seen("confirm")
	p.giveCode(phone.code(), 200)
	p.press("Pay")
	p.wantText("Done: Pay 100.00 EUR to ACME")
}
