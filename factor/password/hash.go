package password

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// hashed is a password's hash of some scheme. A further scheme is a further implementation, a line in parse, and one
// in Work.do.
type hashed interface {
	matches(text string, in *Limiter) bool
	work() Work
	// current reports whether a hash made now would be of the same scheme and cost.
	current(now Cost) bool
}

// The shapes that are told in errors.
const (
	ourShape   = "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH"
	whatIsRead = "argon2, bcrypt, scrypt and pbkdf2"
)

// parse reads a hash in the PHC string format or a relative of it: what passlib, Django, Werkzeug and the libraries of
// bcrypt write. Its errors never hold the hash.
func parse(s string) (hashed, error) {
	h, err := parseScheme(s)
	if err != nil {
		return nil, err
	}
	return h, h.work().bearable()
}

func parseScheme(s string) (hashed, error) {
	if rest, ok := strings.CutPrefix(s, "$"); ok {
		scheme, rest, ok := strings.Cut(rest, "$")
		if !ok {
			return nil, errShape
		}
		return parseModular(scheme, rest)
	}
	scheme, rest, ok := strings.Cut(s, "$")
	switch {
	case !ok:
		return nil, errShape
	case scheme == "argon2": // Django writes the PHC string behind its own name
		return parseScheme("$" + rest)
	case scheme == "bcrypt":
		return parseScheme(rest)
	case strings.HasPrefix(scheme, "pbkdf2_"):
		return parseDjango(strings.TrimPrefix(scheme, "pbkdf2_"), rest)
	case strings.HasPrefix(scheme, "pbkdf2:"), strings.HasPrefix(scheme, "scrypt:"):
		return parseWerkzeug(scheme, rest)
	}
	return nil, unread(scheme)
}

// parseModular reads "$SCHEME$REST".
func parseModular(scheme, rest string) (hashed, error) {
	switch scheme {
	case "argon2id", "argon2i":
		return parseArgon2(scheme, rest)
	case "2a", "2b", "2y":
		return parseBcrypt(scheme, rest)
	case "scrypt":
		return parseScrypt(rest)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return parsePasslibPBKDF2(strings.TrimPrefix(strings.TrimPrefix(scheme, "pbkdf2"), "-"), rest)
	case doubleScheme:
		return parseDouble(rest)
	}
	return nil, unread(scheme)
}

var errShape = errors.New("not a password hash: it must look like " + ourShape)

func unread(scheme string) error {
	return fmt.Errorf("password hashes of the kind %.20q cannot be read, only %s can", scheme, whatIsRead)
}

// number reads a whole number in plain digits.
func number(text string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil || text != strconv.FormatUint(n, 10) {
		return 0, fmt.Errorf("%.20q is no whole number", text)
	}
	return n, nil
}

// Bounds in bytes of what is read of salts and hashes.
const (
	minTag  = 16
	maxTag  = 64
	minSalt = 8
	maxSalt = 64
)

// parseBytes reads base64 without padding.
func parseBytes(s string, least, most int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("is not base64 without padding")
	}
	return sized(b, least, most)
}

// parseHex reads hexadecimal digits.
func parseHex(s string, least, most int) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, errors.New("is not hexadecimal")
	}
	return sized(b, least, most)
}

func sized(b []byte, least, most int) ([]byte, error) {
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("has %d bytes, allowed are %d to %d", len(b), least, most)
	}
	return b, nil
}
