package locale

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	syntax "text/template/parse"
)

func TestAllCataloguesCanBeRead(t *testing.T) {
	t.Parallel()
	if _, err := read(); err != nil {
		t.Fatal(err)
	}
}

// Every sentence that the project says, in its pages and in its Go code, is in every catalogue.
func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	said := sentences(t, "..")
	if len(said) < len(months) {
		t.Fatalf("only %d sentences were found", len(said))
	}
	for lang, c := range shelf().catalogs {
		for english, where := range said {
			if _, ok := c[english]; !ok {
				t.Errorf("catalog/%s.json lacks %q, said in %s", lang, english, where)
			}
		}
	}
}

// verb is a placeholder of fmt, with its number if it has one.
var verb = regexp.MustCompile(`%(\[(\d+)\])?([a-zA-Z%])`)

// placeholders lists what a sentence puts in, in the order of its arguments: "1s 2d".
func placeholders(sentence string) []string {
	var found []string
	next := 1
	for _, m := range verb.FindAllStringSubmatch(sentence, -1) {
		if m[3] == "%" {
			continue
		}
		if n, err := strconv.Atoi(m[2]); err == nil {
			next = n
		}
		found = append(found, strconv.Itoa(next)+m[3])
		next++
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestTranslationsHaveTheSamePlaceholders(t *testing.T) {
	t.Parallel()
	for lang, c := range shelf().catalogs {
		for english, e := range c {
			for category, text := range e {
				if want, got := placeholders(english), placeholders(text); !slices.Equal(want, got) {
					t.Errorf("%s, %s form of %q: placeholders %v, want %v", lang, category, english, got, want)
				}
				if text != strings.TrimSpace(text) {
					t.Errorf("%s, %q: space at an end", lang, english)
				}
			}
		}
	}
}

// sentences finds what passes through T, N and Mark below root: English sentence → file.
func sentences(t *testing.T, root string) map[string]string {
	t.Helper()
	said := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "testdata" || base != ".." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		var found []string
		switch {
		case strings.HasSuffix(name, "_test.go"):
		case strings.HasSuffix(name, ".go"):
			found = inGo(t, name)
		case strings.HasSuffix(name, ".html"):
			found = inTemplate(t, name)
		}
		for _, s := range found {
			said[s] = name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// places says which arguments of a function are sentences. say is a method of package web.
var places = map[string][]int{"T": {1}, "N": {2, 3}, "Mark": {0}, "say": {1}}

// inGo finds the sentences of a Go file: arguments of locale.T and its sisters, and the names of factors,
// which pass through T where they are shown.
func inGo(t *testing.T, name string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := file.Name.Name == "locale"
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			called := ""
			switch f := n.Fun.(type) {
			case *ast.SelectorExpr:
				if x, ok := f.X.(*ast.Ident); f.Sel.Name == "say" || ok && x.Name == "locale" {
					called = f.Sel.Name
				}
			case *ast.Ident:
				if own {
					called = f.Name
				}
			}
			at := places[called]
			for i, arg := range at {
				if arg < len(n.Args) && i == len(at)-1 { // of N the last, which the catalogues have
					found = append(found, literal(n.Args[arg])...)
				}
			}
		case *ast.CompositeLit:
			if s, ok := n.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Info" {
				found = append(found, nameOf(n)...)
			}
		}
		return true
	})
	return found
}

// nameOf is the field Name of a literal, where it is written out.
func nameOf(n *ast.CompositeLit) []string {
	for _, element := range n.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Name" {
				return literal(pair.Value)
			}
		}
	}
	return nil
}

// literal is the value of a string that is written out, in one piece or joined by +.
func literal(e ast.Expr) []string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return []string{s}
		}
	case *ast.BinaryExpr:
		if l, r := literal(e.X), literal(e.Y); len(l) == 1 && len(r) == 1 {
			return []string{l[0] + r[0]}
		}
	}
	return nil
}

// inTemplate finds the sentences of a page: what follows t, and the last form that follows n.
func inTemplate(t *testing.T, name string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tree := syntax.New(name)
	tree.Mode = syntax.SkipFuncCheck
	trees := map[string]*syntax.Tree{}
	if _, err := tree.Parse(string(text), "{{", "}}", trees); err != nil {
		t.Fatal(err)
	}
	for _, tree := range trees {
		walk(tree.Root, func(c *syntax.CommandNode) {
			id, ok := c.Args[0].(*syntax.IdentifierNode)
			if !ok {
				return
			}
			if at := map[string]int{"t": 1, "n": 3}[id.Ident]; at > 0 && at < len(c.Args) {
				if s, ok := c.Args[at].(*syntax.StringNode); ok {
					found = append(found, s.Text)
				}
			}
		})
	}
	return found
}

// walk visits every command below a node.
func walk(n syntax.Node, visit func(*syntax.CommandNode)) {
	pipe := func(p *syntax.PipeNode) {
		if p != nil {
			walk(p, visit)
		}
	}
	branch := func(b *syntax.BranchNode) {
		pipe(b.Pipe)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *syntax.ListNode:
		for _, child := range n.Nodes {
			walk(child, visit)
		}
	case *syntax.PipeNode:
		for _, c := range n.Cmds {
			walk(c, visit)
		}
	case *syntax.CommandNode:
		visit(n)
		for _, arg := range n.Args {
			walk(arg, visit)
		}
	case *syntax.ActionNode:
		pipe(n.Pipe)
	case *syntax.TemplateNode:
		pipe(n.Pipe)
	case *syntax.IfNode:
		branch(&n.BranchNode)
	case *syntax.RangeNode:
		branch(&n.BranchNode)
	case *syntax.WithNode:
		branch(&n.BranchNode)
	}
}
