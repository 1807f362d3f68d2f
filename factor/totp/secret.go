package totp

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The lengths in bytes of a secret that NewSecret makes.
const (
	DefaultSecretSize = 20 // RFC 4226 §4 R6
	MinSecretSize     = 16
	MaxSecretSize     = 64
)

// Secret is what an authenticator and the service share. Printing one shows its length alone: only Base32 and Hex
// write it.
type Secret []byte

// NewSecret reads a new secret of n bytes, 16 to 64 (0 means 20), from a source of randomness: crypto/rand.Reader.
// It fails when n is out of range or the source fails.
func NewSecret(rand io.Reader, n int) (Secret, error) {
	if n == 0 {
		n = DefaultSecretSize
	}
	if n < MinSecretSize || n > MaxSecretSize {
		return nil, fmt.Errorf("totp: a new secret has %d to %d bytes, not %d", MinSecretSize, MaxSecretSize, n)
	}
	if rand == nil {
		return nil, errors.New("totp: no source of randomness")
	}
	s := make(Secret, n)
	if _, err := io.ReadFull(rand, s); err != nil {
		return nil, fmt.Errorf("totp: no randomness for a secret: %w", err)
	}
	return s, nil
}

var plainBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// Base32 is the secret as apps take it: RFC 4648 base32 in capitals without padding.
func (s Secret) Base32() string { return plainBase32.EncodeToString(s) }

// Hex is the secret in lower-case hex. With "hex:" before it ParseSecret reads it back.
func (s Secret) Hex() string { return hex.EncodeToString(s) }

// String does not show the secret.
func (s Secret) String() string { return fmt.Sprintf("secret of %d bytes", len(s)) }

// Format does not show the secret either, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText fails, so that no encoder and no log writes a secret by accident.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("totp: a secret is written by Base32 or Hex only")
}

// ParseSecret reads a secret of any length: base32 in any case, with its padding or without, or, after "hex:",
// hex. "base32:" may be written too. Spaces and dashes do not count. It fails when the text is empty or is neither.
// The error never shows the secret.
func ParseSecret(text string) (Secret, error) {
	return AppendSecret(make([]byte, 0, len(text)*5/8+1), text)
}

// AppendSecret is ParseSecret into a buffer: it appends the secret to dst, and allocates only when dst is too small.
func AppendSecret(dst []byte, text string) (Secret, error) {
	if rest, ok := cutPrefixFold(text, "hex:"); ok {
		return appendHex(dst, rest)
	}
	text, _ = cutPrefixFold(text, "base32:")
	return appendBase32(dst, text)
}

func cutPrefixFold(text, prefix string) (rest string, found bool) {
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):], true
	}
	return text, false
}

var (
	errEmptySecret = errors.New("the secret is empty")
	errNoBase32    = errors.New("the secret is not base32: it has letters and the digits 2 to 7 only (write hex: before hex)")
	errBase32Size  = errors.New("the secret is not base32: its length or its padding is wrong, a character may be missing")
	errNoHex       = errors.New("the secret is not hex: it has the digits 0 to 9 and the letters a to f only")
	errHexSize     = errors.New("the secret is not hex: a digit is missing")
)

// symbol says what each byte is in base32: 0 to 31, or what does not count, fills up, or is wrong.
var symbol = func() (table [256]byte) {
	for i := range table {
		table[i] = notBase32
	}
	for i := range byte(26) {
		table['A'+i], table['a'+i] = i, i
	}
	for i := range byte(6) {
		table['2'+i] = 26 + i
	}
	table[' '], table['-'], table['='] = separator, separator, filler
	return table
}()

const (
	separator = 32 + iota
	filler
	notBase32
)

// appendBase32 decodes by hand: encoding/base32 knows neither lower case nor spaces, and would need a copy.
func appendBase32(dst []byte, text string) (Secret, error) {
	var bits uint32
	held, symbols, padding := 0, 0, 0
	for i := range len(text) {
		switch c := symbol[text[i]]; {
		case c < 32 && padding == 0:
			symbols++
			bits = bits<<5 | uint32(c)
			if held += 5; held >= 8 {
				held -= 8
				dst = append(dst, byte(bits>>held))
			}
		case c == filler:
			padding++
		case c != separator:
			return nil, errNoBase32
		}
	}
	if symbols == 0 {
		return nil, errEmptySecret
	}
	// RFC 4648 §6: whole bytes end after 2, 4, 5, 7 or 8 symbols of eight, and padding fills up to eight.
	rest := symbols % 8
	if rest == 1 || rest == 3 || rest == 6 || padding > 0 && (rest == 0 || rest+padding != 8) {
		return nil, errBase32Size
	}
	return dst, nil
}

func appendHex(dst []byte, text string) (Secret, error) {
	var high byte
	digits := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c == ' ' || c == '-':
			continue
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return nil, errNoHex
		}
		if digits++; digits%2 == 1 {
			high = c << 4
		} else {
			dst = append(dst, high|c)
		}
	}
	switch {
	case digits == 0:
		return nil, errEmptySecret
	case digits%2 == 1:
		return nil, errHexSize
	}
	return dst, nil
}
