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
	"github.com/nightlatch/nightlatch/sqlstore"
)

const (
	bySettings     = "settings"
	definedLabel   = "From the settings"
	eventDefined   = "account_defined"
	eventUndefined = "account_undefined"
)

// defineAccounts takes in the accounts that settings define. One that is as it was when it was last taken in is left
// alone, so that a used code stays used.
func (s *Server) defineAccounts(ctx context.Context, defined []settings.Account) (kept map[string]bool, err error) {
	kept = map[string]bool{}
	for _, d := range defined {
		a, err := s.define(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", definedName(d), err)
		}
		kept[a.ID] = true
	}
	return kept, nil
}

// selectDefined are the accounts that settings have defined. They are few, and have an index of their own.
const selectDefined = `SELECT ` + accountColumns + `, NULL, '', FALSE FROM accounts a WHERE a.defined <> '' ORDER BY a.id`

// disableUndefined disables the accounts that settings define no longer.
func (s *Server) disableUndefined(ctx context.Context, kept map[string]bool) error {
	var defined []listed
	err := s.store.Read(ctx, func(q sqlstore.Querier) (err error) {
		defined, err = listedOf(ctx, q, selectDefined)
		return err
	})
	if err != nil {
		return err
	}
	for _, a := range defined {
		if kept[a.ID] || a.Disabled {
			continue
		}
		e := nightlatch.Event{Name: eventUndefined, By: bySettings}
		if err := s.change(ctx, a.Account, e, true, func(ctx context.Context) error {
			return write(ctx, `UPDATE accounts SET disabled = $2 WHERE id = $1`, a.ID, true)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) define(ctx context.Context, d settings.Account) (Account, error) {
	m, err := s.markOf(d)
	if err != nil {
		return Account{}, err
	}
	a, err := s.findDefined(ctx, d)
	switch {
	case err == nil && a.mark == m.String() && !a.Disabled:
		return a, nil
	case err == nil && !a.Defined:
		return a, errors.New("an account of that name exists already and is not of the settings; give this one another name")
	case err != nil && !errors.Is(err, nightlatch.ErrNotFound):
		return a, err
	}
	in := takingIn{before: a, isNew: err != nil, newApp: !m.sameApp(a.mark)}
	if in.isNew {
		a = Account{ID: strings.ToLower(rand.Text()), CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
	}
	if nameKey(a.Email) != nameKey(d.Email) {
		a.EmailConfirmedAt = time.Time{}
	}
	a.Username, a.Email, a.Groups, a.Admin, a.mark, a.Defined = d.Username, d.Email, d.Groups, d.Admin, m.String(), true
	a.Disabled = false
	in.account = a
	if err = s.takeIn(ctx, in, d); err != nil && in.isNew {
		// Another process that starts now may have been faster.
		if again, err := s.findDefined(ctx, d); err == nil && again.mark == a.mark {
			return again, nil
		}
	}
	return a, err
}

// findDefined finds the account by its name or, where settings have given it another one, by its address.
func (s *Server) findDefined(ctx context.Context, d settings.Account) (Account, error) {
	a, err := s.Accounts.Find(ctx, definedName(d))
	if !errors.Is(err, nightlatch.ErrNotFound) || d.Email == "" {
		return a, err
	}
	byEmail, err := s.Accounts.Find(ctx, d.Email)
	if err == nil && !byEmail.Defined {
		return Account{}, nightlatch.ErrNotFound // and the address is taken, as will be found
	}
	return byEmail, err
}

func definedName(d settings.Account) string {
	if d.Username != "" {
		return d.Username
	}
	return d.Email
}

// takingIn is what taking an account in does.
type takingIn struct {
	account, before Account
	isNew, newApp   bool
}

// takeIn writes what settings say: the account, its password, and its authenticator app.
func (s *Server) takeIn(ctx context.Context, in takingIn, d settings.Account) error {
	hashed, err := password.FromHash(d.PasswordHash)
	if err != nil {
		return fmt.Errorf("password_hash: %w", err)
	}
	app, err := s.appOf(d)
	if err != nil {
		return fmt.Errorf("totp_secret: %w", err)
	}
	var taken []string
	a := in.account
	err = s.Service.Change(ctx, a.ID, nightlatch.Event{Name: eventDefined, By: bySettings}, func(ctx context.Context) (err error) {
		if in.isNew {
			taken, err = insert(ctx, a)
		} else {
			taken, err = update(ctx, a, in.before, s.now())
		}
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return nightlatch.ErrConflict
		}
		first := nightlatch.Installation{User: a.ID, Kind: password.Kind, Enrolled: factor.Enrolled{State: hashed}}
		if err := s.Service.Install(ctx, first); err != nil {
			return err
		}
		if err := s.noteForeign(ctx, a.ID, hashed); err != nil {
			return err
		}
		if err := s.shutOut(ctx, a.ID); err != nil || !in.newApp {
			return err
		}
		return s.takeInApp(ctx, a, app)
	})
	if err != nil && len(taken) > 0 {
		return fmt.Errorf("the %s is another account's, or was", strings.Join(taken, " and the "))
	}
	return err
}

// update writes an account that was there before. It returns the names of the fields that are taken.
func update(ctx context.Context, a, before Account, now time.Time) (taken []string, err error) {
	q, ok := sqlstore.Conn(ctx)
	if !ok {
		return nil, errOutside
	}
	if taken, err = claim(ctx, q, a, now); err != nil || len(taken) > 0 {
		return taken, err
	}
	if old := nameKey(before.Username); old != "" && old != nameKey(a.Username) {
		err := write(ctx, `INSERT INTO removed_names (username_key, account_id, removed_at) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, old, a.ID, stamp(now))
		if err != nil {
			return nil, err
		}
	}
	err = write(ctx, `UPDATE accounts SET username = $2, username_key = $3, email = $4, email_key = $5,
		email_confirmed_at = $6, admin = $7, disabled = $8, defined = $9 WHERE id = $1`,
		a.ID, a.Username, nameKey(a.Username), a.Email, nameKey(a.Email), stamp(a.EmailConfirmedAt), a.Admin, a.Disabled, a.mark)
	if err != nil {
		return nil, err
	}
	return nil, setGroups(ctx, q, a.ID, a.Groups)
}

// appOf makes the authenticator app of the settings; nil where they give none.
func (s *Server) appOf(d settings.Account) (factor.State, error) {
	if d.TOTPSecret == "" {
		return nil, nil
	}
	secret, err := totp.ParseSecret(d.TOTPSecret)
	if err != nil {
		return nil, err
	}
	set := s.settings.TOTP
	uri := totp.URI{Kind: totp.ByTime, Issuer: set.Issuer}
	uri.Generator = totp.Generator{
		Secret: secret, Algorithm: totp.Algorithm(set.Algorithm), Digits: set.Digits, Period: set.Period,
	}
	return totp.NewState(uri)
}

// takeInApp puts the authenticator app of the settings in the place of the one that they gave before, whatever its
// owner calls that now.
func (s *Server) takeInApp(ctx context.Context, a Account, app factor.State) error {
	lookup := "settings:" + a.ID
	err := s.store.Tx(ctx, func(ctx context.Context, tx nightlatch.Tx) error {
		old, err := tx.FindLookup(ctx, totp.ByTime, lookup)
		if errors.Is(err, nightlatch.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.Delete(ctx, old)
	})
	if err != nil || app == nil {
		return err
	}
	in := nightlatch.Installation{
		User: a.ID, Kind: totp.ByTime, Enrolled: factor.Enrolled{State: app, Lookup: lookup}, Label: definedLabel,
	}
	if err = s.Service.Install(ctx, in); errors.Is(err, nightlatch.ErrConflict) {
		in.Label = "" // the owner has given ours to another
		err = s.Service.Install(ctx, in)
	}
	return err
}

// mark is what settings say of an account, as two hashes: all of it, and what makes the authenticator app. Its text
// is kept with the account.
type mark struct{ all, app string }

func (m mark) String() string { return m.all + " " + m.app }

// sameApp: the app is the one of the text before, so that its used codes stay used.
func (m mark) sameApp(before string) bool {
	_, app, ok := strings.Cut(before, " ")
	return ok && app == m.app
}

func (s *Server) markOf(d settings.Account) (mark, error) {
	all, err := hashOf(d)
	if err != nil {
		return mark{}, err
	}
	set := s.settings.TOTP
	app, err := hashOf([]any{d.TOTPSecret, set.Algorithm, set.Digits, set.Period})
	if d.TOTPSecret == "" {
		app = "-"
	}
	return mark{all, app}, err
}

func hashOf(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
