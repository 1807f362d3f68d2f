package migrate

import (
	"errors"
	"path/filepath"
	"testing"
)

// Missing says what Up would do, and does nothing.
func TestMissing(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	early, late := Set{Name: "a", Files: files(one)}, Set{Name: "a", Files: files(one, two)}
	if n, err := Missing(t.Context(), db, SQLite, early); err == nil {
		t.Errorf("a database that is none of ours lacks %d", n)
	}
	if err := up(t, db, early); err != nil {
		t.Fatal(err)
	}
	for want, sets := range [][]Set{{early}, {late}, {late, {Name: "b", Files: files(two)}}} {
		for range 2 {
			if n, err := Missing(t.Context(), db, SQLite, sets...); err != nil || n != want {
				t.Errorf("%d are missing, %v; want %d", n, err, want)
			}
		}
	}
	if err := up(t, db, late); err != nil {
		t.Fatal(err)
	}
	var newer *NewerError
	if _, err := Missing(t.Context(), db, SQLite, early); !errors.As(err, &newer) {
		t.Errorf("a newer database: %v", err)
	}
	var changed *ChangedError
	if _, err := Missing(t.Context(), db, SQLite, Set{Name: "a", Files: files(two, two)}); !errors.As(err, &changed) {
		t.Errorf("a changed one: %v", err)
	}
}
