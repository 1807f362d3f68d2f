package server

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/web"
)

// The server's links.
const (
	forReset   nightlatch.Purpose = "password_reset" // its data is the address that it was mailed to
	forConfirm nightlatch.Purpose = "email_confirm"  // the address that it confirms
	forSignUp  nightlatch.Purpose = "sign_up"        // the account that it makes
)

const (
	resetLinkLife   = time.Hour
	confirmLinkLife = 24 * time.Hour
)

// maxIdentifier is the longest name or address that anybody can have, in bytes.
const maxIdentifier = 320

// profiles is what web needs for what people change of their accounts by themselves.
type profiles struct{ s *Server }

var _ web.Profiles = profiles{}

// sendsMail says whether there is a way to mail a link.
func (s *Server) sendsMail() bool { return s.settings.Mail.URL != "" }

// own returns the account of a session. Errors: nightlatch.ErrForbidden where settings define it,
// nightlatch.ErrUnauthenticated.
func (s *Server) own(ctx context.Context, session string) (Account, error) {
	ses, err := s.Service.Session(ctx, session)
	if err != nil {
		return Account{}, err
	}
	a, err := s.Accounts.findID(ctx, ses.User)
	switch {
	case errors.Is(err, nightlatch.ErrNotFound):
		return a, nightlatch.ErrUnauthenticated
	case err == nil && a.Defined:
		return a, nightlatch.ErrForbidden
	}
	return a, err
}

// ChangePassword is as in web.Passwords.
func (p profiles) ChangePassword(ctx context.Context, c web.PasswordChange) (nightlatch.Next, error) {
	s := p.s
	a, err := s.own(ctx, c.Session)
	if err != nil {
		return nightlatch.Next{}, err
	}
	hashed, err := s.Service.Prepare(ctx, a.user(), password.Kind, factor.Response{Password: c.New})
	if err != nil {
		return nightlatch.Next{}, inField(err, "new")
	}
	return s.Service.ChangeOwn(ctx, c.Session, nightlatch.Own{
		Event:   nightlatch.Event{Name: eventPassword, Client: c.Client},
		Current: factor.Response{Kind: password.Kind, Password: c.Current}, EndOthers: true, Renew: c.Renew,
		Do: func(ctx context.Context, u nightlatch.User) error {
			return s.installPassword(ctx, u.ID, hashed, s.Service.NotePasswordChange)
		},
	})
}

// inField says what is wrong with a password under the name that its field has.
func inField(err error, field string) error {
	var invalid *nightlatch.InvalidError
	if errors.As(err, &invalid) {
		return web.FieldsError{field: invalid.Problem}
	}
	return err
}

// installPassword keeps a new password, notes how it came, and makes the links that would set another good for nothing.
func (s *Server) installPassword(
	ctx context.Context, user string, hashed factor.Enrolled, note func(ctx context.Context, user string) error,
) error {
	if err := s.Service.Install(ctx, nightlatch.Installation{User: user, Kind: password.Kind, Enrolled: hashed}); err != nil {
		return err
	}
	if err := s.Service.EndLinks(ctx, user, forReset); err != nil {
		return err
	}
	return note(ctx, user)
}

// MayReset is as in web.Passwords.
func (p profiles) MayReset() bool { return p.s.sendsMail() }

// AskReset is as in web.Passwords. A name that nobody has costs the same transaction as one that somebody has.
func (p profiles) AskReset(ctx context.Context, identifier string, c nightlatch.Client) error {
	s := p.s
	if !s.sendsMail() {
		return nil
	}
	if len(identifier) > maxIdentifier {
		identifier = "" // as long as nobody's
	}
	key := nameKey(identifier)
	a, err := s.Accounts.findKey(ctx, key)
	if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
		return err
	}
	to := a.opens()
	goes := linkTo{name: key, none: true, reset: true}
	if to != "" {
		goes.name, goes.none = nameKey(to), false
	}
	return s.mailing(ctx, goes, c, func(ctx context.Context) error {
		if to == "" {
			return nil
		}
		token, err := s.Service.NewLink(ctx, a.ID, forReset, []byte(to), resetLinkLife)
		if err != nil {
			return err
		}
		if err := s.Service.Note(ctx, a.ID, nightlatch.Event{Name: eventResetAsked, Client: c}); err != nil {
			return err
		}
		lang, err := s.Service.Language(ctx, a.ID, c.Lang)
		if err != nil {
			return err
		}
		return s.Service.Post(ctx, a.ID, s.resetMail(lang, to, token), c)
	})
}

// mailing runs send, which posts one mail, in a transaction that counts it. Where too many were mailed nobody is told,
// since that would tell whose address it is. Nor does the time tell: what is mailed takes many more statements.
func (s *Server) mailing(ctx context.Context, l linkTo, c nightlatch.Client, send func(ctx context.Context) error) error {
	defer evenly(ctx, time.Now())
	counted := func(send func(ctx context.Context) error) error {
		return s.Service.Transact(ctx, func(ctx context.Context) error {
			if may, err := s.countLink(ctx, l, c.Addr); err != nil || !may {
				return err
			}
			return send(ctx)
		})
	}
	err := counted(send)
	var spent *nightlatch.ThrottledError
	if errors.As(err, &spent) { // the engine's own budgets, codes among them, are spent
		s.log.Warn("a link was not mailed: too many messages", "addr", c.Addr)
		return counted(func(context.Context) error { return nil })
	}
	return err
}

// evenStep is what the time of an answer is a multiple of that must not tell what was done. Some thirty short statements to
// a database on another machine are well below it.
const evenStep = 100 * time.Millisecond

// evenly waits until a multiple of evenStep has passed since a time.
func evenly(ctx context.Context, since time.Time) {
	wait := time.NewTimer(evenStep - time.Since(since)%evenStep)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// opens is the address of an account to which a link may go that opens something, or "": not that of an account that is
// disabled or that settings define, and not one that the owner of the address before holds back.
func (a Account) opens() string {
	if a.Disabled || a.Defined || a.HeldBack {
		return ""
	}
	return a.Email
}

// FindReset is as in web.Passwords.
func (p profiles) FindReset(ctx context.Context, token string) (name string, err error) {
	l, err := p.s.Service.FindLink(ctx, forReset, token)
	if err != nil {
		return "", err
	}
	u, err := p.s.Service.FindUser(ctx, l.User)
	return Account{Username: u.Name, Email: u.Email}.Name(), err
}

// ResetPassword is as in web.Passwords. A password that is refused leaves the link as it was.
func (p profiles) ResetPassword(ctx context.Context, token, secret string, c nightlatch.Client) error {
	s := p.s
	l, err := s.Service.FindLink(ctx, forReset, token)
	if err != nil {
		return err
	}
	a, err := s.resets(ctx, l.User)
	if err != nil {
		return err
	}
	hashed, err := s.Service.Prepare(ctx, a.user(), password.Kind, factor.Response{Password: secret})
	if err != nil {
		return inField(err, "password")
	}
	return s.Service.UseLink(ctx, forReset, token, func(ctx context.Context, l nightlatch.Link) (nightlatch.Event, error) {
		if _, err := s.resets(ctx, l.User); err != nil {
			return nightlatch.Event{}, err
		}
		err := s.installPassword(ctx, l.User, hashed, func(ctx context.Context, user string) error {
			return s.Service.NotePasswordReset(ctx, user, string(l.Data))
		})
		return nightlatch.Event{Name: eventPasswordReset, Client: c}, err
	})
}

// resets returns the account of a link, if its password may be reset now.
func (s *Server) resets(ctx context.Context, user string) (Account, error) {
	a, err := s.Accounts.findID(ctx, user)
	if err == nil && a.opens() == "" {
		err = nightlatch.ErrForbidden
	}
	return a, err
}
