package password

import "github.com/nightlatch/nightlatch/internal/argon2"

// keptMemory is the most that one hash leaves behind for the next, in bytes.
const keptMemory = large << 10

// Argon2id is the hash by Argon2id (RFC 9106) in memory that the next one uses again. It is called between Acquire and
// release. Memory is in KiB.
func (l *Limiter) Argon2id(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
	return l.argon2(argon2.ID, password, salt, argon2.Cost{Memory: memory, Passes: passes, Lanes: lanes}, size)
}

func (l *Limiter) argon2(mode argon2.Mode, password, salt []byte, c argon2.Cost, size uint32) []byte {
	if l.hashed != nil {
		l.hashed(mode, c)
	}
	m := l.borrow()
	key := argon2.Key(m, mode, password, salt, c, size)
	if m.Size() > keptMemory {
		m.Free()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent--
	l.spare = append(l.spare, m)
	return key
}

func (l *Limiter) borrow() *argon2.Memory {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.spare)
	if n+l.lent == 0 && l.holds != nil {
		l.holds(true)
	}
	l.lent++
	if n == 0 {
		return new(argon2.Memory)
	}
	m := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return m
}

// Rest gives back the memory that is kept for the next hashes, if there was none since Rest was called last. Call it now
// and then.
func (l *Limiter) Rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.served == l.rested && l.running+l.lent == 0 && len(l.spare) > 0 {
		for _, m := range l.spare {
			m.Free()
		}
		l.spare = nil
		if l.holds != nil {
			l.holds(false)
		}
	}
	l.rested = l.served
}
