package server

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

func TestOpenMakesTheDirectory(t *testing.T) {
	t.Parallel()
	site := newFileSite(t)
	site.mustStart()
	for name, want := range map[string]os.FileMode{
		"data": os.ModeDir | 0o700, "data/key": 0o600, "data/nightlatch.db": 0o600,
		"data/nightlatch.db-wal": 0o600, "data/nightlatch.db-shm": 0o600,
	} {
		info, err := os.Stat(filepath.Join(site.dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(site.dir, "data", ".key-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestOpenRefuses: each fault is told in words that say what to do, and nothing is made in the place of what is lost.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := func(name, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	changing := func(query string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { t.Helper(); alter(t, &site{t: t, dir: dir}, query) }
	}
	nothing := func(*testing.T, string) {}
	another := newRing(t)
	tests := map[string]struct {
		env  []string
		harm func(t *testing.T, dir string)
		want string
	}{
		"the key is lost": {
			nil, func(t *testing.T, dir string) { t.Helper(); remove(t, dir, "data/key") },
			`^key file DIR/data/key is missing, and the database was sealed with it: put it back from your backup$`,
		},
		"another's key file": {nil, file("data/key", string(another.Format())), `^key: .*key 1 `},
		"another's key":      {[]string{"KEY=" + oneLine(another)}, nothing, `^key: .*key 1 `},
		"an empty key file":  {nil, file("data/key", ""), `^key file DIR/data/key: key ring holds no key$`},
		"half a key file":    {nil, file("data/key", "1 2026-11-22 AAAA"), `^key file DIR/data/key: key ring, line 1: .*not 32 bytes`},
		"a directory as key": {nil, func(t *testing.T, dir string) {
			t.Helper()
			remove(t, dir, "data/key")
			if err := os.Mkdir(filepath.Join(dir, "data", "key"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, `^key file: .*is a directory`},
		"key_file is missing":         {[]string{"KEY_FILE=DIR/nowhere"}, nothing, `^key file DIR/nowhere is missing: put it there, or take key_file out`},
		"the command fails":           {[]string{"KEY_COMMAND=sh -c 'echo no vault >&2; echo today >&2; exit 3'"}, nothing, `^key_command: exit status 3: no vault\ntoday$`},
		"the command says nothing":    {[]string{"KEY_COMMAND=sh -c 'exit 3'"}, nothing, `^key_command: exit status 3$`},
		"the command prints garbage":  {[]string{"KEY_COMMAND=echo hush"}, nothing, `^the output of key_command: key ring, line 1: expected`},
		"the command is for a shell":  {[]string{"KEY_COMMAND=echo hush | cat"}, nothing, `^the output of key_command: key ring, line 1: expected`},
		"a quote is open":             {[]string{"KEY_COMMAND=cat 'DIR/key"}, nothing, `^key_command: exit status 2: `},
		"the command is white space":  {[]string{"KEY_COMMAND= "}, nothing, `^key_command: it names no program$`},
		"the command is not there":    {[]string{"KEY_COMMAND=DIR/nowhere"}, nothing, `^key_command: .*nowhere`},
		"the command prints too much": {[]string{"KEY_COMMAND=head -c 1100000 /dev/zero"}, nothing, `^the output of key_command is longer than 1 MiB$`},
		"the command prints no key":   {[]string{"KEY_COMMAND=true"}, nothing, `^the output of key_command: key ring holds no key$`},
		"NIGHTLATCH_KEY is garbage":   {[]string{"KEY=hush"}, nothing, `^NIGHTLATCH_KEY: key ring, line 1: expected`},
		"no database":                 {nil, file("data/nightlatch.db", strings.Repeat("This is no database. ", 500)), `^database: .*not a database`},
		"a directory as database":     {[]string{"DATABASE_URL=sqlite:DIR/data"}, nothing, `^database: .*(is a directory|unable to open)`},
		"no directory for it":         {[]string{"DATABASE_URL=sqlite:DIR/nowhere/x.db"}, nothing, `^database: .*nowhere`},
		"a newer schema, ours":        {nil, changing(`INSERT INTO nightlatch_migrations VALUES ('server', 99, '0099_x.sql', 'x', 'x')`), `^database: .*newer`},
		"a newer schema, the engines": {nil, changing(`INSERT INTO nightlatch_migrations VALUES ('engine', 99, '0099_x.sql', 'x', 'x')`), `^database: .*newer`},
		"a changed schema":            {nil, changing(`UPDATE nightlatch_migrations SET sha256 = 'x' WHERE set_name = 'server'`), `^database: .*0001_accounts`},
		"a file as data_dir":          {[]string{"DATA_DIR=DIR/file"}, file("file", "x"), `^data_dir: .*not a directory`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := newFileSite(t)
			s := site.mustStart()
			add(t, s, Account{Username: "anna"})
			s.Close()
			if err := s.store.Close(); err != nil {
				t.Fatal(err)
			}
			tt.harm(t, site.dir)
			for i, e := range tt.env {
				tt.env[i] = strings.ReplaceAll(e, "DIR/", site.dir+"/")
			}
			_, err := site.start(site.settings(tt.env...))
			if err == nil {
				t.Fatal("it starts")
			}
			text := strings.ReplaceAll(err.Error(), site.dir, "DIR")
			if !regexp.MustCompile(tt.want).MatchString(text) {
				t.Errorf("it says %q, want %s", text, tt.want)
			}
			if strings.Contains(text, "hush") {
				t.Errorf("it shows the key: %s", text)
			}
		})
	}
}

func newRing(t *testing.T) *nightlatch.KeyRing {
	t.Helper()
	ring, err := nightlatch.NewKeyRing(strings.NewReader(strings.Repeat("another key", 100)), newClock().now())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// oneLine is a ring of one key, for the environment.
func oneLine(ring *nightlatch.KeyRing) string {
	lines := strings.Split(strings.TrimSpace(string(ring.Format())), "\n")
	return lines[len(lines)-1]
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestKeyFromElsewhere: the key comes from where settings say, and none is made.
func TestKeyFromElsewhere(t *testing.T) {
	t.Parallel()
	ring := string(newRing(t).Format())
	for what, env := range map[string]string{"environment": "KEY=" + oneLine(newRing(t)), "file": "KEY_FILE=DIR/my key", "command": "KEY_COMMAND=cat 'DIR/my key'"} {
		site := newSite(t)
		if err := os.WriteFile(filepath.Join(site.dir, "my key"), []byte(ring), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, err := site.start(site.settings(strings.ReplaceAll(env, "DIR", site.dir)))
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			s.Close()
		}
		if _, err := os.Stat(filepath.Join(site.dir, "data", "key")); !os.IsNotExist(err) {
			t.Errorf("%s: a key file was made: %v", what, err)
		}
	}
}

// TestKeyCommandThatHangs: what it has started in the background holds nobody up.
func TestKeyCommandThatHangs(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := site.startAs(ctx, site.settings("KEY_COMMAND=sh -c 'sleep 25 & sleep 25'"), false); err == nil {
		t.Error("it starts without a key")
	}
	if waited := time.Since(began); waited > 20*time.Second {
		t.Errorf("it waited %v for what the command has started", waited)
	}
}

// TestOpenAtOnce: of processes that start together on nothing one makes the key, and all have that.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	servers := make([]*Server, len(errs))
	for i := range errs {
		set := site.settings()
		wg.Go(func() { servers[i], errs[i] = site.start(set) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
	}
	anna := add(t, servers[0], Account{Username: "anna"})
	for _, s := range servers {
		newClient(t, s).mustSignIn("anna", secret, "done")
		if held, err := s.Service.HoldingsOf(t.Context(), anna.ID); err != nil || len(held.Authenticators) > 0 {
			t.Error(held, err)
		}
	}
}

// TestTemporary: a database in memory needs no directory that is there before.
func TestTemporary(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	s, err := site.start(site.settings("DATABASE_URL=sqlite::memory:"))
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, Account{Username: "anna"})
	newClient(t, s).mustSignIn("anna", secret, "done")
}
