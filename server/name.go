package server

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	maxUsername = 64  // code points
	maxEmail    = 254 // bytes (RFC 5321 §4.5.3.1.3, erratum 1690)
)

// nameKey is a name or an address as it is compared: without regard to case and width (NFKC, case fold).
func nameKey(name string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
}

// usernameProblem says what is wrong with a user name, or "". It has 1 to 64 characters that can be seen, no "@" (that
// tells it from an address), and no space at an end: two names that look alike would pass for one person.
func usernameProblem(name string) string {
	key := nameKey(name)
	switch {
	case name == "" || key == "":
		return "missing"
	case !utf8.ValidString(name), strings.Contains(key, "@"), strings.TrimSpace(name) != name,
		strings.ContainsFunc(name, unseen):
		return "invalid"
	case utf8.RuneCountInString(name) > maxUsername || utf8.RuneCountInString(key) > 2*maxUsername:
		return "too_long"
	}
	return ""
}

// unseen: a character that controls, or that leaves no mark although its class says letter, mark or symbol.
func unseen(r rune) bool {
	const braillePatternBlank = '\u2800'
	return !unicode.IsPrint(r) || r == braillePatternBlank ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// emailProblem says what is wrong with an address, or "". Quoted local parts, comments and names beside the address
// are refused: mail programs disagree about them.
func emailProblem(address string) string {
	const special = "\"<>()[],;:\\ \t\r\n"
	key := nameKey(address) // what is written wide must not be an address of another form
	switch {
	case address == "":
		return "missing"
	case len(address) > maxEmail:
		return "too_long"
	case !utf8.ValidString(address), strings.ContainsAny(address+key, special), strings.ContainsFunc(address, unseen),
		strings.Count(key, "@") != 1:
		return "invalid"
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" {
		return "invalid"
	}
	return ""
}

// groupProblem says what is wrong with the name of a group, or "". Groups stand in headers, joined by commas.
func groupProblem(name string) string {
	if name == "" {
		return "missing"
	}
	if len(name) > 64 {
		return "too_long"
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-' {
			return "invalid"
		}
	}
	return ""
}
