package webauthn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
)

// The names that are suggested for new authenticators.
const (
	labelPasskey = "Passkey"
	labelKey     = "Security key"
)

var (
	errNoHandle = errors.New("webauthn: the user has no handle")
	errHeld     = errors.New("the credential is held already")
	errVisible  = errors.New("the passkey is not discoverable")
	errKey      = errors.New("the public key is too small or too large")
)

// algorithms are those that are offered, the preferred first (§5.4): EdDSA, ES256, and RS256 for Windows Hello.
func algorithms() []protocol.CredentialParameter {
	ids := []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgEdDSA, webauthncose.AlgES256, webauthncose.AlgRS256}
	params := make([]protocol.CredentialParameter, len(ids))
	for i, id := range ids {
		params[i] = protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: id}
	}
	return params
}

// BeginEnrollment returns a PublicKey prompt with creation options: for a passkey (r.Passkey) discoverable and with user
// verification, else for a key beside a password. What is held already is excluded. No attestation is asked for.
func (f *Factor) BeginEnrollment(_ context.Context, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
	if len(c.User.Handle) == 0 || len(c.User.Handle) > protocol.MaximumUserHandleLength {
		return nil, nil, errNoHandle
	}
	p := pending{
		Use: useCreate, User: c.User.ID, Handle: c.User.Handle, Purpose: c.Purpose, RPID: f.rpID, Origins: f.origins,
		Passkey: r.Passkey, Verification: f.verification, Challenge: make([]byte, challengeSize),
		Expires: c.Now.Add(enrollmentLife).UnixMilli(),
	}
	if r.Passkey {
		p.Verification = protocol.VerificationRequired
	}
	exclude, err := f.exclude(c.Held, &p)
	if err != nil {
		return nil, nil, err
	}
	if _, err := io.ReadFull(c.Rand, p.Challenge); err != nil {
		return nil, nil, fmt.Errorf("webauthn: making a challenge: %w", err)
	}
	options, err := json.Marshal(f.creation(c, p, exclude))
	if err != nil {
		return nil, nil, err
	}
	state, err := p.encode()
	return factor.PublicKey{Create: true, Options: options, ExpiresAt: p.expires()}, state, err
}

// exclude lists what is held, and asks for appidExclude where keys of the old U2F API are among it (§10.1.2).
func (f *Factor) exclude(held []factor.Held, p *pending) ([]protocol.CredentialDescriptor, error) {
	var list []protocol.CredentialDescriptor
	for _, h := range held {
		s, err := decodeStored(h.State)
		if err != nil {
			return nil, err // else the same authenticator could be enrolled twice
		}
		if s.AppID != "" && s.AppID == f.appID {
			p.AppID = f.appID
		}
		list = append(list, descriptor(s))
	}
	return list, nil
}

func (f *Factor) creation(c factor.Call, p pending, exclude []protocol.CredentialDescriptor) protocol.PublicKeyCredentialCreationOptions {
	resident, required := protocol.ResidentKeyRequirementDiscouraged, p.Passkey
	if p.Passkey {
		resident = protocol.ResidentKeyRequirementRequired
	}
	name, display := names(c.User)
	return protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{ID: f.rpID, CredentialEntity: protocol.CredentialEntity{Name: f.rpName}},
		User: protocol.UserEntity{
			ID: protocol.URLEncodedBase64(p.Handle), DisplayName: display,
			CredentialEntity: protocol.CredentialEntity{Name: name},
		},
		Challenge: p.Challenge, Parameters: algorithms(), Timeout: int(f.timeout / time.Millisecond),
		CredentialExcludeList: exclude,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: resident, RequireResidentKey: &required, UserVerification: p.Verification,
		},
		Attestation: protocol.PreferNoAttestation,
		Extensions:  p.extensions(),
	}
}

func (p pending) extensions() protocol.AuthenticationExtensions {
	if p.Use == useCreate {
		return protocol.AuthenticationExtensions{CredProps: true, AppIDExclude: p.AppID}
	}
	return protocol.AuthenticationExtensions{AppID: p.AppID}
}

// FinishEnrollment judges r.Credential, the W3C JSON of the browser's answer (§7.1). A passkey is refused if its user
// was not verified.
func (f *Factor) FinishEnrollment(_ context.Context, c factor.Call, state factor.State, r factor.Response) (factor.Enrolled, error) {
	p, err := f.open(c, state, useCreate)
	if err != nil {
		return factor.Enrolled{}, err
	}
	credential, err := f.register(p, r.Credential)
	if err != nil {
		return factor.Enrolled{}, f.refuse(factor.Wrong, err)
	}
	for _, h := range c.Held {
		s, err := decodeStored(h.State)
		if err != nil {
			return factor.Enrolled{}, err
		}
		if bytes.Equal(s.Credential.ID, credential.ID) {
			return factor.Enrolled{}, f.refuse(factor.Wrong, errHeld)
		}
	}
	s := stored{RPID: f.rpID, Passkey: p.Passkey, Credential: record(*credential)}
	if s.attestation, err = json.Marshal(credential.Attestation); err != nil {
		return factor.Enrolled{}, err
	}
	s.Credential.Attestation = library.CredentialAttestation{}
	e := factor.Enrolled{
		Lookup: lookup(f.rpID, credential.ID), Label: labelKey, Model: model(credential.Authenticator.AAGUID),
		Syncable: credential.Flags.BackupEligible,
	}
	if p.Passkey {
		e.Label = labelPasskey
	}
	if e.State, err = s.encode(); err != nil {
		return factor.Enrolled{}, err
	}
	return e, nil
}

// register is §7.1.
func (f *Factor) register(p pending, response []byte) (*library.Credential, error) {
	parsed, err := parseCreation(response)
	if err != nil {
		return nil, err
	}
	if err := listed(p.Origins, parsed.Response.CollectedClientData); err != nil {
		return nil, err
	}
	session := library.SessionData{
		Challenge: p.Challenge.String(), RelyingPartyID: p.RPID, UserID: p.Handle, UserVerification: p.Verification,
		Extensions: p.extensions().Session(), CredParams: algorithms(),
	}
	credential, err := guarded(func() (*library.Credential, error) {
		return f.lib.CreateCredential(person{handle: p.Handle}, session, parsed)
	})
	if err != nil {
		return nil, err
	}
	if err := soundKey(credential.PublicKey); err != nil {
		return nil, err
	}
	if rk := credential.Extensions.RK; p.Passkey && rk != nil && !*rk {
		return nil, errVisible
	}
	// The statement's signature was checked, whose it is was not: nothing may look as if it had been.
	credential.AttestationType = ""
	// What the browser says beside the attestation object is in it, or was never checked.
	credential.Attestation.AuthenticatorData, credential.Attestation.PublicKeyAlgorithm = nil, 0
	credential.Transport = transports(credential.Transport)
	return credential, nil
}

// soundKey refuses a public key that no assertion could be verified with, or only at great cost: where no attestation
// is signed the library looks at its algorithm only.
func soundKey(cose []byte) error {
	const largest = 1 << 10 // an RSA key of 4096 bits has half of it
	if len(cose) > largest {
		return errKey
	}
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return err
	}
	if r, ok := key.(webauthncose.RSAPublicKeyData); ok && len(r.Modulus) < 2048/8 {
		return errKey
	}
	return nil
}

// transports keeps those that a key can have, unknown ones too (§5.8.4), each once.
func transports(given []protocol.AuthenticatorTransport) []protocol.AuthenticatorTransport {
	const most, longest = 16, 32
	var kept []protocol.AuthenticatorTransport
	seen := map[protocol.AuthenticatorTransport]bool{"": true}
	for _, t := range given {
		if !seen[t] && len(t) <= longest && len(kept) < most {
			seen[t], kept = true, append(kept, t)
		}
	}
	return kept
}
