package settings

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// entry is one key or one table header of the file, in its order.
type entry struct {
	key    string // with dots; of an element of an array of tables: the key within it
	array  string // "account", for what stands in an array of tables
	number int    // which element, from 0
	value  value
}

// name is the key as faults and people say it: "totp.digits", "account[2].email" (counted from 1).
func (e entry) name() string {
	if e.array == "" {
		return e.key
	}
	name := fmt.Sprintf("%s[%d]", e.array, e.number+1)
	if e.key != "" {
		name += "." + e.key
	}
	return name
}

// parseFile reads TOML into its keys and headers with their lines. arrays names the known arrays of tables.
// Its faults have the line in Where, as a bare number; a file with faults has no entries.
func parseFile(data []byte, arrays []string) ([]entry, Faults) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // editors on Windows write a byte order mark
	w := &walk{arrays: arrays, count: map[string]int{}, lines: map[string]int{}}
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	if len(w.faults) > 0 && w.parser.Error() == nil {
		return nil, w.faults
	}
	// The decoder proper finds what the parser alone does not: a table defined twice, numbers out of range.
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		return nil, append(w.faults, syntaxFault(err))
	}
	return w.entries, nil
}

func syntaxFault(err error) Fault {
	fault := Fault{Why: "is no TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
	if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
		line, _ := at.Position()
		fault.Where = fmt.Sprint(line)
		fault.Key = strings.Join(at.Key(), ".")
	}
	return fault
}

// walk goes through a file from its top to its end.
type walk struct {
	parser  unstable.Parser
	arrays  []string
	prefix  []string       // of the table that the walk is in
	element string         // the array of tables that the walk is in, or ""
	count   map[string]int // elements seen, by array
	lines   map[string]int // where each key stands
	entries []entry
	faults  Faults
}

func (w *walk) expression(n *unstable.Node) {
	path, line := w.path(n)
	switch n.Kind {
	case unstable.Table:
		w.prefix, w.element = path, ""
		if len(path) > 1 && w.count[path[0]] > 0 {
			w.element = path[0]
		}
		w.add(path, value{shape: aTable, line: line})
	case unstable.ArrayTable:
		w.prefix, w.element = path, ""
		if len(path) == 1 && slices.Contains(w.arrays, path[0]) {
			w.begin(path[0], line)
			return
		}
		w.add(path, value{shape: aTables, line: line})
	case unstable.KeyValue:
		w.keyValue(w.prefix, n)
	}
}

// begin starts one more element of a known array of tables.
func (w *walk) begin(array string, line int) {
	w.element = array
	w.count[array]++
	w.entries = append(w.entries, entry{array: array, number: w.count[array] - 1, value: value{shape: aTable, line: line}})
}

func (w *walk) keyValue(prefix []string, n *unstable.Node) {
	path, line := w.path(n)
	full := slices.Concat(prefix, path)
	v := n.Value()
	switch {
	case v.Kind == unstable.InlineTable:
		w.add(full, value{shape: aTable, line: line})
		w.inline(full, v)
	case v.Kind == unstable.Array && len(full) == 1 && slices.Contains(w.arrays, full[0]) && allTables(v):
		for items := v.Children(); items.Next(); {
			if items.Node().Kind == unstable.InlineTable {
				w.begin(full[0], line)
				w.inline(full, items.Node())
			}
		}
		w.element = ""
	default:
		w.add(full, w.value(v, line))
	}
}

func (w *walk) inline(prefix []string, table *unstable.Node) {
	for pairs := table.Children(); pairs.Next(); {
		if pairs.Node().Kind == unstable.KeyValue {
			w.keyValue(prefix, pairs.Node())
		}
	}
}

func allTables(array *unstable.Node) bool {
	for items := array.Children(); items.Next(); {
		if k := items.Node().Kind; k != unstable.InlineTable && k != unstable.Comment {
			return false
		}
	}
	return true
}

// add notes one key; a second one of the same name is a fault.
func (w *walk) add(path []string, v value) {
	e := entry{key: strings.Join(path, "."), value: v}
	if w.element != "" && path[0] == w.element {
		e = entry{key: strings.Join(path[1:], "."), array: w.element, number: w.count[w.element] - 1, value: v}
	}
	if v.shape != aTable && v.shape != aTables {
		if first, twice := w.lines[e.name()]; twice {
			w.faults = append(w.faults, Fault{
				Where: fmt.Sprint(v.line), Key: e.name(),
				Why: fmt.Sprintf("stands twice, first in line %d; allowed is once", first),
			})
			return
		}
		w.lines[e.name()] = v.line
	}
	w.entries = append(w.entries, e)
}

// path is the dotted key of a node, and the line of its beginning.
func (w *walk) path(n *unstable.Node) (path []string, line int) {
	for keys := n.Key(); keys.Next(); {
		if line == 0 {
			line = w.parser.Shape(keys.Node().Raw).Start.Line
		}
		path = append(path, string(keys.Node().Data))
	}
	return path, line
}

func (w *walk) value(n *unstable.Node, line int) value {
	v := value{text: string(n.Data), line: line, shape: other}
	switch n.Kind {
	case unstable.String:
		v.shape = aText
	case unstable.Integer:
		v.shape = aNumber
	case unstable.Bool:
		v.shape = aTruth
	case unstable.InlineTable:
		v.shape = aTable
	case unstable.Array:
		v.shape, v.text = aList, ""
		for items := n.Children(); items.Next(); {
			if items.Node().Kind != unstable.Comment {
				v.items = append(v.items, w.value(items.Node(), line))
			}
		}
	}
	return v
}
