// Package importer reads the accounts of other programs.
//
// Each source is a file of this package, which turns what it finds into the one neutral form, Account. The package owns
// how others keep accounts, hashes and secrets, and how they seal them. It does not know what becomes of an account:
// package server puts it in, and judges what may be put in.
//
// What it returns holds secrets. Its errors and refusals hold none.
package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/factor/webauthn"
)

// Account is one account to take in.
type Account struct {
	At  string // where it stands: "line 3", "user 7"
	Ref string // what tells it from all others of its source; "" for one that only adds to an account

	Username, Email  string
	EmailConfirmed   bool
	EmailConfirmedAt time.Time // zero: not known
	Groups           []string
	Admin, Disabled  bool
	Created          time.Time // zero: not known
	PasswordHash     string    // for password.FromHash; "" for none

	// Handle is the WebAuthn user handle that its passkeys know, or empty.
	Handle []byte
	// AfterReset: its second factor was reset, and none was enrolled since.
	AfterReset bool
	// Adds: it makes no account. Its factors are for the account of that name.
	Adds bool
	// MayExist: it makes an account, or where one of that name is there adds to it.
	MayExist bool

	Factors []Factor
	Left    []Left // what the source could not read of it
}

// Name is what the account goes by.
func (a Account) Name() string {
	if a.Username != "" {
		return a.Username
	}
	return a.Email
}

// Factor is one authenticator of an account. One of its sources is set.
type Factor struct {
	At        string // where it stands, if that is another place than the account
	Kind      factor.Kind
	Label     string
	Preferred bool
	Created   time.Time
	LastUsed  time.Time
	Suspended bool

	TOTP  *totp.URI            // totp and hotp
	U2F   *webauthn.U2F        // webauthn
	Key   *webauthn.Credential // webauthn
	To    string               // email and sms: where codes go; "" for email is the account's own address
	Codes []string             // recovery: those that are still good
	State factor.State         // of any kind, as Nightlatch keeps it
}

// What is the factor in a report.
func (f Factor) What() string {
	if f.Label != "" {
		return fmt.Sprintf("%s %q", f.Kind, f.Label)
	}
	return string(f.Kind)
}

// Left is something that cannot be taken.
type Left struct {
	At, What, Why string
	// Guards: it is a second factor. Without another one its account is not taken in: it would be less guarded here.
	Guards bool
}

// Refusal is a line that is no account.
type Refusal struct{ At, Name, Why string }

// Read is what a source holds.
type Read struct {
	Accounts []Account
	Refused  []Refusal
}

func (r *Read) refuse(at, name string, err error) {
	r.Refused = append(r.Refused, Refusal{at, name, err.Error()})
}

// Secrets are the source's own keys. Their names are those of the file that --secrets names.
type Secrets struct {
	PasswordSalt  string            `toml:"password_salt"`  // Flask-Security: SECURITY_PASSWORD_SALT
	SingleHash    bool              `toml:"single_hash"`    // Flask-Security: SECURITY_PASSWORD_SINGLE_HASH = True
	TOTPSecrets   map[string]string `toml:"totp_secrets"`   // Flask-Security: SECURITY_TOTP_SECRETS, by number
	RecoveryKeys  []string          `toml:"recovery_keys"`  // Flask-Security: SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS
	EncryptionKey string            `toml:"encryption_key"` // Authelia: storage.encryption_key
}

// Input is what is read.
type Input struct {
	Files   []string
	Secrets Secrets
	// Driver is the name under which the caller has linked a driver for SQLite.
	Driver string

	rows *count
}

// source reads files of one format.
type source struct {
	name string
	read func(ctx context.Context, in Input) (Read, error)
}

// sources are all formats. A new one is a line here.
func sources() []source {
	return []source{
		{"nightlatch", readNightlatch},
		{"csv", readCSV},
		{"flask-security", readFlaskSecurity},
		{"authelia", readAuthelia},
		{"u2f", readU2F},
	}
}

// Formats are the names of all formats.
func Formats() []string {
	var names []string
	for _, s := range sources() {
		names = append(names, s.name)
	}
	return names
}

// ReadFiles reads files of a format. Nothing is returned where a file as a whole cannot be understood; a line that
// cannot is refused by itself.
func ReadFiles(ctx context.Context, format string, in Input) (Read, error) {
	all := sources()
	i := slices.IndexFunc(all, func(s source) bool { return s.name == format })
	if i < 0 {
		return Read{}, fmt.Errorf("there is no format %q; choose one of %s", format, strings.Join(Formats(), ", "))
	}
	if len(in.Files) == 0 {
		return Read{}, errors.New("no file is given")
	}
	if in.rows == nil {
		in.rows = &count{most: maxRows}
	}
	return all[i].read(ctx, in)
}

// place is a line of a file, named where there are several.
func (in Input) place(path, where string) string {
	if len(in.Files) > 1 {
		return path + ": " + where
	}
	return where
}
