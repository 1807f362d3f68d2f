// Package locale owns the words that people read: on pages, in mails, in the titles of API answers.
//
// Every sentence stands in English where it is used and passes through T (or N, where a number decides about
// its form) with the reader's language; Mark names a sentence in a table that passes through T later.
// A language is one file in catalog/: adding it touches no page. What a catalogue lacks is said in English.
//
// The package knows no page, no request and no clock.
package locale

import (
	"fmt"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// English is the language that the texts are written in.
const English = "en"

// maxAccept bounds what is read of an Accept-Language header. Real ones have fewer than 100 bytes.
const maxAccept = 512

// T returns the sentence in lang, a BCP 47 tag, with args put in their places as fmt.Sprintf does.
// Without args the sentence is taken as it is. An unknown language, or a sentence that the language's
// catalogue lacks, is English. T never fails.
func T(lang, english string, args ...any) string {
	text := english
	if e, ok := find(lang, english); ok {
		text = e["other"]
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N returns the form of a sentence that fits the number n: one or other in English, what the plural rules of
// CLDR say in other languages, whose catalogues have the sentence under its form other.
// n is the first argument of the sentence, args are the further ones.
func N(lang string, n int, one, other string, args ...any) string {
	text := other
	if n == 1 {
		text = one
	}
	if e, ok := find(lang, other); ok {
		text = e.form(lang, n)
	}
	return fmt.Sprintf(text, append([]any{n}, args...)...)
}

// Mark returns the sentence unchanged. It stands where a sentence is written down that passes through T
// elsewhere, so that the test of the catalogues knows it.
func Mark(english string) string { return english }

// Known says whether there is such a sentence in English.
func Known(english string) bool {
	_, ok := find("de", english) // whose catalogue is whole, as a test demands
	return ok
}

// Match returns the language among Languages that suits the value of an Accept-Language header best.
func Match(accept string) string {
	if len(accept) > maxAccept {
		accept = accept[:strings.LastIndexByte(accept[:maxAccept], ',')+1]
	}
	wanted, _, err := language.ParseAcceptLanguage(strings.TrimSuffix(accept, ","))
	if err != nil || len(wanted) == 0 {
		return English
	}
	s := shelf()
	_, i, confidence := s.matcher.Match(wanted...)
	if confidence == language.No {
		return English
	}
	return s.languages[i]
}

// Languages are the tags of all languages, English first, the others in order.
func Languages() []string { return append([]string(nil), shelf().languages...) }

// rightToLeft are the scripts that are written from right to left (ISO 15924).
const rightToLeft = "Adlm Arab Aran Hebr Mand Mend Nkoo Rohg Samr Syrc Thaa Yezi"

// Direction is the value of the dir attribute for texts in lang: "ltr" or "rtl".
func Direction(lang string) string {
	script, _ := language.Make(lang).Script()
	if strings.Contains(rightToLeft, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// entry is a sentence in another language, by CLDR plural category. "other" is always there.
type entry map[string]string

// form is the sentence for a whole number.
func (e entry) form(lang string, n int) string {
	if n < 0 {
		n = -n
	}
	category := plural.Cardinal.MatchPlural(language.Make(lang), n, 0, 0, 0, 0)
	if text, ok := e[categories[category]]; ok {
		return text
	}
	return e["other"]
}

// categories names the plural categories as the catalogues write them.
var categories = map[plural.Form]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one",
	plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// find looks a sentence up in the catalogue of lang, or of the language that lang is a variety of.
func find(lang, english string) (entry, bool) {
	catalogs := shelf().catalogs
	for lang != "" {
		if c, ok := catalogs[lang]; ok {
			e, ok := c[english]
			return e, ok
		}
		lang = lang[:max(strings.LastIndexByte(lang, '-'), 0)]
	}
	return nil, false
}
