// Package phone reads the numbers that people type, for codes by SMS: sentcode.Options.ParsePhone.
//
// It owns which numbers a text can be sent to and what that costs: the countries that the caller names, no premium
// rates. It sends nothing.
//
// What it knows of the world is in tables: the numbering plans of all countries, and what the countries are called. They
// are made from github.com/nyaruka/phonenumbers and golang.org/x/text/language/display, which only the tests see, and lie
// packed in the program until a number is read. Then the plans of the named countries are kept, and no others.
// docs/decisions/025-numbering-plans.md says why.
package phone

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// errPhone says no more: each fault is shown as "check the number".
var errPhone = errors.New("phone: no number that an SMS may be sent to")

// Parser returns what reads the numbers of these countries (ISO 3166-1, two letters: "DE"). What is no such code is no
// country, and with none it refuses every number.
//
// What it returns gives a number that was typed in international form (spaces, dots, dashes and brackets do not count)
// as E.164, and as it is read back to the person in lang (BCP 47): "Germany, +49 1512 3456712". A language that the
// tables have no names in gets a near one's, else the English ones. Its error says no more than that no SMS is sent
// there: no number, another country's, one that takes no SMS or costs more than an SMS. It may be called from many
// goroutines at once; the first call with a number unpacks the tables, which takes some milliseconds.
func Parser(countries []string) func(text, lang string) (e164, spoken string, err error) {
	var allowed []string
	for _, c := range countries {
		allowed = append(allowed, strings.ToUpper(c))
	}
	unpack := sync.OnceValues(func() (tables, error) { return readTables(allowed) })
	return func(text, lang string) (string, string, error) {
		bare, ok := withoutGroups(text)
		if !ok {
			return "", "", errPhone
		}
		t, err := unpack()
		if err != nil {
			return "", "", err
		}
		p, national, ok := t.plans.find(bare)
		if !ok {
			return "", "", errPhone
		}
		country, sms := p.owner(national)
		if !sms || !slices.Contains(allowed, country) {
			return "", "", errPhone
		}
		return "+" + p.code + national, t.names.of(country, lang) + ", +" + p.code + " " + p.grouped(national), nil
	}
}

// withoutGroups is a number in international form without spaces, dots, dashes and brackets. What copying brings along
// does not count: marks without width, wide forms. ok is false for anything else.
func withoutGroups(text string) (bare string, ok bool) {
	bare = strings.Map(func(r rune) rune {
		switch {
		case r == '.', r == '(', r == ')', unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, norm.NFKC.String(text))
	return bare, isInternational(bare)
}

// isInternational reports whether this is a plus, a country's code, which begins with no zero, and in all 7 to 15 digits
// (ITU-T E.164 §6).
func isInternational(bare string) bool {
	digits, ok := strings.CutPrefix(bare, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
