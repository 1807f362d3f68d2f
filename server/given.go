package server

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/recovery"
	"github.com/nightlatch/nightlatch/web"
)

const (
	// resetLife is how long the code that a reset gives may be used.
	resetLife = 72 * time.Hour
	// givenLife is how long a one-time code may be used.
	givenLife = 10 * time.Minute
	// mostReason is how long the reason for a reset or a code may be, in characters.
	mostReason = 500
)

// doer is who changes another's account: what the trail says, and with an administrator the account of that one.
type doer struct {
	by     string
	admin  string // the id of the administrator's account, or ""
	client nightlatch.Client
}

const byAdministrator = "administrator"

// manage changes an account in one transaction with the event of it. Where an administrator does it, the transaction
// asks again whether that is one: of two who shut each other out at once the first wins, so that one is always left.
// What was done stands in both trails. The owner hears of it.
func (s *Server) manage(ctx context.Context, d doer, a Account, e nightlatch.Event, f func(ctx context.Context) error) error {
	e.By = d.by
	if d.admin == "" {
		return s.Service.Change(ctx, a.ID, e, s.stillThere(a, f))
	}
	who, err := s.Accounts.findID(ctx, d.admin)
	if err != nil {
		return forbiddenUnlessThere(err)
	}
	acted := nightlatch.Event{
		Name: eventActed, Reason: e.Reason, Client: d.client,
		Detail: map[string]string{"did": e.Name, "account": a.ID, "name": a.Name()},
	}
	detail := map[string]string{"administrator": who.Name(), "administrator_id": who.ID}
	maps.Copy(detail, e.Detail)
	e.Detail = detail
	return s.Service.Change(ctx, a.ID, e, func(ctx context.Context) error {
		if err := lockAdmins(ctx); err != nil {
			return err
		}
		who, err := s.Accounts.findID(ctx, d.admin)
		if err != nil {
			return forbiddenUnlessThere(err)
		}
		if !who.Admin || who.Disabled {
			return nightlatch.ErrForbidden
		}
		if err := s.stillThere(a, f)(ctx); err != nil {
			return err
		}
		return s.Service.Note(ctx, d.admin, acted)
	})
}

// stillThere runs f unless the account was removed meanwhile.
func (s *Server) stillThere(a Account, f func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if _, err := s.Accounts.findID(ctx, a.ID); err != nil {
			return err
		}
		return f(ctx)
	}
}

func forbiddenUnlessThere(err error) error {
	if errors.Is(err, nightlatch.ErrNotFound) {
		return nightlatch.ErrForbidden
	}
	return err
}

// Reset removes every authenticator of an account and returns the code with which alone the person may enroll anew,
// and until when. It works for an account that settings define, too. The authenticator app that they gave it goes with
// the others, and comes back when totp_secret is changed there. Errors: web.FieldsError (reason), nightlatch.ErrUnavailable.
func (s *Server) Reset(ctx context.Context, a Account, by, reason string) (code string, until time.Time, err error) {
	return s.reset(ctx, doer{by: by}, a, reason)
}

func (s *Server) reset(ctx context.Context, d doer, a Account, reason string) (code string, until time.Time, err error) {
	e := nightlatch.Event{Name: nightlatch.EventReset, Reason: reason}
	return s.give(ctx, d, a, e, resetLife, func(ctx context.Context, made factor.Enrolled, until time.Time) error {
		return s.Service.Reset(ctx, a.ID, recovery.Kind, made, until)
	})
}

// GiveCode returns a code that stands for the second factor of an account once, and until when. One that was given
// before is good for nothing then. Errors: web.FieldsError (reason), nightlatch.ErrUnavailable.
func (s *Server) GiveCode(ctx context.Context, a Account, by, reason string) (code string, until time.Time, err error) {
	return s.giveCode(ctx, doer{by: by}, a, reason)
}

func (s *Server) giveCode(ctx context.Context, d doer, a Account, reason string) (code string, until time.Time, err error) {
	e := nightlatch.Event{Name: nightlatch.EventCodeGiven, Reason: reason}
	return s.give(ctx, d, a, e, givenLife, func(ctx context.Context, made factor.Enrolled, until time.Time) error {
		return s.Service.GiveCode(ctx, a.ID, recovery.Kind, made, until)
	})
}

// give makes a code, hashes it outside the transaction, and keeps it within.
func (s *Server) give(ctx context.Context, d doer, a Account, e nightlatch.Event, life time.Duration,
	keep func(ctx context.Context, made factor.Enrolled, until time.Time) error,
) (code string, until time.Time, err error) {
	e.Reason = strings.TrimSpace(e.Reason)
	if p := reasonProblem(e.Reason); p != "" {
		return "", time.Time{}, web.FieldsError{"reason": p}
	}
	made, err := s.recovery.OneCode(ctx, s.call(a.user()))
	if err != nil {
		return "", time.Time{}, err
	}
	shown, ok := made.Show.(factor.Keep)
	if !ok || len(shown.Codes) != 1 {
		return "", time.Time{}, errors.New("no code was made")
	}
	until = s.now().UTC().Add(life).Truncate(time.Second)
	err = s.manage(ctx, d, a, e, func(ctx context.Context) error { return keep(ctx, made, until) })
	if err != nil {
		return "", time.Time{}, err
	}
	return shown.Codes[0], until, nil
}

// reasonProblem says what is wrong with a reason, or "". It stands in trails and mails, on one line.
func reasonProblem(reason string) string {
	switch {
	case reason == "":
		return "missing"
	case utf8.RuneCountInString(reason) > mostReason:
		return "too_long"
	case !utf8.ValidString(reason), strings.ContainsFunc(reason, unicode.IsControl):
		return "invalid"
	}
	return ""
}

// EndSessions ends all sessions of an account, and its unfinished sign-ins.
func (s *Server) EndSessions(ctx context.Context, a Account, by string) error {
	return s.endSessions(ctx, doer{by: by}, a)
}

func (s *Server) endSessions(ctx context.Context, d doer, a Account) error {
	e := nightlatch.Event{Name: nightlatch.EventSessionsEnded}
	return s.manage(ctx, d, a, e, func(ctx context.Context) error { return s.Service.EndSessions(ctx, a.ID) })
}
