package webauthn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/nightlatch/nightlatch/factor"
)

// Bounds of a response. An honest one has a few KiB, and is five deep at most.
const (
	maxResponse   = 64 << 10
	maxDepth      = 16
	maxCredential = 1023 // bytes of a credential id (§7.1 step 25)
)

var (
	errTooLarge = errors.New("the response is too large")
	errTooDeep  = errors.New("the response is nested too deeply")
	errOrigin   = errors.New("the origin is not listed")
	errNoID     = errors.New("the response names no credential")
)

// bounded says whether a response may be parsed.
func bounded(text []byte) error {
	if len(text) > maxResponse {
		return errTooLarge
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return errTooDeep
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

func parseCreation(text []byte) (*protocol.ParsedCredentialCreationData, error) {
	if err := bounded(text); err != nil {
		return nil, err
	}
	return guarded(func() (*protocol.ParsedCredentialCreationData, error) {
		return protocol.ParseCredentialCreationResponseBytes(text)
	})
}

func parseAssertion(text []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if err := bounded(text); err != nil {
		return nil, err
	}
	return guarded(func() (*protocol.ParsedCredentialAssertionData, error) {
		return protocol.ParseCredentialRequestResponseBytes(text)
	})
}

// listed compares an origin letter by letter (§13.4.9), as browsers write it; the library would let pass whatever
// path or user stands beside a right host.
func listed(origins []string, data protocol.CollectedClientData) error {
	if !slices.Contains(origins, data.Origin) {
		return fmt.Errorf("%w: %.100q", errOrigin, data.Origin)
	}
	return nil
}

// Lookup returns the Enrolled.Lookup of the credential that the response claims to be from, at our RP ID. It is
// refused where the response names none. Keys of the old U2F API are not found: they are no passkeys.
func (f *Factor) Lookup(r factor.Response) (string, error) {
	if err := bounded(r.Credential); err != nil {
		return "", f.refuse(factor.Wrong, err)
	}
	var named struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(r.Credential, &named); err != nil {
		return "", f.refuse(factor.Wrong, err)
	}
	id, err := base64.RawURLEncoding.DecodeString(named.ID)
	if err != nil || len(id) == 0 || len(id) > maxCredential {
		return "", f.refuse(factor.Wrong, errNoID)
	}
	return lookup(f.rpID, id), nil
}
