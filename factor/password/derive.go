package password

import (
	"golang.org/x/crypto/argon2"
)

// Argon2id is the hash by Argon2id (RFC 9106). It is called between Acquire and release. Memory is in KiB.
func (l *Limiter) Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
	return l.argon2(false, password, salt, Cost{Memory: memory, Passes: passes, Lanes: lanes}, size)
}

// argon2 is Argon2i or Argon2id. Each hash takes memory of its own and leaves it as garbage.
func (l *Limiter) argon2(i bool, password, salt []byte, c Cost, size uint32) []byte {
	if l.hashed != nil {
		l.hashed(i, c)
	}
	defer l.garbage.take(c)()
	if i {
		return argon2.Key(password, salt, c.Passes, c.Memory, c.Lanes, size)
	}
	return argon2.IDKey(password, salt, c.Passes, c.Memory, c.Lanes, size)
}
