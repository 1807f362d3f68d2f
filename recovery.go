package nightlatch

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// hold is a recovery by mail that waits, so that the owner may object.
type hold struct {
	ID    string    `json:"id"`
	Begun time.Time `json:"begun"`
	Until time.Time `json:"until"`
	Sent  bool      `json:"sent,omitempty"` // it is over, and the code is out
}

// Way is a way for a person who has lost every second factor.
type Way string

// The ways.
const (
	WayCodes Way = "recovery" // a recovery code
	WayEmail Way = "email"    // a mailed link and a hold
	WayAdmin Way = "admin"    // the administrators are asked
)

// WayOpen is a way that an account has.
type WayOpen struct {
	Way    Way
	Left   int    // of WayCodes: codes left
	SentTo string // of WayEmail: what may be shown of the address
}

// Hold is a recovery by mail that waits.
type Hold struct {
	Begun, Until time.Time
}

// Recoveries are the ways that the account of a sign-in or session has, and the hold that waits, or nil.
type Recoveries struct {
	Ways []WayOpen
	Hold *Hold
}

// Recoveries returns what helps the user of a sign-in, after a right password, or of a session.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) Recoveries(ctx context.Context, tok string) (Recoveries, error) {
	return Recoveries{}, ErrUnavailable
}

// AskRecovery asks for a way in a sign-in, after a right password: WayEmail mails a link to the account's address,
// WayAdmin mails the administrators.
// Errors: ErrForbidden (not a way of this account, or not from here), *InvalidError (way), *ThrottledError (too many
// messages), ErrUnauthenticated, ErrUnavailable.
func (s *Service) AskRecovery(ctx context.Context, tok string, w Way, c Client) error {
	return ErrUnavailable
}

// BeginHold begins the hold that a mailed link stands for (ForRecovery). When it is over, SendNotices mails a code with
// which, after the password, alone the user may enroll anew. Errors: *factor.Refused (wrong, used, expired),
// ErrForbidden, ErrUnavailable.
func (s *Service) BeginHold(ctx context.Context, link string, c Client) error {
	return ErrUnavailable
}

// CancelHold ends the hold of the user of a sign-in, after a right password, or of a session.
// Errors: ErrNotFound (there is none), ErrUnauthenticated, ErrUnavailable.
func (s *Service) CancelHold(ctx context.Context, tok string, c Client) error {
	return ErrUnavailable
}

// GiveCode keeps a code that stands for the second factor of a user once, until expires; one that was given before is
// good for nothing then. Call it within Change. Errors: ErrUnavailable.
func (s *Service) GiveCode(ctx context.Context, user string, kind factor.Kind, code factor.Enrolled, expires time.Time) error {
	return ErrUnavailable
}

// NotePasswordReset notes that a password was set by a link that was mailed to an address: a code mailed there proves
// nothing more, and for 7 days no recovery by mail begins. It ends all sessions, devices and the hold's link. Call it
// within Change or UseLink. Errors: ErrUnavailable.
func (s *Service) NotePasswordReset(ctx context.Context, user, to string) error {
	return ErrUnavailable
}

// NotePasswordChange notes that a password was changed in another way than by a mailed link. Call it within Change.
// Errors: ErrUnavailable.
func (s *Service) NotePasswordChange(ctx context.Context, user string) error {
	return ErrUnavailable
}

// NoteAddressChange notes that the address of a user is another: for 7 days no recovery by mail begins. A first
// confirmation is no change. Call it within Change or UseLink. Errors: ErrUnavailable.
func (s *Service) NoteAddressChange(ctx context.Context, user string) error {
	return ErrUnavailable
}
