package web

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestTexts: an application says sentences in its own words, one language at a time.
func TestTexts(t *testing.T) {
	t.Parallel()
	p := testPages(t, pageOptions{Overlay: fstest.MapFS{
		"text/en.json": {Data: []byte(`{"Verify that it is you": "Who <is> it?", "Enter the code sent to %s.": "A code is on its way to %s."}`)},
	}})
	v := verifyView{Shape: askCode, SentTo: "•••• 12"}
	page := shown(t, p, "en", sample{"verify", v})
	for _, words := range []string{"<h1>Who &lt;is&gt; it?</h1>", "A code is on its way to •••• 12."} {
		if !strings.Contains(page, words) {
			t.Errorf("the page does not say %q:\n%s", words, page)
		}
	}
	if page = shown(t, p, "de", sample{"verify", v}); strings.Contains(page, "Who") || strings.Contains(page, "on its way") {
		t.Errorf("the German page is English:\n%s", page)
	}
	for name, text := range map[string]string{
		"no JSON":            `{`,
		"no such sentence":   `{"Nobody says this": "x"}`,
		"a value is lost":    `{"Enter the code sent to %s.": "A code is on its way."}`,
		"a value is another": `{"Enter the code sent to %s.": "A code is on its way to %d."}`,
		"one too many":       `{"Verify that it is you": "Are you %s?"}`,
		"no words":           `{"Verify that it is you": " "}`,
	} {
		if _, err := newPages(pageOptions{Overlay: fstest.MapFS{"text/en.json": {Data: []byte(text)}}}); err == nil || !strings.Contains(err.Error(), "text/en.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newPages(pageOptions{Overlay: fstest.MapFS{"text/xx.json": {Data: []byte(`{}`)}}}); err == nil {
		t.Error("a language that there is not")
	}
}
