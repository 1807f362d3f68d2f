package nightlatch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// TestExportedNamesAreExplained: who imports a package reads its comments, so each exported name has one.
func TestExportedNamesAreExplained(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	explained := map[string]bool{} // directory → has a package comment
	sources(t, func(name string, text []byte) {
		if !isPublic(name) {
			return
		}
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		dir := path.Dir(name)
		explained[dir] = explained[dir] || file.Doc != nil
		for _, bare := range unexplained(file) {
			t.Errorf("%s: %s has no comment", name, bare)
		}
	})
	for dir, ok := range explained {
		if !ok {
			t.Errorf("%s: the package has no comment", dir)
		}
	}
}

// isPublic says whether applications import the file's package.
func isPublic(name string) bool {
	switch first, _, nested := strings.Cut(name, "/"); {
	case !nested:
		return true
	default:
		return first != "internal" && first != "cmd" && first != "examples" && first != "e2e" && first != "bench" && first != "tools"
	}
}

func TestUnexplainedIsFound(t *testing.T) {
	t.Parallel()
	const source = `package p
func F() {}
func (T) M() {}
func (hidden) M2() {}
type T struct{}
type hidden struct{}
const C = 1
var V, w = 1, 2
// Explained is.
func Explained() {}
// A group is explained once.
const ( A = 1; B = 2 )
const ( D = 1 // at the line
)
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(unexplained(file), " "), "F M T C V"; got != want {
		t.Errorf("unexplained = %q, want %q", got, want)
	}
}

// unexplained are the exported names of a file that have no comment, neither their own nor their group's.
func unexplained(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && receiverIsExported(d) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				continue
			}
			for _, spec := range d.Specs {
				names = append(names, bareNames(spec)...)
			}
		}
	}
	return names
}

func bareNames(spec ast.Spec) (names []string) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
			names = append(names, s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if s.Doc == nil && s.Comment == nil && n.IsExported() {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// receiverIsExported also says yes for a function without a receiver.
func receiverIsExported(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	for {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}
