package server

import (
	"bufio"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A rolling update: the first node of a newer program brings the database up to date, and nodes of the older one go on
// until they are replaced. So a migration only adds: what the older program reads and writes is as it knows it.
//
// The queries of released programs are in testdata/released/queries-engine-E-server-S.txt, one a line, named after the
// migrations that the program knew. They were taken from its source and stay as they are.

// TestOlderProgramsGoOn: each query of each released program is one of the newest schema, too.
func TestOlderProgramsGoOn(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(releasedDir, "queries-*.txt"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	eachDatabase(t, func(t *testing.T, n nodes) {
		driver, dsn := "sqlite", "file:"+filepath.Join(n.dir, "data", databaseFile)
		if n.url != "" {
			driver, dsn = "pgx", n.url
		}
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for _, file := range files {
			if n.url != "" && strings.Contains(file, "engine-3-") {
				continue // that program knew SQLite alone
			}
			for query, line := range linesOf(t, file) {
				if driver == "sqlite" {
					query = regexp.MustCompile(`\$([0-9]+)`).ReplaceAllString(query, "?$1")
				}
				stmt, err := db.PrepareContext(t.Context(), query)
				if err != nil {
					t.Errorf("%s, line %d: the older program asks\n%s\n%v", filepath.Base(file), line, query, err)
					continue
				}
				_ = stmt.Close()
			}
		}
	})
}

func linesOf(t *testing.T, name string) map[string]int {
	t.Helper()
	f, err := os.Open(name) //nolint:gosec // of ours
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines := map[string]int{}
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for n := 1; scan.Scan(); n++ {
		lines[scan.Text()] = n
	}
	if err := scan.Err(); err != nil || len(lines) < 50 {
		t.Fatal(len(lines), err)
	}
	return lines
}

// adds are the statements by which an older program is not disturbed: new tables, indexes that forbid nothing, and columns
// that have a value where nobody gives one. An index may be made anew under its name, with more in it, and what fills a new
// column may stand in a trigger, so that it is filled when an older program writes, too.
var (
	adds     = regexp.MustCompile(`(?is)^(CREATE TABLE|CREATE INDEX|INSERT INTO|ALTER TABLE \w+ ADD COLUMN \w+ \w+( NOT NULL DEFAULT [\w']+| DEFAULT [\w']+)?$)`)
	newTable = regexp.MustCompile(`(?i)CREATE TABLE (\w+)`)
	newField = regexp.MustCompile(`(?i)ALTER TABLE (\w+) ADD COLUMN (\w+)`)
	unique   = regexp.MustCompile(`(?is)^CREATE UNIQUE INDEX \w+\s+ON (\w+)`)
	anew     = regexp.MustCompile(`(?i)DROP INDEX (\w+);\s*CREATE INDEX (\w+)`)
	trigger  = regexp.MustCompile(`(?is)CREATE TRIGGER \w+ AFTER (?:INSERT|UPDATE|DELETE) ON \w+ BEGIN(.*?)\bEND;`)
	fills    = regexp.MustCompile(`(?is)^UPDATE (\w+) SET (\w+) = coalesce\(\(SELECT [^;=]*= accounts\.id\), ''\)(\s+WHERE id (= \w+\.\w+|IN \(OLD\.\w+, NEW\.\w+\)))?$`)
)

// additive says what a migration does that is more than to add.
func additive(text string) (bad []string) {
	text = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(text, "")
	may := map[string]bool{} // a table that is new may have any index, and be filled; a column that is new may be filled
	for _, m := range newTable.FindAllStringSubmatch(text, -1) {
		may[m[1]] = true
	}
	for _, m := range newField.FindAllStringSubmatch(text, -1) {
		may[m[1]+"."+m[2]] = true
	}
	for _, m := range anew.FindAllStringSubmatch(text, -1) {
		may["DROP INDEX "+m[1]] = m[1] == m[2]
	}
	for statement := range strings.SplitSeq(trigger.ReplaceAllString(text, "$1"), ";") {
		statement = strings.TrimSpace(statement)
		index, fill := unique.FindStringSubmatch(statement), fills.FindStringSubmatch(statement)
		switch {
		case statement == "", adds.MatchString(statement), may[statement],
			index != nil && may[index[1]], fill != nil && may[fill[1]+"."+fill[2]]:
		default:
			bad = append(bad, statement)
		}
	}
	return bad
}

// TestMigrationsAdd: all but the first of each set.
func TestMigrationsAdd(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"schema", "../sqlstore/schema"} {
		seen := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "0001_") {
				return err
			}
			seen++
			text, err := os.ReadFile(path) //nolint:gosec // of ours
			for _, statement := range additive(string(text)) {
				t.Errorf("%s does more than to add, and nodes of the program before would fail: %s", path, statement)
			}
			return err
		})
		if err != nil || seen == 0 {
			t.Error(seen, err)
		}
	}
	for _, text := range []string{
		"DROP TABLE accounts", "ALTER TABLE accounts RENAME COLUMN a TO b", "ALTER TABLE accounts ADD COLUMN a TEXT NOT NULL",
		"CREATE UNIQUE INDEX x ON accounts (email)", "UPDATE accounts SET admin = 1", "ALTER TABLE accounts DROP COLUMN a",
		"DROP INDEX accounts_order", "CREATE TRIGGER x BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'no')",
		"UPDATE accounts SET email = coalesce((SELECT 1 WHERE 1 = accounts.id), '')",
	} {
		if fmt.Sprint(additive("CREATE TABLE other (x TEXT);"+text)) != fmt.Sprint([]string{text}) {
			t.Errorf("%s passes for a migration that only adds", text)
		}
	}
}
