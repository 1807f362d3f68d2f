package server

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// TestRotateOvertaken: where other rotations finish while one has yet to let its key seal, it goes on with theirs.
func TestRotateOvertaken(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"known", "with all", "in use"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			site := newSite(t)
			add(t, site.mustStart(), Account{Username: "anna"})
			overtaken := false
			slow := &Rotation{Wait: time.Second}
			slow.after = func(did string) error {
				if did != step || overtaken {
					return nil
				}
				overtaken = true
				for range 2 { // the first one goes on with the key that is there
					if err := site.tool(nil).RotateKey(t.Context(), &Rotation{Wait: time.Second}); err != nil {
						return err
					}
				}
				return nil
			}
			if err := site.tool(nil).RotateKey(t.Context(), slow); err != nil || !overtaken || slow.Key != 3 {
				t.Errorf("overtaken %v: key %d seals, %v", overtaken, slow.Key, err)
			}
			s := site.tool(nil)
			newClient(t, s).mustSignIn("anna", secret, "done")
			if n := uses(t, s); n[1]+n[2] > 0 || n[3] == 0 {
				t.Errorf("sealed by %v", n)
			}
		})
	}
}

// TestNewKeyWhileTheRingIsRead: a key that began to seal after the ring was read, and before it was looked which one seals, is
// read, too: nobody meets an error for it.
func TestNewKeyWhileTheRingIsRead(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	one := newRing(t)
	two, err := one.Add(rand.Reader, site.clock.now())
	mustDo(t, err)
	file := func(name string) string { return filepath.Join(site.dir, name) }
	put := func(ring *nightlatch.KeyRing) { mustDo(t, os.WriteFile(file("ring"), ring.Format(), 0o600)) }
	put(one)
	mustDo(t, os.WriteFile(file("go"), nil, 0o600))
	s, err := site.start(site.settings("KEY_COMMAND=cat " + file("ring") + "; echo > " + file("read") + "; while [ ! -e " + file("go") + " ]; do sleep 0.01; done"))
	mustDo(t, err)
	mustDo(t, os.Remove(file("go")))
	mustDo(t, os.Remove(file("read")))
	renewed := make(chan error, 1)
	go func() { renewed <- s.Service.RenewKey(t.Context()) }()
	for end := time.Now().Add(20 * time.Second); !isThere(file("read")) && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	put(two)
	_, lacking, err := s.store.UseKey(t.Context(), two, rand.Reader, site.clock.now())
	mustDo(t, err)
	mustDo(t, os.WriteFile(file("go"), nil, 0o600))
	if err := <-renewed; err != nil || len(lacking) > 0 || s.Service.Key().Sealing() != 2 {
		t.Errorf("key %d seals, %v lack it, %v", s.Service.Key().Sealing(), lacking, err)
	}
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
