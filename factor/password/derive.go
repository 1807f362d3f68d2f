package password

import (
	"golang.org/x/crypto/argon2"
)

// Argon2id is the hash by Argon2id (RFC 9106). It is called between Acquire and release. Memory is in KiB.
func (l *Limiter) Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
	return l.argon2(false, password, salt, Cost{Memory: memory, Passes: passes, Lanes: lanes}, size)
}

// argon2 is Argon2i or Argon2id. Each hash takes memory of its own and leaves it as garbage, which Options.Holds is there to
// keep little.
func (l *Limiter) argon2(i bool, password, salt []byte, c Cost, size uint32) []byte {
	if l.hashed != nil {
		l.hashed(i, c)
	}
	l.hold()
	if i {
		return argon2.Key(password, salt, c.Passes, c.Memory, c.Lanes, size)
	}
	return argon2.IDKey(password, salt, c.Passes, c.Memory, c.Lanes, size)
}

// hold says, before the first hash in a while, that there are some.
func (l *Limiter) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hashes++
	if !l.holding && l.holds != nil {
		l.holds(true)
	}
	l.holding = true
}

// Rest says that there were no hashes since Rest was called last, if that is so. Call it now and then.
func (l *Limiter) Rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holding && l.hashes == l.rested && l.running == 0 {
		l.holding = false
		if l.holds != nil {
			l.holds(false)
		}
	}
	l.rested = l.hashes
}
