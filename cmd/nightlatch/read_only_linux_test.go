package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody runs a process as a user who owns nothing, where this is root, whom no mode of a file hinders.
func nobody(cmd *exec.Cmd) {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, Groups: []uint32{}}}
	}
}

// openCopy copies this program to where everybody may run it, and returns its path and a directory of nobody's beside it.
func openCopy(t *testing.T) (program, dir string) {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "nightlatch-read-only-") // t.TempDir is the owner's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	program, dir = filepath.Join(root, "nightlatch"), filepath.Join(root, "work")
	self, err := os.Executable()
	if err == nil {
		var text []byte
		if text, err = os.ReadFile(self); err == nil {
			err = os.WriteFile(program, text, 0o755) //nolint:gosec // everybody may run it
		}
	}
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(dir, 65534, 65534)
	}
	if err == nil {
		err = os.Chmod(root, 0o755) //nolint:gosec // as above
	}
	if err != nil {
		t.Fatal(err)
	}
	return program, dir
}

// TestReadOnlyDisk: a server on a disk that is no more to be written does not start, and says which file it is; one that
// is mounted to be written again goes on with all that was there.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	program, dir := openCopy(t)
	serve := func() (*process, error) {
		cmd := exec.Command(program, "serve", "--listen", "localhost:0")
		nobody(cmd)
		return startCommand(dir, nil, cmd)
	}
	p, err := serve()
	if err != nil {
		t.Fatal(err)
	}
	account := map[string]any{"username": "anna", "password": moon}
	want(t, newBrowser(p.url), http.StatusCreated, "POST", "/accounts", account)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "nightlatch-data")
	modes := func(file, directory os.FileMode) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(data, "*"))
		for _, f := range files {
			if err == nil {
				err = os.Chmod(f, file)
			}
		}
		if err == nil {
			err = os.Chmod(data, directory)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	modes(0o400, 0o500)
	if p, err := serve(); err == nil {
		t.Errorf("it serves what it cannot write: %v", p.stop())
	} else {
		t.Log(err)
	}
	modes(0o600, 0o700)
	if p, err = serve(); err != nil {
		t.Fatal(err)
	}
	want(t, newBrowser(p.url), http.StatusOK, "POST", "/sign-in", map[string]any{"identifier": "anna", "password": moon})
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}
