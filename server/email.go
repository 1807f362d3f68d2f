package server

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/web"
)

// isWrong: a link is none of that purpose.
func isWrong(err error) bool {
	var refused *factor.Refused
	return errors.As(err, &refused) && refused.Reason == factor.Wrong
}

// today is now as the database keeps it.
func (s *Server) today() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// ChangeEmail is as in web.Addresses. What is another's is answered as what is free: the mail tells its owner.
func (p profiles) ChangeEmail(ctx context.Context, session, email string, c nightlatch.Client) error {
	s := p.s
	a, err := s.own(ctx, session)
	if err != nil {
		return err
	}
	if !s.sendsMail() {
		return nightlatch.ErrForbidden
	}
	if problem := emailProblem(email); problem != "" {
		return web.FieldsError{"email": problem}
	}
	asked := nightlatch.Own{Event: nightlatch.Event{Name: eventAddressAsked, Client: c}}
	asked.Do = func(ctx context.Context, _ nightlatch.User) error {
		way, err := s.Accounts.address(ctx, a.ID)
		if err != nil {
			return err
		}
		if way.HeldBack && way.mayUndo(s.now()) {
			return nightlatch.ErrForbidden // first it is settled whose the account is
		}
		if err := s.Service.EndLinks(ctx, a.ID, forConfirm); err != nil { // the last word counts
			return err
		}
		way.Wanted, way.WantedUntil = email, s.today().Add(confirmLinkLife)
		if err := putAddress(ctx, a.ID, way); err != nil {
			return err
		}
		return s.mailConfirmation(ctx, a, email, c)
	}
	_, err = s.Service.ChangeOwn(ctx, session, asked)
	var spent *nightlatch.ThrottledError
	if errors.As(err, &spent) {
		s.log.Warn("a link was not mailed: too many messages", "addr", c.Addr)
	}
	return err
}

// mailConfirmation mails an account the link that confirms an address or, where that is another's, tells its owner. It
// counts the mail, and is called within a change.
func (s *Server) mailConfirmation(ctx context.Context, a Account, email string, c nightlatch.Client) error {
	may, err := s.countLink(ctx, linkTo{name: nameKey(email)}, c.Addr)
	if err != nil {
		return err
	}
	if !may {
		return &nightlatch.ThrottledError{RetryAfter: countedWindow}
	}
	taken, err := s.Accounts.taken(ctx, Account{ID: a.ID, Email: email}, s.now())
	if err != nil {
		return err
	}
	if len(taken) > 0 {
		return s.tellTaken(ctx, a.ID, nameKey(email), c)
	}
	token, err := s.Service.NewLink(ctx, a.ID, forConfirm, []byte(email), confirmLinkLife)
	if err != nil {
		return err
	}
	return s.Service.Post(ctx, a.ID, s.confirmMail(c.Lang, email, token), c)
}

// tellTaken tells the owner of an address that somebody gave it for another account. The mail counts for that account, as
// one to a free address does: by whose budget is spent nobody is to learn whose an address is.
func (s *Server) tellTaken(ctx context.Context, asks, key string, c nightlatch.Client) error {
	owner, err := s.Accounts.findKey(ctx, key)
	if errors.Is(err, nightlatch.ErrNotFound) {
		return nil // it is the former one of an account, which can be put back
	}
	if err != nil {
		return err
	}
	if err := s.Service.Note(ctx, owner.ID, nightlatch.Event{Name: eventAddressTried, Client: c}); err != nil {
		return err
	}
	lang, err := s.Service.Language(ctx, owner.ID, c.Lang)
	if err != nil {
		return err
	}
	return s.Service.Post(ctx, asks, s.takenMail(lang, owner.Email), c)
}

// AskConfirmation is as in web.Addresses. An address that nobody has costs the same transaction as one that waits.
func (p profiles) AskConfirmation(ctx context.Context, email string, c nightlatch.Client) error {
	s := p.s
	if !s.sendsMail() {
		return nil
	}
	if len(email) > maxIdentifier {
		email = ""
	}
	key := nameKey(email)
	a, err := s.Accounts.findWanting(ctx, key, s.now())
	if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
		return err
	}
	way, err := s.Accounts.address(ctx, a.ID)
	if err != nil {
		return err
	}
	to := way.Wanted
	if !way.wants(key, s.now()) {
		to = a.Email
	}
	goes := linkTo{name: key, none: to == "" || a.Disabled || a.Defined || a.HeldBack}
	return s.mailing(ctx, goes, c, func(ctx context.Context) error {
		if goes.none {
			return nil
		}
		token, err := s.Service.NewLink(ctx, a.ID, forConfirm, []byte(to), confirmLinkLife)
		if err != nil {
			return err
		}
		if err := s.Service.Note(ctx, a.ID, nightlatch.Event{Name: eventConfirmAsked, Client: c}); err != nil {
			return err
		}
		lang, err := s.Service.Language(ctx, a.ID, c.Lang)
		if err != nil {
			return err
		}
		return s.Service.Post(ctx, a.ID, s.confirmMail(lang, to, token), c)
	})
}

// FindConfirmation is as in web.Addresses.
func (p profiles) FindConfirmation(ctx context.Context, token string) error {
	_, _, err := p.s.findConfirmation(ctx, token)
	return err
}

// findConfirmation finds what a mailed link confirms: an address of an account, or the sign-up of one.
func (s *Server) findConfirmation(ctx context.Context, token string) (nightlatch.Link, nightlatch.Purpose, error) {
	l, err := s.Service.FindLink(ctx, forConfirm, token)
	if !isWrong(err) {
		return l, forConfirm, err
	}
	l, err = s.Service.FindLink(ctx, forSignUp, token)
	return l, forSignUp, err
}

// Confirm is as in web.Addresses.
func (p profiles) Confirm(ctx context.Context, token string, c nightlatch.Client) error {
	s := p.s
	_, purpose, err := s.findConfirmation(ctx, token)
	if err != nil {
		return err
	}
	confirm := s.confirm
	if purpose == forSignUp {
		confirm = s.finishSignUp
	}
	return s.Service.UseLink(ctx, purpose, token, func(ctx context.Context, l nightlatch.Link) (nightlatch.Event, error) {
		return confirm(ctx, l, c)
	})
}

// confirm is the first confirmation of an address, or what makes a change of it count.
func (s *Server) confirm(ctx context.Context, l nightlatch.Link, c nightlatch.Client) (e nightlatch.Event, err error) {
	a, err := s.Accounts.findID(ctx, l.User)
	if err != nil {
		return e, err
	}
	way, err := s.Accounts.address(ctx, a.ID)
	if err != nil {
		return e, err
	}
	if a.Disabled || a.Defined || way.HeldBack && way.mayUndo(s.now()) {
		return e, nightlatch.ErrForbidden
	}
	before, now := a, s.today()
	a.Email, a.EmailConfirmedAt = string(l.Data), now
	if err := s.setAddress(ctx, a); err != nil {
		return e, err
	}
	way.HeldBack = false
	if way.wants(nameKey(a.Email), now) {
		way.Wanted, way.WantedUntil = "", time.Time{}
	}
	e = nightlatch.Event{Name: eventConfirmed, Client: c}
	if before.Email != "" && nameKey(before.Email) != nameKey(a.Email) {
		e.Name = eventAddressChanged
		if e.Tell, err = s.replaced(ctx, before, &way, now); err != nil {
			return e, err
		}
	}
	return e, putAddress(ctx, a.ID, way)
}

// replaced notes which address was there before a change and returns who is told of it. One that can still be put back
// stays: whoever changes an address twice does not get rid of its owner so.
func (s *Server) replaced(ctx context.Context, before Account, way *address, now time.Time) (tell []string, err error) {
	tell = []string{before.Email}
	if way.mayUndo(now) {
		tell = append(tell, way.Former)
	} else {
		way.Former, way.FormerConfirmedAt, way.FormerUntil = before.Email, before.EmailConfirmedAt, now.Add(undoLife)
	}
	way.ChangedAt = now
	if err := s.Service.EndLinks(ctx, before.ID, forReset); err != nil {
		return nil, err
	}
	return tell, s.Service.NoteAddressChange(ctx, before.ID)
}

// RestoreEmail is as in web.Addresses.
func (p profiles) RestoreEmail(ctx context.Context, session string, c nightlatch.Client) error {
	s := p.s
	a, err := s.own(ctx, session)
	if err != nil {
		return err
	}
	_, err = s.Service.ChangeOwn(ctx, session, nightlatch.Own{
		// The one that goes is told, too: its owner may be the one who is wronged.
		Event: nightlatch.Event{Name: eventAddressRestored, Client: c, Tell: []string{a.Email}},
		Do:    func(ctx context.Context, u nightlatch.User) error { return s.restore(ctx, u.ID) },
	})
	return err
}

func (s *Server) restore(ctx context.Context, id string) error {
	a, err := s.Accounts.findID(ctx, id)
	if err != nil {
		return err
	}
	way, err := s.Accounts.address(ctx, id)
	if err != nil {
		return err
	}
	if !way.mayUndo(s.now()) {
		return nightlatch.ErrNotFound
	}
	a.Email, a.EmailConfirmedAt = way.Former, way.FormerConfirmedAt
	if err := s.setAddress(ctx, a); err != nil {
		return err
	}
	for _, purpose := range []nightlatch.Purpose{forReset, forConfirm} {
		if err := s.Service.EndLinks(ctx, id, purpose); err != nil {
			return err
		}
	}
	if err := putAddress(ctx, id, address{}); err != nil {
		return err
	}
	return s.Service.NoteAddressChange(ctx, id)
}

// disowned holds back what the user of a notice disowns of what the server changes itself. It is called in the engine's
// transaction.
func (s *Server) disowned(ctx context.Context, user string, e nightlatch.Event) error {
	if e.Name != eventAddressAsked && e.Name != eventAddressChanged {
		return nil
	}
	way, err := s.Accounts.address(ctx, user)
	if err != nil {
		return err
	}
	hold := way
	hold.Wanted, hold.WantedUntil = "", time.Time{}
	hold.HeldBack = way.HeldBack || e.Name == eventAddressChanged && way.mayUndo(s.now())
	for _, purpose := range []nightlatch.Purpose{forConfirm, forReset} {
		if err := s.Service.EndLinks(ctx, user, purpose); err != nil {
			return err
		}
	}
	if hold == way {
		return nil
	}
	if err := putAddress(ctx, user, hold); err != nil || !hold.HeldBack || way.HeldBack {
		return err
	}
	if err := write(ctx, `UPDATE accounts SET email_confirmed_at = 0 WHERE id = $1`, user); err != nil {
		return err
	}
	return s.Service.Note(ctx, user, nightlatch.Event{Name: eventAddressHeld, Tell: []string{way.Former}})
}
