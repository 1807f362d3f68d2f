package factor

import (
	"encoding/json"
	"errors"
	"time"
)

// Prompt is what to show. It is data, one of the closed set below; a page exists for each shape, so a new factor needs none.
type Prompt interface{ prompt() }

// Code asks for a code that the user reads somewhere.
type Code struct {
	Digits  int  // how many digits it has; 0: it is not only digits (a recovery code)
	Counter bool // a second code may be given beside it, to resynchronize a counter
	// SentTo is the masked destination ("•••• 12"), for a code that is sent.
	SentTo      string
	ResendAfter time.Duration
	ExpiresAt   time.Time
	// Message is what the engine delivers after it has counted and committed it, or nil.
	Message *Message
}

// Scan shows a new secret to an authenticator app.
type Scan struct {
	Secret    string // base32 without padding
	URI       string // otpauth:
	Issuer    string
	Account   string
	Algorithm string // "SHA1", "SHA256", "SHA512"
	Digits    int
	Period    int    // seconds; 0 for a counter
	Counter   uint64 // for Kind hotp: the first counter
}

// PublicKey carries WebAuthn options to the browser.
type PublicKey struct {
	Create    bool            // true: navigator.credentials.create, false: get
	Options   json.RawMessage // the W3C JSON form
	ExpiresAt time.Time
}

// Keep shows codes that the user must keep, once.
type Keep struct{ Codes []string }

// Wait says that there is nothing to answer before a time.
type Wait struct{ Until time.Time }

// Password asks for a password.
type Password struct {
	New                  bool // a new one is chosen
	MinLength, MaxLength int  // in code points; for a new one
}

func (Code) prompt()      {}
func (Scan) prompt()      {}
func (PublicKey) prompt() {}
func (Keep) prompt()      {}
func (Wait) prompt()      {}
func (Password) prompt()  {}

// Response is what came back. Which members count is the factor's to say; the others are ignored.
type Response struct {
	Kind       Kind            // the kind that the user says this is
	ID         string          // the authenticator that the user says this is from, or ""
	Code       string          // as typed
	NextCode   string          // the code after Code, to resynchronize a counter
	Password   string          // as typed
	Credential json.RawMessage // the W3C JSON form
	Phone      string          // for an enrollment
	Email      string          // for an enrollment
	Passkey    bool            // for an enrollment: a discoverable credential that verifies its user
}

// Message is a text for a person, written by a factor and delivered by the engine.
type Message struct {
	Kind    Kind   // "email" or "sms"
	To      string // an address, or a number in E.164
	Subject string // for e-mail
	Text    string
	HTML    string // for e-mail, optional, with the same words
	// Once: after an unclear answer of whoever delivers it, it is not sent again (a code; the person asks for another).
	Once bool
}

// ErrDestination: whoever delivers messages says that the destination cannot be reached or does not exist. Anything
// else that goes wrong with a delivery is an outage.
var ErrDestination = errors.New("the destination cannot be reached")
