package sqlstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// onBoth runs a test on a SQLite file and on PostgreSQL; open opens the same database each time.
func onBoth(t *testing.T, f func(t *testing.T, s *sqlstore.Store)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		s, err := sqlstore.OpenSQLite(t.Context(), "sqlite", filepath.Join(t.TempDir(), "nightlatch.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Migrate(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		f(t, s)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		f(t, openPostgreSQL(t))
	})
}

func grown(t *testing.T, ring *nightlatch.KeyRing) *nightlatch.KeyRing {
	t.Helper()
	more, err := ring.Add(rand.Reader, now)
	if err != nil {
		t.Fatal(err)
	}
	return more
}

func newRing(t *testing.T) *nightlatch.KeyRing {
	t.Helper()
	ring, err := nightlatch.NewKeyRing(rand.Reader, now)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestUseKey: the newest key seals at once where nobody else serves, and else when all who live have it.
func TestUseKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *sqlstore.Store) {
		one := newRing(t)
		two := grown(t, one)
		use := func(ring *nightlatch.KeyRing, at time.Time) (seals uint32, lacking int) {
			t.Helper()
			in, nodes, err := s.UseKey(t.Context(), ring, rand.Reader, at)
			if err != nil {
				t.Fatal(err)
			}
			return in.Sealing(), len(nodes)
		}
		beat := func(id string, holds uint32, at time.Time) {
			t.Helper()
			if err := s.Beat(t.Context(), sqlstore.Node{ID: id, Name: "node " + id, Holds: holds, Seals: 1, SeenAt: at}); err != nil {
				t.Fatal(err)
			}
		}
		if seals, _ := use(one, now); seals != 1 {
			t.Fatalf("key %d seals", seals)
		}
		beat("a", 1, now)
		beat("b", 1, now)
		if seals, lacking := use(two, now); seals != 1 || lacking != 2 {
			t.Errorf("key %d seals, %d lack the newest", seals, lacking)
		}
		if u, err := s.KeyUse(t.Context()); err != nil || u != (sqlstore.KeyUse{Seals: 1, Newest: 2}) {
			t.Errorf("KeyUse = %+v, %v", u, err)
		}
		beat("a", 2, now)
		if seals, lacking := use(two, now); seals != 1 || lacking != 1 {
			t.Errorf("with one: key %d seals, %d lack the newest", seals, lacking)
		}
		if seals, _ := use(one, now); seals != 1 {
			t.Errorf("who lacks it seals with key %d", seals)
		}
		// Whose clock is far ahead would count for as long as that lasts.
		beat("ahead", 1, now.Add(sqlstore.NodeLives))
		if _, lacking := use(two, now); lacking != 1 {
			t.Errorf("with one from another time: %d lack the newest", lacking)
		}
		if err := s.Leave(t.Context(), "ahead"); err != nil {
			t.Fatal(err)
		}
		// b is not heard of any more.
		late := now.Add(sqlstore.NodeLives)
		beat("a", 2, late)
		if seals, lacking := use(two, late); seals != 2 || lacking != 0 {
			t.Errorf("without b: key %d seals, %d lack it", seals, lacking)
		}
		_, _, err := s.UseKey(t.Context(), one, rand.Reader, late)
		if err == nil || !strings.Contains(err.Error(), "key 2 is needed") {
			t.Errorf("the ring before: %v", err)
		}
		if err := s.CheckKey(t.Context(), one, rand.Reader); err == nil || !strings.Contains(err.Error(), "key 2 is needed") {
			t.Errorf("the ring before, checked: %v", err)
		}
		if _, _, err := s.UseKey(t.Context(), grown(t, one), rand.Reader, late); err == nil || !strings.Contains(err.Error(), "key 2 is not the key 2") {
			t.Errorf("another key 2: %v", err)
		}
		if _, _, err := s.UseKey(t.Context(), grown(t, grown(t, newRing(t))), rand.Reader, late); err == nil {
			t.Error("a longer ring that is another's is used")
		}
		if err := s.Leave(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if nodes, err := s.Nodes(t.Context()); err != nil || len(nodes) != 1 || nodes[0].Name != "node b" || nodes[0].Lives(late) {
			t.Errorf("nodes = %+v, %v", nodes, err)
		}
		beat("c", 2, now.AddDate(0, 0, 2))
		if nodes, err := s.Nodes(t.Context()); err != nil || len(nodes) != 1 || nodes[0].ID != "c" {
			t.Errorf("after two days: %+v, %v", nodes, err)
		}
	})
}

// TestKeysRace: of two who made another key 2 each, one has made none: nobody seals with a key that is nowhere kept.
func TestKeysRace(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *sqlstore.Store) {
		one := newRing(t)
		if _, _, err := s.UseKey(t.Context(), one, rand.Reader, now); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, one.Format(), 0o600); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				errs[i] = s.GrowingKey(t.Context(), func(_ context.Context, known uint32) (uint32, error) {
					text, err := os.ReadFile(path)
					if err != nil {
						return 0, err
					}
					ring, err := nightlatch.ParseKeyRing(text)
					if err != nil {
						return 0, err
					}
					if ring.Newest() != known {
						return 0, fmt.Errorf("key %d is known, and %d is there", known, ring.Newest())
					}
					if ring.Newest() > 1 {
						return ring.Newest(), nil
					}
					if ring, err = ring.Add(rand.Reader, now); err != nil {
						return 0, err
					}
					return ring.Newest(), sqlstore.GrowKeyFile(path, ring, nil)
				})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n2 ") != 1 || strings.Contains(string(text), "\n3 ") {
			t.Errorf("the file is\n%s%v", text, err)
		}
	})
}

// TestGrowKeyFile: the file is the one before or the new one, whatever breaks off, and is nobody else's.
func TestGrowKeyFile(t *testing.T) {
	t.Parallel()
	one := newRing(t)
	two := grown(t, one)
	broken := errors.New("the power is gone")
	for i, step := range []string{"made", "written", "synced", "closed", "renamed", "lasting", ""} {
		dir := t.TempDir()
		path := filepath.Join(dir, "key")
		before := "# mine\n" + string(one.Format())
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil { //nolint:gosec // too wide, as an operator may leave it
			t.Fatal(err)
		}
		var did []string
		err := sqlstore.GrowKeyFile(path, two, func(what string) error {
			did = append(did, what)
			if what == step {
				return broken
			}
			return nil
		})
		if errors.Is(err, broken) != (step != "") {
			t.Fatalf("%q: %v", step, err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i < 4 && string(text) != before || i >= 4 && string(text) != before+string(two.FormatNewest()) {
			t.Errorf("%q: the file is\n%s", step, text)
		}
		if info, err := os.Stat(path); err != nil || i >= 4 && info.Mode().Perm() != 0o600 {
			t.Errorf("%q: mode %v, %v", step, info.Mode(), err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("%q: it leaves %v", step, files)
		}
	}
}

// TestGrowKeyFileRefuses: a file that is not the ring stays as it is.
func TestGrowKeyFileRefuses(t *testing.T) {
	t.Parallel()
	one := newRing(t)
	two := grown(t, one)
	for name, text := range map[string]string{
		"another's":      string(newRing(t).Format()),
		"grown already":  string(two.Format()),
		"another key 2":  string(grown(t, one).Format()),
		"garbage":        "hush",
		"longer by hand": string(grown(t, two).Format()),
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := sqlstore.GrowKeyFile(path, two, nil)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
		if is, err := os.ReadFile(path); err != nil || string(is) != text {
			t.Errorf("%s: it became\n%s", name, is)
		}
	}
	if err := sqlstore.GrowKeyFile(filepath.Join(t.TempDir(), "key"), two, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	// What a link leads to is replaced, not the link.
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(filepath.Join(dir, "real"), one.Format(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", path); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.GrowKeyFile(path, two, nil); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(path); err != nil || to != "real" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}
