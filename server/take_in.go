package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/server/importer"
)

const (
	eventTakenIn = "account_taken_in"
	eventAdded   = "authenticators_taken_in"
)

// Outcome is what became of an account of another program.
type Outcome string

// The outcomes.
const (
	TakenIn    Outcome = "taken in"
	AddedTo    Outcome = "added to"
	TakenThen  Outcome = "was taken in before"
	NotTakenIn Outcome = "refused"
)

// Taken is what became of one account, for a report. It holds no secret.
type Taken struct {
	At, Name string
	Outcome  Outcome
	Why      string          // of NotTakenIn
	Took     []string        // what was taken
	Left     []importer.Left // what was not
}

// Whole says whether nothing was refused.
func (t Taken) Whole() bool { return t.Outcome != NotTakenIn && len(t.Left) == 0 }

// TakingIn takes accounts of other programs in.
type TakingIn struct {
	Source string // the format
	By     string // who does it, for the trail
	Dry    bool   // do all but the commit

	s    *Server
	seen map[string]string // what this run has taken: a dry one finds no trace of it in the database
}

// NewTakingIn begins taking in.
func (s *Server) NewTakingIn(source, by string, dry bool) *TakingIn {
	return &TakingIn{Source: source, By: by, Dry: dry, s: s, seen: map[string]string{}}
}

// errRefused is why an account is not taken in; anything else is a fault of ours.
type errRefused struct{ why string }

func (e errRefused) Error() string { return e.why }

func refuse(format string, args ...any) error { return errRefused{fmt.Sprintf(format, args...)} }

// errDry ends a transaction of which nothing shall stay.
var errDry = errors.New("a dry run")

// One takes one account in, all of it in one transaction, or refuses it. The error is a fault of ours: whatever was
// reported before stays.
func (t *TakingIn) One(ctx context.Context, a importer.Account) (Taken, error) {
	out := Taken{At: a.At, Name: a.Name(), Outcome: TakenIn, Left: slices.Clone(a.Left)}
	err := t.one(ctx, a, &out)
	var refused errRefused
	if errors.As(err, &refused) {
		return Taken{At: out.At, Name: out.Name, Outcome: NotTakenIn, Why: refused.why}, nil
	}
	return out, err
}

func (t *TakingIn) one(ctx context.Context, a importer.Account, out *Taken) error {
	before, err := t.known(ctx, accountRef(a))
	if err != nil {
		return err
	}
	if before && !a.MayExist && !a.Adds {
		*out = Taken{At: out.At, Name: out.Name, Outcome: TakenThen}
		return nil
	}
	if !a.Adds && !a.MayExist {
		return t.takeIn(ctx, a, out)
	}
	there, err := t.s.Accounts.Find(ctx, a.Name())
	switch {
	case err == nil && a.Username != "" && a.Email != "" && nameKey(there.Email) != nameKey(a.Email):
		return refuse("the username is taken, by an account of another address")
	case err == nil:
		return t.addTo(ctx, there, a, out)
	case !errors.Is(err, nightlatch.ErrNotFound):
		return err
	case a.Adds && t.seen["name "+nameKey(a.Name())] == "":
		return refuse("there is no account of that name")
	case t.seen["name "+nameKey(a.Name())] != "": // of a dry run
		return t.addTo(ctx, Account{ID: t.seen["name "+nameKey(a.Name())]}, a, out)
	}
	return t.takeIn(ctx, a, out)
}

// takeIn makes an account.
func (t *TakingIn) takeIn(ctx context.Context, from importer.Account, out *Taken) error {
	a, err := t.accountOf(from)
	if err != nil {
		return err
	}
	hashed, err := t.passwordOf(from, out)
	if err != nil {
		return err
	}
	if err := t.free(ctx, a); err != nil {
		return err
	}
	made, err := t.prepare(ctx, a, from, out)
	if err != nil {
		return err
	}
	var taken []string
	e := nightlatch.Event{Name: eventTakenIn, By: t.By, Detail: map[string]string{"source": t.Source}}
	err = t.change(ctx, a.ID, e, func(ctx context.Context) (err error) {
		if taken, err = insert(ctx, a); err != nil {
			return err
		}
		if len(taken) > 0 {
			return nightlatch.ErrConflict
		}
		return t.furnish(ctx, a.ID, from, hashed, made)
	})
	if len(taken) > 0 && err != nil {
		return refuse("%s", takenWords(taken))
	}
	if err != nil {
		return t.conflict(err)
	}
	t.remember(a, from)
	return nil
}

// furnish gives a new account all that is its own.
func (t *TakingIn) furnish(ctx context.Context, id string, from importer.Account, hashed factor.State, made []prepared) error {
	if err := t.s.Service.Carry(ctx, id, nightlatch.Carried{Handle: from.Handle, AfterReset: from.AfterReset}); err != nil {
		return err
	}
	if hashed != nil {
		first := nightlatch.Installation{User: id, Kind: password.Kind, Enrolled: factor.Enrolled{State: hashed}}
		if err := t.s.Service.Install(ctx, first); err != nil {
			return err
		}
		if err := t.s.noteForeign(ctx, id, hashed); err != nil {
			return err
		}
	}
	if err := t.note(ctx, accountRef(from), id); err != nil {
		return err
	}
	return t.install(ctx, id, made)
}

// addTo adds factors to an account that is there. Its owner is told of each by mail.
func (t *TakingIn) addTo(ctx context.Context, a Account, from importer.Account, out *Taken) error {
	out.Outcome = AddedTo
	made, err := t.prepare(ctx, a, from, out)
	if err != nil {
		return err
	}
	made, before, err := t.unknown(ctx, a, made)
	switch {
	case err != nil:
		return err
	case len(made) == 0 && before > 0 && len(out.Left) == 0:
		*out = Taken{At: out.At, Name: out.Name, Outcome: TakenThen}
		return nil
	case len(made) == 0 && len(out.Left) > 0:
		return refuse("%s: %s", out.Left[0].What, out.Left[0].Why)
	case len(made) == 0:
		return refuse("it has nothing to add, and the name is taken")
	}
	out.Took = nil
	e := nightlatch.Event{Name: eventAdded, By: t.By, Detail: map[string]string{"source": t.Source}}
	err = t.change(ctx, a.ID, e, func(ctx context.Context) error {
		for _, m := range made {
			e := nightlatch.Event{Name: nightlatch.EventAuthenticatorAdded, By: t.By, Kind: m.in.Kind, Label: m.in.Enrolled.Label}
			err := t.s.Service.Change(ctx, a.ID, e, func(ctx context.Context) error {
				return t.install(ctx, a.ID, []prepared{m})
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return t.conflict(err)
	}
	for _, m := range made {
		out.Took = append(out.Took, m.what)
		t.seen["factor "+m.ref] = a.ID
	}
	return nil
}

// change is Service.Change, undone at its end in a dry run.
func (t *TakingIn) change(ctx context.Context, id string, e nightlatch.Event, f func(ctx context.Context) error) error {
	err := t.s.Service.Change(ctx, id, e, func(ctx context.Context) error {
		if err := f(ctx); err != nil {
			return err
		}
		if t.Dry {
			return errDry
		}
		return nil
	})
	if t.Dry && errors.Is(err, errDry) {
		return nil
	}
	return err
}

// conflict says what two accounts may have in common by mistake.
func (t *TakingIn) conflict(err error) error {
	var invalid *nightlatch.InvalidError
	switch {
	case errors.Is(err, nightlatch.ErrConflict):
		return refuse("one of its authenticators is another account's already")
	case errors.As(err, &invalid):
		return refuse("%s: %s", invalid.Field, strings.ReplaceAll(invalid.Problem, "_", " "))
	}
	return err
}

// accountOf judges what an account says of itself.
func (t *TakingIn) accountOf(from importer.Account) (Account, error) {
	now := t.s.now().UTC().Truncate(time.Microsecond)
	a := Account{
		ID: strings.ToLower(rand.Text()), Username: from.Username, Email: from.Email, EmailConfirmedAt: from.EmailConfirmedAt,
		Groups: from.Groups, Admin: from.Admin, Disabled: from.Disabled, CreatedAt: from.Created,
	}
	if a.CreatedAt.IsZero() || a.CreatedAt.After(now) {
		a.CreatedAt = now
	}
	if from.EmailConfirmed && (a.EmailConfirmedAt.IsZero() || a.EmailConfirmedAt.After(now)) {
		a.EmailConfirmedAt = now
	}
	if !from.EmailConfirmed || a.Email == "" {
		a.EmailConfirmedAt = time.Time{}
	}
	if a.Username != "" || a.Email == "" {
		if p := usernameProblem(a.Username); p != "" {
			return a, refuse("the username is %s", words(p))
		}
	}
	if a.Email != "" {
		if p := emailProblem(a.Email); p != "" {
			return a, refuse("the email is %s", words(p))
		}
	}
	for _, g := range a.Groups {
		if p := groupProblem(g); p != "" {
			return a, refuse("the group %.70q is %s; allowed is 1 to 64 of a-z, 0-9, dot, underscore and dash", g, words(p))
		}
	}
	return a, nil
}

func words(problem string) string { return strings.ReplaceAll(problem, "_", " ") }

func takenWords(taken []string) string {
	text := "the " + strings.Join(taken, " and the ") + " is taken"
	if slices.Contains(taken, "username") {
		text += ", or was once"
	}
	return text
}

// passwordOf is the state of the password; nil where there is none.
func (t *TakingIn) passwordOf(from importer.Account, out *Taken) (factor.State, error) {
	if from.PasswordHash == "" {
		if from.Email == "" {
			return nil, refuse("it has neither a password nor an address to set one by")
		}
		return nil, nil
	}
	hashed, err := password.FromHash(from.PasswordHash)
	if err != nil {
		return nil, refuse("the password: %v", err)
	}
	out.Took = append(out.Took, "password")
	return hashed, nil
}

// free refuses names that are another account's, or were.
func (t *TakingIn) free(ctx context.Context, a Account) error {
	taken, err := t.s.Accounts.taken(ctx, a, t.s.now())
	for _, pair := range [][2]string{{"username", a.Username}, {"email", a.Email}} {
		if pair[1] != "" && t.seen["name "+nameKey(pair[1])] != "" && !slices.Contains(taken, pair[0]) {
			taken = append(taken, pair[0])
		}
	}
	if len(taken) > 0 {
		return refuse("%s", takenWords(taken))
	}
	return err
}
