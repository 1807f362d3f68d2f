//go:build unix

package importer

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is no regular file is not opened: reading it might never end.
func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{pipe, "/dev/zero"} {
		for _, format := range Formats() {
			_, err := ReadFiles(t.Context(), format, Input{Files: []string{p}, Secrets: Secrets{SingleHash: true}})
			if err == nil || !strings.Contains(err.Error(), p+": it is no regular file") {
				t.Errorf("%s of %s: %v", format, p, err)
			}
		}
	}
}
