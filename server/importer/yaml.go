package importer

import (
	"errors"
	"fmt"
	"strings"
)

// yamlNode is a text, a list or a map of the part of YAML that users files are written in.
type yamlNode struct {
	line   int
	text   string
	items  []yamlNode
	fields map[string]yamlNode
}

// yamlLine is one line that is neither empty nor a comment.
type yamlLine struct {
	number, indent int
	text           string
}

// isItem says whether an item of a list begins here.
func (l yamlLine) isItem() bool { return l.text == "-" || strings.HasPrefix(l.text, "- ") }

// parseYAML reads maps by indentation, lists with "- " or in brackets, and plain and quoted texts on one line: what
// users files are made of. Anything else is refused by its line, and nothing is guessed.
func parseYAML(text string) (yamlNode, error) {
	var lines []yamlLine
	i := 0
	for raw := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		i++
		raw = strings.TrimRight(raw, " \t\r")
		body := strings.TrimLeft(raw, " ")
		switch {
		case body == "" || strings.HasPrefix(body, "#") || raw == "---" || raw == "...":
			continue
		case strings.HasPrefix(body, "\t"):
			return yamlNode{}, fmt.Errorf("line %d: a tab stands where spaces must", i)
		}
		lines = append(lines, yamlLine{i, len(raw) - len(body), body})
	}
	if len(lines) == 0 {
		return yamlNode{}, errors.New("it is empty")
	}
	p := &yamlParser{lines: lines}
	node, err := p.block(lines[0].indent, 0, false)
	if err == nil && p.at < len(p.lines) {
		err = p.fault("its indentation fits no line above")
	}
	return node, err
}

type yamlParser struct {
	lines []yamlLine
	at    int
}

// maxYAMLDepth bounds how deep maps and lists may lie in each other.
const maxYAMLDepth = 20

func (p *yamlParser) fault(why string) error {
	return fmt.Errorf("line %d: %s", p.lines[min(p.at, len(p.lines)-1)].number, why)
}

// block reads the lines of one indentation. A compact list stands as far out as its key: the next key ends it.
func (p *yamlParser) block(indent, depth int, compact bool) (yamlNode, error) {
	if depth > maxYAMLDepth {
		return yamlNode{}, p.fault("it lies too deep")
	}
	first := p.lines[p.at]
	isList := first.isItem()
	node := yamlNode{line: first.number}
	for p.at < len(p.lines) && p.lines[p.at].indent == indent {
		line := p.lines[p.at]
		if compact && !line.isItem() {
			break
		}
		if line.isItem() != isList {
			return node, p.fault("lists and maps are mixed")
		}
		if isList {
			value, err := yamlScalar(strings.TrimSpace(strings.TrimPrefix(line.text, "-")), line.number)
			if err != nil {
				return node, err
			}
			node.items = append(node.items, value)
			p.at++
			continue
		}
		if err := p.entry(&node, line, depth); err != nil {
			return node, err
		}
	}
	return node, nil
}

// entry reads "key: value", or "key:" and the lines below it.
func (p *yamlParser) entry(node *yamlNode, line yamlLine, depth int) error {
	key, rest, err := yamlKey(line.text)
	if err != nil {
		return p.fault(err.Error())
	}
	if node.fields == nil {
		node.fields = map[string]yamlNode{}
	}
	if _, twice := node.fields[key]; twice {
		return p.fault(fmt.Sprintf("%.40q is there twice", key))
	}
	p.at++
	var value yamlNode
	switch next := p.at; {
	case rest != "":
		value, err = yamlScalar(rest, line.number)
	case next < len(p.lines) && p.lines[next].indent > line.indent:
		value, err = p.block(p.lines[next].indent, depth+1, false)
	case next < len(p.lines) && p.lines[next].indent == line.indent && p.lines[next].isItem():
		value, err = p.block(line.indent, depth+1, true)
	default:
		value = yamlNode{line: line.number}
	}
	if value.fields != nil {
		value.line = line.number
	}
	node.fields[key] = value
	return err
}

// yamlKey splits "key: value".
func yamlKey(text string) (key, rest string, err error) {
	if quote := text[0]; quote == '"' || quote == '\'' {
		end := strings.IndexByte(text[1:], quote)
		if end < 0 || !strings.HasPrefix(text[end+2:], ":") {
			return "", "", errors.New("a quoted name must end before a colon")
		}
		key, rest = text[1:end+1], text[end+3:]
		if strings.ContainsRune(key, '\\') {
			return "", "", errors.New("a name with a backslash cannot be read")
		}
		return key, yamlTrim(rest), nil
	}
	key, rest, ok := strings.Cut(text, ":")
	if !ok || rest != "" && rest[0] != ' ' || key == "" || strings.ContainsAny(key, "{}[]&*!|>%@`?,") {
		return "", "", errors.New("it is no plain name with a colon and a space")
	}
	return strings.TrimSpace(key), yamlTrim(rest), nil
}

// yamlTrim drops spaces, and the whole where it is a comment.
func yamlTrim(rest string) string {
	rest = strings.TrimSpace(rest)
	if strings.HasPrefix(rest, "#") {
		return ""
	}
	return rest
}

// yamlScalar reads a text, or a list in brackets.
func yamlScalar(text string, line int) (yamlNode, error) {
	node := yamlNode{line: line}
	bad := func(why string) (yamlNode, error) { return node, fmt.Errorf("line %d: %s", line, why) }
	if text == "" {
		return node, nil
	}
	switch text[0] {
	case '{':
		if rest, ok := strings.CutPrefix(text, "{}"); ok && yamlTrim(rest) == "" {
			return node, nil
		}
	case '[':
		inner, rest, ok := strings.Cut(text[1:], "]")
		if !ok || yamlTrim(rest) != "" || strings.ContainsAny(inner, "[{") {
			return bad("a list in brackets must end on its line and hold texts alone")
		}
		for item := range strings.SplitSeq(inner, ",") {
			value, err := yamlScalar(strings.TrimSpace(item), line)
			if err != nil {
				return node, err
			}
			if value.text != "" {
				node.items = append(node.items, value)
			}
		}
		return node, nil
	case '\'':
		inner, rest, ok := yamlSingle(text[1:])
		if !ok || yamlTrim(rest) != "" {
			return bad("a quoted text must end on its line")
		}
		node.text = inner
		return node, nil
	case '"':
		inner, rest, ok := strings.Cut(text[1:], `"`)
		if !ok || yamlTrim(rest) != "" || strings.Contains(inner, `\`) {
			return bad("a quoted text must end on its line and have no backslash")
		}
		node.text = inner
		return node, nil
	case '&', '*', '!', '|', '>', '%', '@', '`', '?':
		return bad("this kind of value cannot be read; write it as a text in quotes")
	}
	if text[0] == '{' {
		return bad("a map in braces cannot be read")
	}
	if strings.HasPrefix(text, "- ") || strings.Contains(text, ": ") || strings.HasSuffix(text, ":") {
		return bad("a list of maps cannot be read")
	}
	node.text, _, _ = strings.Cut(text, " #")
	node.text = strings.TrimSpace(node.text)
	if node.text == "~" || node.text == "null" {
		node.text = ""
	}
	return node, nil
}

// yamlSingle reads up to the quote that ends a text, in which two quotes are one.
func yamlSingle(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}

// yes reads a truth value. What is none at all is yes: an account whose "disabled" cannot be read stays shut.
func yes(text string) bool {
	switch strings.ToLower(text) {
	case "", "false", "no", "off":
		return false
	}
	return true
}
