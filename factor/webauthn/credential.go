package webauthn

import (
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
)

// Credential is a WebAuthn credential that another program enrolled (§4, credential record).
type Credential struct {
	ID         []byte // raw
	PublicKey  []byte // COSE_Key (RFC 9052 §7)
	RPID       string // what it was created for; "" is the factor's own
	Counter    uint32 // the last one seen, 0 if none was kept
	Transports []string
	AAGUID     []byte // 16 bytes, or empty
	// Discoverable: it may sign in by itself. Its user handle must then be the user's own.
	Discoverable bool
	// Verified, BackupEligible and BackedUp are the flags of its creation or last use (§6.1). An assertion whose
	// BackupEligible differs is refused (§7.2 step 18), so it must be right.
	Verified, BackupEligible, BackedUp bool
}

// NewState is what an enrollment of the credential would have ended with. It fails for a credential of another RP ID,
// which no browser would use here, and says what is wrong with one that cannot work. Nothing is known of its
// attestation.
func (f *Factor) NewState(c Credential) (factor.Enrolled, error) {
	if n := len(c.ID); n == 0 || n > maxCredential {
		return factor.Enrolled{}, fmt.Errorf("webauthn: a credential id has 1 to %d bytes, not %d", maxCredential, n)
	}
	if c.RPID != "" && c.RPID != f.rpID {
		return factor.Enrolled{}, fmt.Errorf("webauthn: the credential is of RP ID %.253q, this service's is %q", c.RPID, f.rpID)
	}
	if _, err := guarded(func() (struct{}, error) { return struct{}{}, soundKey(c.PublicKey) }); err != nil {
		return factor.Enrolled{}, errors.New("webauthn: the public key is no COSE key that can be used")
	}
	if n := len(c.AAGUID); n != 0 && n != 16 {
		return factor.Enrolled{}, fmt.Errorf("webauthn: an AAGUID has 16 bytes, not %d", n)
	}
	given := make([]protocol.AuthenticatorTransport, len(c.Transports))
	for i, t := range c.Transports {
		given[i] = protocol.AuthenticatorTransport(t)
	}
	s := stored{
		RPID: f.rpID, Passkey: c.Discoverable, attestation: []byte("{}"),
		Credential: record{
			ID: c.ID, PublicKey: c.PublicKey, Transport: transports(given),
			Flags: library.CredentialFlags{
				UserPresent: true, UserVerified: c.Verified, BackupEligible: c.BackupEligible, BackupState: c.BackedUp && c.BackupEligible,
			},
			Authenticator: library.Authenticator{AAGUID: c.AAGUID, SignCount: c.Counter},
		},
	}
	e := factor.Enrolled{Lookup: lookup(f.rpID, c.ID), Label: labelKey, Model: model(c.AAGUID)}
	if c.Discoverable {
		e.Label = labelPasskey
	}
	var err error
	e.State, err = s.encode()
	return e, err
}

// Restated is an authenticator that this package enrolled in another service of the same RP ID or AppID, from its
// state. It fails for what is no such state, and for another RP ID.
func (f *Factor) Restated(state factor.State) (factor.Enrolled, error) {
	s, err := decodeStored(state)
	if err != nil {
		return factor.Enrolled{}, err
	}
	scope := s.AppID
	if scope == "" {
		scope = s.RPID
		if s.RPID != f.rpID {
			return factor.Enrolled{}, fmt.Errorf("webauthn: the credential is of RP ID %.253q, this service's is %q", s.RPID, f.rpID)
		}
	}
	e := factor.Enrolled{State: state, Lookup: lookup(scope, s.Credential.ID), Label: labelKey}
	if s.Passkey {
		e.Label = labelPasskey
	}
	if s.AppID == "" {
		e.Model = model(s.Credential.Authenticator.AAGUID)
	}
	return e, nil
}
