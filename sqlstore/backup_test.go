package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

var backupTime = time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)

// same prepares nothing.
func same(context.Context, *sqlstore.Store) error { return nil }

// pairs puts two records in one transaction, again and again until stop.
func pairs(t *testing.T, s *sqlstore.Store, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		err := s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) error {
			if err := put(ctx, tx, fmt.Sprintf("left %06d", i)); err != nil {
				return err
			}
			return put(ctx, tx, fmt.Sprintf("right %06d", i))
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

func users(t *testing.T, s *sqlstore.Store) (all []string) {
	t.Helper()
	err := s.View(t.Context(), func(r nightlatch.Reader) error {
		list, err := r.UsersAfter(t.Context(), "", 1_000_000)
		for _, u := range list {
			all = append(all, u.User)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBackupWhileWriting: a copy is one moment of what is written meanwhile, and nothing of it gets in the writer's way.
func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	s := open(t, path)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { pairs(t, s, stop) })
	for i := range 5 {
		beside, err := sqlstore.OpenSQLite(t.Context(), "sqlite", path) // as the command line does
		if err != nil {
			t.Fatal(err)
		}
		err = beside.Backup(t.Context(), filepath.Join(dir, fmt.Sprintf("copy %d?#", i)))
		if err := errors.Join(err, beside.Close()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writing.Wait()
	for i := range 5 {
		name := filepath.Join(dir, fmt.Sprintf("copy %d?#", i))
		if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		to := filepath.Join(t.TempDir(), "db")
		if before, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", name, to, backupTime, same); err != nil || before != "" {
			t.Fatal(before, err)
		}
		left, right := 0, 0
		for _, u := range users(t, open(t, to)) {
			if strings.HasPrefix(u, "left") {
				left++
			} else {
				right++
			}
		}
		if left != right {
			t.Errorf("copy %d: %d and %d", i, left, right)
		}
	}
	if parts, _ := filepath.Glob(filepath.Join(dir, ".backup-*")); len(parts) > 0 {
		t.Errorf("left behind: %v", parts)
	}
}

// TestBackupOverwritesNothing, be it a link that leads nowhere.
func TestBackupOverwritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "db"))
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), there); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if text, _ := os.ReadFile(there); string(text) != "mine" {
		t.Errorf("it holds %q", text)
	}
	dangling := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), dangling); err == nil {
		if err := s.Backup(t.Context(), dangling); !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "none", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestRestoreReplaces keeps what was there, and replaces nothing when the copy cannot be prepared.
func TestRestoreReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "db"), filepath.Join(dir, "backup")
	s := open(t, path)
	add := func(s *sqlstore.Store, user string) {
		t.Helper()
		if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, user) }); err != nil {
			t.Fatal(err)
		}
	}
	add(s, "before")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	add(s, "after")

	if _, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, same); !errors.Is(err, sqlstore.ErrInUse) {
		t.Fatalf("while it is open: %v", err)
	}
	if err := sqlstore.UsedByOthers(t.Context(), "sqlite", path); !errors.Is(err, sqlstore.ErrInUse) {
		t.Fatalf("while it is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.UsedByOthers(t.Context(), "sqlite", path); err != nil {
		t.Fatal(err)
	}

	fault := errors.New("not today")
	_, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, func(context.Context, *sqlstore.Store) error { return fault })
	if !errors.Is(err, fault) {
		t.Fatal(err)
	}
	s = open(t, path)
	if got := users(t, s); len(got) != 2 {
		t.Fatalf("a restore that failed left %v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	before, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, func(ctx context.Context, s *sqlstore.Store) error {
		add(s, "prepared")
		return nil
	})
	if err != nil || before != path+".before-restore-20261122-083000" {
		t.Fatal(before, err)
	}
	if got := users(t, open(t, path)); strings.Join(got, " ") != "before prepared" {
		t.Errorf("users = %v", got)
	}
	if got := users(t, open(t, before)); strings.Join(got, " ") != "after before" {
		t.Errorf("users before = %v", got)
	}
	if parts, _ := filepath.Glob(filepath.Join(dir, ".restore-*")); len(parts) > 0 {
		t.Errorf("left behind: %v", parts)
	}
}

// TestRestoreTwice: two restores within a second both keep what was there before.
func TestRestoreTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, path)
	if err := errors.Join(s.Backup(t.Context(), path+".backup"), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"", "-2", "-3"} {
		before, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", path+".backup", path, backupTime,
			func(context.Context, *sqlstore.Store) error { return nil })
		if err != nil || before != path+".before-restore-20261122-083000"+want {
			t.Fatal(before, err)
		}
	}
}

// TestRestoreNoBackup: what is none of ours, or not whole, replaces nothing.
func TestRestoreNoBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	s := open(t, path)
	if err := s.Backup(t.Context(), filepath.Join(dir, "good")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "good"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, text []byte) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	spoiled := append([]byte(nil), good...)
	for i := len(spoiled) / 2; i < len(spoiled); i++ {
		spoiled[i] ^= 0x5a
	}
	file("torn-wal", []byte("its log"))
	for from, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "not a file",
		path:                       "the database itself",
		file("empty", nil):         "no records of Nightlatch",
		file("garbage", []byte(strings.Repeat("x", 8192))): "not a database",
		file("short", good[:len(good)/2]):                  "malformed",
		file("spoiled", spoiled):                           "",
		file("torn", good):                                 "under a running server",
	} {
		_, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", from, path, backupTime, same)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", from, err)
		}
	}
	open(t, path)
}

// TestRestoreOverDamage: what is there may be no database any more, with a log that belongs to it.
func TestRestoreOverDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "db"), filepath.Join(dir, "backup")
	s := open(t, path)
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u1") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "u2") }); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{path: []byte(strings.Repeat("rubbish ", 2000)), path + "-wal": log} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, same); err != nil {
		t.Fatal(err)
	}
	if got := users(t, open(t, path)); len(got) != 1 {
		t.Errorf("users = %v", got)
	}
}

// TestRestoreBesideALog: the log of a database that somebody has removed, or emptied, to put a backup in its place is not played
// into the backup. It is kept.
func TestRestoreBesideALog(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"removed": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, backup := filepath.Join(t.TempDir(), "db"), filepath.Join(t.TempDir(), "backup")
			s := open(t, path)
			if err := s.Backup(t.Context(), backup); err != nil {
				t.Fatal(err)
			}
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return put(ctx, tx, "since") }); err != nil {
				t.Fatal(err)
			}
			log, err := os.ReadFile(path + "-wal")
			if err = errors.Join(err, s.Close(), spoil(path), os.WriteFile(path+"-wal", log, 0o600),
				os.WriteFile(path+"-journal", []byte("its journal"), 0o600)); err != nil {
				t.Fatal(err)
			}
			if _, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, same); err != nil {
				t.Fatal(err)
			}
			before := path + ".before-restore-20261122-083000"
			if kept, err := os.ReadFile(before + "-wal"); err != nil || !bytes.Equal(kept, log) {
				t.Errorf("of a log of %d bytes %d are kept, %v", len(log), len(kept), err)
			}
			if kept, err := os.ReadFile(before + "-journal"); err != nil || string(kept) != "its journal" {
				t.Errorf("of the journal is kept %q, %v", kept, err)
			}
			if got := users(t, open(t, path)); len(got) > 0 {
				t.Errorf("users = %v", got)
			}
		})
	}
}

// TestBackupThatContradictsItself: one of which every page can be read, and an index says otherwise than its table, replaces
// nothing.
func TestBackupThatContradictsItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "db"), filepath.Join(dir, "backup")
	s := open(t, path)
	const token = "a token in its table and in an index"
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		return tx.Put(ctx, nightlatch.SessionRecord{ID: "s1", Token: token, User: "u1"})
	}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Backup(t.Context(), backup), s.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(backup)
	if err != nil || bytes.Count(text, []byte(token)) != 2 {
		t.Fatalf("the token stands there %d times, %v", bytes.Count(text, []byte(token)), err)
	}
	text = bytes.Replace(text, []byte(token), []byte(strings.ToUpper(token)), 1)
	if err := os.WriteFile(backup, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, same)
	if err == nil || !strings.Contains(err.Error(), "it is damaged") {
		t.Errorf("restored: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestRestoreUnderAnotherProgram: whatever has the file open by SQLite is found, too.
func TestRestoreUnderAnotherProgram(t *testing.T) {
	t.Parallel()
	path, backup := filepath.Join(t.TempDir(), "db"), filepath.Join(t.TempDir(), "backup")
	other := opened(t, first(sqlstore.SQLiteDSN(path)), second(sqlstore.SQLiteDSN(path)))
	if err := other.Migrate(t.Context(), backupTime); err != nil {
		t.Fatal(err)
	}
	if err := other.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.RestoreSQLite(t.Context(), "sqlite", backup, path, backupTime, same); !errors.Is(err, sqlstore.ErrInUse) {
		t.Error(err)
	}
	open(t, path) // who was refused keeps nobody out
}

func first(a, _ string) string  { return a }
func second(_, b string) string { return b }
