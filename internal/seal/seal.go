// Package seal encrypts what is kept, each value bound to the place where it is kept.
//
// It owns the key ring, the format of a sealed value and the keyed hashes made from the same ring. It knows no
// store and no record: a Place is four texts to it.
//
// # Format of a sealed value, version 1
//
//	offset  bytes  what
//	     0      1  version: 1
//	     1      4  number of the key, big endian
//	     5     24  salt, random
//	    29      n  ciphertext of the n bytes sealed
//	  29+n     16  tag of AES-256-GCM
//
// Every value has a key of its own: HKDF-SHA256 (RFC 5869) extracts from the ring's key with the salt
// "nightlatch seal v1", and expands with the info "box" and the value's salt to 44 bytes, 32 of AES key and 12 of
// nonce. With 192 random bits a value, no pair of key and nonce comes twice, whatever the number of values and of
// nodes. The associated data (NIST SP 800-38D §5.2.1) are the 29 bytes of the header, then table, column, record
// and user, each as its length in 4 bytes, big endian, and its bytes.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	version  = 1
	saltSize = 24
	header   = 1 + 4 + saltSize
	tagSize  = 16
	// Overhead is how many bytes longer a sealed value is than what was sealed.
	Overhead = header + tagSize
	// maxPlain bounds what is sealed and opened: a record's state is a few kilobytes.
	maxPlain = 16 << 20
)

var (
	// ErrTampered: the value was not sealed so: changed, cut, moved from another place, or sealed with another
	// key of the same number.
	ErrTampered = errors.New("seal: value is damaged or not from here")
	// ErrUnknownKey is what every *UnknownKeyError is.
	ErrUnknownKey = errors.New("seal: unknown key")
)

// UnknownKeyError: the value was sealed with a key that the ring does not hold.
type UnknownKeyError struct{ ID uint32 }

// Error names the key that is needed.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("seal: key %d is needed and not in the key ring", e.ID)
}

// Is makes every *UnknownKeyError an ErrUnknownKey.
func (e *UnknownKeyError) Is(target error) bool { return target == ErrUnknownKey }

// Place is where a value is kept. A value opens in the place that it was sealed for and in no other.
type Place struct {
	Table  string
	Column string
	ID     string // the record
	User   string // whose record it is
}

// Seal encrypts plain for a place, with the key that seals. The box is Overhead bytes longer.
// It returns an error when random fails or plain is longer than 16 MiB.
func (r *Ring) Seal(random io.Reader, plain []byte, place Place) ([]byte, error) {
	if len(plain) > maxPlain {
		return nil, errors.New("seal: value is too long")
	}
	k := r.sealing()
	box := make([]byte, header, Overhead+len(plain))
	box[0] = version
	binary.BigEndian.PutUint32(box[1:5], k.id)
	if _, err := io.ReadFull(random, box[5:header]); err != nil {
		return nil, fmt.Errorf("seal: no randomness: %w", err)
	}
	aead, nonce, err := k.boxKey(box[5:header])
	if err != nil {
		return nil, err
	}
	return aead.Seal(box, nonce, plain, associated(box[:header], place)), nil
}

// Open decrypts a box that was sealed for the place.
// It returns ErrTampered, or an *UnknownKeyError that names the key that is needed.
func (r *Ring) Open(box []byte, place Place) ([]byte, error) {
	id, err := KeyID(box)
	if err != nil {
		return nil, err
	}
	k := r.find(id)
	if k == nil {
		return nil, &UnknownKeyError{ID: id}
	}
	aead, nonce, err := k.boxKey(box[5:header])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce, box[header:], associated(box[:header], place))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// KeyID is the number of the key that a box says it was sealed with, unproven until Open succeeds.
// It returns ErrTampered when box is none of this version.
func KeyID(box []byte) (uint32, error) {
	if len(box) < Overhead || len(box) > Overhead+maxPlain || box[0] != version {
		return 0, ErrTampered
	}
	id := binary.BigEndian.Uint32(box[1:5])
	if id == 0 {
		return 0, ErrTampered
	}
	return id, nil
}

// PrefixSize is how many bytes at the beginning of a box tell its key.
const PrefixSize = 5

// Prefix is what every box begins with that the key of a number sealed, and no other.
func Prefix(id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{version}, id)
}

// PrefixKey is the number of the key of a Prefix; false for what is none of this version.
func PrefixKey(prefix []byte) (uint32, bool) {
	if len(prefix) < PrefixSize || prefix[0] != version {
		return 0, false
	}
	id := binary.BigEndian.Uint32(prefix[1:PrefixSize])
	return id, id != 0
}

// associated encodes the place so that no two places look alike.
func associated(head []byte, p Place) []byte {
	parts := [...]string{p.Table, p.Column, p.ID, p.User}
	n := len(head)
	for _, s := range parts {
		n += 4 + len(s)
	}
	out := append(make([]byte, 0, n), head...)
	for _, s := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(s)))
		out = append(out, s...)
	}
	return out
}

func (k *key) boxKey(salt []byte) (cipher.AEAD, []byte, error) {
	okm, err := k.expand("box"+string(salt), 32+12)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(okm[:32])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, okm[32:], err
}
