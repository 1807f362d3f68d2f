package password

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2 with it is weak no more than with others, and old programs used it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"math/bits"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// bcryptHash is a hash by bcrypt, in its own text. It sees 72 bytes of a password, as elsewhere.
type bcryptHash struct {
	text []byte
	cost int
}

// parseBcrypt reads what follows "$2b$": a cost of two digits, and 22 and 31 characters of salt and hash.
func parseBcrypt(scheme, s string) (hashed, error) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	digits, rest, ok := strings.Cut(s, "$")
	if !ok || len(digits) != 2 || len(rest) != 53 || strings.Trim(rest, alphabet) != "" {
		return nil, errors.New("bcrypt hash: it must have a cost of two digits and 53 characters of salt and hash")
	}
	// All three are one algorithm; the library writes the first letter only into what it makes.
	text := []byte("$" + scheme + "$" + s)
	cost, err := bcrypt.Cost(text)
	if err != nil {
		return nil, fmt.Errorf("bcrypt hash: the cost %.2q cannot be read", digits)
	}
	return bcryptHash{text, cost}, nil
}

func (h bcryptHash) matches(text string, _ *Limiter) bool {
	return bcrypt.CompareHashAndPassword(h.text, []byte(text)) == nil
}
func (h bcryptHash) work() Work        { return Work{unit{scheme: unitBcrypt}, 1 << h.cost} }
func (h bcryptHash) current(Cost) bool { return false }

// scryptHash is a hash by scrypt (RFC 7914).
type scryptHash struct {
	n, r, p   int
	salt, tag []byte
}

// Bounds of scrypt's parameters. 128·n·r bytes is its memory.
const (
	maxScryptN = 1 << 24
	maxScryptR = 64
	maxScryptP = 16
)

func newScrypt(n, r, p uint64) (scryptHash, error) {
	switch {
	case n < 2 || n > maxScryptN || n&(n-1) != 0:
		return scryptHash{}, errors.New("scrypt hash: N is no power of two from 2 to 16777216")
	case r < 1 || r > maxScryptR || p < 1 || p > maxScryptP:
		return scryptHash{}, fmt.Errorf("scrypt hash: r and p are not 1 to %d and 1 to %d", maxScryptR, maxScryptP)
	}
	return scryptHash{n: int(n), r: int(r), p: int(p)}, nil
}

// parseScrypt reads what follows "$scrypt$": ln=…,r=…,p=…, salt and hash.
func parseScrypt(s string) (hashed, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 3 {
		return nil, errors.New("scrypt hash: it must have the parts ln=…,r=…,p=…, salt and hash")
	}
	n, err := parameters(parts[0], "ln=", "r=", "p=")
	if err != nil || n[0] > 24 {
		return nil, errors.New("scrypt hash: it must begin with ln=…,r=…,p=…")
	}
	h, err := newScrypt(1<<n[0], n[1], n[2])
	if err != nil {
		return nil, err
	}
	if h.salt, err = parseBytes(parts[1], minSalt, maxSalt); err != nil {
		return nil, fmt.Errorf("scrypt hash: the salt %w", err)
	}
	if h.tag, err = parseBytes(parts[2], minTag, maxTag); err != nil {
		return nil, fmt.Errorf("scrypt hash: the hash itself %w", err)
	}
	return h, nil
}

func (h scryptHash) matches(text string, _ *Limiter) bool {
	got, err := scrypt.Key([]byte(text), h.salt, h.n, h.r, h.p, len(h.tag))
	return err == nil && subtle.ConstantTimeCompare(got, h.tag) == 1
}

func (h scryptHash) work() Work {
	return Work{unit{scheme: unitScrypt, a: uint64(h.r), b: uint64(h.p)}, uint64(h.n)} //nolint:gosec // all are positive
}
func (h scryptHash) current(Cost) bool { return false }

// pbkdf2Hash is a hash by PBKDF2 (RFC 8018 §5.2) with an HMAC.
type pbkdf2Hash struct {
	digest    string // "sha1", "sha256", "sha512"
	rounds    int
	salt, tag []byte
}

// digestOf is the hash of an HMAC and its size in bytes; nil for an unknown one.
func digestOf(name string) (func() hash.Hash, int) {
	switch name {
	case "sha1":
		return sha1.New, sha1.Size
	case "sha256":
		return sha256.New, sha256.Size
	case "sha512":
		return sha512.New, sha512.Size
	}
	return nil, 0
}

// maxRounds bounds the number before the work is judged.
const maxRounds = 1 << 30

func newPBKDF2(digest, rounds string) (pbkdf2Hash, error) {
	if digest == "" {
		digest = "sha1"
	}
	if f, _ := digestOf(digest); f == nil {
		return pbkdf2Hash{}, unread("pbkdf2 with " + digest)
	}
	n, err := number(rounds, 31)
	if err != nil || n < 1 || n > maxRounds {
		return pbkdf2Hash{}, errors.New("pbkdf2 hash: the number of rounds cannot be read")
	}
	return pbkdf2Hash{digest: digest, rounds: int(n)}, nil
}

// complete checks the salt and the hash itself.
func (h pbkdf2Hash) complete(saltErr, tagErr error) (hashed, error) {
	switch {
	case saltErr != nil:
		return nil, fmt.Errorf("pbkdf2 hash: the salt %w", saltErr)
	case tagErr != nil:
		return nil, fmt.Errorf("pbkdf2 hash: the hash itself %w", tagErr)
	}
	return h, nil
}

// parsePasslibPBKDF2 reads what follows "$pbkdf2-sha256$": rounds, salt and hash, in base64 whose "+" is a ".".
func parsePasslibPBKDF2(digest, s string) (hashed, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 3 {
		return nil, errors.New("pbkdf2 hash: it must have the parts rounds, salt and hash")
	}
	h, err := newPBKDF2(digest, parts[0])
	if err != nil {
		return nil, err
	}
	plus := strings.NewReplacer(".", "+")
	var saltErr, tagErr error
	h.salt, saltErr = parseBytes(plus.Replace(parts[1]), minSalt, maxSalt)
	h.tag, tagErr = parseBytes(plus.Replace(parts[2]), minTag, maxTag)
	return h.complete(saltErr, tagErr)
}

// parseDjango reads what follows "pbkdf2_sha256$": rounds, a salt that is text, and the hash in base64.
func parseDjango(digest, s string) (hashed, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 3 {
		return nil, errors.New("pbkdf2 hash: it must have the parts rounds, salt and hash")
	}
	h, err := newPBKDF2(digest, parts[0])
	if err != nil {
		return nil, err
	}
	var saltErr, tagErr error
	h.salt, saltErr = sized([]byte(parts[1]), 1, maxSalt)
	h.tag, tagErr = parseBytes(strings.TrimRight(parts[2], "="), minTag, maxTag)
	return h.complete(saltErr, tagErr)
}

// parseWerkzeug reads "pbkdf2:sha256:260000" or "scrypt:32768:8:1" and what follows it: a salt that is text, and the
// hash in hexadecimal.
func parseWerkzeug(method, s string) (hashed, error) {
	salt, digits, ok := strings.Cut(s, "$")
	words := strings.Split(method, ":")
	saltBytes, saltErr := sized([]byte(salt), 1, maxSalt)
	tag, tagErr := parseHex(digits, minTag, maxTag)
	switch {
	case !ok:
		return nil, errShape
	case words[0] == "pbkdf2" && len(words) == 3:
		h, err := newPBKDF2(words[1], words[2])
		if err != nil {
			return nil, err
		}
		h.salt, h.tag = saltBytes, tag
		return h.complete(saltErr, tagErr)
	case words[0] == "scrypt" && len(words) == 4:
		var n [3]uint64
		for i, word := range words[1:] {
			v, err := number(word, 32)
			if err != nil {
				return nil, fmt.Errorf("scrypt hash: %w", err)
			}
			n[i] = v
		}
		h, err := newScrypt(n[0], n[1], n[2])
		if err = errors.Join(err, saltErr, tagErr); err != nil {
			return nil, fmt.Errorf("scrypt hash: %w", err)
		}
		h.salt, h.tag = saltBytes, tag
		return h, nil
	}
	return nil, unread(method)
}

func (h pbkdf2Hash) matches(text string, _ *Limiter) bool {
	digest, _ := digestOf(h.digest)
	got, err := pbkdf2.Key(digest, text, h.salt, h.rounds, len(h.tag))
	return err == nil && subtle.ConstantTimeCompare(got, h.tag) == 1
}

// work counts the rounds of each block of the output (RFC 8018 §5.2 step 3).
func (h pbkdf2Hash) work() Work {
	_, size := digestOf(h.digest)
	blocks := (len(h.tag) + size - 1) / size
	return Work{unit{scheme: unitPBKDF2 + h.digest}, uint64(h.rounds) * uint64(blocks)} //nolint:gosec // both are positive
}
func (h pbkdf2Hash) current(Cost) bool { return false }

// doubleScheme is our text for a hash of an HMAC: "$hmac-sha512$", the HMAC's key in base64, and the text of the hash.
const doubleScheme = "hmac-sha512"

// doubleHash hashes not the password but base64 of its HMAC-SHA-512, as Flask-Security does.
type doubleHash struct {
	key   []byte
	inner hashed
}

// Double is the text, for FromHash, of a hash that was made of base64(HMAC-SHA-512(key, password)): what
// Flask-Security keeps, whose key is SECURITY_PASSWORD_SALT.
func Double(key, hash string) string {
	return "$" + doubleScheme + "$" + base64.RawStdEncoding.EncodeToString([]byte(key)) + "$" + hash
}

func parseDouble(s string) (hashed, error) {
	text, inner, ok := strings.Cut(s, "$")
	if !ok {
		return nil, errors.New("double hash: it must have a key and a hash")
	}
	key, err := parseBytes(text, 1, 1024)
	if err != nil {
		return nil, fmt.Errorf("double hash: the key %w", err)
	}
	if strings.HasPrefix(inner, "$"+doubleScheme+"$") {
		return nil, errors.New("double hash: of a double hash")
	}
	h, err := parseScheme(inner)
	if err != nil {
		return nil, err
	}
	return doubleHash{key, h}, nil
}

func (h doubleHash) matches(text string, in *Limiter) bool {
	mac := hmac.New(sha512.New, h.key)
	mac.Write([]byte(text))
	return h.inner.matches(base64.StdEncoding.EncodeToString(mac.Sum(nil)), in)
}
func (h doubleHash) work() Work        { return h.inner.work() }
func (h doubleHash) current(Cost) bool { return false }

// powers calls f with each power of two in n.
func powers(n uint64, f func(exponent int)) {
	for ; n != 0; n &= n - 1 {
		f(bits.TrailingZeros64(n))
	}
}
