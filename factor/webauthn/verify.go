package webauthn

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"

	"github.com/nightlatch/nightlatch/factor"
)

var (
	errUnknown  = errors.New("no authenticator that may answer has this credential")
	errNotAsked = errors.New("the credential was not asked for")
	errNoKey    = errors.New("the authenticator was not enrolled as a passkey")
	errOwner    = errors.New("the user handle is missing or another user's")
	errAnswered = errors.New("the challenge was answered before")
	errCounter  = errors.New("the signature counter went back")
)

// Verify judges r.Credential, the W3C JSON of the browser's answer (§7.2). The proof is of possession, and of
// inherence too where this very assertion says that the user was verified. Whatever is wrong is refused as Wrong;
// Expired is a challenge that was answered too late, and Used an assertion that was right before.
func (f *Factor) Verify(_ context.Context, c factor.Call, state factor.State, r factor.Response) (factor.Verdict, error) {
	p, err := f.open(c, state, useGet)
	if err != nil {
		return factor.Verdict{}, err
	}
	parsed, err := parseAssertion(r.Credential)
	if err != nil {
		return factor.Verdict{}, f.refuse(factor.Wrong, err)
	}
	id, s, fault := f.find(c.Candidates(), parsed.RawID)
	if id == "" {
		_, _ = f.judge(p, c.User.Handle, decoy(parsed.RawID), parsed) // so that it takes as long
		if fault != nil {
			return factor.Verdict{}, fault
		}
		return factor.Verdict{}, f.refuse(factor.Wrong, errUnknown)
	}
	if err := permitted(p, s, c.User, parsed); err != nil {
		return factor.Verdict{}, f.refuse(factor.Wrong, err)
	}
	updated, err := f.judge(p, c.User.Handle, s, parsed)
	switch {
	case err != nil:
		return factor.Verdict{}, f.refuse(factor.Wrong, err)
	case bytes.Equal(s.Answered, p.Challenge):
		return factor.Verdict{}, f.refuse(factor.Used, errAnswered)
	}
	return f.verdict(id, s, updated, p, parsed)
}

// find returns the candidate that has a credential and can work. fault is that of a state which could not be read.
func (f *Factor) find(candidates []factor.Held, credential []byte) (id string, s stored, fault error) {
	for _, h := range candidates {
		s, err := decodeStored(h.State)
		switch {
		case err != nil:
			fault = err
		case bytes.Equal(s.Credential.ID, credential) && f.works(s):
			return h.ID, s, nil
		}
	}
	return "", stored{}, fault
}

// permitted is what must be true of a known credential before its signature counts (§7.2 steps 5 and 6).
func permitted(p pending, s stored, u factor.User, parsed *protocol.ParsedCredentialAssertionData) error {
	if p.Passkey {
		switch handle := parsed.Response.UserHandle; {
		case !s.Passkey:
			return errNoKey // its user chose it as a second step
		case len(handle) == 0 || !bytes.Equal(handle, u.Handle):
			return errOwner
		}
		return nil
	}
	asked := func(id protocol.URLEncodedBase64) bool { return bytes.Equal(id, s.Credential.ID) }
	if !slices.ContainsFunc(p.Allow, asked) {
		return errNotAsked
	}
	return nil
}

// judge is the rest of §7.2. The record that it returns has the new counter and flags.
func (f *Factor) judge(p pending, handle []byte, s stored, parsed *protocol.ParsedCredentialAssertionData) (*library.Credential, error) {
	if err := listed(p.Origins, parsed.Response.CollectedClientData); err != nil {
		return nil, err
	}
	session := library.SessionData{
		Challenge: p.Challenge.String(), RelyingPartyID: p.RPID, UserID: handle, UserVerification: p.Verification,
		AllowedCredentialIDs: [][]byte{s.Credential.ID}, Extensions: p.extensions().Session(),
		// §7.2 step 24: a key may begin to verify its user when another factor was proven beside it.
		AuthorizeUVInitialization: !p.Passkey && s.AppID == "",
	}
	who := person{handle: handle, credentials: []library.Credential{library.Credential(s.Credential)}}
	return guarded(func() (*library.Credential, error) { return f.lib.ValidateLogin(who, session, parsed) })
}

// verdict is what a right assertion proves.
func (f *Factor) verdict(id string, s stored, updated *library.Credential, p pending,
	parsed *protocol.ParsedCredentialAssertionData,
) (factor.Verdict, error) {
	v := factor.Verdict{Authenticator: id}
	old, count := s.Credential.Authenticator.SignCount, parsed.Response.AuthenticatorData.Counter
	if count <= old && (count != 0 || old != 0) {
		v.Warnings = []factor.Warning{CounterWentBack}
		if f.refuseCounter {
			return v, f.refuse(factor.Wrong, errCounter)
		}
	}
	s.Answered, s.Credential = p.Challenge, record(*updated)
	// The library's flag stays up for ever; ours is of the last assertion.
	s.Credential.Authenticator.CloneWarning = len(v.Warnings) > 0
	v.Proof.Classes = []factor.Class{factor.Possession}
	v.Proof.Syncable = s.Credential.Flags.BackupEligible // it never changes (§6.1.3)
	if s.AppID == "" && parsed.Response.AuthenticatorData.Flags.HasUserVerified() {
		v.Proof.Classes = append(v.Proof.Classes, factor.Inherence)
	}
	var err error
	if v.State, err = s.encode(); err != nil {
		return factor.Verdict{}, err
	}
	return v, nil
}

// decoy is a credential that nobody holds: the base point of P-256 (SEC 2 §2.4.2) as an ES256 key.
func decoy(id []byte) stored {
	const x = "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96"
	const y = "\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5"
	cose := "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + "\x22\x58\x20" + y
	return stored{Credential: record{ID: id, PublicKey: []byte(cose)}}
}
