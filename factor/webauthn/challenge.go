package webauthn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/nightlatch/nightlatch/factor"
)

var errNothingWorks = errors.New("no authenticator that is held works under these settings")

// Challenge returns a PublicKey prompt with request options for the candidates that can work; it is refused where there
// is none. Without a user (c.User.ID is empty) it begins a passkey sign-in: any passkey may answer, and must verify its
// user. While the pending challenge lives and asks for the same, it is shown again.
func (f *Factor) Challenge(_ context.Context, c factor.Call, state factor.State) (factor.Prompt, factor.State, error) {
	p := pending{
		Use: useGet, User: c.User.ID, Purpose: c.Purpose, RPID: f.rpID, Origins: f.origins, Verification: f.verification,
	}
	var allow []protocol.CredentialDescriptor
	var err error
	if c.User.ID == "" {
		p.Passkey, p.Verification = true, protocol.VerificationRequired
	} else if allow, err = f.allow(c.Candidates(), &p); err != nil {
		return nil, nil, err
	}
	if live, ok := alive(state, c.Now); ok && live.asks(p) {
		p = live
	} else {
		p.Challenge, p.Expires = make([]byte, challengeSize), c.Now.Add(f.timeout).UnixMilli()
		if _, err := io.ReadFull(c.Rand, p.Challenge); err != nil {
			return nil, nil, fmt.Errorf("webauthn: making a challenge: %w", err)
		}
		if state, err = p.encode(); err != nil {
			return nil, nil, err
		}
	}
	options, err := json.Marshal(protocol.PublicKeyCredentialRequestOptions{
		Challenge: p.Challenge, Timeout: int(f.timeout / time.Millisecond), RelyingPartyID: p.RPID,
		AllowedCredentials: allow, UserVerification: p.Verification, Extensions: p.extensions(),
	})
	if err != nil {
		return nil, nil, err
	}
	return factor.PublicKey{Options: options, ExpiresAt: p.expires()}, state, nil
}

// allow lists the candidates that can work, and asks for the AppID where keys of the old U2F API are among them.
func (f *Factor) allow(candidates []factor.Held, p *pending) ([]protocol.CredentialDescriptor, error) {
	var list []protocol.CredentialDescriptor
	var fault error
	for _, h := range candidates {
		s, err := decodeStored(h.State)
		if err != nil {
			fault = err // the others still work
			continue
		}
		if !f.works(s) {
			continue
		}
		if s.AppID != "" {
			p.AppID = f.appID
		}
		p.Allow = append(p.Allow, s.Credential.ID)
		list = append(list, descriptor(s))
	}
	switch {
	case len(list) > 0:
		return list, nil
	case fault != nil:
		return nil, fault
	}
	return nil, f.refuse(factor.Wrong, errNothingWorks)
}

// alive reads a pending state that has not expired.
func alive(state factor.State, now time.Time) (pending, bool) {
	var p pending
	if len(state) == 0 || json.Unmarshal(state, &p) != nil {
		return pending{}, false
	}
	return p, p.V == version && p.Use == useGet && len(p.Challenge) == challengeSize && now.Before(p.expires())
}
