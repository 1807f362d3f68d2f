package sentcode

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// newCode draws a code. Each is equally likely: what would favor the low ones is drawn again (NIST SP 800-63B-4
// §3.1.3.2 asks for six random digits; leading zeros are digits).
func newCode(random io.Reader, digits int) (string, error) {
	bound := uint32(1)
	for range digits {
		bound *= 10
	}
	most := (1 << 32) / uint64(bound) * uint64(bound)
	for range 256 { // each round fails with less than one chance in forty
		var b [4]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("read randomness for a code: %w", err)
		}
		if n := binary.BigEndian.Uint32(b[:]); uint64(n) < most {
			return fmt.Sprintf("%0*d", digits, n%bound), nil
		}
	}
	return "", errors.New("read randomness for a code: what is read is not random")
}

// isCode reports whether a text is one that newCode may have made.
func isCode(text string) bool {
	t := read(text)
	return t.length >= DefaultDigits && t.length == len(text)
}

// typed is a code as a person typed it, without what does not count. With length 0 it fits nothing.
type typed struct {
	text   [maxDigits]byte
	length int
}

// maxTyped is the longest input in bytes that is looked at: eight full-width digits, and room for spaces.
const maxTyped = 64

// read reads a code: digits, full-width ones too, with spaces and dashes between them, as the codes of apps are read.
func read(code string) (t typed) {
	if len(code) > maxTyped {
		return typed{}
	}
	for len(code) > 0 {
		r, size := utf8.DecodeRuneInString(code)
		code = code[size:]
		switch {
		case r == ' ' || r == '-':
			continue
		case r >= '０' && r <= '９': // as East Asian keyboards type them
			r -= '０' - '0'
		case r >= '0' && r <= '9':
		default:
			return typed{}
		}
		if t.length == maxDigits {
			return typed{}
		}
		t.text[t.length] = byte(r)
		t.length++
	}
	return t
}

// fits compares in constant time.
func (t typed) fits(code string) bool {
	var text [maxDigits]byte
	copy(text[:], code)
	same := subtle.ConstantTimeCompare(t.text[:], text[:])
	return same&subtle.ConstantTimeEq(int32(t.length), int32(len(code))) == 1
}
