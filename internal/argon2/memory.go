// Package argon2 computes Argon2id (RFC 9106) with golang.org/x/crypto/argon2, in memory that it keeps for the next hash.
//
// That package takes new memory for each hash, and offers no way to bring some along (golang/go issue 36634). So this one
// calls what is behind its exported function. It is for the program alone: an application that uses the library chooses
// the version of golang.org/x/crypto by itself.
package argon2

import (
	"encoding/binary"
	"runtime"
	"sync"

	"golang.org/x/crypto/blake2b"
)

// keptMost is the most that is kept of one hash, in KiB. What took more is rare, and given back at once.
const keptMost = 64 << 10

// Memory is what hashes are computed in: each has its own while it is computed, and hands it on, wiped. The zero value is
// ready. It may be used from many goroutines at once, and keeps as much as they used at once.
type Memory struct {
	mu   sync.Mutex
	free [][]block
	held int64 // KiB, those in use among them
}

// IDKey is as in golang.org/x/crypto/argon2, and returns the same; memory is in KiB. It panics where time or threads is 0.
func (m *Memory) IDKey(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
	if time < 1 || threads < 1 {
		panic("argon2: at least one pass and one lane are needed")
	}
	lanes := uint32(threads)
	h := initHash(password, salt, nil, nil, time, memory, lanes, keyLen, modeArgon2id)
	memory = max(memory/(syncPoints*lanes), 2) * syncPoints * lanes
	blocks := m.take(memory)
	fillFirst(blocks, h, lanes)
	processBlocks(blocks, time, memory, lanes, modeArgon2id)
	key := extractKey(blocks, memory, lanes, keyLen)
	m.give(blocks)
	return key
}

// fillFirst makes the first two blocks of each lane, RFC 9106 §3.2.
func fillFirst(blocks []block, h [blake2b.Size + 8]byte, lanes uint32) {
	var bytes [1024]byte
	length := len(blocks) / int(lanes)
	for lane := range lanes {
		binary.LittleEndian.PutUint32(h[blake2b.Size+4:], lane)
		for n := range 2 {
			binary.LittleEndian.PutUint32(h[blake2b.Size:], uint32(n))
			blake2bHash(bytes[:], h[:])
			b := &blocks[int(lane)*length+n]
			for i := range b {
				b[i] = binary.LittleEndian.Uint64(bytes[8*i:])
			}
		}
	}
}

// take returns so many blocks that are zero. They may be the beginning of more.
func (m *Memory) take(n uint32) []block {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := len(m.free) - 1; last >= 0 {
		blocks := m.free[last]
		m.free[last] = nil
		m.free = m.free[:last]
		if cap(blocks) >= int(n) {
			return blocks[:n]
		}
		m.held -= int64(cap(blocks))
	}
	m.held += int64(n)
	return make([]block, n)
}

// give keeps blocks for the next one. A hash that panicked comes not as far: what it had is not zero.
func (m *Memory) give(blocks []block) {
	clear(blocks)
	large := cap(blocks) > keptMost
	m.mu.Lock()
	if large {
		m.held -= int64(cap(blocks))
	} else {
		m.free = append(m.free, blocks)
	}
	m.mu.Unlock()
	if large {
		runtime.GC() // it would else be garbage until the heap has grown by a share of it
	}
}

// Held is how many bytes there are, those that hashes are computed in now among them.
func (m *Memory) Held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held << 10
}

// Drop gives up what no hash is computed in now, for the garbage collector, and says whether there was any.
func (m *Memory) Drop() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	had := len(m.free) > 0
	for _, blocks := range m.free {
		m.held -= int64(cap(blocks))
	}
	m.free = nil
	return had
}
