package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// exportVersion is written into every line. Another one is not read.
const exportVersion = 1

// exported is one line of an export: an account. Without secrets it has neither password_hash nor the state of any
// authenticator, and cannot be taken in.
type exported struct {
	Version          int              `json:"nightlatch_account"`
	ID               string           `json:"id"`
	Username         string           `json:"username,omitempty"`
	Email            string           `json:"email,omitempty"`
	EmailConfirmedAt time.Time        `json:"email_confirmed_at,omitzero"`
	Groups           []string         `json:"groups,omitempty"`
	Admin            bool             `json:"admin,omitempty"`
	Disabled         bool             `json:"disabled,omitempty"`
	CreatedAt        time.Time        `json:"created_at,omitzero"`
	Secrets          bool             `json:"with_secrets"`
	PasswordHash     string           `json:"password_hash,omitempty"`
	Handle           []byte           `json:"webauthn_user_handle,omitempty"`
	AfterReset       bool             `json:"after_reset,omitempty"`
	Authenticators   []exportedFactor `json:"authenticators,omitempty"`
}

type exportedFactor struct {
	Kind       factor.Kind  `json:"kind"`
	Label      string       `json:"label,omitempty"`
	Preferred  bool         `json:"preferred,omitempty"`
	CreatedAt  time.Time    `json:"created_at,omitzero"`
	LastUsedAt time.Time    `json:"last_used_at,omitzero"`
	Suspended  bool         `json:"suspended,omitempty"`
	To         string       `json:"to,omitempty"`
	State      factor.State `json:"state,omitempty"` // base64
}

// Write writes accounts as the lines that the format "nightlatch" reads. Without secrets a line tells what there is and
// holds nothing that proves anything.
func Write(to io.Writer, secrets bool, a Account) error {
	line := exported{
		Version: exportVersion, ID: a.Ref, Username: a.Username, Email: a.Email, EmailConfirmedAt: a.EmailConfirmedAt,
		Groups: a.Groups, Admin: a.Admin, Disabled: a.Disabled, CreatedAt: a.Created, Secrets: secrets, AfterReset: a.AfterReset,
	}
	if secrets {
		line.PasswordHash, line.Handle = a.PasswordHash, a.Handle
	}
	for _, f := range a.Factors {
		e := exportedFactor{
			Kind: f.Kind, Label: f.Label, Preferred: f.Preferred, CreatedAt: f.Created, LastUsedAt: f.LastUsed, Suspended: f.Suspended,
		}
		if secrets {
			e.To, e.State = f.To, f.State
		}
		line.Authenticators = append(line.Authenticators, e)
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = to.Write(append(text, '\n'))
	return err
}

func readNightlatch(ctx context.Context, in Input) (r Read, err error) {
	err = eachLine(ctx, in, &r, func(at string, line []byte) (string, error) {
		var e exported
		if err := decodeLine(line, true, &e); err != nil {
			return "", err
		}
		a := Account{
			At: at, Ref: e.ID, Username: e.Username, Email: e.Email,
			EmailConfirmed: !e.EmailConfirmedAt.IsZero(), EmailConfirmedAt: e.EmailConfirmedAt,
			Groups: e.Groups, Admin: e.Admin, Disabled: e.Disabled, Created: e.CreatedAt,
			PasswordHash: e.PasswordHash, Handle: e.Handle, AfterReset: e.AfterReset,
		}
		switch {
		case e.Version != exportVersion:
			return a.Name(), fmt.Errorf("it is of version %d, only %d can be read", e.Version, exportVersion)
		case !e.Secrets:
			return a.Name(), errors.New("it was exported without its secrets, so nobody could sign in")
		case e.ID == "":
			return a.Name(), errors.New("id is missing")
		}
		for _, f := range e.Authenticators {
			a.Factors = append(a.Factors, Factor{
				Kind: f.Kind, Label: f.Label, Preferred: f.Preferred, Created: f.CreatedAt, LastUsed: f.LastUsedAt,
				Suspended: f.Suspended, To: f.To, State: f.State,
			})
		}
		r.Accounts = append(r.Accounts, a)
		return "", nil
	})
	return r, err
}
