package password

import (
	"golang.org/x/crypto/argon2"
)

// IDKey computes Argon2id (RFC 9106), and returns what IDKey of golang.org/x/crypto/argon2 returns. memory is in KiB.
type IDKey func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte

// Argon2id is the hash by Argon2id (RFC 9106). It is called between Acquire and release. Memory is in KiB.
func (l *Limiter) Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
	return l.argon2(false, password, salt, Cost{Memory: memory, Passes: passes, Lanes: lanes}, size)
}

// argon2 is Argon2i, which is only ever read, or Argon2id.
func (l *Limiter) argon2(i bool, password, salt []byte, c Cost, size uint32) []byte {
	if l.hashed != nil {
		l.hashed(i, c)
	}
	if i {
		return argon2.Key(password, salt, c.Passes, c.Memory, c.Lanes, size)
	}
	return l.idKey(password, salt, c.Passes, c.Memory, c.Lanes, size)
}
