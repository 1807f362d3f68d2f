package totp

import (
	"crypto/subtle"
	"time"
	"unicode/utf8"
)

// Verify judges a code by time, from base32 text to verdict, for what nearly all apps do: SHA1, 6 digits, 30
// seconds. It allocates nothing for a secret of up to 64 bytes. Generator.Verify says what the rest means.
// It fails when the secret cannot be read; a wrong code is no error.
func Verify(secret, code string, now time.Time, window int, last int64) (step int64, ok bool, err error) {
	var buf [MaxSecretSize]byte
	s, err := AppendSecret(buf[:0], secret)
	if err != nil {
		return 0, false, err
	}
	step, ok = Generator{Secret: s}.Verify(code, now, window, last)
	return step, ok, nil
}

// Verify judges a code at a time. The code may be of the present step or of up to window steps before and after it
// (RFC 6238 §5.2; 1 is usual, above 2 is unwise). last is the step that the caller got from the last right code, or
// 0: that step and all before it are refused, because a code is good once. With ok the caller must store step as the
// new last, before anything is granted, and only if the stored one is still lower.
//
// Codes are compared as text in constant time: leading zeros count. Spaces and dashes in the code do not, and
// full-width digits are digits. A generator for which Check fails verifies nothing.
func (g Generator) Verify(code string, now time.Time, window int, last int64) (step int64, ok bool) {
	g, err := g.filled()
	if err != nil {
		return 0, false
	}
	present, ok := g.step(now)
	if !ok {
		return 0, false
	}
	step, ok = g.inWindow(g.typed(code), present, window, last)
	return step, ok && step > last
}

// inWindow finds the step within the window that a code fits, used up or not. Where it fits several, which is mere
// chance, the latest is taken: the same text is then not good a second time.
func (g Generator) inWindow(t typed, present int64, window int, last int64) (step int64, ok bool) {
	window = max(window, 0)
	from := max(present-int64(window), 0)
	g.fits(t, uint64(from), uint64(present-from)+uint64(window)+1, func(counter uint64) {
		// One that is used up never hides one that is not.
		step, ok = int64(counter), true
	})
	return step, ok
}

// VerifyCounter judges a code by a counter. next is the counter that is expected: 0 at first, then one more than the
// counter that the last right code returned. The code may be of next or of up to window counters after it, for
// presses of the button that never arrived (RFC 4226 §7.4); lower counters are used up.
// How codes are compared, Verify says.
func (g Generator) VerifyCounter(code string, next uint64, window int) (counter uint64, ok bool) {
	g, err := g.filled()
	if err != nil || next > maxCounter {
		return 0, false
	}
	return g.lookAhead(g.typed(code), next, window)
}

// lookAhead finds the first counter from next on, over a window, that a code fits: a later one would put the
// service ahead of the token.
func (g Generator) lookAhead(t typed, next uint64, window int) (counter uint64, ok bool) {
	g.fits(t, next, uint64(max(window, 0))+1, func(c uint64) {
		if !ok {
			counter, ok = c, true
		}
	})
	return counter, ok
}

// VerifyPair judges two codes in a row of a counter token that has got far ahead (resynchronization, RFC 4226 §7.4).
// It returns the counter of the second one, so that one more is the next expected, as after VerifyCounter.
func (g Generator) VerifyPair(code, nextCode string, next uint64, window int) (counter uint64, ok bool) {
	g, err := g.filled()
	if err != nil || next > maxCounter {
		return 0, false
	}
	second := g.typed(nextCode)
	g.fits(g.typed(code), next, uint64(max(window, 0))+1, func(c uint64) {
		g.fits(second, c+1, 1, func(c uint64) {
			if !ok {
				counter, ok = c, true
			}
		})
	})
	return counter, ok
}

// batch is how many counters are computed at a time; a usual window is one batch.
const batch = 16

// fits calls found, in rising order, for each of n counters from first on that the code fits. All are computed, and
// each code is compared in constant time.
func (g Generator) fits(t typed, first, n uint64, found func(counter uint64)) {
	var buf [batch]uint32
	rightLength := subtle.ConstantTimeEq(int32(t.length), int32(g.Digits))
	for n > 0 {
		values := buf[:min(n, batch)]
		g.Algorithm.truncate(g.Secret, first, values)
		for i, v := range values {
			text := g.text(v)
			if subtle.ConstantTimeCompare(text[:], t.text[:])&rightLength == 1 {
				found(first + uint64(i))
			}
		}
		first += uint64(len(values))
		n -= uint64(len(values))
	}
}

// typed is a code as a person typed it, without what does not count. With length 0 it fits nothing.
type typed struct {
	text   [maxDigits]byte
	length int
}

// maxTyped is the longest input in bytes that is looked at: eight full-width digits, and room for spaces.
const maxTyped = 64

// typed reads a code: digits, in Steam's codes letters too, and spaces and dashes between them.
func (g Generator) typed(code string) (t typed) {
	if len(code) > maxTyped {
		return typed{}
	}
	for len(code) > 0 {
		r, size := utf8.DecodeRuneInString(code)
		code = code[size:]
		switch {
		case r == ' ' || r == '-':
			continue
		case r >= '０' && r <= '９': // full width, as East Asian keyboards type them
			r -= '０' - '0'
		case r >= '0' && r <= '9':
		case g.Steam && r >= 'A' && r <= 'Z':
		case g.Steam && r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
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
