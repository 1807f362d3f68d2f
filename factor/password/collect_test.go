package password

import "testing"

// TestCollector: garbage is collected before it is more than one hash leaves, or more than lives besides.
func TestCollector(t *testing.T) {
	t.Parallel()
	const hash = 19 << 20
	var collected int
	var live int64
	l := NewLimiter(2, 0)
	l.SetCollector(func() int64 {
		collected++
		return live
	})
	hashed := func(n int) int {
		collected = 0
		for range n {
			l.Argon2id([]byte("a password"), []byte("a salt of its own"), 1, 19<<10, 1, 32)
		}
		return collected
	}
	if got := hashed(4); got != 3 {
		t.Errorf("four hashes: collected %d times, want 3", got)
	}
	release := l.garbage.take(DefaultCost()) // collects what the fourth left
	live = 3*hash + hash                     // the last one is held by the hash under way
	if got := hashed(2); got != 1 {
		t.Errorf("beside a hash under way: collected %d times, want 1", got)
	}
	if got := hashed(5); got != 1 {
		t.Errorf("where three times as much lives: collected %d times in five, want 1", got)
	}
	release()
	if l.garbage.held.Load() != 0 {
		t.Errorf("%d bytes are held by no hash", l.garbage.held.Load())
	}
}

// TestCollectorBesideTheEndOfAHash: what a hash held that ends while garbage is collected is nothing that lives besides.
func TestCollectorBesideTheEndOfAHash(t *testing.T) {
	t.Parallel()
	l := NewLimiter(2, 0)
	collected := 0
	var end func()
	l.SetCollector(func() int64 {
		collected++
		end()
		return 5<<20 + memoryOf(DefaultCost())
	})
	end = l.garbage.take(DefaultCost())
	l.garbage.take(DefaultCost())()
	l.garbage.take(DefaultCost())
	if collected != 1 || l.garbage.room != 5<<20 {
		t.Errorf("collected %d times, want 1; %d bytes may be left", collected, l.garbage.room)
	}
}

// TestCheapGarbage: what hardly takes memory is not worth it.
func TestCheapGarbage(t *testing.T) {
	t.Parallel()
	l := NewLimiter(1, 0)
	l.SetCollector(func() int64 {
		t.Error("collected")
		return 0
	})
	for range 100 {
		l.Argon2id([]byte("a password"), []byte("a salt of its own"), 1, 64, 1, 32)
	}
}
