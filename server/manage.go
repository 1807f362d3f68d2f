package server

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/web"
)

// The server's events.
const (
	eventCreated  = "account_created"
	eventChanged  = "account_changed"
	eventPassword = "password_changed"
	eventDisabled = "account_disabled"
	eventEnabled  = "account_enabled"
	eventActed    = "administrator_acted" // in the trail of the administrator

	eventRenamed         = "account_renamed"
	eventRemoved         = "account_removed"
	eventResetAsked      = "password_reset_asked"
	eventPasswordReset   = "password_reset"
	eventConfirmAsked    = "address_confirmation_asked"
	eventConfirmed       = "address_confirmed"
	eventAddressAsked    = "address_change_asked"
	eventAddressTried    = "address_tried" // somebody gave it for another account
	eventAddressChanged  = "address_changed"
	eventAddressHeld     = "address_held_back"
	eventAddressRestored = "address_restored"
)

// Add makes an account with a password. by says who does it, for the trail ("" is the person). Errors: web.FieldsError for
// what cannot be used, *nightlatch.ThrottledError where too many were made from the address, nightlatch.ErrUnavailable.
func (s *Server) Add(ctx context.Context, a Account, secret, by string, c nightlatch.Client) (Account, error) {
	return s.add(ctx, a, secret, by, c, false)
}

// add is Add that may mail the link by which the address is confirmed.
func (s *Server) add(ctx context.Context, a Account, secret, by string, c nightlatch.Client, confirm bool) (Account, error) {
	if err := s.countSignUp(ctx, c.Addr, s.judge(ctx, a, secret)); err != nil {
		return a, err
	}
	hashed, err := s.Service.Prepare(ctx, a.user(), password.Kind, factor.Response{Password: secret})
	if err != nil {
		return a, err
	}
	a.ID, a.CreatedAt = strings.ToLower(rand.Text()), s.today()
	taken, err := s.insertNew(ctx, a, hashed, nightlatch.Event{Name: eventCreated, By: by, Client: c}, confirm)
	var spent *nightlatch.ThrottledError
	if errors.As(err, &spent) { // too many mails are no reason to have no account
		taken, err = s.insertNew(ctx, a, hashed, nightlatch.Event{Name: eventCreated, By: by, Client: c}, false)
	}
	if err != nil && len(taken) > 0 {
		return a, takenError(taken)
	}
	return a, err
}

func (s *Server) insertNew(
	ctx context.Context, a Account, hashed factor.Enrolled, e nightlatch.Event, confirm bool,
) (taken []string, err error) {
	err = s.Service.Change(ctx, a.ID, e, func(ctx context.Context) (err error) {
		if taken, err = insert(ctx, a); err != nil {
			return err
		}
		if len(taken) > 0 { // meanwhile
			return nightlatch.ErrConflict
		}
		if err := s.Service.Install(ctx, nightlatch.Installation{User: a.ID, Kind: password.Kind, Enrolled: hashed}); err != nil || !confirm {
			return err
		}
		return s.mailConfirmation(ctx, a, a.Email, e.Client)
	})
	return taken, err
}

// judge says all that cannot be used of a new account at once, by web.FieldsError.
func (s *Server) judge(ctx context.Context, a Account, secret string) error {
	fields := web.FieldsError{}
	if a.Username != "" || a.Email == "" {
		note(fields, "username", usernameProblem(a.Username))
	}
	if a.Email != "" {
		note(fields, "email", emailProblem(a.Email))
	}
	for _, g := range a.Groups {
		note(fields, "groups", groupProblem(g))
	}
	if secret == "" {
		fields["password"] = "missing"
	} else {
		note(fields, "password", problemOf(s.password.Check(s.call(a.user()), secret)))
	}
	if err := s.noteTaken(ctx, fields, a); err != nil {
		return err
	}
	if len(fields) > 0 {
		return fields
	}
	return nil
}

func takenError(taken []string) error {
	fields := web.FieldsError{}
	for _, field := range taken {
		fields[field] = "taken"
	}
	return fields
}

func note(fields web.FieldsError, field, problem string) {
	if problem != "" {
		fields[field] = problem
	}
}

func problemOf(err error) string {
	var refused *factor.Refused
	if errors.As(err, &refused) {
		return refused.Problem
	}
	if err != nil {
		return "invalid"
	}
	return ""
}

// noteTaken tells before the password is hashed what the insert would find out.
func (s *Server) noteTaken(ctx context.Context, fields web.FieldsError, a Account) error {
	if fields["username"] != "" {
		a.Username = ""
	}
	if fields["email"] != "" {
		a.Email = ""
	}
	taken, err := s.Accounts.taken(ctx, a, s.now())
	for _, field := range taken {
		fields[field] = "taken"
	}
	return err
}

// SetPassword gives an account a new password and ends its sessions. Errors: *nightlatch.InvalidError.
func (s *Server) SetPassword(ctx context.Context, a Account, secret, by string) error {
	if a.Defined {
		return errDefined
	}
	hashed, err := s.Service.Prepare(ctx, a.user(), password.Kind, factor.Response{Password: secret})
	if err != nil {
		return err
	}
	return s.Service.Change(ctx, a.ID, nightlatch.Event{Name: eventPassword, By: by}, func(ctx context.Context) error {
		if err := s.installPassword(ctx, a.ID, hashed, s.Service.NotePasswordChange); err != nil {
			return err
		}
		return s.shutOut(ctx, a.ID)
	})
}

// SetGroup adds an account to a group, or takes it out.
func (s *Server) SetGroup(ctx context.Context, a Account, group string, in bool, by string) error {
	if a.Defined {
		return errDefined
	}
	if p := groupProblem(group); p != "" {
		return &nightlatch.InvalidError{Field: "group", Problem: p}
	}
	detail := map[string]string{"group": group, "in": yesNo(in)}
	return s.change(ctx, a, nightlatch.Event{Name: eventChanged, By: by, Detail: detail}, false, func(ctx context.Context) error {
		if in {
			return write(ctx, `INSERT INTO account_groups (account_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, a.ID, group)
		}
		return write(ctx, `DELETE FROM account_groups WHERE account_id = $1 AND name = $2`, a.ID, group)
	})
}

// SetAdmin makes an account an administrator's, or not.
func (s *Server) SetAdmin(ctx context.Context, a Account, admin bool, by string) error {
	if a.Defined {
		return errDefined
	}
	e := nightlatch.Event{Name: eventChanged, By: by, Detail: map[string]string{"admin": yesNo(admin)}}
	return s.change(ctx, a, e, false, func(ctx context.Context) error {
		return write(ctx, `UPDATE accounts SET admin = $2 WHERE id = $1`, a.ID, admin)
	})
}

// SetDisabled shuts an account out and ends its sessions and remembered devices, or lets it in again.
func (s *Server) SetDisabled(ctx context.Context, a Account, disabled bool, by string) error {
	if a.Defined {
		return errDefined
	}
	e := nightlatch.Event{Name: eventEnabled, By: by}
	if disabled {
		e.Name = eventDisabled
	}
	return s.change(ctx, a, e, disabled, func(ctx context.Context) error {
		return write(ctx, `UPDATE accounts SET disabled = $2 WHERE id = $1`, a.ID, disabled)
	})
}

// Unlock ends the throttles of an account.
func (s *Server) Unlock(ctx context.Context, a Account, by string) error {
	e := nightlatch.Event{Name: nightlatch.EventUnlocked, By: by}
	return s.change(ctx, a, e, false, func(ctx context.Context) error { return s.Service.Unlock(ctx, a.ID) })
}

func (s *Server) change(ctx context.Context, a Account, e nightlatch.Event, end bool, f func(ctx context.Context) error) error {
	return s.Service.Change(ctx, a.ID, e, func(ctx context.Context) error {
		if err := f(ctx); err != nil || !end {
			return err
		}
		return s.shutOut(ctx, a.ID)
	})
}

// shutOut ends all sessions and all remembered devices of an account, in the transaction of ctx.
func (s *Server) shutOut(ctx context.Context, id string) error {
	if err := s.Service.EndDevices(ctx, id); err != nil {
		return err
	}
	return s.Service.EndSessions(ctx, id)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// HasGroup says whether an account is in a group.
func (a Account) HasGroup(name string) bool { return slices.Contains(a.Groups, name) }
