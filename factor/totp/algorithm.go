package totp

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
)

// Algorithm is the hash under the HMAC; "" is SHA1.
//
// SHA-1 is sound here: HMAC does not rest on the collision resistance that SHA-1 lost.
type Algorithm string

// The algorithms of RFC 6238 §1.2. Many apps know SHA1 alone, and some make wrong codes with the others.
const (
	SHA1   Algorithm = "SHA1"
	SHA256 Algorithm = "SHA256"
	SHA512 Algorithm = "SHA512"
)

// ParseAlgorithm reads the name of an algorithm in any case. It fails on any other text.
func ParseAlgorithm(text string) (Algorithm, error) {
	for _, a := range []Algorithm{SHA1, SHA256, SHA512} {
		if strings.EqualFold(text, string(a)) {
			return a, nil
		}
	}
	return "", fmt.Errorf("%.40q is not SHA1, SHA256 or SHA512", text)
}

func (a Algorithm) known() bool { return a == SHA1 || a == SHA256 || a == SHA512 }

// size is how many bytes a secret for the algorithm should have: as long as the hash, RFC 6238 §5.1.
func (a Algorithm) size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	default:
		return sha1.Size
	}
}

// truncate fills values with the truncated HMACs (RFC 4226 §5.3) of the counters from first on.
//
// This is HMAC by hand (RFC 2104), because it is what a wrong code costs, and crypto/hmac allocates. All of it stays
// on the stack.
func (a Algorithm) truncate(secret []byte, first uint64, values []uint32) {
	switch a {
	case SHA256:
		truncateSHA256(secret, first, values)
	case SHA512:
		truncateSHA512(secret, first, values)
	default:
		truncateSHA1(secret, first, values)
	}
}

func truncateSHA1(secret []byte, first uint64, values []uint32) {
	if len(secret) > sha1.BlockSize {
		sum := sha1.Sum(secret)
		secret = sum[:]
	}
	if !truncateBlocks(secret, first, values) {
		truncateSums(secret, first, values)
	}
}

// truncateSums hashes whole messages.
func truncateSums(secret []byte, first uint64, values []uint32) {
	const block = sha1.BlockSize
	var inner [block + 8]byte
	var outer [block + sha1.Size]byte
	xorPad(inner[:block], secret, innerPad)
	xorPad(outer[:block], secret, outerPad)
	for i := range values {
		binary.BigEndian.PutUint64(inner[block:], first+uint64(i))
		sum := sha1.Sum(inner[:])
		copy(outer[block:], sum[:])
		sum = sha1.Sum(outer[:])
		values[i] = truncated(sum[:])
	}
}

// truncateSHA256 hashes whole messages, with SHA-256.
func truncateSHA256(secret []byte, first uint64, values []uint32) {
	const block = sha256.BlockSize
	if len(secret) > block {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	var inner [block + 8]byte
	var outer [block + sha256.Size]byte
	xorPad(inner[:block], secret, innerPad)
	xorPad(outer[:block], secret, outerPad)
	for i := range values {
		binary.BigEndian.PutUint64(inner[block:], first+uint64(i))
		sum := sha256.Sum256(inner[:])
		copy(outer[block:], sum[:])
		sum = sha256.Sum256(outer[:])
		values[i] = truncated(sum[:])
	}
}

// truncateSHA512 hashes whole messages, with SHA-512.
func truncateSHA512(secret []byte, first uint64, values []uint32) {
	const block = sha512.BlockSize
	if len(secret) > block {
		sum := sha512.Sum512(secret)
		secret = sum[:]
	}
	var inner [block + 8]byte
	var outer [block + sha512.Size]byte
	xorPad(inner[:block], secret, innerPad)
	xorPad(outer[:block], secret, outerPad)
	for i := range values {
		binary.BigEndian.PutUint64(inner[block:], first+uint64(i))
		sum := sha512.Sum512(inner[:])
		copy(outer[block:], sum[:])
		sum = sha512.Sum512(outer[:])
		values[i] = truncated(sum[:])
	}
}

// The two pads of RFC 2104 §2, as long as the longest block.
var (
	innerPad = bytes.Repeat([]byte{0x36}, sha512.BlockSize)
	outerPad = bytes.Repeat([]byte{0x5c}, sha512.BlockSize)
)

// xorPad fills block with the pad, XORed with the secret.
func xorPad(block, secret, pad []byte) {
	copy(block, pad)
	subtle.XORBytes(block, block, secret)
}

// truncated is the dynamic truncation of RFC 4226 §5.3: 31 bits from where the last nibble points.
func truncated(sum []byte) uint32 {
	offset := sum[len(sum)-1] & 0xf
	return binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
}
