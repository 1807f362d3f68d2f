// Package token makes opaque tokens and record ids.
//
// A token is 256 random bits that only its holder knows; what is stored is its hash, by which it is found again.
// It begins with its type, so that one type is never taken for another: an unfinished sign-in opens nothing. The
// package knows no store and no cookie.
package token

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// Type is what a token is good for.
type Type byte

// The types. Their letters are part of every token that was handed out and do not change.
const (
	Session    Type = 's' // a finished sign-in
	SignIn     Type = 'i' // an unfinished sign-in
	Device     Type = 'd' // a remembered browser
	Mailed     Type = 'm' // the link in a mail
	Enrollment Type = 'e' // an enrollment that waits for its response
	Challenge  Type = 'c' // a challenge that belongs to no sign-in yet
)

const (
	size      = 32 // bytes of randomness, and of the hash
	prefixLen = len("nl_s_")
	// Len is the length of every token.
	Len = prefixLen + 43
	// HashLen is the length of every hash.
	HashLen = 43
	// IDLen is the length of every record id.
	IDLen = 26
)

// New makes a token, and the hash that is stored of it: "nl_", the type's letter, "_" and 43 characters of
// base64url (RFC 4648 §5). It panics when random fails: there is no safe way on (crypto/rand.Reader never fails).
func New(random io.Reader, t Type) (text, hash string) {
	var raw [size]byte
	fill(random, raw[:])
	out := append(make([]byte, 0, Len), 'n', 'l', '_', byte(t), '_')
	text = string(base64.RawURLEncoding.AppendEncode(out, raw[:]))
	return text, hashOf(text)
}

// Hash checks that text is spelled exactly as New spells a token of type t, and returns what is stored of it: the
// SHA-256 of the whole token in base64url without padding. Each token has one spelling and one hash. It is false
// for anything else.
//
// Nothing needs to be compared in constant time: who looks a hash up learns nothing of the token from how long
// the look-up takes.
func Hash(t Type, text string) (string, bool) {
	if !Is(t, text) {
		return "", false
	}
	return hashOf(text), true
}

// Is says whether text is a well-formed token of type t.
func Is(t Type, text string) bool {
	got, ok := TypeOf(text)
	return ok && got == t
}

func hashOf(text string) string {
	var in [Len]byte
	var out [HashLen]byte
	sum := sha256.Sum256(append(in[:0], text...))
	base64.RawURLEncoding.Encode(out[:], sum[:])
	return string(out[:])
}

func fill(random io.Reader, p []byte) {
	if _, err := io.ReadFull(random, p); err != nil {
		panic(fmt.Errorf("token: no randomness: %w", err))
	}
}

// TypeOf reads the type of a well-formed token. It is false for text that is none.
func TypeOf(text string) (Type, bool) {
	if len(text) != Len || text[:3] != "nl_" || text[4] != '_' {
		return 0, false
	}
	switch t := Type(text[3]); t {
	case Session, SignIn, Device, Mailed, Enrollment, Challenge:
		return t, spelled(text[prefixLen:])
	}
	return 0, false
}

// spelled says whether the 43 characters are base64url of 32 bytes. The two bits that the last one has too many
// must be zero, else there were four spellings of one token.
func spelled(text string) bool {
	const ( // a bit for each character, from 0 and from 64
		low  = 1<<'-' | (1<<10-1)<<'0'
		high = (1<<26-1)<<('A'-64) | 1<<('_'-64) | (1<<26-1)<<('a'-64)
	)
	all := uint64(1)
	for i := range len(text) {
		c := text[i] // no branch: of what is random a processor guesses every second one wrong
		all &= uint64(low)>>c | uint64(high)>>(c-64)
	}
	return all == 1 && strings.IndexByte("AEIMQUYcgkosw048", text[len(text)-1]) >= 0
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID makes the id of a record: 128 random bits as 26 characters of lower case base32 (RFC 4648 §6). An id is
// no secret: it stands in addresses and answers. It panics when random fails.
func NewID(random io.Reader) string {
	var raw [16]byte
	fill(random, raw[:])
	return idEncoding.EncodeToString(raw[:])
}

// IsID says whether text is spelled as NewID spells an id, so that a store is not asked for anything else.
func IsID(text string) bool {
	if len(text) != IDLen {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	// 128 bits fill 25 characters and 3 of the last one's 5 bits; the other two are zero.
	return strings.IndexByte("aeimquy4", text[IDLen-1]) >= 0
}
