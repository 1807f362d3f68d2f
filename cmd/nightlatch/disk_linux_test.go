package main

import (
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// limitFiles lets a process write no file beyond size bytes, as a full disk does.
func limitFiles(t *testing.T, p *process, size uint64) {
	t.Helper()
	const rlimitFileSize = 1 // RLIMIT_FSIZE
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.cmd.Process.Pid), rlimitFileSize, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// TestFullDisk: while the disk is full nobody is let in and nothing is used up; when there is room again all goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	p := mustServe(t, t.TempDir())
	in := newBrowser(p.url)
	want(t, in, http.StatusCreated, "POST", "/accounts", map[string]any{"username": "anna", "password": moon})
	codes := enroll(t, in)
	half := newBrowser(p.url)
	signIn := map[string]any{"identifier": "anna", "password": moon}
	want(t, half, http.StatusOK, "POST", "/sign-in", signIn)
	code := map[string]any{"kind": "recovery", "code": codes[0]}

	limitFiles(t, p, 0)
	want(t, half, http.StatusServiceUnavailable, "POST", "/verifications", code)
	want(t, half, http.StatusServiceUnavailable, "POST", "/verifications", map[string]any{"kind": "totp", "code": "000000"})
	want(t, half, http.StatusUnauthorized, "GET", "/session", nil)
	want(t, newBrowser(p.url), http.StatusServiceUnavailable, "POST", "/sign-in", signIn)
	want(t, newBrowser(p.url), http.StatusServiceUnavailable, "POST", "/sign-in", map[string]any{"identifier": "anna", "password": "wrong"})
	want(t, newBrowser(p.url), http.StatusServiceUnavailable, "POST", "/accounts", map[string]any{"username": "berta", "password": moon})
	want(t, in, http.StatusServiceUnavailable, "DELETE", "/session", nil)
	want(t, in, http.StatusOK, "GET", "/session", nil)
	if status, text, err := in.send(t.Context(), "GET", "/readyz", ""); err != nil || status != http.StatusOK {
		t.Errorf("/readyz: %d %s, %v", status, text, err) // decisions about sessions go on
	}

	limitFiles(t, p, ^uint64(0))
	want(t, half, http.StatusOK, "POST", "/verifications", code)
	want(t, newBrowser(p.url), http.StatusCreated, "POST", "/accounts", map[string]any{"username": "berta", "password": moon})
	want(t, in, http.StatusNoContent, "DELETE", "/session", nil)
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// TestDoctorOfFullDisk: a disk without room is a fault, though a transaction that is taken back would not meet it.
func TestDoctorOfFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := mustServe(t, dir)
	for limit, want := range map[string]string{"unlimited": "ok       database    it is whole", "0": "fault    database    it cannot be written: "} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "ulimit -f "+limit+"; exec nightlatch doctor")
		cmd.Dir, cmd.Env = dir, plainEnv()
		said, err := cmd.CombinedOutput()
		if !strings.Contains(string(said), "\n"+want) || (err != nil) != strings.HasPrefix(want, "fault") {
			t.Errorf("with %s blocks: %v\n%s", limit, err, said)
		}
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}
