package nightlatch_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch"
)

var (
	namedRoute   = regexp.MustCompile("`(GET|POST|PUT|PATCH|DELETE) (/[a-z/-]*)`")
	namedSetting = regexp.MustCompile("`((?:policy|session|recovery)\\.[a-z_]+)`")
)

// TestStatesAreTrue: the page of states names routes of the API, settings and steps that there are, and every step.
func TestStatesAreTrue(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := read("docs/states.md")
	var api struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(read("server/openapi.json")), &api); err != nil {
		t.Fatal(err)
	}
	routes := namedRoute.FindAllStringSubmatch(page, -1)
	for _, m := range routes {
		if _, ok := api.Paths[m[2]][strings.ToLower(m[1])]; !ok {
			t.Errorf("there is no %s %s", m[1], m[2])
		}
	}
	table := read("server/settings/table.go")
	settings := namedSetting.FindAllStringSubmatch(page, -1)
	for _, m := range settings {
		if !strings.Contains(table, `"`+m[1]+`"`) {
			t.Errorf("there is no setting %s", m[1])
		}
	}
	if len(routes) < 12 || len(settings) < 8 {
		t.Errorf("only %d routes and %d settings are named", len(routes), len(settings))
	}
	for _, step := range []nightlatch.Step{nightlatch.StepVerify, nightlatch.StepEnroll, nightlatch.StepDone} {
		if !strings.Contains(page, "| `"+string(step)+"` |") {
			t.Errorf("the step %s has no line", step)
		}
	}
	for _, name := range []string{"README.md", "docs/how-it-works.md"} {
		if !strings.Contains(read(name), "states.md") {
			t.Errorf("%s does not lead to the page", name)
		}
	}
}
