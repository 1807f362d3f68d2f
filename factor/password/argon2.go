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

func (c Cost) work() Work {
	return Work{unit{scheme: unitArgon2, a: uint64(c.Memory), b: uint64(c.Lanes)}, uint64(c.Passes)}
}

const (
	saltSize = 16 // RFC 9106 §3.1: recommended for passwords
	tagSize  = 32

	// Limits of what is taken from elsewhere. One pass over 1 GiB takes half a second or more; a hash that
	// costs more would let anyone who knows a name keep the processor busy.
	maxMemory = 1 << 20 // KiB
	maxWork   = 1 << 20 // KiB times passes
	maxLanes  = 16
)

// argon2id is a hash by Argon2id or Argon2i version 1.3 (RFC 9106).
type argon2id struct {
	Cost
	salt, tag []byte
	i         bool // Argon2i
}

// newArgon2id hashes the text with a new salt, in a turn of the limiter.
func newArgon2id(random io.Reader, text string, c Cost, in *Limiter) (argon2id, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return argon2id{}, fmt.Errorf("read randomness for a salt: %w", err)
	}
	return argon2id{Cost: c, salt: salt, tag: in.derive(false, text, salt, c, tagSize)}, nil
}

func (l *Limiter) derive(i bool, text string, salt []byte, c Cost, size int) []byte {
	return l.argon2(i, []byte(text), salt, c, uint32(size)) //nolint:gosec // size is 16 to 64
}

func (h argon2id) matches(text string, in *Limiter) bool {
	got := in.derive(h.i, text, h.salt, h.Cost, len(h.tag))
	return subtle.ConstantTimeCompare(got, h.tag) == 1
}

func (h argon2id) current(now Cost) bool {
	return !h.i && h.Cost == now && len(h.salt) == saltSize && len(h.tag) == tagSize
}

// String is the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$tag, base64 without padding.
func (h argon2id) String() string {
	b64, scheme := base64.RawStdEncoding, "argon2id"
	if h.i {
		scheme = "argon2i"
	}
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", scheme, argon2.Version,
		h.Memory, h.Passes, h.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.tag))
}

// parseArgon2 reads what follows "$argon2id$" or "$argon2i$".
func parseArgon2(scheme, s string) (hashed, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 4 {
		return nil, fmt.Errorf("%s hash: it must have the parts v=19, m=…,t=…,p=…, salt and hash", scheme)
	}
	if want := "v=" + strconv.Itoa(argon2.Version); parts[0] != want {
		return nil, fmt.Errorf("%s hash: version %.10q, only %s can be read", scheme, parts[0], want)
	}
	c, err := parseCost(parts[1])
	if err != nil {
		return nil, fmt.Errorf("%s hash: %w", scheme, err)
	}
	h := argon2id{Cost: c, i: scheme == "argon2i"}
	if h.salt, err = parseBytes(parts[2], minSalt, maxSalt); err != nil {
		return nil, fmt.Errorf("%s hash: the salt %w", scheme, err)
	}
	if h.tag, err = parseBytes(parts[3], minTag, maxTag); err != nil {
		return nil, fmt.Errorf("%s hash: the hash itself %w", scheme, err)
	}
	return h, nil
}

// parseCost reads m=…,t=…,p=… in this order and holds it within what we are willing to compute.
func parseCost(s string) (Cost, error) {
	n, err := parameters(s, "m=", "t=", "p=")
	if err != nil {
		return Cost{}, err
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

// parameters reads whole numbers behind their names, in this order.
func parameters(s string, names ...string) ([]uint64, error) {
	n := make([]uint64, len(names))
	parts := strings.Split(s, ",")
	if len(parts) != len(n) {
		return nil, fmt.Errorf("parameters %.40q, want %s…", s, strings.Join(names, "…,"))
	}
	for i, name := range names {
		digits, ok := strings.CutPrefix(parts[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strings.HasPrefix(digits, "+") {
			return nil, fmt.Errorf("parameter %.20q, want %s and a whole number", parts[i], name)
		}
		n[i] = v
	}
	return n, nil
}
