package web

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
)

// element is one element of a page.
type element struct {
	name  string
	attrs map[string]string
	text  string // of all that is in it, with spaces made one
	above []string
}

var (
	tagSyntax  = regexp.MustCompile(`^<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][-a-zA-Z:]*(?:="[^"<>]*")?)*)\s*(/?)>`)
	attrSyntax = regexp.MustCompile(`([a-zA-Z][-a-zA-Z:]*)(?:="([^"]*)")?`)
)

var void = []string{"meta", "link", "input", "img", "hr", "br"}

var inline = []string{"a", "span", "strong", "time"}

// parseMarkup reads a page that is written strictly: every attribute in double quotes and said once, every
// element closed in its turn, every < and & escaped in text. It returns the elements in their order.
func parseMarkup(page string) ([]*element, error) {
	rest, ok := strings.CutPrefix(page, "<!doctype html>")
	if !ok {
		return nil, fmt.Errorf("no doctype")
	}
	var all, open []*element
	for rest != "" {
		text, _, _ := strings.Cut(rest, "<")
		if err := checkText(text); err != nil {
			return nil, err
		}
		for _, e := range open {
			e.text += html.UnescapeString(text)
		}
		if rest = rest[len(text):]; rest == "" {
			break
		}
		m := tagSyntax.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("no tag: %.60q", rest)
		}
		rest = rest[len(m[0]):]
		if m[1] == "/" {
			if len(open) == 0 || open[len(open)-1].name != m[2] {
				return nil, fmt.Errorf("%s closes nothing", m[0])
			}
			open = open[:len(open)-1]
			if !slices.Contains(inline, m[2]) {
				for _, o := range open {
					o.text += " "
				}
			}
			continue
		}
		e := &element{name: m[2], attrs: map[string]string{}}
		for _, a := range attrSyntax.FindAllStringSubmatch(m[3], -1) {
			if _, doubled := e.attrs[a[1]]; doubled {
				return nil, fmt.Errorf("%s: %s twice", m[0], a[1])
			}
			e.attrs[a[1]] = html.UnescapeString(a[2])
		}
		for _, o := range open {
			e.above = append(e.above, o.name)
		}
		all = append(all, e)
		if m[4] == "" && !slices.Contains(void, e.name) {
			open = append(open, e)
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("<%s> is not closed", open[len(open)-1].name)
	}
	for _, e := range all {
		e.text = strings.Join(strings.Fields(e.text), " ")
	}
	return all, nil
}

var entity = regexp.MustCompile(`&(#[0-9]+|#x[0-9a-fA-F]+|[a-z]+);`)

func checkText(text string) error {
	if strings.ContainsAny(entity.ReplaceAllString(text, ""), "&>") {
		return fmt.Errorf("not escaped: %q", text)
	}
	return nil
}

// named returns the elements of one of the names.
func named(all []*element, names ...string) (found []*element) {
	for _, e := range all {
		if slices.Contains(names, e.name) {
			found = append(found, e)
		}
	}
	return found
}

// markupFaults says what is wrong with a page for those who read it with a screen reader, and for our policy
// against scripts and styles that stand in a page.
func markupFaults(all []*element, prefix string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if n := len(named(all, "h1")); n != 1 {
		fault("%d h1", n)
	}
	ids := map[string]bool{}
	for _, e := range all {
		if id, ok := e.attrs["id"]; ok {
			if ids[id] || id == "" || strings.Contains(id, " ") {
				fault("id %q is empty, has a space or is doubled", id)
			}
			ids[id] = true
		}
	}
	labeled := map[string]bool{}
	for _, l := range named(all, "label") {
		labeled[l.attrs["for"]] = l.text != ""
	}
	for _, e := range all {
		faults = append(faults, elementFaults(e, ids, labeled, prefix)...)
	}
	return faults
}

func elementFaults(e *element, ids, labeled map[string]bool, prefix string) (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("<%s %v> ", e.name, e.attrs)+fmt.Sprintf(format, args...))
	}
	for name, value := range e.attrs {
		switch name {
		case "style":
			fault("style in the page")
		case "aria-describedby", "aria-labelledby", "for":
			for _, id := range strings.Fields(value) {
				if !ids[id] {
					fault("%s names %q, which is not there", name, id)
				}
			}
		case "href", "action", "src":
			if e.name == "a" && (strings.HasPrefix(value, "otpauth://") || value == "#main" || e.attrs["rel"] == "external") {
				continue
			}
			if !strings.HasPrefix(value, prefix+"/") {
				fault("%s leaves the place where the pages are mounted", name)
			}
		}
		if strings.HasPrefix(name, "on") {
			fault("script in the page")
		}
	}
	_, hidden := e.attrs["hidden"]
	switch e.name {
	case "style":
		fault("style in the page")
	case "script":
		if e.attrs["src"] == "" || e.text != "" {
			fault("script in the page")
		}
	case "textarea":
		if !labeled[e.attrs["id"]] {
			fault("no label")
		}
	case "input":
		if e.attrs["type"] == "" || e.attrs["name"] == "" {
			fault("no type or no name")
		}
		if e.attrs["type"] != "hidden" && !hidden && !labeled[e.attrs["id"]] {
			fault("no label")
		}
	case "button":
		if e.text == "" || e.attrs["type"] != "submit" && !hidden {
			fault("no name, or a button that works by script alone is not hidden")
		}
		if !slices.Contains(e.above, "form") && !hidden {
			fault("submits nothing")
		}
	case "form":
		if m := e.attrs["method"]; m != "post" && m != "get" || e.attrs["action"] == "" {
			fault("no method or no action")
		}
		if slices.Contains(e.above, "form") {
			fault("a form in a form")
		}
	case "img":
		if _, ok := e.attrs["alt"]; !ok {
			fault("no alt")
		}
	case "html":
		if e.attrs["lang"] == "" || e.attrs["dir"] == "" {
			fault("no language or no direction")
		}
	case "h1", "h2", "h3", "title", "a", "label", "dt":
		if e.text == "" {
			fault("empty")
		}
	}
	return faults
}
