package phone

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// baseLanguages are those that have names: the ones of the catalogs, of the European Union, and the most read others. With each
// come its variants that differ: "de-AT".
const baseLanguages = "ar bg ca cs da de el en es et fa fi fr ga he hi hr hu id it ja ko lt lv mt nl no pl pt ro ru sk sl sv th tr uk vi zh"

// nameTags are the tags of the table, in the library's order.
func nameTags() (tags []string) {
	for _, tag := range display.Supported.Tags() {
		base, _, _ := strings.Cut(tag.String(), "-")
		if slices.Contains(strings.Fields(baseLanguages), base) {
			tags = append(tags, tag.String())
		}
	}
	return tags
}

// makeNames writes the names as readNames reads them. A variant leaves out what it has in common with its language.
func makeNames() string {
	tags := nameTags()
	var out bytes.Buffer
	fmt.Fprintln(&out, strings.Join(tags, "\t"))
	for _, code := range everyCountry() {
		cells := []string{code}
		for _, tag := range tags {
			name := referenceName(code, tag)
			for base := tag; strings.Contains(base, "-"); {
				base = base[:strings.LastIndexByte(base, '-')]
				if slices.Contains(tags, base) {
					if referenceName(code, base) == name {
						name = ""
					}
					break
				}
			}
			cells = append(cells, name)
		}
		fmt.Fprintln(&out, strings.Join(cells, "\t"))
	}
	return out.String()
}

// TestNames: each country has the library's name in each language of the table, and whoever reads another variant gets
// the library's, too.
func TestNames(t *testing.T) {
	t.Parallel()
	all, err := readTables(everyCountry())
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range everyCountry() {
		for _, tag := range nameTags() {
			if got, want := all.names.of(code, tag), referenceName(code, tag); got != want {
				t.Errorf("%s in %s is called %q, want %q", code, tag, got, want)
			}
		}
	}
	langs := []string{"", "und", "??", "tlh", "x-own", "zz-ZZ", "nb", "nb-NO", "iw", "in", "zh-TW", "zh-HK", "zh-MO", "zh-SG", "zh-Hans-HK", "zh-Hant-TW", "zh-Hant-HK", "cmn", "fil-Latn-US-x-much-more", strings.Repeat("de-", 1000)}
	for _, base := range strings.Fields(baseLanguages) {
		for i, country := range everyCountry() {
			if (i+len(langs))%11 == 0 {
				langs = append(langs, base+"-"+country)
			}
		}
	}
	for _, lang := range langs {
		for _, code := range []string{"BY", "HK"} {
			if got, want := all.names.of(code, lang), referenceName(code, lang); got != want {
				t.Errorf("%s in %s is called %q, want %q", code, lang, got, want)
			}
		}
	}
	if got := all.names.of("QQ", "de"); got != "QQ" {
		t.Errorf("a country without a name is called %q", got)
	}
	if got := (names{tags: []string{"en"}, matcher: language.NewMatcher([]language.Tag{language.English}), lines: map[string]string{"DE": ""}}).of("DE", "en"); got != "DE" {
		t.Errorf("a country whose name is empty is called %q", got)
	}
}
