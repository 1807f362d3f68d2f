// Package softkey is a security key and the browser before it, in software, for tests.
//
// A Key takes the W3C JSON of creation and request options, as navigator.credentials does after
// parseCreationOptionsFromJSON, and gives back the W3C JSON of credential.toJSON(). It behaves as an honest
// authenticator and browser do (WebAuthn Level 3 §5.1, §6.3) until Forge tells it otherwise: its hooks change any
// field before or after it is signed.
//
// The package imports nothing of ours, so that a fault of ours cannot hide in both places.
package softkey

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The algorithms that a key can be told to offer (COSE, RFC 9053).
const (
	ES256 = -7
	EdDSA = -8
	RS256 = -257
)

// What a browser answers instead of a credential. The names are those of the DOMException.
var (
	ErrExcluded    = errors.New("softkey: InvalidStateError: one of excludeCredentials is here already")
	ErrNotAllowed  = errors.New("softkey: NotAllowedError: no credential here may answer")
	ErrUnsupported = errors.New("softkey: NotSupportedError: none of the algorithms is known")
	ErrConstraint  = errors.New("softkey: ConstraintError: the key cannot verify its user or keep a passkey")
	ErrSecurity    = errors.New("softkey: SecurityError: the RP ID or AppID is not of this origin")
)

// Key is one authenticator and the browser before it. The zero value of each field is an honest choice; New sets
// what most tests want. It is used by one goroutine at a time.
type Key struct {
	Origin         string        // "https://example.com": the page that the browser is at
	Verifies       bool          // it can verify its user (PIN, finger): then it does, unless that is discouraged
	Resident       bool          // it can keep discoverable credentials
	BackupEligible bool          // BE: its credentials may be synced
	BackedUp       bool          // BS: they are
	U2F            bool          // it speaks CTAP1 only: fido-u2f attestation, no user verification, no passkeys
	Attest         bool          // it sends an attestation although none was asked (fido-u2f, else packed self attestation)
	AAGUID         [16]byte      // its model; zero for U2F whatever this says
	Algorithms     []int         // what it can sign with, ES256 if nil
	Transports     []string      // "usb" if nil
	Step           uint32        // how much its counter grows with each assertion; 0: it has none
	Forge          Forge         // what it lies about
	Credentials    []*Credential // what it holds, the newest last

	rand io.Reader
}

// Credential is one key pair that a Key holds.
type Credential struct {
	ID         []byte
	RPID       string // of a key registered with the old U2F API: its AppID
	UserHandle []byte // of a resident one
	Resident   bool
	Counter    uint32
	Algorithm  int
	signer     signer
}

// New is an empty key at https://example.com that verifies its user, keeps passkeys and counts, with randomness
// from rand. Equal randomness gives equal keys and, save for RS256, equal credentials.
func New(rand io.Reader) *Key {
	return &Key{Origin: "https://example.com", Verifies: true, Resident: true, Step: 1, rand: rand}
}

// Public is the COSE form of the credential's public key (RFC 9052 §7).
func (c *Credential) Public() []byte { return c.signer.cose() }

// Registered makes a credential as the old U2F API did (FIDO U2F raw messages §4.3), and returns the key handle and
// the raw public key (65 bytes, X9.62) that the old libraries stored.
func (k *Key) Registered(appID string) (keyHandle, publicKey []byte, err error) {
	c, err := k.make(appID, ES256)
	if err != nil {
		return nil, nil, err
	}
	k.Credentials = append(k.Credentials, c)
	return bytes.Clone(c.ID), c.signer.(*es256).point(), nil
}

func (k *Key) make(rpID string, algorithm int) (*Credential, error) {
	id := make([]byte, 32)
	if _, err := io.ReadFull(k.rand, id); err != nil {
		return nil, err
	}
	s, err := newSigner(k.rand, algorithm)
	if err != nil {
		return nil, err
	}
	return &Credential{ID: id, RPID: rpID, Algorithm: algorithm, signer: s}, nil
}

func (k *Key) find(rpID string, id []byte) *Credential {
	i := slices.IndexFunc(k.Credentials, func(c *Credential) bool { return c.RPID == rpID && bytes.Equal(c.ID, id) })
	if i < 0 {
		return nil
	}
	return k.Credentials[i]
}

// algorithm is the first of those offered that the key can sign with.
func (k *Key) algorithm(offered []parameter) (int, error) {
	can := k.Algorithms
	if can == nil || k.U2F {
		can = []int{ES256}
	}
	for _, p := range offered {
		if p.Type == publicKey && slices.Contains(can, p.Algorithm) {
			return p.Algorithm, nil
		}
	}
	return 0, ErrUnsupported
}

func (k *Key) transports() []string {
	if k.Transports == nil {
		return []string{"usb"}
	}
	return k.Transports
}

// verifies says whether the user is verified, as the options want it.
func (k *Key) verifies(wanted string) (bool, error) {
	can := k.Verifies && !k.U2F
	if wanted == "required" && !can {
		return false, ErrConstraint
	}
	return can && wanted != "discouraged", nil
}

// owns says whether a page at the key's origin may use an RP ID (§5.1.4.1: its host, or a domain above it).
func (k *Key) owns(rpID string) error {
	u, err := url.Parse(k.Origin)
	if err != nil || rpID == "" || u.Hostname() != rpID && !strings.HasSuffix(u.Hostname(), "."+rpID) {
		return ErrSecurity
	}
	return nil
}

// The bits of the authenticator data's flags (§6.1).
const (
	FlagUP byte = 0x01 // the user was present
	FlagUV byte = 0x04 // the user was verified
	FlagBE byte = 0x08 // the credential may be backed up
	FlagBS byte = 0x10 // it is
	FlagAT byte = 0x40 // a credential follows
	FlagED byte = 0x80 // extension outputs follow
)

func (k *Key) flags(verified bool) byte {
	f := FlagUP
	if k.U2F {
		return f
	}
	for _, b := range []struct {
		set bool
		bit byte
	}{{verified, FlagUV}, {k.BackupEligible, FlagBE}, {k.BackedUp, FlagBS}} {
		if b.set {
			f |= b.bit
		}
	}
	return f
}

// attestationLife is when the certificates of fido-u2f attestations are good.
var attestationLife = [2]time.Time{time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}

// AuthData is the authenticator data (§6.1) before it becomes bytes.
type AuthData struct {
	RPIDHash     []byte
	Flags        byte
	Counter      uint32
	AAGUID       [16]byte // with FlagAT
	CredentialID []byte   // with FlagAT
	PublicKey    []byte   // with FlagAT: COSE
	Trailing     []byte   // whatever follows: extension outputs, or what should not be there
}

func (a *AuthData) bytes() []byte {
	b := append(bytes.Clone(a.RPIDHash), a.Flags)
	b = binary.BigEndian.AppendUint32(b, a.Counter)
	if a.Flags&FlagAT != 0 {
		b = append(b, a.AAGUID[:]...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(a.CredentialID)))
		b = append(append(b, a.CredentialID...), a.PublicKey...)
	}
	return append(b, a.Trailing...)
}
