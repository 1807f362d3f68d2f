package argon2

import (
	_ "unsafe" // for go:linkname

	_ "golang.org/x/crypto/argon2" // what is linked to
	"golang.org/x/crypto/blake2b"
)

// What golang.org/x/crypto/argon2 makes IDKey of, in its version that go.mod names. Another version may lack one of them,
// and the program is not linked, or call it otherwise, and TestSameAsIDKey fails.

const (
	modeArgon2id = 2 // its type, RFC 9106 §3.2
	syncPoints   = 4 // slices of a lane, RFC 9106 §3.4
)

// block is 1 KiB, RFC 9106 §3.2.
type block [128]uint64

// initHash is H_0 of RFC 9106 §3.2, with room for the two numbers that follow it in each lane's first blocks.
//
//go:linkname initHash golang.org/x/crypto/argon2.initHash
func initHash(password, salt, key, data []byte, time, memory, threads, keyLen uint32, mode int) [blake2b.Size + 8]byte

// blake2bHash is H' of RFC 9106 §3.3.
//
//go:linkname blake2bHash golang.org/x/crypto/argon2.blake2bHash
func blake2bHash(out, in []byte)

// processBlocks fills blocks whose first two of each lane are filled. The others must be zero: it adds to what they hold.
//
//go:linkname processBlocks golang.org/x/crypto/argon2.processBlocks
func processBlocks(blocks []block, time, memory, threads uint32, mode int)

// extractKey is the tag.
//
//go:linkname extractKey golang.org/x/crypto/argon2.extractKey
func extractKey(blocks []block, memory, threads, keyLen uint32) []byte
