package phone

import (
	"strings"
	"testing"
)

func TestParser(t *testing.T) {
	t.Parallel()
	parse := Parser([]string{"DE", "us", "GB", "IT"})
	for name, tc := range map[string]struct{ text, e164, spoken string }{
		"German mobile":              {"+49 1512 3456712", "+4915123456712", "Germany, +49 1512 3456712"},
		"all that groups":            {" +49 (1512) 345.67-12 ", "+4915123456712", "Germany, +49 1512 3456712"},
		"copied":                     {"\u202a+49\u00a01512\u20113456712\u202c", "+4915123456712", "Germany, +49 1512 3456712"},
		"wide":                       {"＋４９１５１２３４５６７１２", "+4915123456712", "Germany, +49 1512 3456712"},
		"fixed line":                 {"+49 30 901820", "+4930901820", "Germany, +49 30 901820"},
		"American":                   {"+1 (202) 555-0123", "+12025550123", "United States, +1 202-555-0123"},
		"British":                    {"+44 7400 123456", "+447400123456", "United Kingdom, +44 7400 123456"},
		"the zero to dial":           {"+49 (0)1512 3456712", "+4915123456712", "Germany, +49 1512 3456712"},
		"country not listed":         {"+33 6 12 34 56 78", "", ""},
		"same code, another country": {"+1 (613) 555-0123", "", ""},
		"American premium":           {"+1 900 234 5678", "", ""},
		"British premium":            {"+44 909 8790000", "", ""},
		"British shared cost":        {"+44 8451234567", "", ""},
		"British personal":           {"+44 70 1234 5678", "", ""},
		"toll free":                  {"+49 800 1234567", "", ""},
		"impossible":                 {"+39 1234567", "", ""},
		"too short":                  {"+49 151", "", ""},
		"too long":                   {"+49 1512 3456712 3456 78", "", ""},
		"national":                   {"01512 3456712", "", ""},
		"exit code":                  {"0049 1512 3456712", "", ""},
		"two pluses":                 {"++4915123456712", "", ""},
		"plus inside":                {"4+915123456712", "", ""},
		"letters":                    {"+1 202 FLOWERS", "", ""},
		"extension":                  {"+1 202 555 0123 ext. 5", "", ""},
		"URI":                        {"tel:+4915123456712", "", ""},
		"slash":                      {"+49 1512/3456712", "", ""},
		"two lines":                  {"+4915123456712;+4915123456713", "", ""},
		"no country":                 {"+999 12345678", "", ""},
		"nothing":                    {"", "", ""},
		"much":                       {"+" + strings.Repeat("4", 1<<20), "", ""},
	} {
		e164, spoken, err := parse(tc.text, "en")
		if e164 != tc.e164 || spoken != tc.spoken || (err == nil) != (tc.e164 != "") {
			t.Errorf("%s: %q, %q, %v", name, e164, spoken, err)
		}
	}
}

func TestParserInOtherLanguages(t *testing.T) {
	t.Parallel()
	parse := Parser([]string{"DE"})
	for lang, want := range map[string]string{"de": "Deutschland", "de-CH": "Deutschland", "tlh": "Germany", "": "Germany", "??": "Germany"} {
		if _, spoken, err := parse("+4915123456712", lang); err != nil || spoken != want+", +49 1512 3456712" {
			t.Errorf("%q: %q, %v", lang, spoken, err)
		}
	}
}

// No country is no SMS.
func TestParserWithoutCountries(t *testing.T) {
	t.Parallel()
	for _, countries := range [][]string{nil, {}, {""}, {"ZZ"}, {"001"}} {
		for _, text := range []string{"+4915123456712", "+12025550123", "+870773111632", "+80012345678"} {
			if e164, _, err := Parser(countries)(text, "en"); err == nil {
				t.Errorf("%q: %s", countries, e164)
			}
		}
	}
}
