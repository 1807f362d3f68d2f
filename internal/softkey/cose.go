package softkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
)

// signer is a private key. Signatures are deterministic.
type signer interface {
	sign(message []byte) ([]byte, error)
	cose() []byte // the public key (RFC 9053 §7)
}

func newSigner(random io.Reader, algorithm int) (signer, error) {
	switch algorithm {
	case ES256:
		return newES256(random)
	case EdDSA:
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil, err
		}
		return eddsa{ed25519.NewKeyFromSeed(seed)}, nil
	case RS256:
		// The standard library makes RSA keys from its own randomness only.
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		return rs256{key}, err
	}
	return nil, ErrUnsupported
}

type es256 struct{ key *ecdsa.PrivateKey }

func newES256(random io.Reader) (*es256, error) {
	for {
		scalar := make([]byte, 32)
		if _, err := io.ReadFull(random, scalar); err != nil {
			return nil, err
		}
		// Hardly ever is a scalar out of range.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err == nil {
			return &es256{key}, nil
		}
	}
}

func (s *es256) sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return s.key.Sign(nil, digest[:], crypto.SHA256) // without randomness: RFC 6979
}

// point is the public key as 0x04, x, y.
func (s *es256) point() []byte {
	b, err := s.key.PublicKey.Bytes()
	if err != nil {
		return nil // only a curve that is not NIST's
	}
	return b
}

func (s *es256) cose() []byte {
	p := s.point()
	return cborMap(
		cborInt(1), cborInt(2), cborInt(3), cborInt(ES256), cborInt(-1), cborInt(1),
		cborInt(-2), cborBytes(p[1:33]), cborInt(-3), cborBytes(p[33:]),
	)
}

type eddsa struct{ key ed25519.PrivateKey }

func (s eddsa) sign(message []byte) ([]byte, error) { return ed25519.Sign(s.key, message), nil }

func (s eddsa) cose() []byte {
	return cborMap(
		cborInt(1), cborInt(1), cborInt(3), cborInt(EdDSA), cborInt(-1), cborInt(6),
		cborInt(-2), cborBytes(s.key.Public().(ed25519.PublicKey)),
	)
}

type rs256 struct{ key *rsa.PrivateKey }

func (s rs256) sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
}

func (s rs256) cose() []byte {
	return cborMap(
		cborInt(1), cborInt(3), cborInt(3), cborInt(RS256),
		cborInt(-1), cborBytes(s.key.N.Bytes()), cborInt(-2), cborBytes([]byte{1, 0, 1}),
	)
}

// CBOR in CTAP2's canonical form (RFC 8949), as much of it as is needed here. Maps are given in canonical order.

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(1, uint64(-1-n))
	}
	return cborHead(0, uint64(n))
}

func cborBytes(b []byte) []byte { return append(cborHead(2, uint64(len(b))), b...) }

func cborText(s string) []byte { return append(cborHead(3, uint64(len(s))), s...) }

func cborArray(items ...[]byte) []byte {
	return append(cborHead(4, uint64(len(items))), slices.Concat(items...)...)
}

// cborMap takes keys and values in turn.
func cborMap(pairs ...[]byte) []byte {
	return append(cborHead(5, uint64(len(pairs)/2)), slices.Concat(pairs...)...)
}
