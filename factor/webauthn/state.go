package webauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
)

// version is that of both states. Another one is not read.
const version = 1

// stored is what is remembered of an authenticator. As a state it is two lines of JSON: this, which every assertion
// reads and writes, and the raw attestation, which none does and which stays as it is.
type stored struct {
	V       int    `json:"v"`
	RPID    string `json:"rp_id,omitempty"`
	AppID   string `json:"app_id,omitempty"`  // of a key that the old U2F API registered; it has no RP ID
	Passkey bool   `json:"passkey,omitempty"` // it may sign in by itself
	// Answered is the challenge of the last assertion: the same one is not good again.
	Answered   []byte `json:"answered,omitempty"`
	Credential record `json:"credential"`

	attestation []byte // JSON of library.CredentialAttestation, or empty
}

// record is the library's own, without its methods: a state has its version, so nothing is guessed while reading it.
// Its Attestation is empty here.
type record library.Credential

var errState = errors.New("webauthn: the state of an authenticator cannot be read")

func decodeStored(state factor.State) (stored, error) {
	var s stored
	live, attestation, whole := bytes.Cut(state, []byte("\n"))
	if err := json.Unmarshal(live, &s); err != nil {
		return stored{}, fmt.Errorf("%w: %w", errState, err)
	}
	s.attestation = attestation
	whole = whole && bytes.HasSuffix(attestation, []byte("}"))
	if s.V != version || len(s.Credential.ID) == 0 || len(s.Credential.PublicKey) == 0 ||
		(s.RPID == "") == (s.AppID == "") || whole != (s.RPID != "") {
		return stored{}, fmt.Errorf("%w: version %d", errState, s.V)
	}
	return s, nil
}

func (s stored) encode() (factor.State, error) {
	s.V = version
	live, err := json.Marshal(s)
	if err != nil || len(s.attestation) == 0 {
		return live, err
	}
	return slices.Concat(live, []byte("\n"), s.attestation), nil
}

// works says whether the authenticator can answer under the factor's settings.
func (f *Factor) works(s stored) bool {
	if s.AppID != "" {
		return s.AppID == f.appID && f.verification != protocol.VerificationRequired
	}
	return s.RPID == f.rpID
}

// BoundTo is as in factor.Binder: the name is an RP ID or, of a key that the old U2F API registered, an AppID. Such a key
// cannot answer where user verification is required, whatever it is bound to.
func (f *Factor) BoundTo(of factor.State) (name string, works bool, err error) {
	s, err := decodeStored(of)
	if err != nil {
		return "", false, err
	}
	return s.RPID + s.AppID, f.works(s), nil // one of the two is empty
}

func descriptor(s stored) protocol.CredentialDescriptor {
	return protocol.CredentialDescriptor{
		Type: protocol.PublicKeyCredentialType, CredentialID: s.Credential.ID, Transport: s.Credential.Transport,
	}
}

// lookup finds a credential among all users: base64url of the SHA-256 over its scope (RP ID or AppID) and its id, each
// after its length in four bytes.
func lookup(scope string, id []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(scope), id} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// What a pending state is for.
const (
	useCreate = "create"
	useGet    = "get"
)

// pending is what a response must fit. It is our own record and not the library's SessionData, whose shape changes
// with its releases and which does not say what it is for.
type pending struct {
	V            int                                  `json:"v"`
	Use          string                               `json:"use"`
	User         string                               `json:"user,omitempty"`   // "": a passkey sign-in, of anybody
	Handle       []byte                               `json:"handle,omitempty"` // of an enrollment
	Purpose      factor.Purpose                       `json:"purpose"`
	RPID         string                               `json:"rp_id"`
	Origins      []string                             `json:"origins"`
	AppID        string                               `json:"app_id,omitempty"`
	Passkey      bool                                 `json:"passkey,omitempty"`
	Verification protocol.UserVerificationRequirement `json:"uv"`
	Allow        []protocol.URLEncodedBase64          `json:"allow,omitempty"`
	Challenge    protocol.URLEncodedBase64            `json:"challenge"`
	Expires      int64                                `json:"expires"` // Unix, in milliseconds
}

// challengeSize is how many random bytes a challenge has (§13.4.3: at least 16).
const challengeSize = 32

var (
	errNoPending = errors.New("no challenge is pending")
	errPending   = errors.New("the pending challenge is none that was made for this")
	errExpired   = errors.New("the challenge has expired")
)

// open reads a pending state, and refuses one that was made for another use, user, purpose, RP ID or origin, or that
// has expired.
func (f *Factor) open(c factor.Call, state factor.State, use string) (pending, error) {
	if len(state) == 0 {
		return pending{}, f.refuse(factor.Wrong, errNoPending)
	}
	var p pending
	if err := json.Unmarshal(state, &p); err != nil {
		return pending{}, f.refuse(factor.Wrong, fmt.Errorf("%w: %w", errPending, err))
	}
	anybody := p.Use == useGet && p.User == ""
	switch {
	case p.V != version, p.Use != use, p.Purpose != c.Purpose, len(p.Challenge) != challengeSize,
		p.RPID != f.rpID, !slices.Equal(p.Origins, f.origins),
		!anybody && (p.User == "" || p.User != c.User.ID),
		use == useCreate && (len(p.Handle) == 0 || !bytes.Equal(p.Handle, c.User.Handle)):
		return pending{}, f.refuse(factor.Wrong, errPending)
	case !c.Now.Before(p.expires()):
		return pending{}, f.refuse(factor.Expired, errExpired)
	}
	return p, nil
}

func (p pending) expires() time.Time { return time.UnixMilli(p.Expires).UTC() }

func (p pending) encode() (factor.State, error) {
	p.V = version
	return json.Marshal(p)
}

// asks says whether two pending states of requests ask for the same, whatever their challenges and times. Without a
// user it is a passkey sign-in, and the allowed credentials say whether an AppID is needed.
func (p pending) asks(q pending) bool {
	return p.User == q.User && p.Purpose == q.Purpose && p.RPID == q.RPID && p.Verification == q.Verification &&
		slices.Equal(p.Origins, q.Origins) &&
		slices.EqualFunc(p.Allow, q.Allow, func(a, b protocol.URLEncodedBase64) bool { return bytes.Equal(a, b) })
}

// person is a user as the library wants one.
type person struct {
	handle        []byte
	name, display string
	credentials   []library.Credential
}

func (p person) WebAuthnID() []byte                        { return p.handle }
func (p person) WebAuthnName() string                      { return p.name }
func (p person) WebAuthnDisplayName() string               { return p.display }
func (p person) WebAuthnCredentials() []library.Credential { return p.credentials }

// names are how the user is shown by a browser: the account, and the name beside it.
func names(u factor.User) (name, display string) {
	name, display = u.Account(), u.Name
	if display == "" {
		display = name
	}
	return name, display
}
