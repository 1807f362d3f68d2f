package sqlstore

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/storetest"
)

func openFile(t *testing.T) *Store {
	t.Helper()
	s, err := OpenSQLite(t.Context(), "sqlite", filepath.Join(t.TempDir(), "nightlatch.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context(), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStore runs the suite, and then looks at each query that it ran.
func TestStore(t *testing.T) {
	t.Parallel()
	var lock sync.Mutex
	texts := map[string]bool{}
	t.Run("Suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) nightlatch.Store {
			s := openFile(t)
			t.Cleanup(func() {
				lock.Lock()
				defer lock.Unlock()
				for _, p := range []*pool{s.write, s.read} {
					p.stmts.Range(func(text, _ any) bool {
						texts[text.(string)] = true
						return true
					})
				}
			})
			return s
		})
	})
	if len(texts) < 30 {
		t.Errorf("only %d queries were prepared", len(texts))
	}
	s := openFile(t)
	for text := range texts {
		checkOrder(t, text)
		checkPlan(t, s, text)
	}
}

// checkOrder: placeholders stand in order of first use, since some drivers count them so.
func checkOrder(t *testing.T, text string) {
	next := 1
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil || n > next {
			t.Errorf("$%s stands where $%d belongs:\n%s", match[1], next, text)
			return
		}
		if n == next {
			next++
		}
	}
}

var scans = regexp.MustCompile(`SCAN nl_`)

// checkPlan: every query finds its rows by an index, however many there are.
func checkPlan(t *testing.T, s *Store, text string) {
	args := make([]any, strings.Count(text, "$"))
	rows, err := s.read.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+s.dialect.text(text), args...)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		if scans.MatchString(detail) {
			t.Errorf("%s:\n%s", detail, text)
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}

// TestPreparedOnce: a text is prepared once for the pool, and not while its transaction runs.
func TestPreparedOnce(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if err := s.View(t.Context(), func(r nightlatch.Reader) error {
					_, err := r.Epoch(t.Context())
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := s.read.kept.Load(); n != 1 {
		t.Errorf("%d statements are kept", n)
	}
}

// TestKeptAreBounded: who builds texts at run time fills no memory.
func TestKeptAreBounded(t *testing.T) {
	t.Parallel()
	s := openFile(t)
	if err := s.Read(t.Context(), func(q Querier) error {
		for i := range maxKept + 10 {
			var n int
			if err := q.QueryRowContext(t.Context(), "SELECT "+strconv.Itoa(i)).Scan(&n); err != nil || n != i {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	s.read.stmts.Range(func(any, any) bool { n++; return true })
	if n != maxKept {
		t.Errorf("%d statements are kept", n)
	}
}

type coded int

func (coded) Error() string { return "coded" }
func (c coded) Code() int   { return int(c) }

type stated string

func (stated) Error() string      { return "stated" }
func (s stated) SQLState() string { return string(s) }

func TestDriversErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err              error
		taken, overtaken bool
	}{
		{nil, false, false},
		{coded(5), false, false},
		{coded(517), false, true},
		{coded(1555), true, false},
		{coded(2067), true, false},
		{coded(787), false, false},
		{stated("23505"), true, false},
		{stated("23503"), false, false},
		{stated("40001"), false, true},
		{stated("40P01"), false, true},
	} {
		if isTaken(c.err) != c.taken || isOvertaken(c.err) != c.overtaken {
			t.Errorf("%#v: taken %v, overtaken %v", c.err, isTaken(c.err), isOvertaken(c.err))
		}
	}
}

// TestOneWriter: within a process the pool of one lets writers wait for their turn; SQLite's own way of waiting is
// not fair, and some would run into the busy timeout.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	if s := openFile(t); s.write.db.Stats().MaxOpenConnections != 1 {
		t.Errorf("%d connections write", s.write.db.Stats().MaxOpenConnections)
	}
}
