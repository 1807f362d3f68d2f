//go:build unix

package sqlstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestNameNew: a name that was taken while the copy was made stays what it is, be it a link that leads nowhere.
func TestNameNew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part, taken, link := filepath.Join(dir, "part"), filepath.Join(dir, "taken"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(part, []byte("copy"), 0o600), os.WriteFile(taken, []byte("mine"), 0o600),
		os.Symlink(filepath.Join(dir, "nowhere"), link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{taken, link} {
		if err := nameNew(part, path); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if text, err := os.ReadFile(taken); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
	if to, err := os.Readlink(link); err != nil || filepath.Base(to) != "nowhere" {
		t.Errorf("%q, %v", to, err)
	}
	if err := nameNew(part, filepath.Join(dir, "free")); err != nil {
		t.Error(err)
	}
}
