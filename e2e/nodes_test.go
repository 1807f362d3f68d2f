package e2e

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
)

// node is an element as a screen reader knows it.
type node struct {
	role, name, value, description string
	states                         map[accessibility.PropertyName]string // as JSON
	dom                            cdp.BackendNodeID
	inside                         []int // indexes of its children
	ignored                        bool
}

// is says whether a state of the element is on: focused, required, invalid.
func (n node) is(state accessibility.PropertyName) bool {
	v := n.states[state]
	return v != "" && v != "false" && v != `"false"`
}

// nodes are all elements of a page, in order.
type nodes []node

// look reads the accessibility tree of the page as it is now.
func (p *page) look() (nodes, error) {
	ctx, cancel := p.limited()
	defer cancel()
	r, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return nil, err
	}
	at := map[accessibility.NodeID]int{}
	for i, n := range r.Nodes {
		at[n.NodeID] = i
	}
	all := make(nodes, len(r.Nodes))
	for i, n := range r.Nodes {
		all[i] = node{
			role: textOf(n.Role), name: textOf(n.Name), value: textOf(n.Value), description: textOf(n.Description),
			states: map[accessibility.PropertyName]string{}, dom: n.BackendDOMNodeID, ignored: n.Ignored,
		}
		for _, s := range n.Properties {
			if s.Value != nil {
				all[i].states[s.Name] = string(s.Value.Value)
			}
		}
		for _, id := range n.ChildIDs {
			if j, ok := at[id]; ok {
				all[i].inside = append(all[i].inside, j)
			}
		}
	}
	return all, nil
}

// nodes is look for a page that is there.
func (p *page) nodes() nodes {
	p.t.Helper()
	all, err := p.look()
	if err != nil {
		p.t.Fatalf("read the page: %v", err)
	}
	return all
}

func textOf(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var text any
	if json.Unmarshal(v.Value, &text) != nil || text == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(text))
}

// find waits for the one element with a role and a name. Two of them are a fault of the page: nobody could tell
// them apart.
func (p *page) find(role, name string) node {
	p.t.Helper()
	var found nodes
	p.await(role+" "+name, func(all nodes) bool {
		found = all.named(role, name)
		return len(found) > 0
	})
	if len(found) > 1 {
		p.t.Fatalf("there are %d of %s %q\nthe page:\n%s", len(found), role, name, p.tree())
	}
	return found[0]
}

// has says whether there is such an element now.
func (p *page) has(role, name string) bool {
	p.t.Helper()
	return len(p.nodes().named(role, name)) > 0
}

// focused is the element that keys go to.
func (p *page) focused() node {
	p.t.Helper()
	var found node
	for _, n := range p.nodes() {
		if n.role != "RootWebArea" && n.is(accessibility.PropertyNameFocused) {
			found = n
		}
	}
	return found
}

// attribute is one of an element's attributes in HTML.
func (p *page) attribute(n node, name string) string {
	p.t.Helper()
	list := call(p, dom.DescribeNode, dom.DescribeNodeParams{BackendNodeID: n.dom}).Node.Attributes
	for i := 0; i+1 < len(list); i += 2 {
		if list[i] == name {
			return list[i+1]
		}
	}
	return ""
}

func (all nodes) named(role, name string) nodes {
	var found nodes
	for _, n := range all {
		if !n.ignored && n.role == role && n.name == name {
			found = append(found, n)
		}
	}
	return found
}

// headings are the names of all headings of the first level.
func (all nodes) headings() []string {
	var found []string
	for _, n := range all {
		if !n.ignored && n.role == "heading" && n.states[accessibility.PropertyNameLevel] == "1" {
			found = append(found, n.name)
		}
	}
	return found
}

// texts are the words inside each element of a role.
func (all nodes) texts(role string) []string {
	var found []string
	for _, n := range all {
		if !n.ignored && n.role == role {
			found = append(found, strings.TrimSpace(all.within(n)))
		}
	}
	return found
}

// text is every word of the page.
func (all nodes) text() string {
	if len(all) == 0 {
		return ""
	}
	return all.within(all[0])
}

func (all nodes) within(n node) string {
	var b strings.Builder
	if n.role == "StaticText" && !n.ignored {
		return n.name + " "
	}
	for _, i := range n.inside {
		b.WriteString(all.within(all[i]))
	}
	return b.String()
}

// tree is the page as text, for a person who reads why a test failed.
func (p *page) tree() string {
	all, err := p.look()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, n := range all {
		if n.ignored || n.name == "" && n.value == "" || n.role == "InlineTextBox" {
			continue
		}
		fmt.Fprintf(&b, "  %s %q", n.role, n.name)
		if n.value != "" {
			fmt.Fprintf(&b, " = %q", n.value)
		}
		if n.is(accessibility.PropertyNameFocused) {
			b.WriteString(" (focused)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
