package phone

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// names are what countries are called in the languages of the table.
type names struct {
	tags    []string // BCP 47
	matcher language.Matcher
	lines   map[string]string // by country, a name a tag, with tabs between
}

// readNames reads a line with the tags, and one for each country, of which it keeps the allowed ones.
func readNames(text string, allowed []string) names {
	head, rest, _ := strings.Cut(text, "\n")
	n := names{tags: strings.Split(strings.Clone(head), "\t"), lines: map[string]string{}}
	tags := make([]language.Tag, len(n.tags))
	for i, tag := range n.tags {
		tags[i] = language.Raw.Make(tag)
	}
	n.matcher = language.NewMatcher(tags)
	for line := range strings.Lines(rest) {
		if country, all, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); slices.Contains(allowed, country) {
			n.lines[strings.Clone(country)] = strings.Clone(all)
		}
	}
	return n
}

// of is what a country is called in lang, else in English, else its code.
func (n names) of(country, lang string) string {
	tag := "en"
	if _, i, confidence := n.matcher.Match(language.Make(lang)); confidence != language.No {
		tag = n.tags[i]
	}
	all := strings.Split(n.lines[country], "\t")
	for tag != "" {
		if i := slices.Index(n.tags, tag); i >= 0 && i < len(all) && all[i] != "" {
			return all[i]
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)] // "de-AT" says only what "de" does not
	}
	return country
}
