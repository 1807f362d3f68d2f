package nightlatch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The house rules, as a test: who may import whom, and what a room may be called.

const module = "github.com/nightlatch/nightlatch"

// floors says on which floor a package stands, by its path in the module ("" is the engine). Imports go down only.
// A pattern is one of path.Match; the first that fits decides. Floors count in tens, so that one can
// stand between two: deliver has what all its senders share.
var floors = []struct {
	pattern string
	floor   int
}{
	{"factor", 10},
	{"locale", 10},
	{"internal/*", 10},
	{"factor/*", 20},
	{"deliver", 15},
	{"deliver/*", 20},
	{"", 30},
	{"web", 40},
	{"sqlstore", 40},
	{"storetest", 40},
	{"notice", 40},
	{"server/settings", 45}, // what all rooms of the server are told
	{"server", 50},
	{"server/*", 50},
	{"nightlatchtest", 50},
	{"cmd/*", 60},
	{"examples/*", 60},
	{"examples/*/*", 60},
	{"torture", 60},
}

// saysNothing are names that fit any room: they show that a concept is missing.
var saysNothing = []string{"util", "utils", "common", "helper", "helpers", "misc", "model", "models", "types", "core", "pkg", "x"}

// drivers are linked only where a program is put together.
var drivers = []string{"modernc.org/sqlite", "github.com/mattn/go-sqlite3", "github.com/ncruces/go-sqlite3", "github.com/jackc/pgx", "github.com/lib/pq"}

// homes are libraries that one package alone sees, so that another can take their place.
var homes = map[string]string{
	"github.com/go-webauthn/webauthn": "factor/webauthn",
	"github.com/wneessen/go-mail":     "deliver/smtp",
	"github.com/nyaruka/phonenumbers": "deliver/phone",
	"github.com/pelletier/go-toml/v2": "server/settings",
	"github.com/alecthomas/kong":      "cmd/nightlatch",

	"github.com/prometheus/client_golang": "server/metrics",
}

// listed is what `go list -json` says of a package. Imports and Deps are those of the package, not of its tests.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// room is the package's path in the module, "" for the engine.
func (p listed) room() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func TestFloors(t *testing.T) {
	t.Parallel()
	for _, fault := range faultsOf(goList(t)) {
		t.Error(fault)
	}
}

// TestFloorsBite shows that each rule finds what it is there for.
func TestFloorsBite(t *testing.T) {
	t.Parallel()
	at := func(room string) string { return strings.TrimSuffix(module+"/"+room, "/") }
	tests := map[string]struct {
		pkg  listed
		want string
	}{
		"upwards":            {listed{ImportPath: at("factor"), Imports: []string{at("")}}, "upwards or sideways"},
		"sideways":           {listed{ImportPath: at("sqlstore"), Imports: []string{at("notice")}}, "upwards or sideways"},
		"child to parent":    {listed{ImportPath: at("server/settings"), Imports: []string{at("server")}}, "upwards or sideways"},
		"sender to sender":   {listed{ImportPath: at("deliver/smtp"), Imports: []string{at("deliver/outbox")}}, "upwards or sideways"},
		"deliver to sender":  {listed{ImportPath: at("deliver"), Imports: []string{at("deliver/smtp")}}, "upwards or sideways"},
		"no floor":           {listed{ImportPath: at("attic")}, "stands on no floor"},
		"factor to internal": {listed{ImportPath: at("factor/totp"), Imports: []string{at("internal/seal")}}, "a factor imports only"},
		"factor to factor":   {listed{ImportPath: at("factor/totp"), Imports: []string{at("factor/recovery")}}, "a factor imports only"},
		"factor with SQL":    {listed{ImportPath: at("factor/totp"), Imports: []string{"database/sql"}}, "a factor knows no"},
		"factor with a log":  {listed{ImportPath: at("factor/totp"), Imports: []string{"log/slog"}}, "a factor knows no"},
		"engine with HTTP":   {listed{ImportPath: at(""), Deps: []string{"net/http"}}, "the engine knows no"},
		"engine with HTML":   {listed{ImportPath: at(""), Deps: []string{"html/template"}}, "the engine knows no"},
		"engine with factor": {listed{ImportPath: at(""), Deps: []string{at("factor/totp")}}, "the engine knows no"},
		"web to the store":   {listed{ImportPath: at("web"), Deps: []string{at("sqlstore")}}, "never meet"},
		"the store to web":   {listed{ImportPath: at("sqlstore"), Deps: []string{at("web")}}, "never meet"},
		"driver in server":   {listed{ImportPath: at("server"), Deps: []string{"modernc.org/sqlite/lib"}}, "links the driver"},
		"driver in sqlstore": {listed{ImportPath: at("sqlstore"), Deps: []string{"github.com/jackc/pgx/v5"}}, "links the driver"},
		"a second home":      {listed{ImportPath: at("server"), Imports: []string{"github.com/go-webauthn/webauthn/protocol"}}, "is seen by factor/webauthn alone"},
		"empty word":         {listed{ImportPath: at("internal/util")}, "says nothing"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(faultsOf([]listed{tc.pkg}), "\n"); !strings.Contains(got, tc.want) {
				t.Errorf("faults = %q, want one with %q", got, tc.want)
			}
		})
	}
	sound := []listed{
		{ImportPath: at("cmd/nightlatch"), Imports: []string{at("server")}, Deps: []string{"modernc.org/sqlite"}},
		{ImportPath: at("server"), Imports: []string{at("server/settings"), at("web"), at("sqlstore")}},
		{ImportPath: at("factor/totp"), Imports: []string{at("factor"), at("locale"), "rsc.io/qr"}},
		{ImportPath: at("deliver/smtp"), Imports: []string{at("deliver"), at("factor")}},
	}
	if got := faultsOf(sound); len(got) > 0 {
		t.Errorf("faults of a sound house = %q", got)
	}
}

// faultsOf names every package that breaks a rule, and the rule.
func faultsOf(pkgs []listed) []string {
	var faults []string
	for _, p := range pkgs {
		for _, say := range slices.Concat(nameFaults(p), floorFaults(p), factorFaults(p), homeFaults(p), depFaults(p)) {
			name := p.room()
			if name == "" {
				name = "the engine (root)"
			}
			faults = append(faults, name+": "+say)
		}
	}
	return faults
}

func nameFaults(p listed) (faults []string) {
	for word := range strings.SplitSeq(p.room(), "/") {
		if slices.Contains(saysNothing, word) {
			faults = append(faults, "the name "+word+" says nothing")
		}
	}
	return faults
}

func floorFaults(p listed) (faults []string) {
	own, ok := floorOf(p.room())
	if !ok {
		return []string{"stands on no floor: give it one in floors_test.go"}
	}
	for _, imp := range ours(p.Imports) {
		floor, _ := floorOf(imp)
		ownRoom := strings.HasPrefix(imp, p.room()+"/") && floor == own // server may use server/settings
		if floor >= own && !ownRoom {
			faults = append(faults, "imports upwards or sideways: "+imp)
		}
	}
	return faults
}

func factorFaults(p listed) (faults []string) {
	if !strings.HasPrefix(p.room(), "factor/") {
		return nil
	}
	for _, imp := range ours(p.Imports) {
		if imp != "factor" && imp != "locale" {
			faults = append(faults, "a factor imports only factor and locale of ours, not "+imp)
		}
	}
	for _, imp := range p.Imports {
		if slices.Contains([]string{"database/sql", "net/http", "html/template", "log", "log/slog"}, imp) {
			faults = append(faults, "a factor knows no "+imp)
		}
	}
	return faults
}

func homeFaults(p listed) (faults []string) {
	for _, imp := range p.Imports {
		for library, home := range homes {
			if (imp == library || strings.HasPrefix(imp, library+"/")) && p.room() != home {
				faults = append(faults, imp+" is seen by "+home+" alone")
			}
		}
	}
	return faults
}

// depFaults looks through all that a package links, however far away.
func depFaults(p listed) (faults []string) {
	room := p.room()
	for _, dep := range p.Deps {
		if room == "" && (slices.Contains([]string{"html/template", "database/sql", "net/http"}, dep) ||
			strings.HasPrefix(dep, module+"/factor/")) {
			faults = append(faults, "the engine knows no "+dep)
		}
		if room == "web" && dep == module+"/sqlstore" || room == "sqlstore" && dep == module+"/web" {
			faults = append(faults, "web and sqlstore never meet: links "+dep)
		}
		if linksDrivers(room) {
			continue
		}
		for _, driver := range drivers {
			if dep == driver || strings.HasPrefix(dep, driver+"/") {
				faults = append(faults, "links the driver "+dep)
			}
		}
	}
	return faults
}

func linksDrivers(room string) bool {
	return room == "nightlatchtest" || strings.HasPrefix(room, "cmd/") || strings.HasPrefix(room, "examples/")
}

func floorOf(room string) (floor int, ok bool) {
	for _, f := range floors {
		if fits, err := path.Match(f.pattern, room); err == nil && fits {
			return f.floor, true
		}
	}
	return 0, false
}

// ours are the imports from this module, as rooms.
func ours(imports []string) (rooms []string) {
	for _, imp := range imports {
		if imp == module || strings.HasPrefix(imp, module+"/") {
			rooms = append(rooms, listed{ImportPath: imp}.room())
		}
	}
	return rooms
}

func goList(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs
		case err != nil:
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// sources calls visit for each Go file of the tree that is no test, of the nested modules too.
func sources(t *testing.T, visit func(name string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "vendor"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil {
			visit(filepath.ToSlash(name), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoFileIsTooLong(t *testing.T) {
	t.Parallel()
	const most = 400
	sources(t, func(name string, text []byte) {
		if n := bytes.Count(text, []byte("\n")); n > most {
			t.Errorf("%s has %d lines, more than %d: it holds more than one concept", name, n, most)
		}
	})
}

// TestNothingRegistersItself: what is used stands in a list that a person can read.
func TestNothingRegistersItself(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	sources(t, func(name string, text []byte) {
		file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has a func init", name)
			}
		}
		if strings.HasPrefix(name, "factor/") {
			clockless(t, name, file)
		}
	})
}

// clockless: a factor is told the time and the randomness, so that its tests and its callers decide them.
func clockless(t *testing.T, name string, file *ast.File) {
	t.Helper()
	if strings.HasPrefix(name, "factor/factortest/") {
		return // it drives factors, so it is the one that brings them
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			pkg, _ := sel.X.(*ast.Ident)
			if pkg != nil && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				t.Errorf("%s reads the clock: time.%s", name, sel.Sel.Name)
			}
		}
		return true
	})
}
