package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// document is the OpenAPI document, read and checked once.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var readDocument = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := os.ReadFile("../server/openapi.json")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// client sends requests as a program or a browser does. Every answer of the API is held against the document.
type client struct {
	t     *testing.T
	h     *house
	http  *http.Client
	token string // what it holds instead of cookies
}

func (h *house) client() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &client{t: h.t, h: h, http: &http.Client{
		Jar: jar, Transport: h.http.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *client) get(path string) answer { c.t.Helper(); return c.api("GET", path, nil) }

func (c *client) del(path string) answer { c.t.Helper(); return c.api("DELETE", path, nil) }

func (c *client) post(path string, body any) answer { c.t.Helper(); return c.api("POST", path, body) }

func (c *client) patch(path string, body any) answer { c.t.Helper(); return c.api("PATCH", path, body) }

func (c *client) verify(kind, code string) answer {
	c.t.Helper()
	return c.post("/verifications", map[string]any{"kind": kind, "code": code})
}

// api sends a request to the API, its body as JSON.
func (c *client) api(method, path string, body any) answer {
	c.t.Helper()
	var text io.Reader
	header := http.Header{}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		text = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	return c.send(method, "/api/v1"+path, header, text)
}

// send sends any request, and takes over the token that comes back.
func (c *client) send(method, path string, header http.Header, body io.Reader) answer {
	c.t.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = io.ReadAll(body); err != nil {
			c.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.h.http.URL+path, bytes.NewReader(sent))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if c.token != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{t: c.t, path: method + " " + path, status: resp.StatusCode, header: resp.Header, body: text}
	if method == http.MethodHead {
		return a
	}
	if strings.HasPrefix(path, "/api/") || path == "/healthz" || path == "/readyz" {
		req.Body = io.NopCloser(bytes.NewReader(sent))
		a.fits(c.h.doc, req)
		if len(text) > 0 {
			if err := json.Unmarshal(text, &a.value); err != nil {
				c.t.Fatalf("%s: %v: %s", a.path, err, text)
			}
		}
	}
	if token, ok := a.at("token").(string); ok && a.status < 300 {
		c.token = token
	}
	return a
}

// answer is what came back.
type answer struct {
	t      *testing.T
	path   string
	status int
	header http.Header
	body   []byte
	value  any
}

// fitting are answers that were held against the document already: it takes a millisecond each, and most are alike.
var fitting sync.Map

// fits holds an answer against the document: of the operation, or where there is none of an error. A request that
// was understood must fit it too.
func (a answer) fits(doc *openapi3.T, req *http.Request) {
	a.t.Helper()
	route := routeOf(doc, req)
	if route == nil {
		a.isProblem(doc)
		return
	}
	if a.status == http.StatusMethodNotAllowed {
		a.t.Errorf("%s: 405 for what is in the document", a.path)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	asked := &openapi3filter.RequestValidationInput{Request: req, Route: route, Options: options}
	if body := route.Operation.RequestBody; body != nil && a.status < 300 {
		if err := openapi3filter.ValidateRequestBody(req.Context(), asked, body.Value); err != nil {
			a.t.Errorf("%s was understood, and does not fit the document: %v", a.path, err)
		}
	}
	known := fmt.Sprintln(route.Path, route.Method, a.status, a.header["Content-Type"], a.header["Cache-Control"], a.header["Retry-After"], string(a.body))
	if _, ok := fitting.Load(known); ok {
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Options: options,
		Status: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
	}
	if err := openapi3filter.ValidateResponse(req.Context(), input); err != nil {
		a.t.Errorf("%s answered %d, which does not fit the document: %v\n%.400s", a.path, a.status, err, a.body)
		return
	}
	fitting.Store(known, true)
}

// isProblem holds an answer against the schema of errors.
func (a answer) isProblem(doc *openapi3.T) {
	a.t.Helper()
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		a.t.Errorf("%s: Content-Type %q of an error", a.path, ct)
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Errorf("%s: %v: %s", a.path, err, a.body)
		return
	}
	if err := doc.Components.Schemas["Problem"].Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		a.t.Errorf("%s: %v", a.path, err)
	}
}

// routeOf finds the operation of a request, nil where there is none. A path without {id} goes before one with it.
func routeOf(doc *openapi3.T, req *http.Request) *routers.Route {
	var found *routers.Route
	for path, item := range doc.Paths.Map() {
		pattern := pathOf(item, path)
		if !pathFits(pattern, req.URL.Path) {
			continue
		}
		op := item.GetOperation(req.Method)
		route := &routers.Route{Spec: doc, Path: path, PathItem: item, Method: req.Method, Operation: op}
		if pattern == req.URL.Path && op == nil {
			return nil
		}
		if pattern == req.URL.Path {
			return route
		}
		if op != nil {
			found = route
		}
	}
	return found
}

// pathOf is a path of the document with its server's before it.
func pathOf(item *openapi3.PathItem, path string) string {
	if len(item.Servers) > 0 {
		return strings.TrimSuffix(item.Servers[0].URL, "/") + path
	}
	return "/api/v1" + path
}

// pathFits says whether a path is one of a pattern.
func pathFits(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !(strings.HasPrefix(want[i], "{") && got[i] != "") {
			return false
		}
	}
	return true
}

// want fails the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s answered %d, want %d: %.400s", a.path, a.status, status, a.body)
	}
	return a
}

// refuses fails the test unless the answer is that error.
func (a answer) refuses(status int, code string) answer {
	a.t.Helper()
	if got := a.at("code"); a.status != status || got != code {
		a.t.Fatalf("%s answered %d %v, want %d %s: %s", a.path, a.status, got, status, code, a.body)
	}
	return a
}

// at walks into the answer; nil where there is nothing.
func (a answer) at(keys ...any) any {
	v := a.value
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func (a answer) text(keys ...any) string {
	a.t.Helper()
	s, ok := a.at(keys...).(string)
	if !ok {
		a.t.Fatalf("%s: no text at %v: %s", a.path, keys, a.body)
	}
	return s
}

func (a answer) list(keys ...any) []any {
	l, _ := a.at(keys...).([]any)
	return l
}
