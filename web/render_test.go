package web

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestRenderSaysWhatItIs(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Add("Accept-Language", "fr")
	r.Header.Add("Accept-Language", "de;q=0.9") // a list header may come in several lines
	w := httptest.NewRecorder()
	p.render(w, r, http.StatusTooManyRequests, "sign-in", signInView{})
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("status %d", w.Code)
	}
	for name, want := range map[string]string{
		"Content-Type":     "text/html; charset=utf-8",
		"Content-Language": "de",
		"Vary":             "Accept-Language",
		"Content-Length":   strconv.Itoa(w.Body.Len()),
		"Cache-Control":    "no-store",
		// Not no-referrer: see pageHeaders.
		"Referrer-Policy":        "same-origin",
		"X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(w.Body.String(), "Anmelden") {
		t.Error("the page is not in the reader's language")
	}
	if got := p.say(r, "That code is wrong."); got != "Dieser Code ist falsch." {
		t.Errorf("say %q", got)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	w := httptest.NewRecorder()
	p.render(w, httptest.NewRequest(http.MethodHead, "/", nil), http.StatusOK, "sign-in", signInView{})
	if w.Body.Len() > 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("%d bytes, Content-Length %s", w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

func TestAssetsAreServed(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	get := func(target, name string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		if len(header) > 0 {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		if !p.serveAsset(w, r, name) {
			t.Errorf("%s is not there", name)
		}
		return w
	}
	for name, kind := range map[string]string{
		"nightlatch.css": "text/css; charset=utf-8", "nightlatch.js": "text/javascript; charset=utf-8", "mark.svg": "image/svg+xml",
	} {
		w := get(p.assetPath(name), name)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no guard in %v", name, w.Header())
		}
		if w = get("/asset/"+name+"?v=old", name); w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: a link to an old version is kept: %v", name, w.Header())
		}
		if w = get("/asset/"+name, name, "If-None-Match", w.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s: %d with %d bytes, want 304", name, w.Code, w.Body.Len())
		}
	}
	for _, name := range []string{"", "none.css", "../page/layout.html", "layout.html"} {
		w := httptest.NewRecorder()
		if p.serveAsset(w, httptest.NewRequest(http.MethodGet, "/asset/x", nil), name) || len(w.Header()) > 0 {
			t.Errorf("%q is served", name)
		}
	}
}

// The pages stay light, and ask nobody else for anything.
func TestAssetsAreSmallAndOurOwn(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{})
	if n := len(p.assets["nightlatch.css"].content); n >= 10_000 {
		t.Errorf("the stylesheet has %d bytes", n)
	}
	if n := strings.Count(string(p.assets["nightlatch.js"].content), "\n"); n >= 200 {
		t.Errorf("the script has %d lines", n)
	}
	address := regexp.MustCompile(`https?://[^"' )]+|@import|url\(|eval\(|innerHTML|Function\(`)
	for name, a := range p.assets {
		for _, found := range address.FindAllString(string(a.content), -1) {
			if found != "http://www.w3.org/2000/svg" {
				t.Errorf("%s: %s", name, found)
			}
		}
	}
}

// Text can be read in both schemes: a contrast of 4.5 at least, 3 for edges (WCAG 2.2 §1.4.3, §1.4.11).
func TestContrast(t *testing.T) {
	t.Parallel()
	css := string(testPages(t, pageOptions{}).assets["nightlatch.css"].content)
	roots := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(css, -1)
	if len(roots) != 2 {
		t.Fatalf("%d sets of colors, want two", len(roots))
	}
	for i, scheme := range []string{"light", "dark"} {
		colors := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+);`).FindAllStringSubmatch(roots[i][1], -1) {
			colors[m[1]] = luminance(t, m[2])
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 4.5},
			{"ink", "card", 4.5},
			{"ink", "tint", 4.5},
			{"soft", "paper", 4.5},
			{"soft", "card", 4.5},
			{"soft", "tint", 4.5},
			{"accent", "paper", 4.5},
			{"accent", "card", 4.5},
			{"accent", "tint", 4.5},
			{"on-accent", "accent", 4.5},
			{"good", "good-tint", 4.5},
			{"bad", "bad-tint", 4.5},
			{"bad", "card", 4.5},
			{"note", "note-tint", 4.5},
			{"edge", "card", 3},
		} {
			front, ok := colors[pair.front]
			back, ok2 := colors[pair.back]
			if ratio := (max(front, back) + .05) / (min(front, back) + .05); !ok || !ok2 || ratio < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.front, pair.back, ratio, pair.least)
			}
		}
	}
}

// luminance is the relative luminance of #rgb or #rrggbb (WCAG 2.2, glossary).
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	if len(color) == 4 {
		color = "#" + strings.Repeat(color[1:2], 2) + strings.Repeat(color[2:3], 2) + strings.Repeat(color[3:4], 2)
	}
	var rgb [3]uint8
	if _, err := fmt.Sscanf(color, "#%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
		t.Fatal(err)
	}
	var l float64
	for i, weight := range []float64{.2126, .7152, .0722} {
		c := float64(rgb[i]) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}
