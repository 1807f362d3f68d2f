package seal

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"time"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// Ring holds numbered keys. The highest number seals, unless SealingWith says otherwise; all open. A Ring never changes,
// so many goroutines may use one; Add makes another. Printing a Ring shows no key.
type Ring struct {
	keys  []*key // by number, ascending, never empty
	seals *key   // nil: the newest
}

// key is one key of a ring. The bytes are behind a pointer within a pointer: with every verb, package fmt prints
// an address for them.
type key struct {
	id     uint32
	date   time.Time // midnight UTC of the day that it was made
	secret *[KeySize]byte
	prk    *[sha256.Size]byte // what HKDF extracted from secret
}

// Key says what may be known of a key.
type Key struct {
	ID   uint32
	Date time.Time // midnight UTC of the day that it was made
}

// NewRing makes a ring with one new key, number 1, of now's day.
func NewRing(random io.Reader, now time.Time) (*Ring, error) {
	return (&Ring{}).Add(random, now)
}

// Add returns a ring that holds one new key more, whose number is one above the newest; it seals from now on.
func (r *Ring) Add(random io.Reader, now time.Time) (*Ring, error) {
	var id uint32 = 1
	if len(r.keys) > 0 {
		if r.newest().id == math.MaxUint32 {
			return nil, errors.New("seal: there are no more key numbers")
		}
		id = r.newest().id + 1
	}
	var secret [KeySize]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return nil, fmt.Errorf("seal: no randomness: %w", err)
	}
	k, err := newKey(id, now.UTC().Truncate(24*time.Hour), secret)
	if err != nil {
		return nil, err
	}
	return &Ring{keys: append(slices.Clone(r.keys), k)}, nil
}

// Keys lists the keys, the oldest first.
func (r *Ring) Keys() []Key {
	out := make([]Key, len(r.keys))
	for i, k := range r.keys {
		out[i] = Key{ID: k.id, Date: k.date}
	}
	return out
}

// Newest is the highest number, that of the key which seals unless SealingWith says otherwise.
func (r *Ring) Newest() uint32 { return r.newest().id }

// Sealing is the number of the key that seals.
func (r *Ring) Sealing() uint32 { return r.sealing().id }

// Holds says whether there is a key of that number.
func (r *Ring) Holds(id uint32) bool { return r.find(id) != nil }

// SealingWith returns the same ring, of which that key seals: while a new key is handed out, whoever has it already
// opens with it and does not seal yet. It returns *UnknownKeyError.
func (r *Ring) SealingWith(id uint32) (*Ring, error) {
	k := r.find(id)
	if k == nil {
		return nil, &UnknownKeyError{ID: id}
	}
	return &Ring{keys: r.keys, seals: k}, nil
}

// Follows says whether the ring may take the place of another that is in use. The errors: a number stands for another
// key than it did, or the key that seals there is gone (*UnknownKeyError).
func (r *Ring) Follows(other *Ring) error {
	for _, k := range other.keys {
		if mine := r.find(k.id); mine != nil && *mine.secret != *k.secret {
			return fmt.Errorf("seal: key %d is another than the key %d that is in use", k.id, k.id)
		}
	}
	if id := other.Sealing(); !r.Holds(id) {
		return &UnknownKeyError{ID: id}
	}
	return nil
}

// String says how many keys there are, and shows none.
func (r Ring) String() string { return fmt.Sprintf("key ring of %d", len(r.keys)) }

// GoString is String.
func (r Ring) GoString() string { return r.String() }

// LogValue is String.
func (r Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

func (r *Ring) newest() *key { return r.keys[len(r.keys)-1] }

func (r *Ring) sealing() *key {
	if r.seals != nil {
		return r.seals
	}
	return r.newest()
}

func (r *Ring) find(id uint32) *key {
	i, ok := slices.BinarySearchFunc(r.keys, id, func(k *key, id uint32) int { return cmp.Compare(k.id, id) })
	if !ok {
		return nil
	}
	return r.keys[i]
}

func newKey(id uint32, date time.Time, secret [KeySize]byte) (*key, error) {
	prk, err := hkdf.Extract(sha256.New, secret[:], []byte("nightlatch seal v1"))
	if err != nil {
		return nil, err
	}
	return &key{id: id, date: date, secret: &secret, prk: (*[sha256.Size]byte)(prk)}, nil
}

func (k *key) expand(info string, n int) ([]byte, error) {
	return hkdf.Expand(sha256.New, k.prk[:], info, n)
}
