package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// sparse is a file of a size that takes no room, with a beginning.
func sparse(t *testing.T, head string, size int64) string {
	t.Helper()
	p := path(t, head)
	if err := os.Truncate(p, size); err != nil {
		t.Fatal(err)
	}
	return p
}

// A file that is larger than what is read at most is refused before it is read.
func TestFilesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		format, head string
		size         int64
		want         string
	}{
		"lines":      {"nightlatch", "{", maxText, "more than 256 MiB"},
		"old keys":   {"u2f", "{", maxText, "more than 256 MiB"},
		"a table":    {"csv", "username", maxText, "more than 256 MiB"},
		"JSON":       {"flask-security", "{", maxText, "more than 256 MiB"},
		"users":      {"authelia", "users:", maxUsers, "more than 32 MiB"},
		"a database": {"authelia", sqliteMagic, maxDatabase, "more than 1024 MiB"},
		"another":    {"flask-security", sqliteMagic, maxDatabase, "more than 1024 MiB"},
	} {
		p := sparse(t, tt.head, tt.size+1)
		_, err := ReadFiles(t.Context(), tt.format, Input{Files: []string{p}, Secrets: Secrets{SingleHash: true}, Driver: "sqlite"})
		if err == nil || !strings.HasPrefix(err.Error(), p+": it has ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// endless has no end, whatever its size was said to be.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A file that grows while it is read is read so far and no further.
func TestReadingIsBounded(t *testing.T) {
	t.Parallel()
	if n, err := io.Copy(io.Discard, newBounded(endless{}, 3<<20)); err == nil || err.Error() != "it has more than 3 MiB; split it" || n > 3<<20 {
		t.Errorf("read %d, %v", n, err)
	}
	if text, err := io.ReadAll(newBounded(strings.NewReader("all"), 3)); err != nil || string(text) != "all" {
		t.Errorf("read %q, %v", text, err)
	}
}

// Rows are counted, those of all files together.
func TestRowsAreCounted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ format, text string }{
		"lines":       {"nightlatch", strings.Repeat("{}\n", 5)},
		"old keys":    {"u2f", strings.Repeat("{}\n", 5)},
		"a table":     {"csv", "username\na\nb\nc\nd\ne\n"},
		"JSON":        {"flask-security", `{"user": [{}, {}, {}], "role": [{}, {}]}`},
		"a JSON list": {"flask-security", `[{}, {}, {}, {}, {}]`},
		"users":       {"authelia", "users:\n  a: x\n  b: x\n  c: x\n  d: x\n  e: x\n"},
	} {
		in := Input{Files: []string{path(t, tt.text)}, Secrets: Secrets{SingleHash: true}}
		in.rows = &count{most: 4}
		if _, err := ReadFiles(t.Context(), tt.format, in); err == nil || !strings.Contains(err.Error(), ": it has more than 4 rows") {
			t.Errorf("%s: %v", name, err)
		}
		in.rows = &count{most: 5}
		if _, err := ReadFiles(t.Context(), tt.format, in); err != nil && strings.Contains(err.Error(), "rows") {
			t.Errorf("%s: %v", name, err)
		}
		in.Files, in.rows = append(in.Files, in.Files[0]), &count{most: 9}
		if _, err := ReadFiles(t.Context(), tt.format, in); err == nil || !strings.Contains(err.Error(), ": it has more than 9 rows") {
			t.Errorf("%s, twice: %v", name, err)
		}
	}
}

// database makes one of what Authelia keeps, with n apps.
func database(t *testing.T, n int) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "db")
	db, err := sql.Open("sqlite", p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(fmt.Sprintf(`CREATE TABLE apps (username TEXT, secret BLOB, digits INT, period INT, algorithm TEXT,
		made TEXT GENERATED ALWAYS AS (hex(zeroblob(1 << 20))) VIRTUAL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
		INSERT INTO apps (username, secret, digits, period, algorithm) SELECT 'user' || (i %% 3), 'x', 6, 30, 'SHA1' FROM n`, n))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Rows of a database are counted, too, and found by their users.
func TestRowsOfADatabase(t *testing.T) {
	t.Parallel()
	in := Input{Files: []string{database(t, 7)}, Secrets: Secrets{EncryptionKey: "k"}, Driver: "sqlite", rows: &count{most: 6}}
	if _, err := ReadFiles(t.Context(), "authelia", in); err == nil || !strings.Contains(err.Error(), "more than 6 rows") {
		t.Errorf("seven rows: %v", err)
	}
	in.rows = nil
	r, err := ReadFiles(t.Context(), "authelia", in)
	if err != nil || len(r.Accounts) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, want := range []int{2, 3, 2} { // none can be opened
		if a := r.Accounts[i]; a.Name() != fmt.Sprintf("user%d", i) || len(a.Left) != want {
			t.Errorf("%+v, want %d factors", a, want)
		}
	}
}

// Whoever asked may stop.
func TestReadingStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	many := strings.Repeat("{}\n", 300)
	for format, text := range map[string]string{
		"nightlatch": many, "u2f": many, "csv": "username\n" + strings.Repeat("a\n", 300), "authelia": "users:\n  a: x\n",
		"flask-security": `{"user": [{"email": "a", "password": "x", "active": true}]}`,
	} {
		in := Input{Files: []string{path(t, text)}, Secrets: Secrets{SingleHash: true}}
		if _, err := ReadFiles(ctx, format, in); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// JSON that is not of tables is refused, and nothing of it is shown.
func TestDumpsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "x-secret", `"x-secret"`, `{"user": "x-secret"}`, `{"user": {"x-secret": 1}}`, `{"user": ["x-secret"]}`, `{"user": [{"x-secret": 1}`,
		`{"user": []} x-secret`, `[{"x-secret": 1}] []`, `{"user": [{"x-secret": 1]}`, `{"user": []`, `[1]`,
	} {
		_, err := ReadFiles(t.Context(), "flask-security", Input{Files: []string{path(t, text)}, Secrets: Secrets{SingleHash: true}})
		if err == nil || !strings.Contains(err.Error(), "neither a SQLite database nor JSON") || strings.Contains(err.Error(), "x-secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	r, err := ReadFiles(t.Context(), "flask-security", Input{
		Files: []string{path(t, `{"role": null, "user": [{"email": "a", "password": "x", "active": true}]}`)}, Secrets: Secrets{SingleHash: true},
	})
	if err != nil || len(r.Accounts) != 1 {
		t.Errorf("a table that is null: %+v, %v", r, err)
	}
}
