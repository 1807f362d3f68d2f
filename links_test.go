package nightlatch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestWhatIsLinked: an application pays for what it imports. One with authenticator apps and a store of its own links
// few modules, no SQL, no HTTP and no HTML.
func TestWhatIsLinked(t *testing.T) {
	t.Parallel()
	const most = 9
	packages, modules := linkedBy(t, "./testdata/links")
	if len(packages) < 50 || !slices.Contains(packages, module+"/factor/totp") {
		t.Fatalf("the program links only %d packages: this test looks at another", len(packages))
	}
	if len(modules) > most {
		t.Errorf("%d modules are linked, more than %d: %q", len(modules), most, modules)
	}
	for _, p := range packages {
		for _, barred := range append(slices.Clone(drivers),
			"database/sql", "html/template", "net/http",
			module+"/web", module+"/sqlstore", module+"/server", module+"/deliver/smtp", module+"/deliver/phone", "github.com/nyaruka/phonenumbers",
		) {
			if p == barred || strings.HasPrefix(p, barred+"/") {
				t.Errorf("%s is linked", p)
			}
		}
	}
}

// TestPagesLinkNoStore: the pages bring no SQL, and the store no pages.
func TestPagesLinkNoStore(t *testing.T) {
	t.Parallel()
	for of, barred := range map[string]string{"./web": "database/sql", "./sqlstore": "html/template"} {
		if packages, _ := linkedBy(t, of); slices.Contains(packages, barred) {
			t.Errorf("%s links %s", of, barred)
		}
	}
}

// TestNumbersLinkNoLibrary: numbers are read by small tables, made from libraries that are larger by far and unpack
// themselves at each start. See docs/decisions/025-numbering-plans.md.
func TestNumbersLinkNoLibrary(t *testing.T) {
	t.Parallel()
	packages, _ := linkedBy(t, "./cmd/nightlatch")
	if !slices.Contains(packages, module+"/deliver/phone") {
		t.Fatal("the program does not read numbers: this test looks at another")
	}
	for _, barred := range []string{"github.com/nyaruka/phonenumbers", "golang.org/x/text/language/display"} {
		if slices.Contains(packages, barred) {
			t.Errorf("%s is linked", barred)
		}
	}
}

// linkedBy returns all packages that a program links, and the modules that they are of, the program's own among them.
func linkedBy(t *testing.T, program string) (packages, modules []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Module", program)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Module     *struct{ Path string }
		}
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, modules
		case err != nil:
			t.Fatal(err)
		}
		packages = append(packages, p.ImportPath)
		if p.Module != nil && !slices.Contains(modules, p.Module.Path) {
			modules = append(modules, p.Module.Path)
		}
	}
}
