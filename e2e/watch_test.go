package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// watch notes what a tab complains of, and whom it asks.
type watch struct {
	origins []string
	mu      sync.Mutex
	faults  []string
	over    bool // what comes now is not noted
}

func (w *watch) hear(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if url := e.Request.URL; !w.own(url) {
			w.note("a request to another origin: %s", url)
		}
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument && e.Response.Status >= 400 {
			w.note("status %d for %s", e.Response.Status, e.Response.URL)
		}
	case *log.EventEntryAdded: // also violations of the Content Security Policy
		// A page with a status of 400 or more is logged as a failed resource; the tests look at its status.
		// Tests type before the page is drawn, which people do not: then autofocus comes too late, and says so.
		late := strings.HasPrefix(e.Entry.Text, "Autofocus processing was blocked")
		if e.Entry.Source != log.EntrySourceNetwork && !late {
			w.note("%s %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		w.note("the console was written to (%s)", e.Type)
	case *runtime.EventExceptionThrown:
		w.note("a script failed: %s", e.ExceptionDetails.Text)
	}
}

// own says whether an address is ours, or none on any network.
func (w *watch) own(url string) bool {
	if strings.HasPrefix(url, "about:") || strings.HasPrefix(url, "data:") {
		return true
	}
	return slices.ContainsFunc(w.origins, func(origin string) bool {
		return strings.HasPrefix(strings.TrimPrefix(url, "blob:"), origin+"/")
	})
}

func (w *watch) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// end closes its eyes.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over, w.faults = true, nil
}

// take returns what was noted, and forgets it.
func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	faults := w.faults
	w.faults = nil
	return faults
}

// TestWatch looks that the watch, which all tests rely on, sees what it is there for.
func TestWatch(t *testing.T) {
	p := open(t, serve(t), options{})
	p.visit("/", 200)
	for _, c := range []struct{ script, want string }{
		{`fetch("http://elsewhere.localhost/").then(() => "", () => "")`, "Content Security Policy"},
		{`document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>red</p>"), ""`, "Content Security Policy"},
		{`document.body.append(Object.assign(new Image(), {src: "/asset/no-such-picture.svg"})), ""`, "status 404"},
		{`console.info("something"), ""`, "the console was written to"},
		{`setTimeout(() => { throw new Error("broken") }), ""`, "a script failed"},
	} {
		p.watch.take()
		evaluate[string](p, c.script)
		p.await("a complaint: "+c.want, func(nodes) bool { return strings.Contains(strings.Join(p.watch.take(), "\n"), c.want) })
	}
	p.watch.end()
	for url, own := range map[string]bool{
		p.origin + "/verify": true, "about:blank": true, p.origin + ".example.com/": false, p.origin + "0/": false, "https://example.com/": false,
	} {
		if p.watch.own(url) != own {
			t.Errorf("own(%q) is not %t", url, own)
		}
	}
}
