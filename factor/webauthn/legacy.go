package webauthn

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
)

// U2F is a key as the old U2F API's libraries stored it (FIDO U2F raw message formats §4.3).
type U2F struct {
	KeyHandle  []byte // raw; old libraries kept base64url
	PublicKey  []byte // 65 bytes: a point of P-256, uncompressed (X9.62)
	AppID      string // what it was registered with: an origin, or the URL of a list of facets
	Counter    uint32 // the last one seen, 0 if none was kept
	Transports []string
}

// Imported is an authenticator of the old U2F API's key. It answers where Options.AppID is its AppID, through the appid
// extension (§10.1.1); under other settings it is held and not offered. It proves possession only.
// The error says what is wrong with the key.
func Imported(u U2F) (factor.Enrolled, error) {
	if n := len(u.KeyHandle); n == 0 || n > maxCredential {
		return factor.Enrolled{}, fmt.Errorf("webauthn: a key handle has 1 to %d bytes, not %d", maxCredential, n)
	}
	if _, err := ecdh.P256().NewPublicKey(u.PublicKey); err != nil {
		return factor.Enrolled{}, errors.New("webauthn: the public key is no point of P-256 in 65 bytes")
	}
	if app, err := url.Parse(u.AppID); err != nil || app.Hostname() == "" || app.Scheme != "https" && app.Scheme != "http" {
		return factor.Enrolled{}, fmt.Errorf("webauthn: the AppID %.200q is no URL", u.AppID)
	}
	given := make([]protocol.AuthenticatorTransport, len(u.Transports))
	for i, t := range u.Transports {
		given[i] = protocol.AuthenticatorTransport(t)
		switch t { // as FIDO U2F §2.1 of its transports extension named them
		case "bt":
			given[i] = protocol.BLE
		case "usb-internal":
			given[i] = protocol.USB
		}
	}
	s := stored{AppID: u.AppID, Credential: record{
		ID: u.KeyHandle,
		// The library takes the raw point where appid is true and the format is this one, and COSE otherwise.
		PublicKey: u.PublicKey, AttestationFormat: string(protocol.AttestationFormatFIDOUniversalSecondFactor),
		Transport: transports(given), Flags: library.CredentialFlags{UserPresent: true},
		Authenticator: library.Authenticator{SignCount: u.Counter},
	}}
	state, err := s.encode()
	if err != nil {
		return factor.Enrolled{}, err
	}
	return factor.Enrolled{State: state, Lookup: lookup(u.AppID, u.KeyHandle), Label: labelKey}, nil
}
