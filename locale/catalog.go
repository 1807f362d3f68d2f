package locale

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// files holds one catalogue a language. The file name is the tag: catalog/de.json, catalog/pt-BR.json.
//
//go:embed catalog/*.json
var files embed.FS

// catalog has the sentences of one language under their English form.
type catalog map[string]entry

// library is all catalogues and what chooses among them. It is read once and never changes.
type library struct {
	languages []string
	catalogs  map[string]catalog
	matcher   language.Matcher
}

// shelf reads the embedded catalogues at their first use. One that cannot be read is left out, which a test
// forbids: a server never fails to start, nor a page to appear, for want of a translation.
var shelf = sync.OnceValue(func() library {
	l, _ := read()
	return l
})

// read reads all embedded catalogues and says which ones it could not.
func read() (library, error) {
	l := library{languages: []string{English}, catalogs: map[string]catalog{}}
	tags := []language.Tag{language.English}
	names, err := files.ReadDir("catalog")
	var faults []error
	for _, f := range names {
		name := strings.TrimSuffix(f.Name(), ".json")
		text, err := files.ReadFile(path.Join("catalog", f.Name()))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		tag, err := language.Parse(name)
		if err != nil {
			faults = append(faults, fmt.Errorf("catalog %s: %w", f.Name(), err))
			continue
		}
		c, err := parse(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("catalog %s: %w", f.Name(), err))
			continue
		}
		l.languages = append(l.languages, name)
		l.catalogs[name] = c
		tags = append(tags, tag)
	}
	l.matcher = language.NewMatcher(tags)
	return l, errors.Join(append(faults, err)...)
}

// parse reads a catalogue: a JSON object whose keys are the English sentences and whose values are
// the sentence in the other language, or an object of its forms by CLDR plural category.
func parse(text []byte) (catalog, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	c := make(catalog, len(raw))
	for english, value := range raw {
		e, err := parseEntry(value)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", english, err)
		}
		c[english] = e
	}
	return c, nil
}

// parseEntry reads one value of a catalogue.
func parseEntry(value json.RawMessage) (entry, error) {
	var text string
	if json.Unmarshal(value, &text) == nil {
		value, _ = json.Marshal(map[string]string{"other": text})
	}
	var e entry
	if err := json.Unmarshal(value, &e); err != nil {
		return nil, errors.New("neither a sentence nor its plural forms")
	}
	if e["other"] == "" {
		return nil, errors.New(`the form "other" is missing`)
	}
	known := []string{"zero", "one", "two", "few", "many", "other"}
	for category := range e {
		if !slices.Contains(known, category) {
			return nil, fmt.Errorf("%q is no plural category", category)
		}
	}
	return e, nil
}
