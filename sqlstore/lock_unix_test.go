//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sqlstore

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// TestLockOfARestore: who uses a database and who restores one in the same directory keep each other out, whatever the file
// itself is like.
func TestLockOfARestore(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	dir := t.TempDir()
	use := func() func() {
		t.Helper()
		release, err := lockDir(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	one, two := use(), use()
	if _, err := lockDir(dir, true); !errors.Is(err, ErrInUse) {
		t.Errorf("beside two that use it: %v", err)
	}
	one()
	if _, err := lockDir(dir, true); !errors.Is(err, ErrInUse) {
		t.Errorf("beside one that uses it: %v", err)
	}
	two()
	restored, err := lockDir(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, only := range []bool{false, true} {
		if _, err := lockDir(dir, only); !errors.Is(err, ErrInUse) {
			t.Errorf("beside a restore: %v", err)
		}
	}
	prepared := 0
	backup := filepath.Join(t.TempDir(), "backup")
	if err := s.Migrate(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	restore := func() error {
		_, err := RestoreSQLite(t.Context(), "sqlite", backup, filepath.Join(dir, "db"), time.Now(), func(context.Context, *Store) error {
			prepared++
			if _, err := lockDir(dir, false); !errors.Is(err, ErrInUse) {
				t.Errorf("a server may start while a database is restored: %v", err)
			}
			return nil
		})
		return err
	}
	if err := restore(); !errors.Is(err, ErrInUse) {
		t.Errorf("two restores at once: %v", err)
	}
	restored()
	if err := restore(); err != nil || prepared != 1 {
		t.Error(err, prepared)
	}
	use()()
}
