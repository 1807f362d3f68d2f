// Package factor is the contract between the engine and the ways to prove who one is.
//
// A Factor is pure: it keeps nothing, sends nothing, reads no clock and no global randomness. What it must
// remember between two calls (the last TOTP step, the hashes of the recovery codes left) is the State that it
// returns; the engine seals it, stores it, and gives it back, and stores it only if nobody changed it
// meanwhile. That is what makes a code good once on any number of nodes.
//
// The package knows no HTTP, no SQL and no factor.
package factor

import (
	"context"
	"io"
	"time"
)

// Kind names one way to prove, in lower case: "totp", "webauthn", "recovery".
// It is stored with every authenticator and never changes.
type Kind string

// Class says what a proof rests on. Two different classes make level 2.
type Class string

// The three classes of NIST SP 800-63B-4 §2.
const (
	Knowledge  Class = "knowledge"  // something one knows: a password
	Possession Class = "possession" // something one has: a phone, a key, a list of codes
	Inherence  Class = "inherence"  // something one is, as an authenticator checked it locally
)

// Purpose says what a challenge or a code is asked for; one made for one purpose is good for no other.
type Purpose string

// The purposes.
const (
	ForSignIn     Purpose = "sign_in"    // to finish a sign-in
	ForFreshProof Purpose = "fresh"      // to prove again within a session
	ForEnrollment Purpose = "enrollment" // to finish an enrollment
)

// Info describes a factor. It is the same for the life of the process.
type Info struct {
	Kind Kind
	// Name is what people call one authenticator of this kind, in English: "Authenticator app".
	// It passes through locale.T where it is shown.
	Name  string
	Class Class
	// PhishingResistant: the proof is bound to the origin and cannot be typed into another site.
	PhishingResistant bool
	// Backup: it stands in for another authenticator when that is lost (recovery codes). A user who
	// holds nothing else holds no second factor.
	Backup bool
	// Single: a user holds one at most; enrolling again replaces it.
	Single bool
	// Elsewhere: proving needs a message that Challenge asks to have delivered, to a mailbox or a phone.
	Elsewhere bool
	// Unguessable: nobody can guess a response (a signature over a challenge), so wrong ones are not throttled.
	Unguessable bool
}

// State is what a factor remembers, in an encoding of its own. The engine seals it and never reads it.
type State []byte

// User is who proves.
type User struct {
	ID     string // stable and never shown; the key of all records
	Name   string // the user name, may be empty
	Email  string // may be empty
	Handle []byte // 64 random bytes, the WebAuthn user handle; never changes
}

// Account is how an authenticator names the user on its own screen: the e-mail address, else the name.
func (u User) Account() string {
	if u.Email != "" {
		return u.Email
	}
	return u.Name
}

// Held is one authenticator that the user holds, of the factor's own kind.
type Held struct {
	ID         string
	Kind       Kind
	Label      string
	Hint       string // "•••• 12": what may be shown of an address or a number
	Model      string // "YubiKey 5": what it is, where known
	Left       int    // for a Backup factor: how many codes are left
	To         string // as Enrolled.To
	State      State
	Preferred  bool
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	ExpiresAt  time.Time // zero: never; the engine gives no expired one to Verify
	Allows     Allows
}

// Allows says what a proof by an authenticator leads to.
type Allows string

// What proofs lead to.
const (
	AllowsAll        Allows = ""       // what the policy says
	AllowsEnrollment Allows = "enroll" // the enrollment of a new authenticator and nothing else
	// AllowsNothing: it is suspended. It is held and never judged, and an account that holds nothing else is none
	// without a second factor.
	AllowsNothing Allows = "nothing"
)

// Call is what a factor is told besides the response.
type Call struct {
	User    User
	Held    []Held // the user's authenticators of this kind, none for a user that is unknown
	Chosen  string // the id of the one that is asked for; "" means any
	Purpose Purpose
	Origin  string // "https://example.com": what the browser is at
	Issuer  string // what the service calls itself to people
	Lang    string // BCP 47
	// From is the network that asks, "" where it cannot be told: what is scarce is shared out by it. It proves nothing.
	From string
	Now  time.Time
	Rand io.Reader
}

// Candidates are the authenticators that may answer: the chosen one, or all.
func (c Call) Candidates() []Held {
	if c.Chosen == "" {
		return c.Held
	}
	for _, h := range c.Held {
		if h.ID == c.Chosen {
			return []Held{h}
		}
	}
	return nil
}

// Enrolled is a new authenticator.
type Enrolled struct {
	State State
	// Pending replaces the enrollment's pending state when FinishEnrollment refuses (tries of a sent code).
	Pending State
	// Lookup finds the authenticator without a name (a hash of RP ID and credential id); unique per kind, or empty.
	Lookup string
	Label  string // a name to suggest, or empty
	Hint   string
	To     string // the address or number that its codes go to, in the form in which two are compared; or empty
	Model  string
	Left   int
	// Syncable is as in Proof.
	Syncable bool
	// Show is shown to the user once, when the enrollment is committed (recovery codes: Keep), or nil.
	Show Prompt
}

// Verdict is what a right response proves, and what to remember of a right or a wrong one.
// With ErrRefused the engine still keeps State (if Authenticator is set) and Pending, and nothing else.
type Verdict struct {
	Authenticator string // the id of the one that answered
	State         State  // its new state; nil: unchanged
	Pending       State  // the new pending state, kept when refused; nil: unchanged
	Left          int    // for a Backup factor: how many codes are left
	Proof         Proof
	// ClockOffBy is how far the clock of an authenticator by time that answered rightly runs ahead of ours.
	ClockOffBy time.Duration
	Warnings   []Warning
}

// Proof is who proved what when. The engine sets Kind, Authenticator and At.
type Proof struct {
	Kind          Kind      `json:"kind"`
	Authenticator string    `json:"authenticator,omitempty"`
	Classes       []Class   `json:"classes"` // usually the factor's own; a key that verified its user proves two
	At            time.Time `json:"at"`
	Allows        Allows    `json:"allows,omitempty"`
	Device        string    `json:"device,omitempty"` // set when a remembered device carried it here
	// Syncable: what was proven by may be copied to other devices, so that it is bound to no hardware (a synced passkey).
	Syncable bool `json:"syncable,omitempty"`
}

// Warning is something that the owner should hear of although the response was right; it becomes an event
// and a notice. Names are snake_case: "counter_went_back".
type Warning string

// Factor is one way to prove. All methods may be called from many goroutines at once.
//
// Methods return *Refused (which is ErrRefused) when the response is wrong. Any other error is a fault of ours:
// it costs no try and is shown as "unavailable". A factor never panics on hostile input.
type Factor interface {
	Info() Info

	// BeginEnrollment starts an enrollment and says what to show. The state is kept, sealed, until the
	// enrollment is finished or has expired; nothing that is enrolled already is touched. r carries what the
	// user chose beforehand (a phone number); *Refused with Field set where it cannot be used.
	BeginEnrollment(ctx context.Context, c Call, r Response) (Prompt, State, error)

	// FinishEnrollment judges the response to the prompt and makes the authenticator.
	FinishEnrollment(ctx context.Context, c Call, pending State, r Response) (Enrolled, error)

	// Challenge makes what to show and what to remember for Verify. pending is the challenge that is alive, or
	// nil; a resend returns the same code from it. A factor that needs no challenge returns a nil state.
	Challenge(ctx context.Context, c Call, pending State) (Prompt, State, error)

	// Verify judges the response to a challenge. pending is the state of the live challenge, or nil.
	// Slow hashes are computed here; the engine calls it outside any transaction. With no candidate in c.Held
	// it takes as long as with one and refuses.
	Verify(ctx context.Context, c Call, pending State, r Response) (Verdict, error)
}

// Finder is an optional capability: a factor whose response names the authenticator by itself,
// so that a sign-in may begin without a name (a passkey).
type Finder interface {
	// Lookup returns the Enrolled.Lookup of the authenticator that the response claims to be from, unjudged.
	// It returns *Refused when the response names none.
	Lookup(r Response) (string, error)
}

// Restorer is an optional capability: a factor whose State says which responses were used up. A State that comes from a
// backup may have forgotten some.
type Restorer interface {
	// Restored is what becomes of an authenticator's state that was read from a backup, such that no response that was used
	// before now is right again, and how many codes of a Backup factor are left. It fails for what is no such state.
	Restored(of State, now time.Time) (after State, left int, err error)
}

// OneCoder is an optional capability of a Backup factor: it makes a single code that the engine hands out, by mail, to
// a person who has lost everything.
type OneCoder interface {
	// OneCode makes an authenticator of one code; Enrolled.Show is a Keep with that code. It bears few wrong codes. It may
	// be slow and is called outside of transactions.
	OneCode(ctx context.Context, c Call) (Enrolled, error)
}

// Binder is an optional capability: a factor whose authenticators are bound for good to a name that settings give (a
// domain). After a change of that name they are held as before, and none of them can answer.
type Binder interface {
	// BoundTo is the name that an authenticator of that state is bound to, and whether it can answer under the settings of
	// the factor. It fails for what is no such state.
	BoundTo(of State) (name string, works bool, err error)
}
