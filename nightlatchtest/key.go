package nightlatchtest

import (
	"crypto/rand"
	"encoding/json"

	"github.com/nightlatch/nightlatch/internal/softkey"
)

// Key is a security key in software, with the browser before it at Origin: it verifies its user, keeps passkeys and
// counts. It is used by one goroutine at a time.
type Key struct {
	// ID is the authenticator's, once it is enrolled.
	ID string
	// Codes are the recovery codes that came with it: the first authenticator of a user brings them.
	Codes []string

	soft *softkey.Key
}

// NewKey is a key that holds nothing.
func NewKey() *Key {
	soft := softkey.New(rand.Reader)
	soft.Origin = Origin
	return &Key{soft: soft}
}

// Create answers creation options (WebAuthn Level 3 §5.1.3) as navigator.credentials.create does; both are the W3C JSON
// forms. It returns an error where a browser would throw: another origin's options, a key that is registered already.
func (k *Key) Create(options json.RawMessage) (credential json.RawMessage, err error) {
	return k.soft.Create(options)
}

// Get answers request options (WebAuthn Level 3 §5.1.4) as navigator.credentials.get does; both are the W3C JSON forms.
// It returns an error where a browser would throw: another origin's options, no credential that may answer.
func (k *Key) Get(options json.RawMessage) (credential json.RawMessage, err error) {
	return k.soft.Get(options)
}
