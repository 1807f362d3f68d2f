package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nightlatch/nightlatch"
)

// GrowKeyFile adds the newest key of ring to a key file that holds the others; what else stands there stays. The file is
// replaced as a whole: whoever reads it meanwhile, and whoever finds it after a loss of power, has the one before or the new
// one. It is on the disk when GrowKeyFile returns; its mode is 0600, and its owner, where the system lets us, the one
// before. A symbolic link stays, and what it leads to is replaced.
//
// after is called after each operation on a file, for tests: what it returns breaks off. nil: nobody asks. The errors are
// the file system's, and one where the file holds other keys than ring says.
func GrowKeyFile(path string, ring *nightlatch.KeyRing, after func(did string) error) error {
	if after == nil {
		after = func(string) error { return nil }
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	text, err := os.ReadFile(target) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if text = bytes.TrimRight(text, "\r\n"); len(text) > 0 {
		text = append(text, '\n')
	}
	text = append(text, ring.FormatNewest()...)
	grown, err := parseKeyFile(path, text)
	if err != nil {
		return err
	}
	if err := errors.Join(grown.Follows(ring), ring.Follows(grown)); err != nil || len(grown.Keys()) != len(ring.Keys()) {
		return fmt.Errorf("key file %s holds other keys than the ring in use: %w", path, errors.Join(errors.New("somebody changed it"), err))
	}
	if err := replaceFile(target, text, after); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func replaceFile(path string, text []byte, after func(did string) error) (err error) {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // what holds keys does not stay about
			_ = part.Close()
			_ = os.Remove(part.Name())
		}
	}()
	keepOwner(part, old)
	steps := []struct {
		did string
		do  func() error
	}{
		{"made", func() error { return nil }},
		{"written", func() error { _, err := part.Write(text); return err }},
		{"synced", part.Sync},
		{"closed", part.Close},
		{"renamed", func() error { return os.Rename(part.Name(), path) }},
		{"lasting", func() error { syncDir(filepath.Dir(path)); return nil }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return err
		}
		if err := after(step.did); err != nil {
			return err
		}
	}
	return nil
}
