package recovery

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// alphabet is Crockford's base32: no letter in it looks like a digit.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	codeBytes   = 10 // 80 bits
	codeLength  = 16 // characters of five bits
	groupLength = 4
	// maxTyped bounds what is read of a typed code; far more than one with separators needs.
	maxTyped = 256
)

// newCode draws a code, without separators.
func newCode(random io.Reader) (string, error) {
	var b [codeBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read randomness for a recovery code: %w", err)
	}
	var code strings.Builder
	var bits uint
	var have int
	for _, x := range b {
		bits, have = bits<<8|uint(x), have+8
		for ; have >= 5; have -= 5 {
			code.WriteByte(alphabet[bits>>(have-5)&31])
		}
	}
	return code.String(), nil
}

// grouped is the code as it is shown: four groups of four joined by "-".
func grouped(code string) string {
	groups := make([]string, 0, codeLength/groupLength)
	for i := 0; i < len(code); i += groupLength {
		groups = append(groups, code[i:i+groupLength])
	}
	return strings.Join(groups, "-")
}

// read is a code of ours that was meant, as characters says it. ok is false for what can be no code.
func read(typed string) (code string, ok bool) {
	code, ok = characters(typed)
	return code, ok && len(code) == codeLength
}

// characters are those of the code that was meant, without separators: any case, any grouping by spaces and dashes,
// full-width characters, and o for 0, i and l for 1. ok is false for what can be no code, of any length.
func characters(typed string) (code string, ok bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		if r >= '！' && r <= '～' { // full width
			r -= '！' - '!'
		}
		if separates(r) {
			continue
		}
		if r > unicode.MaxASCII { // before the case is changed: the Kelvin sign's lower case is a k
			return "", false
		}
		r = unicode.ToLower(r)
		switch r {
		case 'o':
			r = '0'
		case 'i', 'l':
			r = '1'
		}
		if !strings.ContainsRune(alphabet, r) {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// separates reports whether a character only groups: spaces, dashes and what copying leaves behind.
func separates(r rune) bool {
	switch r {
	case '_', '.', '\u2212' /* minus */, '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff' /* of no width */ :
		return true
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
}
