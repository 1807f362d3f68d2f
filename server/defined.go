package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/server/settings"
)

const (
	bySettings     = "settings"
	definedLabel   = "From the settings"
	eventDefined   = "account_defined"
	eventUndefined = "account_undefined"
)

// defineAccounts takes in the accounts that settings define. One that is as it was when it was last taken in is left
// alone, so that a used code stays used; one that settings define no longer is disabled.
func (s *Server) defineAccounts(ctx context.Context, defined []settings.Account) error {
	keep := map[string]bool{}
	for _, d := range defined {
		a, err := s.define(ctx, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Username, err)
		}
		keep[a.ID] = true
	}
	return s.Accounts.List(ctx, func(a Account) error {
		if !a.Defined || keep[a.ID] || a.Disabled {
			return nil
		}
		e := nightlatch.Event{Name: eventUndefined, By: bySettings}
		return s.change(ctx, a, e, true, func(ctx context.Context) error {
			return write(ctx, `UPDATE accounts SET disabled = $2, defined = $3 WHERE id = $1`, a.ID, true, "gone")
		})
	})
}

func (s *Server) define(ctx context.Context, d settings.Account) (Account, error) {
	mark, err := markOf(d)
	if err != nil {
		return Account{}, err
	}
	a, err := s.Accounts.Find(ctx, definedName(d))
	switch {
	case err == nil && a.mark == mark:
		return a, nil
	case err == nil && !a.Defined:
		return a, errors.New("an account of that name exists already; remove it or give this one another name")
	case err != nil && !errors.Is(err, nightlatch.ErrNotFound):
		return a, err
	}
	isNew := err != nil
	if isNew {
		a = Account{ID: strings.ToLower(rand.Text()), CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
	}
	a.Username, a.Email, a.Groups, a.Admin, a.mark, a.Defined = d.Username, d.Email, d.Groups, d.Admin, mark, true
	return a, s.takeIn(ctx, a, d, isNew)
}

func definedName(d settings.Account) string {
	if d.Username != "" {
		return d.Username
	}
	return d.Email
}

// takeIn writes what settings say: the account, its password, and its authenticator app.
func (s *Server) takeIn(ctx context.Context, a Account, d settings.Account, isNew bool) error {
	hashed, err := password.FromHash(d.PasswordHash)
	if err != nil {
		return fmt.Errorf("password_hash: %w", err)
	}
	return s.Service.Change(ctx, a.ID, nightlatch.Event{Name: eventDefined, By: bySettings}, func(ctx context.Context) error {
		if isNew {
			taken, err := insert(ctx, a)
			if err != nil {
				return err
			}
			if len(taken) > 0 {
				return &nightlatch.InvalidError{Field: taken[0], Problem: "taken"}
			}
		} else if err := s.update(ctx, a); err != nil {
			return err
		}
		in := nightlatch.Installation{User: a.ID, Kind: password.Kind, Enrolled: factor.Enrolled{State: hashed}}
		if err := s.Service.Install(ctx, in); err != nil {
			return err
		}
		if err := s.Service.EndSessions(ctx, a.ID); err != nil {
			return err
		}
		return s.takeInApp(ctx, a, d)
	})
}

func (s *Server) update(ctx context.Context, a Account) error {
	err := write(ctx, `UPDATE accounts SET username = $2, username_key = $3, email = $4, email_key = $5, admin = $6, disabled = $7, defined = $8
		WHERE id = $1`, a.ID, a.Username, nameKey(a.Username), a.Email, nameKey(a.Email), a.Admin, false, a.mark)
	if err != nil {
		return err
	}
	if err := write(ctx, `DELETE FROM account_groups WHERE account_id = $1`, a.ID); err != nil {
		return err
	}
	for _, g := range a.Groups {
		err := write(ctx, `INSERT INTO account_groups (account_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, a.ID, g)
		if err != nil {
			return err
		}
	}
	return nil
}

// takeInApp puts the authenticator app of the settings in the place of the one that they gave before.
func (s *Server) takeInApp(ctx context.Context, a Account, d settings.Account) error {
	if err := s.Service.Uninstall(ctx, a.ID, totp.ByTime, definedLabel); err != nil {
		return err
	}
	if d.TOTPSecret == "" {
		return nil
	}
	secret, err := totp.ParseSecret(d.TOTPSecret)
	if err != nil {
		return fmt.Errorf("totp_secret: %w", err)
	}
	set := s.settings.TOTP
	uri := totp.URI{Kind: totp.ByTime, Issuer: set.Issuer, Account: a.user().Name}
	uri.Generator = totp.Generator{
		Secret: secret, Algorithm: totp.Algorithm(set.Algorithm), Digits: set.Digits, Period: set.Period,
	}
	state, err := totp.NewState(uri)
	if err != nil {
		return fmt.Errorf("totp_secret: %w", err)
	}
	return s.Service.Install(ctx, nightlatch.Installation{
		User: a.ID, Kind: totp.ByTime, Enrolled: factor.Enrolled{State: state}, Label: definedLabel,
	})
}

// markOf is a hash of all that settings say of an account.
func markOf(d settings.Account) (string, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
