package server

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
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

// TestRotateWaitsForWhoSeals: a server that has the new key and does not seal with it yet may leave records behind, which none of
// those that are there now tells of.
func TestRotateWaitsForWhoSeals(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart() // in which nothing is sealed
	mustDo(t, s.store.Beat(t.Context(), sqlstore.Node{ID: "slow", Name: "slow", Holds: 9, Seals: 1, SeenAt: site.clock.now()}))
	err := site.tool(nil).RotateKey(t.Context(), &Rotation{Wait: 10 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "a server still seals with another key: slow") {
		t.Errorf("RotateKey: %v", err)
	}
}

// TestRotateBesideOneThatBegins: a server that begins to serve at the last moment, without the key, is not shut out.
func TestRotateBesideOneThatBegins(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	beat := func(id string, holds uint32) error {
		return s.store.Beat(t.Context(), sqlstore.Node{ID: id, Name: id, Holds: holds, Seals: 1, SeenAt: site.clock.now()})
	}
	mustDo(t, beat("first", 1))
	err := site.tool(nil).RotateKey(t.Context(), &Rotation{
		Wait: 20 * time.Second,
		Say: func(line string) {
			if strings.Contains(line, "a server that lacks key 2: first") {
				mustDo(t, beat("first", 2))
			}
		},
		after: func(step string) error {
			if step == "with all" {
				return beat("second", 1)
			}
			return nil
		},
	})
	if err == nil || !strings.Contains(err.Error(), "second began to serve just now and lacks key 2") {
		t.Errorf("RotateKey: %v", err)
	}
	if use, err := s.store.KeyUse(t.Context()); err != nil || use.Seals != 1 || use.Newest != 2 {
		t.Errorf("in use is %+v, %v", use, err)
	}
}

// changing is randomness that changes a record whenever it is asked for, which is before something is sealed.
type changing struct{ change func() }

func (c changing) Read(p []byte) (int, error) {
	c.change()
	return rand.Read(p)
}

// TestRotateMissesNothing: a record that others change each time that it is sealed anew is sealed anew in the end.
func TestRotateMissesNothing(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s := site.mustStart()
	add(t, s, Account{Username: "anna"})
	rounds := -1
	var users []nightlatch.UserRecord
	tool := site.tool(changing{func() {
		if rounds < 0 || rounds > 2 {
			return
		}
		mustDo(t, s.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) (err error) {
			if users, err = tx.UsersAfter(ctx, "", 9); err != nil || len(users) == 0 {
				return err
			}
			return tx.Put(ctx, users[0]) // the same, with another revision
		}))
	}})
	err := tool.RotateKey(t.Context(), &Rotation{Wait: 20 * time.Second, after: func(step string) error {
		if step == "in use" || step == "resealed" {
			rounds++
		}
		return nil
	}})
	if n := uses(t, tool); err != nil || rounds < 3 || len(users) == 0 || n[1] > 0 {
		t.Errorf("%d users, after %d rounds sealed by %v, %v", len(users), rounds, n, err)
	}
}

// TestMigrateWithAnotherKey: a database is not brought up to date for who has another's key, and one that is new notes the key.
func TestMigrateWithAnotherKey(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	one := newRing(t)
	other, err := nightlatch.NewKeyRing(rand.Reader, site.clock.now())
	mustDo(t, err)
	migrate := func(ring *nightlatch.KeyRing) error {
		_, err := MigrateDatabase(t.Context(), site.settings("KEY="+oneLine(ring)), Opening{Drivers: drivers, Now: site.clock.now()})
		return err
	}
	mustDo(t, migrate(one))
	if err := migrate(other); err == nil || !strings.Contains(err.Error(), "key 1 is not the key 1") {
		t.Errorf("with another key: %v", err)
	}
	mustDo(t, migrate(one))
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
