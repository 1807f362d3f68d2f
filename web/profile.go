package web

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch"
)

// Profiles is what an application brings whose people change their password, address and name on the pages of this
// package. The server does. Each changes, writes its event and tells the owner in one transaction (Service.ChangeOwn,
// Service.UseLink). Besides what is said below they return nightlatch.ErrForbidden where something cannot be changed
// here, and any other error when it cannot be done now.
type Profiles interface {
	Passwords
	Addresses
	Owners
}

// Passwords changes and resets them.
type Passwords interface {
	// ChangePassword judges the current password and sets another. It returns what Service.ChangeOwn does, and
	// FieldsError for the field "new".
	ChangePassword(ctx context.Context, c PasswordChange) (nightlatch.Next, error)
	// MayReset says whether a forgotten password can be set anew by a mailed link.
	MayReset() bool
	// AskReset mails such a link to the address of whoever a name or an address, as typed, belongs to. It returns nil
	// and takes as long where nobody has it.
	AskReset(ctx context.Context, identifier string, c nightlatch.Client) error
	// FindReset returns what the account of a mailed token goes by, for password managers, and leaves the token as it is.
	// It returns a *factor.Refused that says why the token cannot be used.
	FindReset(ctx context.Context, token string) (name string, err error)
	// ResetPassword uses a mailed token up. It returns *factor.Refused, and FieldsError for the field "password".
	ResetPassword(ctx context.Context, token, password string, c nightlatch.Client) error
}

// PasswordChange is what somebody typed to change a password.
type PasswordChange struct {
	Session      string // the token of the session
	Current, New string
	Renew        bool // the session gets another token, as nightlatch.Own has it
	Client       nightlatch.Client
}

// Addresses changes and confirms them.
type Addresses interface {
	// ChangeEmail mails a link to the new address, which counts once it is confirmed; the old one is told. An address
	// that is another's is answered alike. It returns what Service.ChangeOwn does, and FieldsError for "email".
	ChangeEmail(ctx context.Context, session, email string, c nightlatch.Client) error
	// AskConfirmation mails the link once more to an address that waits to be confirmed. It returns nil and takes as
	// long for any other.
	AskConfirmation(ctx context.Context, email string, c nightlatch.Client) error
	// FindConfirmation is to Confirm what FindReset is to ResetPassword.
	FindConfirmation(ctx context.Context, token string) error
	// Confirm uses a mailed token up: an address is confirmed, or an account exists now. It returns *factor.Refused,
	// and nightlatch.ErrConflict where the address or the name is another's meanwhile.
	Confirm(ctx context.Context, token string, c nightlatch.Client) error
	// RestoreEmail puts the address back that was there before the last change. It returns what Service.ChangeOwn does,
	// nightlatch.ErrNotFound where there is none, and nightlatch.ErrConflict.
	RestoreEmail(ctx context.Context, session string, c nightlatch.Client) error
}

// Owners shows people what is kept of them, and lets them leave. Each returns what Service.ChangeOwn does.
type Owners interface {
	Profile(ctx context.Context, user string) (Profile, error)
	// Rename returns FieldsError or *nightlatch.InvalidError for the field "username".
	Rename(ctx context.Context, session, username string, c nightlatch.Client) error
	// RemoveOwn removes the account of a session. It returns nightlatch.ErrConflict for the last administrator.
	RemoveOwn(ctx context.Context, session string, c nightlatch.Client) error
}

// Profile is what is kept of an account beside what the engine's User says.
type Profile struct {
	Fixed       bool // nothing of it can be changed here
	SendsMail   bool // an address can be confirmed
	CreatedAt   time.Time
	Wanted      string    // an address that waits to be confirmed, or ""
	Former      string    // the address before the last change, if it can be put back, else ""
	FormerUntil time.Time // until then
	ChangedAt   time.Time
	HeldBack    bool     // whoever has the address before held the change back
	FormerNames []string // as they are compared
}
