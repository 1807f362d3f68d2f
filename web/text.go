package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch/locale"
)

// texts are sentences of pages that an application says in its own words: language → our English sentence → its own.
type texts map[string]map[string]string

// readTexts reads text/LANG.json of an overlay (text/en.json: {"Verify that it is you": "Who is it?"}). It returns an
// error that names the file, for a language or a sentence that no page has and for words whose places are others.
func readTexts(overlay fs.FS) (texts, error) {
	all := texts{}
	if overlay == nil {
		return all, nil
	}
	names, err := fs.Glob(overlay, "text/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		lang := strings.TrimSuffix(path.Base(name), ".json")
		content, err := fs.ReadFile(overlay, name)
		if err == nil && !slices.Contains(locale.Languages(), lang) {
			err = errors.New("there are no pages in this language")
		}
		own := map[string]string{}
		if err == nil {
			err = json.Unmarshal(content, &own)
		}
		for english, words := range own {
			if err == nil {
				err = checkWords(english, words)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		all[lang] = own
	}
	return all, nil
}

// checkWords says what is wrong with words in the place of a sentence.
func checkWords(english, words string) error {
	switch {
	case !locale.Known(english):
		return fmt.Errorf("no page says %q", english)
	case strings.TrimSpace(words) == "":
		return fmt.Errorf("there are no words for %q", english)
	case !slices.Equal(placesOf(english), placesOf(words)):
		return fmt.Errorf("%q and its words have different places for values (%%s, %%d)", english)
	}
	return nil
}

// placesOf are the verbs of a sentence, in their order.
func placesOf(text string) (places []string) {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' {
			end := i + 1
			for end < len(text)-1 && strings.ContainsRune("[]0123456789", rune(text[end])) {
				end++
			}
			places = append(places, text[i:end+1])
			i = end
		}
	}
	return places
}

// t returns a sentence in lang: in the application's words, else in ours.
func (p *pages) t(lang, english string, args ...any) string {
	words, ok := p.texts[lang][english]
	switch {
	case !ok:
		return locale.T(lang, english, args...)
	case len(args) == 0:
		return words
	}
	return fmt.Sprintf(words, args...)
}
