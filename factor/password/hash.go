package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what one hash costs, in the terms of RFC 9106 §3.1.
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
	Lanes  uint8
}

// DefaultCost is 19 MiB, two passes, one lane: the second of the equivalent settings of ASVS 5.0 appendix C and
// of the OWASP Password Storage Cheat Sheet. It takes some 30 ms.
func DefaultCost() Cost { return Cost{Memory: 19 * 1024, Passes: 2, Lanes: 1} }

const (
	saltSize = 16 // RFC 9106 §3.1: recommended for passwords
	tagSize  = 32

	// Limits of what is taken from elsewhere. One pass over 1 GiB takes half a second or more; a hash that
	// costs more would let anyone who knows a name keep the processor busy.
	maxMemory = 1 << 20 // KiB
	maxWork   = 1 << 20 // KiB times passes
	maxLanes  = 16
)

// hashed is a password's hash of some scheme. A further scheme is a further implementation and a line in parse.
type hashed interface {
	matches(text string) bool
	cost() Cost
	// current reports whether a hash made now would be of the same scheme and cost.
	current(now Cost) bool
}

// parse reads a hash in the PHC string format or a relative of it. Its errors never hold the hash.
func parse(s string) (hashed, error) {
	scheme, rest, ok := strings.Cut(strings.TrimPrefix(s, "$"), "$")
	if !ok || !strings.HasPrefix(s, "$") {
		return nil, errors.New("not a password hash: it must look like $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH")
	}
	switch scheme {
	case "argon2id":
		return parseArgon2id(rest)
	default:
		return nil, fmt.Errorf("password hashes of the kind %.20q cannot be read, only argon2id can", scheme)
	}
}

// argon2id is a hash by Argon2id version 1.3 (RFC 9106).
type argon2id struct {
	Cost
	salt, tag []byte
}

// newArgon2id hashes the text with a new salt.
func newArgon2id(random io.Reader, text string, c Cost) (argon2id, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return argon2id{}, fmt.Errorf("read randomness for a salt: %w", err)
	}
	return argon2id{c, salt, derive(text, salt, c, tagSize)}, nil
}

func derive(text string, salt []byte, c Cost, size int) []byte {
	return argon2.IDKey([]byte(text), salt, c.Passes, c.Memory, c.Lanes, uint32(size)) //nolint:gosec // size is 16 to 64
}

func (h argon2id) matches(text string) bool {
	return subtle.ConstantTimeCompare(derive(text, h.salt, h.Cost, len(h.tag)), h.tag) == 1
}

func (h argon2id) cost() Cost { return h.Cost }

func (h argon2id) current(now Cost) bool {
	return h.Cost == now && len(h.salt) == saltSize && len(h.tag) == tagSize
}

// String is the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$tag, base64 without padding.
func (h argon2id) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.Memory, h.Passes, h.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.tag))
}

// parseArgon2id reads what follows "$argon2id$".
func parseArgon2id(s string) (hashed, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 4 {
		return nil, errors.New("argon2id hash: it must have the parts v=19, m=…,t=…,p=…, salt and hash")
	}
	if want := "v=" + strconv.Itoa(argon2.Version); parts[0] != want {
		return nil, fmt.Errorf("argon2id hash: version %.10q, only %s can be read", parts[0], want)
	}
	c, err := parseCost(parts[1])
	if err != nil {
		return nil, fmt.Errorf("argon2id hash: %w", err)
	}
	h := argon2id{Cost: c}
	if h.salt, err = parseBytes(parts[2], 8); err != nil {
		return nil, fmt.Errorf("argon2id hash: the salt %w", err)
	}
	if h.tag, err = parseBytes(parts[3], 16); err != nil {
		return nil, fmt.Errorf("argon2id hash: the hash itself %w", err)
	}
	return h, nil
}

// parseCost reads m=…,t=…,p=… in this order and holds it within what we are willing to compute.
func parseCost(s string) (Cost, error) {
	var n [3]uint64
	parts := strings.Split(s, ",")
	if len(parts) != len(n) {
		return Cost{}, fmt.Errorf("parameters %.40q, want m=…,t=…,p=…", s)
	}
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(parts[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strings.HasPrefix(digits, "+") {
			return Cost{}, fmt.Errorf("parameter %.20q, want %s and a whole number", parts[i], name)
		}
		n[i] = v
	}
	memory, passes, lanes := n[0], n[1], n[2]
	switch {
	case lanes < 1 || lanes > maxLanes:
		return Cost{}, fmt.Errorf("p=%d, allowed are 1 to %d lanes", lanes, maxLanes)
	case memory < 8*lanes:
		return Cost{}, fmt.Errorf("m=%d, at least 8 KiB a lane are needed", memory)
	case memory > maxMemory:
		return Cost{}, fmt.Errorf("m=%d, more than 1 GiB of memory is not allowed", memory)
	case passes < 1:
		return Cost{}, errors.New("t=0, at least one pass is needed")
	case passes > math.MaxUint32/memory || passes*memory > maxWork:
		return Cost{}, fmt.Errorf("m=%d with t=%d takes too long, m times t may be %d at most", memory, passes, maxWork)
	}
	return Cost{Memory: uint32(memory), Passes: uint32(passes), Lanes: uint8(lanes)}, nil
}

// parseBytes reads base64 without padding, of size to 64 bytes.
func parseBytes(s string, size int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	switch {
	case err != nil || strings.ContainsAny(s, "\r\n"):
		return nil, errors.New("is not base64 without padding")
	case len(b) < size || len(b) > 64:
		return nil, fmt.Errorf("has %d bytes, allowed are %d to 64", len(b), size)
	}
	return b, nil
}
