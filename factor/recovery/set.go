package recovery

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nightlatch/nightlatch/factor"
)

// Cost is what the hash of a code costs, in the terms of RFC 9106 §3.1.
type Cost struct {
	Memory uint32 `json:"m"` // KiB
	Passes uint32 `json:"t"`
	Lanes  uint8  `json:"p"`
}

// DefaultCost is 19 MiB, two passes, one lane, as for passwords. Codes of 80 bits need a slow hash: a plain one
// would do from 112 bits (ASVS 6.5.2, NIST SP 800-63B-4 §3.1.2.2).
func DefaultCost() Cost { return Cost{Memory: 19 * 1024, Passes: 2, Lanes: 1} }

// sane reports whether Argon2 can be asked for it at all.
func (c Cost) sane() bool {
	return c.Lanes > 0 && c.Passes > 0 && c.Passes <= 16 && c.Memory >= 8*uint32(c.Lanes) && c.Memory <= 1<<20
}

// hash is what is kept of a code.
func (f *Factor) hash(c Cost, code string, salt []byte) []byte {
	return f.argon2id([]byte(code), salt, c.Passes, c.Memory, c.Lanes, hashSize)
}

const (
	version  = 1 // of the State's encoding
	saltSize = 16
	hashSize = 32
)

// set is the State: codes that were made together, with one salt, so that one hash judges them all.
type set struct {
	Version int    `json:"v"`
	Cost    Cost   `json:"argon2id"`
	Salt    []byte `json:"salt"`
	Codes   []code `json:"codes"`
	// MaxTries is how many wrong codes the set bears, 0: no count of its own (the engine throttles).
	MaxTries int `json:"max_tries,omitempty"`
	Tries    int `json:"tries,omitempty"`
	// Length is how many characters a code has, 0: as many as ours.
	Length int `json:"length,omitempty"`
}

// code is one code of a set.
type code struct {
	Hash []byte `json:"hash"`
	Used bool   `json:"used,omitempty"`
}

// newSalt is a salt for a set.
func newSalt(random io.Reader) ([]byte, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return nil, fmt.Errorf("read randomness for a salt: %w", err)
	}
	return salt, nil
}

// find is the place of a code by its hash, or -1. It looks at all of them, for as long as that takes.
func (s *set) find(hash []byte) int {
	at := -1
	for i, c := range s.Codes {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(c.Hash, hash), i, at)
	}
	return at
}

// left is how many codes are good.
func (s *set) left() int {
	if s.dead() {
		return 0
	}
	n := 0
	for _, c := range s.Codes {
		if !c.Used {
			n++
		}
	}
	return n
}

// length is how many characters a code of the set has.
func (s *set) length() int {
	if s.Length == 0 {
		return codeLength
	}
	return s.Length
}

// counts reports whether a wrong code costs the set a try.
func (s *set) counts() bool { return s.MaxTries > 0 && s.left() > 0 }

// dead reports whether the set has borne all the wrong codes that it bears.
func (s *set) dead() bool { return s.MaxTries > 0 && s.Tries >= s.MaxTries }

func (s *set) encode() (factor.State, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the state of recovery codes: %w", err)
	}
	return b, nil
}

var errState = errors.New("the state of recovery codes cannot be read")

func decode(state factor.State) (*set, error) {
	var s set
	d := json.NewDecoder(bytes.NewReader(state))
	d.DisallowUnknownFields()
	if d.Decode(&s) != nil || !errors.Is(d.Decode(&struct{}{}), io.EOF) {
		return nil, errState
	}
	if s.Version != version || len(s.Salt) != saltSize || !s.Cost.sane() ||
		len(s.Codes) == 0 || s.Tries < 0 || s.MaxTries < 0 || s.Length != 0 && !importable(s.Length) {
		return nil, errState
	}
	for _, c := range s.Codes {
		if len(c.Hash) != hashSize {
			return nil, errState
		}
	}
	return &s, nil
}
