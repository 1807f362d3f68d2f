package nightlatch

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

// maxLabel is the longest name of an authenticator, in code points.
const maxLabel = 64

// cleanLabel trims a name that somebody typed and refuses one that cannot be shown on a line.
func cleanLabel(label string) (string, error) {
	if !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) && r != '\u200d' }) {
		return "", &InvalidError{Field: "label", Problem: "invalid"}
	}
	label = strings.TrimSpace(label)
	if label != "" && strings.IndexFunc(label, isSeen) < 0 {
		return "", &InvalidError{Field: "label", Problem: "invalid"}
	}
	if utf8.RuneCountInString(label) > maxLabel {
		return "", &InvalidError{Field: "label", Problem: "too_long"}
	}
	return label, nil
}

// isSeen says whether a character leaves anything on the screen. The ones named are letters and symbols by their class
// and blank all the same.
func isSeen(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0':
		return false
	}
	return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cf, unicode.Mn)
}

// labelKey is a name as it is compared: without regard to case and width (NFKC, case fold).
func labelKey(label string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(label)))
}

// labelFree returns an *InvalidError when another authenticator than but has the label.
func labelFree(records []AuthenticatorRecord, label, but string) error {
	key := labelKey(label)
	taken := func(r AuthenticatorRecord) bool { return r.LabelKey == key && r.ID != but }
	if label != "" && slices.ContainsFunc(records, taken) {
		return &InvalidError{Field: "label", Problem: "taken"}
	}
	return nil
}

// freeLabel returns the label that somebody chose, or where it is empty the one that the factor suggests, else the kind's
// name, with the first number that is free.
func (s *Service) freeLabel(ctx context.Context, tx *change, user string, kind factor.Kind, label, suggested string) (string, error) {
	records, err := tx.AuthenticatorsOf(ctx, user)
	if err != nil {
		return "", err
	}
	if label != "" {
		return label, labelFree(records, label, "")
	}
	name := suggested
	if name == "" {
		name = s.policy.info(kind).Name
	}
	for n := 1; ; n++ {
		label = name
		if n > 1 {
			label += " " + strconv.Itoa(n)
		}
		if labelFree(records, label, "") == nil {
			return label, nil
		}
	}
}
