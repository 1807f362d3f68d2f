package sqlstore_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/sqlstore"
)

var dirTime = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func openDir(t *testing.T, dir string) (*sqlstore.Dir, error) {
	t.Helper()
	d, err := sqlstore.OpenDir(t.Context(), "sqlite", dir, rand.Reader, dirTime)
	if err == nil {
		t.Cleanup(func() { _ = d.Close() })
	}
	return d, err
}

func TestOpenDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	first, err := openDir(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, "key": 0o600, "nightlatch.db": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", name, info, err)
		}
	}
	again, err := openDir(t, dir)
	if err != nil || string(again.Key.Format()) != string(first.Key.Format()) {
		t.Errorf("opened again it has another key: %v", err)
	}

	// The key is another's.
	key := filepath.Join(dir, "key")
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := openDir(t, dir); err == nil || !strings.Contains(err.Error(), "put it back from your backup") {
		t.Errorf("without the key: %v", err)
	}
	if _, err := os.Stat(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made for a database that has one: %v", err)
	}
	if _, err := sqlstore.MakeKeyFile(key, rand.Reader, dirTime); err != nil {
		t.Fatal(err)
	}
	if _, err := openDir(t, dir); err == nil {
		t.Error("a key of another's opens it")
	}
	for text, want := range map[string]bool{"no key": false, string(right): true} {
		if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openDir(t, dir); (err == nil) != want {
			t.Errorf("%d bytes of key: %v", len(text), err)
		}
	}
	if _, err := openDir(t, filepath.Join(key, "below a file")); err == nil {
		t.Error("a directory below a file was made")
	}
}

// TestMakeKeyFileAtOnce: of many processes that start at once, all have the same key.
func TestMakeKeyFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	rings := make([]string, 8)
	var all sync.WaitGroup
	for i := range rings {
		all.Go(func() {
			ring, err := sqlstore.MakeKeyFile(path, rand.Reader, dirTime)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = string(ring.Format())
		})
	}
	all.Wait()
	if slices.Sort(rings); rings[0] != rings[7] || rings[0] == "" {
		t.Error("they have different keys")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}
