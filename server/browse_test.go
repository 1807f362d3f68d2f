package server

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor/totp"
)

// browser is a person before pages. It goes where it is led, and takes more than ten leads in a row for a circle.
type browser struct {
	t       *testing.T
	h       http.Handler
	clock   *clock
	cookies map[string]string
	at      *url.URL
	status  int
	body    string
	way     []string // where the last request led, one after the other
}

const home = "http://localhost:8080"

func newBrowser(t *testing.T, h http.Handler, c *clock) *browser {
	t.Helper()
	at, err := url.Parse(home)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, h: h, clock: c, cookies: map[string]string{}, at: at}
}

func (b *browser) get(to string) { b.t.Helper(); b.request("GET", to, nil) }

func (b *browser) request(method, to string, form url.Values) {
	b.t.Helper()
	b.way = nil
	for range 10 {
		next, err := b.at.Parse(to)
		if err != nil {
			b.t.Fatal(err)
		}
		b.at, b.way = next, append(b.way, next.String())
		r := httptest.NewRequestWithContext(b.t.Context(), method, next.String(), strings.NewReader(form.Encode()))
		r.RequestURI = next.RequestURI()
		r.RemoteAddr = "127.0.0.1:4711"
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if method == "POST" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		b.h.ServeHTTP(w, r)
		got := w.Result()
		for _, c := range got.Cookies() {
			if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
				delete(b.cookies, c.Name)
			}
		}
		text, _ := io.ReadAll(got.Body)
		b.status, b.body = got.StatusCode, string(text)
		if b.status != http.StatusSeeOther {
			return
		}
		method, form, to = "GET", nil, got.Header.Get("Location")
	}
	b.t.Fatalf("it goes round in a circle: %q", b.way)
}

// want demands where the way has led: the path of a page, or the whole address of an application.
func (b *browser) want(status int, at string) {
	b.t.Helper()
	here := strings.TrimPrefix(b.at.Scheme+"://"+b.at.Host+b.at.Path, home)
	if b.status != status || here != at {
		b.t.Fatalf("the way %q ends with %d at %s, want %d at %s:\n%s", b.way, b.status, here, status, at, textOf(b.body))
	}
}

var (
	aForm  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	aField = regexp.MustCompile(`<input[^>]*name="([^"]*)"[^>]*>`)
	aValue = regexp.MustCompile(` value="([^"]*)"`)
	aTag   = regexp.MustCompile(`(?s)<(head|style)>.*?</(head|style)>|<[^>]*>`)
	aBlank = regexp.MustCompile(`\s+`)
	aURI   = regexp.MustCompile(`href="(otpauth:[^"]*)"`)
)

func textOf(page string) string {
	return aBlank.ReplaceAllString(aTag.ReplaceAllString(page, " "), " ")
}

// send fills the form in whose action ends so, and sends it.
func (b *browser) send(action string, fields map[string]string) {
	b.t.Helper()
	for _, form := range aForm.FindAllStringSubmatch(b.body, -1) {
		to := html.UnescapeString(form[1])
		if path, _, _ := strings.Cut(to, "?"); !strings.HasSuffix(path, action) {
			continue
		}
		values := url.Values{}
		for _, field := range aField.FindAllStringSubmatch(form[2], -1) {
			value := ""
			if v := aValue.FindStringSubmatch(field[0]); v != nil {
				value = html.UnescapeString(v[1])
			}
			if !strings.Contains(field[0], `type="checkbox"`) {
				values.Set(field[1], value)
			}
		}
		for name := range maps.Keys(fields) {
			values.Set(name, fields[name])
		}
		if strings.Contains(form[0], `method="get"`) {
			b.get(to + "?" + values.Encode())
			return
		}
		b.request("POST", to, values)
		return
	}
	b.t.Fatalf("no form leads to %s at %s:\n%s", action, b.at, textOf(b.body))
}

func (b *browser) signIn(name string) {
	b.t.Helper()
	b.send("/sign-in", map[string]string{"identifier": name, "password": secret})
}

// scan reads the secret off the page.
func (b *browser) scan() totp.Generator {
	b.t.Helper()
	found := aURI.FindStringSubmatch(b.body)
	if found == nil {
		b.t.Fatalf("no secret at %s:\n%s", b.at, textOf(b.body))
	}
	u, err := totp.ParseURI(html.UnescapeString(found[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Generator
}
