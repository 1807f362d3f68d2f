// Package totp makes and verifies the codes of authenticator apps (RFC 6238) and of counter tokens (RFC 4226),
// reads and writes otpauth: URIs, and draws them as QR codes.
//
// It owns two kinds of factor: "totp", whose codes go by time, and "hotp", whose codes go by a counter. The same
// pieces are there for use without the engine: NewSecret, Generator, URI and QR. Nothing here reads a clock or a
// source of randomness of its own, stores anything, or knows what HTTP is.
package totp

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// What a Generator's zero fields stand for. Many apps know nothing else.
const (
	DefaultDigits = 6
	DefaultPeriod = 30 // seconds, RFC 6238 §5.2
)

const (
	minDigits   = 6 // RFC 4226 §5.3
	maxDigits   = 8
	steamDigits = 5
	maxPeriod   = math.MaxInt32
	// maxCounter keeps counter + window far from overflow. No button is pressed that often.
	maxCounter = 1 << 62
)

// steamAlphabet has no letter that is read as another.
const steamAlphabet = "23456789BCDFGHJKMNPQRTVWXY"

// Generator makes and verifies codes. Only Secret must be set; the zero values of the others are SHA1, 6 digits and
// 30 seconds. All methods may be called from many goroutines at once.
type Generator struct {
	Secret    Secret
	Algorithm Algorithm
	Digits    int  // 6 to 8
	Period    int  // seconds
	Steam     bool // Steam's codes: five letters and digits by time, SHA1; Digits does not count then
}

// Check says what is wrong with the generator: a secret that is empty, an unknown algorithm, digits or a period out
// of range, Steam's codes with another hash than SHA1.
func (g Generator) Check() error {
	_, err := g.filled()
	return err
}

// filled is the generator with its defaults.
func (g Generator) filled() (Generator, error) {
	if g.Algorithm == "" {
		g.Algorithm = SHA1
	}
	if g.Digits == 0 || g.Steam {
		g.Digits = DefaultDigits
	}
	if g.Period == 0 {
		g.Period = DefaultPeriod
	}
	switch {
	case len(g.Secret) == 0:
		return g, errors.New("totp: the secret is empty")
	case !g.Algorithm.known():
		// A copy: what reaches fmt would move the caller's secret, in the same struct, to the heap.
		return g, fmt.Errorf("totp: algorithm %.40q is not SHA1, SHA256 or SHA512", strings.Clone(string(g.Algorithm)))
	case g.Digits < minDigits || g.Digits > maxDigits:
		return g, errors.New("totp: " + digitsProblem(g.Digits))
	case g.Period < 1 || g.Period > maxPeriod:
		return g, fmt.Errorf("totp: a period of %d seconds is below 1 or too long", g.Period)
	case g.Steam && g.Algorithm != SHA1:
		return g, errors.New("totp: Steam's codes are made with SHA1 only")
	}
	if g.Steam {
		g.Digits = steamDigits
	}
	return g, nil
}

// digitsProblem says why there is no code with n digits.
func digitsProblem(n int) string {
	if n == 9 || n == 10 {
		// A truncated code has 31 bits: the tenth digit is 0, 1 or 2, and apps do not agree on the ninth.
		return fmt.Sprintf("%d digits are refused on purpose: codes have 6 to 8, more add no strength and apps show them differently", n)
	}
	return fmt.Sprintf("%d digits are not 6, 7 or 8", n)
}

// Code makes the code for a counter, RFC 4226 §5.3. It fails where Check fails.
func (g Generator) Code(counter uint64) (string, error) {
	g, err := g.filled()
	if err != nil {
		return "", err
	}
	var values [1]uint32
	g.Algorithm.truncate(g.Secret, counter, values[:])
	text := g.text(values[0])
	return string(text[:g.Digits]), nil
}

// At makes the code for a time, RFC 6238 §4. It fails where Check fails and for a time before 1970.
func (g Generator) At(t time.Time) (string, error) {
	step, err := g.Step(t)
	if err != nil {
		return "", err
	}
	return g.Code(uint64(step))
}

// Step is the number of whole periods since 1970, RFC 6238 §4.2. It fails where Check fails and before 1970.
func (g Generator) Step(t time.Time) (int64, error) {
	g, err := g.filled()
	if err != nil {
		return 0, err
	}
	step, ok := g.step(t)
	if !ok {
		return 0, fmt.Errorf("totp: there are no codes for the year %d", t.Year())
	}
	return step, nil
}

// step is Step of a generator that is filled.
func (g Generator) step(t time.Time) (step int64, ok bool) {
	seconds := t.Unix()
	return seconds / int64(g.Period), seconds >= 0 && seconds < maxCounter
}

// text is the code for a truncated value; the first g.Digits bytes count.
func (g Generator) text(value uint32) (text [maxDigits]byte) {
	if g.Steam {
		for i := range steamDigits {
			text[i] = steamAlphabet[value%uint32(len(steamAlphabet))]
			value /= uint32(len(steamAlphabet))
		}
		return text
	}
	for i := g.Digits - 1; i >= 0; i-- {
		text[i] = '0' + byte(value%10)
		value /= 10
	}
	return text
}
