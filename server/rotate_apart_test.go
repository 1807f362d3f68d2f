package server

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRotateOnTwoMachines: where each has a key file of its own, the second does not make another key of the same number.
func TestRotateOnTwoMachines(t *testing.T) {
	t.Parallel()
	first := newPostgreSQLSite(t)
	add(t, first.mustStart(), Account{Username: "anna"})
	second := first.beside()
	file := func(p *site) string { return filepath.Join(p.dir, "data", keyFile) }
	hand := func() []byte {
		text, err := os.ReadFile(file(first))
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(file(second)), 0o700), os.WriteFile(file(second), text, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := hand()
	other := second.tool(nil)
	err := first.tool(nil).RotateKey(t.Context(), &Rotation{Wait: time.Second, after: func(did string) error {
		if did == "known" {
			return errBroken
		}
		return nil
	}})
	if !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	err = other.RotateKey(t.Context(), &Rotation{Wait: time.Second})
	if err == nil || !strings.Contains(err.Error(), "key 2 was made elsewhere") || !strings.Contains(err.Error(), file(second)) {
		t.Errorf("the second machine: %v", err)
	}
	if text, err := os.ReadFile(file(second)); err != nil || !bytes.Equal(text, before) {
		t.Errorf("its key file was changed: %v", err)
	}
	hand()
	r := &Rotation{Wait: time.Second}
	if err := other.RotateKey(t.Context(), r); err != nil || r.Made || r.Key != 2 {
		t.Errorf("with the key: %+v, %v", r, err)
	}
	if n := uses(t, first.tool(nil)); n[1] != 0 || n[2] == 0 {
		t.Errorf("sealed by %v", n)
	}
}
