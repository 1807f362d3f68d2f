package metrics

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nightlatch/nightlatch/sqlstore"
)

var (
	inWords = regexp.MustCompile(`fqName: "(nightlatch_[a-z_]+)".*variableLabels: \{([^}]*)\}`)
	quoted  = regexp.MustCompile("`([a-z_]+)`")
	named   = regexp.MustCompile(`nightlatch_[a-z_]+`)
	suffix  = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// TestDocumented: docs/operate.md has each metric with its labels, and names none that there is not.
func TestDocumented(t *testing.T) {
	t.Parallel()
	has := map[string]string{} // the labels of each name
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		New(Sources{Pools: func() []sqlstore.Pool { return nil }}).registry.Describe(descs)
	}()
	for d := range descs {
		if m := inWords.FindStringSubmatch(d.String()); m != nil {
			has[m[1]] = m[2]
		}
	}
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil || len(has) < 20 {
		t.Fatalf("%d metrics, %v", len(has), err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimPrefix(line, "|"), "|")
		if !strings.HasPrefix(line, "| `nightlatch_") || len(cells) < 3 {
			continue
		}
		last := ""
		for _, name := range quoted.FindAllStringSubmatch(cells[0], -1) {
			last = whole(last, name[1], has)
			told[last] = true
			for label := range strings.SplitSeq(has[last], ",") {
				if label != "" && !strings.Contains(cells[1], "`"+label+"`") {
					t.Errorf("%s has a label %s, of which its line says nothing", last, label)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(has)) {
		if !told[name] {
			t.Errorf("docs/operate.md has no line of %s", name)
		}
	}
	for _, name := range named.FindAllString(string(text), -1) {
		if _, ok := has[suffix.ReplaceAllString(name, "")]; !ok {
			t.Errorf("docs/operate.md tells of %s, which there is not", name)
		}
	}
}

// whole is a name of the table: one that begins with "_" ends as it says, and begins as the one before it.
func whole(before, name string, has map[string]string) string {
	if !strings.HasPrefix(name, "_") {
		return name
	}
	for i := len(before); i > 0; i = strings.LastIndexByte(before[:i], '_') {
		if _, ok := has[before[:i]+name]; ok {
			return before[:i] + name
		}
	}
	return before + name
}
