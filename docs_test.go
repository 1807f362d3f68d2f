package nightlatch_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	namedTest  = regexp.MustCompile("`([a-z0-9/-]+): ((?:Test|Fuzz|Example)\\w*|[a-z0-9_]+\\.txtar)`")
	parityItem = regexp.MustCompile(`(?m)^\| (S\d-\d+) \| [^|]+ \| (done|docs|open) \| ([^|]*) \|$`)
	docLink    = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// TestDocsNameTestsThatExist: a page that says what is shown by which test is worth something only while that is so.
func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	exist := testsOfTheTree(t)
	for _, page := range documents(t) {
		for _, m := range namedTest.FindAllStringSubmatch(page.text, -1) {
			if name := m[1] + ": " + m[2]; !exist[name] {
				t.Errorf("%s names %s, which does not exist", page.name, name)
			}
		}
	}
}

// TestDecisionsAreNumbered: a number names one decision, and the page says the one that its name has.
func TestDecisionsAreNumbered(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, page := range documents(t) {
		number, _, _ := strings.Cut(filepath.Base(page.name), "-")
		if filepath.Base(filepath.Dir(page.name)) != "decisions" || number == "README.md" {
			continue
		}
		if before := seen[number]; before != "" {
			t.Errorf("%s and %s have one number", before, page.name)
		}
		seen[number] = page.name
		if !strings.HasPrefix(page.text, "# "+number+": ") {
			t.Errorf("%s does not begin with its number", page.name)
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d decisions are looked at", len(seen))
	}
}

// TestParityIsComplete: no item is lost, counted wrongly, or said to be done without a proof.
func TestParityIsComplete(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	seen := map[string]bool{}
	for _, m := range parityItem.FindAllStringSubmatch(string(text), -1) {
		seen[m[1]] = true
		states[m[2]]++
		if m[2] != "open" && !strings.Contains(m[3], "`") {
			t.Errorf("%s is %s, but nothing shows it", m[1], m[2])
		}
	}
	for group, items := range map[string]int{"S0": 43, "S1": 26, "S2": 29, "S3": 12, "S4": 19} {
		for i := range items {
			if item := fmt.Sprintf("%s-%d", group, i+1); !seen[item] {
				t.Errorf("%s is missing", item)
			}
		}
	}
	want := fmt.Sprintf("Of %d items %d are done, %d documented, %d open.", len(seen), states["done"], states["docs"], states["open"])
	if !strings.Contains(string(text), want) {
		t.Errorf("docs/parity.md does not say %q", want)
	}
}

// TestLinksLeadSomewhere: between our own pages.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range documents(t) {
		for _, m := range docLink.FindAllStringSubmatch(page.text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page.name), m[1])); err != nil {
				t.Errorf("%s: %v", page.name, err)
			}
		}
	}
}

type document struct{ name, text string }

func documents(t *testing.T) (pages []document) {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"docs/*.md", "docs/*/*.md"} {
		more, err := filepath.Glob(dir)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, more...)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, document{name, string(text)})
	}
	if len(pages) < 5 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	return pages
}

// testsOfTheTree are all tests, of the nested modules too, as "package: name"; the engine's are "nightlatch: name".
func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	exist := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name = filepath.ToSlash(name)
		switch dir := path.Dir(name); {
		case strings.HasSuffix(name, ".txtar"):
			exist[strings.TrimSuffix(dir, "/testdata/script")+": "+path.Base(name)] = true
		case strings.HasSuffix(name, "_test.go"):
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if dir == "." {
				dir = "nightlatch"
			}
			for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
				exist[dir+": "+m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return exist
}
