package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The image has one program, that needs nothing beside it, and is not root's. No container engine is asked: the program
// runs alone in a root of its own, as the image's user, where the test may do that.
func TestImage(t *testing.T) {
	t.Parallel()
	_, last, found := strings.Cut(deployed(t, "deploy/Dockerfile"), "\nFROM scratch\n")
	if !found || strings.Contains(last, "\nRUN ") || strings.Contains(last, "\nFROM ") {
		t.Fatalf("the last stage is not scratch alone:\n%s", last)
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "/etc/ssl/certs/ca-certificates.crt", `ENTRYPOINT ["/nightlatch"]`, "--chown=65532:65532 /data /data"} {
		if !strings.Contains(last, want) {
			t.Errorf("the image does not say %q", want)
		}
	}
	root := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(root, "nightlatch"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := elf.Open(filepath.Join(root, "nightlatch"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Error("the program is not static")
		}
	}
	if os.Geteuid() != 0 {
		t.Log("not root: the program was not run in a root of its own")
		return
	}
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "data"), 65532, 65532); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/nightlatch", "serve")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	env := []string{"PORT=0", "NIGHTLATCH_DATA_DIR=/data", "NIGHTLATCH_PUBLIC_URL=https://nightlatch.test", "TMPDIR=/tmp"}
	p, err := startCommand("/data", env, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	b := newBrowser(p.url)
	if status, text, err := b.send(t.Context(), "GET", "/readyz", ""); err != nil || status != 200 {
		t.Errorf("%d %s %v", status, text, err)
	}
	if status, text, err := b.send(t.Context(), "POST", "/api/v1/accounts", `{"username":"ada","password":"correct horse battery staple"}`); err != nil || status != 201 {
		t.Errorf("%d %s %v", status, text, err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}
