package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/web"
)

// signUps is what web needs to sign people up and in.
type signUps struct{ s *Server }

var _ web.Accounts = signUps{}

// FindAccount is as in web.Accounts.
func (u signUps) FindAccount(ctx context.Context, identifier string) (user, key string, err error) {
	key = nameKey(identifier)
	a, err := u.s.Accounts.findKey(ctx, key)
	if errors.Is(err, nightlatch.ErrNotFound) {
		return "", key, nil
	}
	return a.ID, key, err
}

// CheckAccount is as in web.Accounts.
func (u signUps) CheckAccount(ctx context.Context, n web.NewAccount) error {
	if !u.MayCreate() {
		return nightlatch.ErrForbidden
	}
	return u.s.judgeSignUp(ctx, Account{Username: n.Username, Email: n.Email}, n.Password)
}

// CreateAccount is as in web.Accounts.
func (u signUps) CreateAccount(ctx context.Context, n web.NewAccount) (string, error) {
	if !u.MayCreate() {
		return "", nightlatch.ErrForbidden
	}
	a := Account{Username: n.Username, Email: n.Email}
	if u.s.settings.SignUp.VerifyEmail {
		return "", u.s.askSignUp(ctx, a, n.Password, n.Client)
	}
	a, err := u.s.add(ctx, a, n.Password, "", n.Client, u.s.sendsMail() && n.Email != "")
	return a.ID, err
}

// MayCreate is as in web.Accounts.
func (u signUps) MayCreate() bool { return u.s.settings.SignUp.Enabled }

// judgeSignUp says all that cannot be used, by web.FieldsError. Where an account needs a confirmed address, whose an
// address is stays unsaid: only its mailbox is told.
func (s *Server) judgeSignUp(ctx context.Context, a Account, secret string) error {
	if !s.settings.SignUp.VerifyEmail {
		return s.judge(ctx, a, secret)
	}
	fields := web.FieldsError{}
	err := s.judge(ctx, a, secret)
	if err != nil && !errors.As(err, &fields) {
		return err
	}
	if fields["email"] == "taken" {
		delete(fields, "email")
	}
	if a.Email == "" {
		fields["email"] = "missing"
	}
	if len(fields) > 0 {
		return fields
	}
	return nil
}

// waiting is a sign-up that waits for its address to be confirmed: the data of its link.
type waiting struct {
	Username string          `json:"username,omitempty"`
	Email    string          `json:"email"`
	Password factor.Enrolled `json:"password"` // hashed
}

// askSignUp mails the link after which an account exists or, where the address is another's, tells its owner. Both cost
// the same: a hash and a transaction.
func (s *Server) askSignUp(ctx context.Context, a Account, secret string, c nightlatch.Client) error {
	if err := s.countSignUp(ctx, c.Addr, s.judgeSignUp(ctx, a, secret)); err != nil {
		return err
	}
	hashed, err := s.Service.Prepare(ctx, a.user(), password.Kind, factor.Response{Password: secret})
	if err != nil {
		return err
	}
	data, err := json.Marshal(waiting{Username: a.Username, Email: a.Email, Password: hashed})
	if err != nil {
		return err
	}
	a.ID = strings.ToLower(rand.Text())
	return s.mailing(ctx, linkTo{name: nameKey(a.Email)}, c, func(ctx context.Context) error {
		taken, err := s.Accounts.taken(ctx, Account{Email: a.Email}, s.now())
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return s.tellTaken(ctx, a.ID, nameKey(a.Email), c)
		}
		token, err := s.Service.NewLink(ctx, a.ID, forSignUp, data, confirmLinkLife)
		if err != nil {
			return err
		}
		return s.Service.Post(ctx, a.ID, s.confirmMail(c.Lang, a.Email, token), c)
	})
}

// finishSignUp makes the account of a link, whose address is confirmed by that.
func (s *Server) finishSignUp(ctx context.Context, l nightlatch.Link, c nightlatch.Client) (e nightlatch.Event, err error) {
	if !s.settings.SignUp.Enabled {
		return e, nightlatch.ErrForbidden
	}
	var w waiting
	if err := json.Unmarshal(l.Data, &w); err != nil {
		return e, err
	}
	now := s.today()
	taken, err := insert(ctx, Account{ID: l.User, Username: w.Username, Email: w.Email, EmailConfirmedAt: now, CreatedAt: now})
	if err == nil && len(taken) > 0 { // meanwhile
		err = &nightlatch.InvalidError{Field: taken[0], Problem: "taken"}
	}
	if err != nil {
		return e, err
	}
	err = s.Service.Install(ctx, nightlatch.Installation{User: l.User, Kind: password.Kind, Enrolled: w.Password})
	return nightlatch.Event{Name: eventCreated, Client: c}, err
}
