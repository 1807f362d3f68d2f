package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// visit goes to a path of ours, and fails unless the answer has the status.
func (p *page) visit(path string, status int) {
	p.t.Helper()
	p.goes(p.origin+path, status)
}

// goes goes to an address, and fails unless the answer has the status.
func (p *page) goes(address string, status int) {
	p.t.Helper()
	p.load(address, status, chromedp.Navigate(address))
}

// load does what leads to another page, waits until that is there, and looks at its status.
func (p *page) load(what string, status int, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	r, err := chromedp.RunResponse(ctx, steps...)
	switch {
	case err != nil:
		p.t.Fatalf("%s: %v\nthe page:\n%s", what, err, p.tree())
	case r == nil:
		p.t.Fatalf("%s: no answer", what)
	case int(r.Status) != status:
		p.t.Fatalf("%s: status %d of %s, want %d\nthe page:\n%s", what, r.Status, r.URL, status, p.tree())
	}
}

// press clicks the button of that name, which sends a form, and waits for the answer.
func (p *page) press(name string) { p.t.Helper(); p.pressFor(name, 200) }

// pressFor is press for an answer with another status.
func (p *page) pressFor(name string, status int) {
	p.t.Helper()
	x, y := p.middle(p.find("button", name))
	p.load("press "+name, status, chromedp.MouseClickXY(x, y))
}

// follow clicks the link of that name and waits for the page that it leads to.
func (p *page) follow(name string) {
	p.t.Helper()
	x, y := p.middle(p.find("link", name))
	p.load("follow "+name, 200, chromedp.MouseClickXY(x, y))
}

// click clicks something that leads nowhere.
func (p *page) click(role, name string) {
	p.t.Helper()
	x, y := p.middle(p.find(role, name))
	ctx, cancel := p.limited()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.MouseClickXY(x, y)); err != nil {
		p.t.Fatalf("click %s: %v", name, err)
	}
}

// middle scrolls an element into view and returns where its middle is.
func (p *page) middle(n node) (x, y float64) {
	p.t.Helper()
	call(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: n.dom})
	quads := call(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: n.dom}).Quads
	if len(quads) == 0 {
		p.t.Fatalf("%s %q is not on the page to be clicked", n.role, n.name)
	}
	q := quads[0] // four corners, x and y each
	return (q[0] + q[2] + q[4] + q[6]) / 4, (q[1] + q[3] + q[5] + q[7]) / 4
}

// fill types a text into the field of that label, in the place of what is in it.
func (p *page) fill(label, text string) {
	p.t.Helper()
	n := p.find("textbox", label)
	call(p, dom.Focus, dom.FocusParams{BackendNodeID: n.dom})
	if n.value != "" {
		call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Commands: []string{"selectAll"}})
	}
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

// keys presses keys, one after the other.
func (p *page) keys(keys string) {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		p.t.Fatalf("press keys: %v", err)
	}
}

// wantHeading waits for the one heading of the page, its h1.
func (p *page) wantHeading(text string) {
	p.t.Helper()
	p.await("the heading "+text, func(all nodes) bool {
		return slices.Equal(all.headings(), []string{text})
	})
}

// wantAlert waits for words that a screen reader interrupts with, wantStatus for those that it waits with.
func (p *page) wantAlert(text string)  { p.t.Helper(); p.wantLive("alert", text) }
func (p *page) wantStatus(text string) { p.t.Helper(); p.wantLive("status", text) }

func (p *page) wantLive(role, text string) {
	p.t.Helper()
	p.await(role+" "+text, func(all nodes) bool { return slices.Contains(all.texts(role), text) })
}

// wantText waits for words anywhere on the page.
func (p *page) wantText(text string) {
	p.t.Helper()
	p.await("the text "+text, func(all nodes) bool { return strings.Contains(all.text(), text) })
}

// wantNoText fails if the words are anywhere on the page.
func (p *page) wantNoText(text string) {
	p.t.Helper()
	if strings.Contains(p.nodes().text(), text) {
		p.t.Fatalf("%q is on the page:\n%s", text, p.tree())
	}
}

// await looks at the page until it is as wanted.
func (p *page) await(what string, wanted func(nodes) bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; {
		all, err := p.look()
		if err == nil && wanted(all) {
			return
		}
		// A tab that is between two pages has no tree; that passes.
		if time.Now().After(end) {
			p.t.Fatalf("there is not: %s (%v)\nthe page:\n%s", what, err, p.tree())
		}
		pause(p.t)
	}
}

// pause is between two looks.
func pause(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(25 * time.Millisecond):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}
