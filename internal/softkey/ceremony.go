package softkey

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"slices"
)

// Forge is what a key lies about: each hook, where set, changes what an honest key and browser would have made.
// They run in the order in which they stand here; what the first three change is signed, what the last one changes is not.
type Forge struct {
	ClientData func(*ClientData)
	ClientJSON func([]byte) []byte // the client data's bytes, before they are hashed
	AuthData   func(*AuthData)
	Response   func(*Response)
}

// clientData makes the client data and its bytes.
func (k *Key) clientData(ceremony string, challenge []byte) ([]byte, error) {
	c := ClientData{Type: ceremony, Challenge: challenge, Origin: k.Origin}
	if k.Forge.ClientData != nil {
		k.Forge.ClientData(&c)
	}
	text, err := json.Marshal(c)
	if err == nil && k.Forge.ClientJSON != nil {
		text = k.Forge.ClientJSON(text)
	}
	return text, err
}

func (k *Key) authData(a AuthData) []byte {
	if k.Forge.AuthData != nil {
		k.Forge.AuthData(&a)
	}
	return a.bytes()
}

func (k *Key) finish(r *Response) (json.RawMessage, error) {
	if k.Forge.Response != nil {
		k.Forge.Response(r)
	}
	return r.encode()
}

// Create answers creation options, as navigator.credentials.create does, and holds the new credential.
// Errors: ErrExcluded, ErrUnsupported, ErrConstraint, ErrSecurity, and what makes the options no options.
func (k *Key) Create(options json.RawMessage) (json.RawMessage, error) {
	var o creation
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	c, verified, err := k.accept(&o)
	if err != nil {
		return nil, err
	}
	clientJSON, err := k.clientData("webauthn.create", o.Challenge)
	if err != nil {
		return nil, err
	}
	scope := sha256.Sum256([]byte(o.RP.ID))
	data := AuthData{
		RPIDHash: scope[:], Flags: k.flags(verified) | FlagAT, AAGUID: k.AAGUID,
		CredentialID: c.ID, PublicKey: c.signer.cose(),
	}
	if k.U2F {
		data.AAGUID = [16]byte{}
	}
	authData := k.authData(data)
	object, err := k.attestation(c, authData, clientJSON, k.Attest || o.Attestation != "" && o.Attestation != "none")
	if err != nil {
		return nil, err
	}
	r := &Response{ID: c.ID, RawID: c.ID, Type: publicKey, Attachment: "cross-platform", Extensions: map[string]any{}}
	r.Attestation = &Attestation{
		ClientDataJSON: clientJSON, AuthenticatorData: authData, Transports: k.transports(),
		PublicKeyAlgorithm: c.Algorithm, AttestationObject: object,
	}
	if o.Extensions.CredProps {
		r.Extensions["credProps"] = map[string]any{"rk": c.Resident}
	}
	k.Credentials = append(k.Credentials, c)
	return k.finish(r)
}

// accept does what stands before the making of a credential (§5.1.3, §6.3.2).
func (k *Key) accept(o *creation) (c *Credential, verified bool, err error) {
	if err := k.owns(o.RP.ID); err != nil {
		return nil, false, err
	}
	if len(o.User.ID) == 0 || len(o.User.ID) > 64 || o.User.DisplayName == nil || o.RP.Name == "" || len(o.Challenge) == 0 {
		return nil, false, ErrConstraint // the browser throws a TypeError
	}
	for _, d := range o.Exclude {
		if k.find(o.RP.ID, d.ID) != nil || o.Extensions.AppIDExclude != "" && k.find(o.Extensions.AppIDExclude, d.ID) != nil {
			return nil, false, ErrExcluded
		}
	}
	algorithm, err := k.algorithm(o.Parameters)
	if err != nil {
		return nil, false, err
	}
	if verified, err = k.verifies(o.Selection.UserVerification); err != nil {
		return nil, false, err
	}
	can := k.Resident && !k.U2F
	if o.Selection.ResidentKey == "required" && !can {
		return nil, false, ErrConstraint
	}
	if c, err = k.make(o.RP.ID, algorithm); err != nil {
		return nil, false, err
	}
	if can && (o.Selection.ResidentKey == "required" || o.Selection.ResidentKey == "preferred") {
		c.Resident, c.UserHandle = true, o.User.ID
	}
	return c, verified, nil
}

// attestation makes the attestation object (§6.5.4): none, packed self attestation, or fido-u2f.
func (k *Key) attestation(c *Credential, authData, clientJSON []byte, wanted bool) ([]byte, error) {
	format, statement := "none", cborMap()
	var err error
	switch {
	case wanted && k.U2F:
		format = "fido-u2f"
		statement, err = k.statementU2F(c, authData, clientJSON)
	case wanted:
		format = "packed"
		hash := sha256.Sum256(clientJSON)
		var sig []byte
		sig, err = c.signer.sign(slices.Concat(authData, hash[:]))
		statement = cborMap(cborText("alg"), cborInt(c.Algorithm), cborText("sig"), cborBytes(sig))
	}
	return cborMap(
		cborText("fmt"), cborText(format), cborText("attStmt"), statement, cborText("authData"), cborBytes(authData),
	), err
}

// statementU2F is §8.6, with a certificate of the key's own.
func (k *Key) statementU2F(c *Credential, authData, clientJSON []byte) ([]byte, error) {
	maker, err := newES256(k.rand)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "softkey"},
		NotBefore: attestationLife[0], NotAfter: attestationLife[1],
	}
	cert, err := x509.CreateCertificate(nil, template, template, maker.key.Public(), maker.key)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(clientJSON)
	sig, err := maker.sign(slices.Concat([]byte{0}, authData[:32], hash[:], c.ID, c.signer.(*es256).point()))
	return cborMap(cborText("sig"), cborBytes(sig), cborText("x5c"), cborArray(cborBytes(cert))), err
}

// Get answers request options, as navigator.credentials.get does: with the first of allowCredentials that is held, or
// where that is empty with the newest passkey. A key of the old U2F API answers where the options have its AppID.
// Errors: ErrNotAllowed, ErrConstraint, ErrSecurity, and what makes the options no options.
func (k *Key) Get(options json.RawMessage) (json.RawMessage, error) {
	var o request
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	if err := k.owns(o.RPID); err != nil {
		return nil, err
	}
	c := k.choose(&o)
	if c == nil {
		return nil, ErrNotAllowed
	}
	verified, err := k.verifies(o.UserVerification)
	if err != nil {
		return nil, err
	}
	return k.Assert(c, o.Challenge, verified, o.Extensions.AppID)
}

func (k *Key) choose(o *request) *Credential {
	for _, d := range o.Allow {
		if c := k.find(o.RPID, d.ID); c != nil {
			return c
		}
		if c := k.find(o.Extensions.AppID, d.ID); c != nil && o.Extensions.AppID != "" {
			return c
		}
	}
	if len(o.Allow) > 0 {
		return nil
	}
	for _, c := range slices.Backward(k.Credentials) {
		if c.Resident && c.RPID == o.RPID {
			return c
		}
	}
	return nil
}

// Assert signs a challenge with a credential, whatever any options say. appID is the one that was asked for, or "".
func (k *Key) Assert(c *Credential, challenge []byte, verified bool, appID string) (json.RawMessage, error) {
	clientJSON, err := k.clientData("webauthn.get", challenge)
	if err != nil {
		return nil, err
	}
	c.Counter += k.Step
	scope := sha256.Sum256([]byte(c.RPID))
	authData := k.authData(AuthData{RPIDHash: scope[:], Flags: k.flags(verified), Counter: c.Counter})
	hash := sha256.Sum256(clientJSON)
	sig, err := c.signer.sign(slices.Concat(authData, hash[:]))
	if err != nil {
		return nil, err
	}
	r := &Response{ID: c.ID, RawID: c.ID, Type: publicKey, Attachment: "cross-platform", Extensions: map[string]any{}}
	r.Assertion = &Assertion{ClientDataJSON: clientJSON, AuthenticatorData: authData, Signature: sig, UserHandle: c.UserHandle}
	if appID != "" {
		r.Extensions["appid"] = appID == c.RPID
	}
	return k.finish(r)
}
