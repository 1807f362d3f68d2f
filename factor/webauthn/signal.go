package webauthn

import (
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/nightlatch/nightlatch/factor"
)

// signals are the members of both dictionaries of §5.1.10 that a page hands to
// PublicKeyCredential.signalAllAcceptedCredentials and .signalCurrentUserDetails.
type signals struct {
	RPID        string                      `json:"rpId"`
	UserID      protocol.URLEncodedBase64   `json:"userId"`
	Accepted    []protocol.URLEncodedBase64 `json:"allAcceptedCredentialIds"`
	Name        string                      `json:"name"`
	DisplayName string                      `json:"displayName"`
}

// Signals tells a browser what the user holds and is called, so that it forgets removed passkeys and learns a new name:
// {rpId, userId, allAcceptedCredentialIds, name, displayName}. held must be all that the user holds of this kind, after
// the change; the engine's HeldOf returns both. It fails for a user without a handle, and rather
// than leave one out, since browsers hide the passkeys that are missing. It is for the signed-in user alone.
func (f *Factor) Signals(user factor.User, held []factor.Held) (json.RawMessage, error) {
	if len(user.Handle) == 0 {
		return nil, errNoHandle
	}
	s := signals{RPID: f.rpID, UserID: user.Handle, Accepted: []protocol.URLEncodedBase64{}}
	s.Name, s.DisplayName = names(user)
	for _, h := range held {
		one, err := decodeStored(h.State)
		if err != nil {
			return nil, err
		}
		if one.RPID == f.rpID {
			s.Accepted = append(s.Accepted, one.Credential.ID)
		}
	}
	return json.Marshal(s)
}
