package argon2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
)

// Whatever was computed before in the same memory, a hash is what golang.org/x/crypto makes of it.
func TestSameAsIDKey(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that can be repeated
	var m Memory
	for i := range 200 {
		password, salt := make([]byte, random.IntN(130)), make([]byte, random.IntN(70))
		for _, b := range [][]byte{password, salt} {
			for i := range b {
				b[i] = byte(random.Uint32())
			}
		}
		passes, memory := 1+random.Uint32N(3), random.Uint32N(600)
		lanes, size := uint8(1+random.IntN(5)), 1+random.Uint32N(200)
		t.Run(fmt.Sprintf("%d m=%d t=%d p=%d size %d", i, memory, passes, lanes, size), func(t *testing.T) {
			want := argon2.IDKey(password, salt, passes, memory, lanes, size)
			if got := m.IDKey(password, salt, passes, memory, lanes, size); !bytes.Equal(got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
		})
	}
	if got := len(m.free); got != 1 {
		t.Errorf("%d are kept by who hashes one after the other", got)
	}
}

// The cost of passwords, by many at once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const atOnce = 3
	var m Memory
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() {
			for j := range 3 {
				password := fmt.Appendf(nil, "the password of %d, %d", i, j)
				want := argon2.IDKey(password, []byte("somesaltsomesalt"), 2, 19<<10, 1, 32)
				if got := m.IDKey(password, []byte("somesaltsomesalt"), 2, 19<<10, 1, 32); !bytes.Equal(got, want) {
					t.Errorf("%s: got %x, want %x", password, got, want)
				}
			}
		})
	}
	all.Wait()
	if got := m.Held(); got != int64(len(m.free))*19<<20 {
		t.Errorf("%d bytes are held in %d", got, len(m.free))
	}
	if got := len(m.free); got < 1 || got > atOnce {
		t.Errorf("%d are kept, want 1 to %d", got, atOnce)
	}
}

// Nothing of a password is left in what is kept.
func TestKeptIsWiped(t *testing.T) {
	t.Parallel()
	var m Memory
	for _, memory := range []uint32{400, 80} {
		m.IDKey([]byte("a password"), []byte("somesaltsomesalt"), 1, memory, 2, 32)
	}
	if len(m.free) != 1 {
		t.Fatalf("%d are kept, want 1", len(m.free))
	}
	kept := m.free[0][:cap(m.free[0])]
	if len(kept) != 400 {
		t.Errorf("%d KiB are kept, want 400", len(kept))
	}
	for i, b := range kept {
		if b != (block{}) {
			t.Fatalf("block %d of %d is not zero", i, len(kept))
		}
	}
}

// What is large is not kept, and what is kept can be dropped.
func TestDrop(t *testing.T) {
	t.Parallel()
	var m Memory
	m.IDKey(nil, []byte("somesaltsomesalt"), 1, keptMost+8, 1, 32)
	if m.Held() != 0 || m.Drop() {
		t.Error("what is large was kept")
	}
	for _, size := range []uint32{8, 80, 40} {
		m.IDKey(nil, []byte("somesaltsomesalt"), 1, size, 1, 32)
	}
	if got := m.Held(); got != 80<<10 {
		t.Errorf("%d bytes are held, want the 80 KiB of the largest", got)
	}
	if !m.Drop() || m.free != nil || m.Held() != 0 {
		t.Error("what is small was not kept, or not dropped")
	}
	if m.Drop() {
		t.Error("dropped twice")
	}
}

// A hash of no pass would be none.
func TestNothingToDo(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		time  uint32
		lanes uint8
	}{{0, 1}, {1, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d passes, %d lanes: a hash", v.time, v.lanes)
				}
			}()
			new(Memory).IDKey(nil, nil, v.time, 8, v.lanes, 32)
		}()
	}
}
