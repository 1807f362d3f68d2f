package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/nightlatch/nightlatch/locale"
)

// own holds the pages and what they link to.
//
//go:embed page/*.html asset
var own embed.FS

// layoutFile is around every page. It has the blocks "title" and "main", which a page defines.
const layoutFile = "layout.html"

// pageOptions is what all pages have in common. Its zero value serves at the root of a host.
type pageOptions struct {
	// Prefix is where the pages are mounted: "", or "/2fa" for /2fa/verify.
	Prefix string
	// Overlay holds files that stand in the place of ours, by the same names (page/layout.html,
	// asset/nightlatch.css), and pages of an application's own (page/NAME.html). It may be nil.
	Overlay fs.FS
	// Service is what the service calls itself to people. Default "Nightlatch".
	Service string
	// Demo says on every page that this is a demonstration.
	Demo bool
	// Fault is told of a page that could not be made. It may be nil.
	Fault func(r *http.Request, err error)
}

// pages are all pages in all languages, each made once: ours when they are first asked for, so that a start is quick and
// nothing is kept that nobody reads. They never change and may be used by many goroutines at once.
type pages struct {
	options pageOptions
	assets  map[string]asset
	texts   texts
	sets    map[string]map[string]makePage // language → name of the page
	policy  string                         // of a page; see policyFor
}

// makePage makes a page when it is first called.
type makePage func() (*template.Template, error)

// newPages prepares all pages. It makes those that an overlay has a share in, and returns an error that names the file that
// cannot be read or parsed, or in which a value would stand where it cannot be escaped.
func newPages(o pageOptions) (*pages, error) {
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	if o.Service == "" {
		o.Service = "Nightlatch"
	}
	p := &pages{options: o, sets: map[string]map[string]makePage{}, policy: policy}
	var err error
	if p.assets, err = readAssets(o.Overlay); err != nil {
		return nil, err
	}
	if p.texts, err = readTexts(o.Overlay); err != nil {
		return nil, err
	}
	files, theirs, err := readPages(o.Overlay)
	if err != nil {
		return nil, err
	}
	for _, lang := range locale.Languages() {
		p.sets[lang] = p.prepare(lang, files)
	}
	return p, p.make(func(name string) bool { return theirs[name] }) // ours are whole, by test
}

// make makes the pages that are chosen by name, all of them where that chooses a file that is part of all.
func (p *pages) make(chosen func(name string) bool) error {
	for _, set := range p.sets {
		for name, page := range set {
			if !chosen(name) && !chosen("") {
				continue
			}
			if _, err := page(); err != nil {
				return err
			}
		}
	}
	return nil
}

// readPages returns the text of every page by its file name, the overlay's before ours, and the names of the pages that are
// the overlay's, "" for what is part of all.
func readPages(overlay fs.FS) (texts map[string]string, theirs map[string]bool, err error) {
	texts, theirs = map[string]string{}, map[string]bool{}
	for _, from := range []fs.FS{own, overlay} {
		if from == nil {
			continue
		}
		names, err := fs.Glob(from, "page/*.html")
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(from, name)
			if err != nil {
				return nil, nil, err
			}
			file := path.Base(name)
			texts[file] = string(text)
			switch {
			case from == own:
			case isShared(file):
				theirs[""] = true
			default:
				theirs[strings.TrimSuffix(file, ".html")] = true
			}
		}
	}
	return texts, theirs, nil
}

// prepare makes ready the pages of one language. A file whose name begins with "_" holds parts that all pages may use.
func (p *pages) prepare(lang string, texts map[string]string) map[string]makePage {
	base := sync.OnceValues(func() (*template.Template, error) { return p.base(lang, texts) })
	set := map[string]makePage{}
	for name, text := range texts {
		if isShared(name) {
			continue
		}
		set[strings.TrimSuffix(name, ".html")] = sync.OnceValues(func() (*template.Template, error) {
			around, err := base()
			if err != nil {
				return nil, err
			}
			return page(around, name, text)
		})
	}
	return set
}

// isShared says whether a file is part of all pages.
func isShared(file string) bool { return file == layoutFile || strings.HasPrefix(file, "_") }

// base is what all pages of a language share.
func (p *pages) base(lang string, texts map[string]string) (*template.Template, error) {
	base := template.New(layoutFile).Funcs(p.functions(lang)).Option("missingkey=zero")
	if _, err := base.Parse(texts[layoutFile]); err != nil {
		return nil, fmt.Errorf("web: page/%w", err)
	}
	for name, text := range texts {
		if strings.HasPrefix(name, "_") {
			if _, err := base.New(name).Parse(text); err != nil {
				return nil, fmt.Errorf("web: page/%w", err)
			}
		}
	}
	return base, nil
}

// page makes one page of its text and what is around it.
func page(around *template.Template, name, text string) (*template.Template, error) {
	page, err := around.Clone()
	if err == nil {
		_, err = page.New(name).Parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("web: page/%w", err)
	}
	if err := escape(page); err != nil {
		return nil, fmt.Errorf("web: page/%s: %w", name, err)
	}
	return page, nil
}

// escape makes html/template rewrite the page now, so that a page that cannot be escaped is a fault when it is made and
// not in the middle of an answer. Faults of execution count for nothing here: there is no view yet.
func escape(page *template.Template) error {
	var fault *template.Error
	if err := page.Execute(io.Discard, layout{}); errors.As(err, &fault) {
		return fault
	}
	return nil
}

// layout is what page/layout.html gets. The blocks "title" and "main" get the View.
type layout struct {
	Frame
	Lang, Direction string
	Service         string
	Demo            bool
	View            any
}

// render writes a page with the view that view.go has for it. The language is the reader's.
//
// The page is made whole before its first byte is written: one that cannot be made is a plain 500, and
// pageOptions.Fault hears why.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	lang := p.language(r)
	page, err := p.execute(lang, name, view)
	pageHeaders(w.Header())
	w.Header().Set("Content-Security-Policy", p.policy)
	if r.URL.Query().Has("token") { // that of a mailed link: not even our own log of requests is told where they came from
		w.Header().Set("Referrer-Policy", "strict-origin")
	}
	if err != nil {
		if p.options.Fault != nil {
			p.options.Fault(r, err)
		}
		status = http.StatusInternalServerError
		page = []byte(p.say(r, "Something went wrong on our side. Please try again later.") + "\n")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	w.Header().Set("Content-Language", lang)
	w.Header().Add("Vary", "Accept-Language")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page) //nolint:gosec // of html/template; a reader who went away is no fault
	}
}

func (p *pages) execute(lang, name string, view any) ([]byte, error) {
	made, ok := p.sets[lang][name]
	if !ok {
		return nil, fmt.Errorf("web: there is no page %q", name)
	}
	page, err := made()
	if err != nil {
		return nil, err
	}
	l := layout{
		Lang: lang, Direction: locale.Direction(lang), Service: p.options.Service, Demo: p.options.Demo, View: view,
	}
	if f, ok := view.(framed); ok {
		l.Frame = f.frame()
	}
	var b bytes.Buffer
	if err := page.Execute(&b, l); err != nil {
		return nil, fmt.Errorf("web: page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// language is the one among ours that the reader likes best.
func (p *pages) language(r *http.Request) string {
	return locale.Match(strings.Join(r.Header.Values("Accept-Language"), ","))
}

// say returns a sentence in the reader's language, for Frame.Status, Frame.Alert and Frame.Problems.
func (p *pages) say(r *http.Request, english string, args ...any) string {
	return p.t(p.language(r), english, args...)
}

// policy lets a page load what this host serves and nothing else, run no script that stands in a page, be shown
// in no frame, and send its forms home only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// pageHeaders sets what every answer to a browser carries, redirects too.
func pageHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// Not no-referrer: our own forms would come with "Origin: null", which browsers without Sec-Fetch-Site
	// (and all of them over plain http) make indistinguishable from a stranger's.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that know no frame-ancestors
}

// policyFor is policy for pages whose forms may lead elsewhere at the end of a sign-in: browsers hold redirects to
// form-action, too.
func policyFor(origins []string) string {
	const home = "form-action 'self'"
	return strings.Replace(policy, home, strings.Join(append([]string{home}, origins...), " "), 1)
}
