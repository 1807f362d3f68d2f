// Package phone reads the numbers that people type, for codes by SMS: sentcode.Options.ParsePhone.
//
// It owns which numbers a text can be sent to and what that costs: the countries that the caller names, no premium
// rates. It is a package of its own because of what it links, the numbering plans of the world
// (github.com/nyaruka/phonenumbers, some megabytes). It sends nothing.
package phone

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"
)

// errPhone says no more: each fault is shown as "check the number".
var errPhone = errors.New("phone: no number that an SMS may be sent to")

// internationalForm is a number with its country's code, without what groups it (ITU-T E.164 §6).
var internationalForm = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Parser returns what reads the numbers of these countries (ISO 3166-1, two letters: "DE"). What is no such code is no
// country, and with none it refuses every number.
//
// What it returns gives a number that was typed in international form (spaces, dots, dashes and brackets do not count)
// as E.164, and as it is read back to the person in lang (BCP 47): "Germany, +49 1512 3456712". Its error says no more
// than that no SMS is sent there: no number, another country's, one that takes no SMS or costs more than an SMS. It may
// be called from many goroutines at once.
func Parser(countries []string) func(text, lang string) (e164, spoken string, err error) {
	var allowed []string
	for _, c := range countries {
		if len(c) == 2 { // "001" would be satellites and the like
			allowed = append(allowed, strings.ToUpper(c))
		}
	}
	return func(text, lang string) (string, string, error) {
		bare, ok := withoutGroups(text)
		if !ok {
			return "", "", errPhone
		}
		number, err := phonenumbers.Parse(bare, "")
		if err != nil || number.GetExtension() != "" {
			return "", "", errPhone
		}
		region := phonenumbers.GetRegionCodeForNumber(number)
		if !slices.Contains(allowed, region) || !takesSMS(number) {
			return "", "", errPhone
		}
		spoken := countryName(region, lang) + ", " + phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
		return phonenumbers.Format(number, phonenumbers.E164), spoken, nil
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
	return bare, internationalForm.MatchString(bare)
}

// takesSMS reports whether the number is of a type to which a text costs what texts cost. Premium rates, shared costs
// and personal numbers (which forward at the caller's expense) are how toll fraud earns its money. An impossible number is of no
// type.
func takesSMS(number *phonenumbers.PhoneNumber) bool {
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.FIXED_LINE, phonenumbers.VOIP:
		return true
	}
	return false
}

// countryName is what a country is called in lang, else its code.
func countryName(code, lang string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	names := display.Regions(language.Make(lang))
	if names == nil {
		names = display.Regions(language.English)
	}
	if name := names.Name(region); name != "" {
		return name
	}
	return code
}
