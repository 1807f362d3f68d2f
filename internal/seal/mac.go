package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

// A MAC is the number of its key in 4 bytes, big endian, and HMAC-SHA256 (RFC 2104) over each of data as its
// length in 8 bytes, big endian, and its bytes. The key of the HMAC is what HKDF expands from the ring's key with
// the info "mac" and the purpose.

// MACSize is the length of a MAC in bytes.
const MACSize = 4 + sha256.Size

// MAC authenticates data, for one purpose, with the key that seals. data are told apart: "a", "bc" is not "ab", "c".
func (r *Ring) MAC(purpose string, data ...[]byte) []byte {
	return r.sealing().mac(purpose, data)
}

// MACWith is MAC with the key of a number, for a value that others must find again by the same input although
// the ring has grown: look for it with each of Keys. It returns *UnknownKeyError.
func (r *Ring) MACWith(id uint32, purpose string, data ...[]byte) ([]byte, error) {
	k := r.find(id)
	if k == nil {
		return nil, &UnknownKeyError{ID: id}
	}
	return k.mac(purpose, data), nil
}

// CheckMAC judges a MAC, in constant time, with the key that it names.
// It returns nil, ErrTampered or *UnknownKeyError.
func (r *Ring) CheckMAC(mac []byte, purpose string, data ...[]byte) error {
	if len(mac) != MACSize {
		return ErrTampered
	}
	want, err := r.MACWith(binary.BigEndian.Uint32(mac), purpose, data...)
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, want) {
		return ErrTampered
	}
	return nil
}

// MACKey is the number of the key that a MAC names, unproven until CheckMAC succeeds. It returns ErrTampered.
func MACKey(mac []byte) (uint32, error) {
	if len(mac) != MACSize {
		return 0, ErrTampered
	}
	return binary.BigEndian.Uint32(mac), nil
}

func (k *key) mac(purpose string, data [][]byte) []byte {
	// One block of HKDF-Expand (RFC 5869 §2.3), by hand since this one cannot fail.
	expand := hmac.New(sha256.New, k.prk[:])
	expand.Write([]byte("mac" + purpose + "\x01"))
	h := hmac.New(sha256.New, expand.Sum(nil))
	var n [8]byte
	for _, d := range data {
		binary.BigEndian.PutUint64(n[:], uint64(len(d)))
		h.Write(n[:])
		h.Write(d)
	}
	return h.Sum(binary.BigEndian.AppendUint32(make([]byte, 0, MACSize), k.id))
}

const checkText = "nightlatch: this is the right key"

var checkPlace = Place{Table: "nightlatch", Column: "key_check"}

// NewCheck seals a constant, for a store to keep, so that a wrong ring is noticed before anything depends on it.
func (r *Ring) NewCheck(random io.Reader) ([]byte, error) {
	return r.Seal(random, []byte(checkText), checkPlace)
}

// Check judges, by what NewCheck made, whether this is the ring that a store was sealed with. Its errors say what
// is wrong to a person: *UnknownKeyError names the key that is missing, ErrTampered comes with the number of the
// key that is another's.
func (r *Ring) Check(box []byte) error {
	plain, err := r.Open(box, checkPlace)
	if err == nil && string(plain) == checkText {
		return nil
	}
	if err == nil {
		err = ErrTampered
	}
	if id, idErr := KeyID(box); idErr == nil && r.find(id) != nil {
		return fmt.Errorf("seal: key %d is not the key %d that this store was sealed with: %w", id, id, err)
	}
	return err
}
