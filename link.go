package nightlatch

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
)

// Purpose says what the link of a mail is good for; a link is good for nothing else.
type Purpose string

// The engine's own purposes. An application's begin with a name of its own.
const (
	ForNotMe    Purpose = "not_me"   // **This was not me**
	ForRecovery Purpose = "recovery" // begins the hold of a recovery by mail
)

// Link is what the link of a mail stands for.
type Link struct {
	User      string
	Purpose   Purpose
	Data      []byte // the caller's own, sealed while it is kept
	CreatedAt time.Time
	ExpiresAt time.Time
}

func linkPlace(r LinkRecord) seal.Place {
	return seal.Place{Table: "links", Column: "sealed", ID: r.Token, User: r.User}
}

// NewLink keeps a link of a user that lives for life, and returns its token, for a mail alone. The token opens only a
// page with a button (UseLink). Call it within Change, so that it is kept with what it tells of.
// Errors: ErrUnavailable.
func (s *Service) NewLink(ctx context.Context, user string, p Purpose, data []byte, life time.Duration) (tok string, err error) {
	err = s.tx(ctx, func(ctx context.Context, tx *change) (err error) {
		tok, err = tx.newLink(ctx, user, p, data, life)
		return err
	})
	return tok, err
}

func (c *change) newLink(ctx context.Context, user string, p Purpose, data []byte, life time.Duration) (tok string, err error) {
	tok, r, err := c.makeLink(user, p, data, life)
	if err != nil {
		return "", err
	}
	return tok, c.Put(ctx, r)
}

// makeLink makes a link that is not kept yet.
func (c *change) makeLink(user string, p Purpose, data []byte, life time.Duration) (tok string, r LinkRecord, err error) {
	tok, hash := token.New(c.s.rand, token.Mailed)
	r = LinkRecord{Token: hash, User: user, Purpose: string(p), CreatedAt: c.now, ExpiresAt: c.now.Add(life)}
	r.Sealed, err = c.s.seal(data, linkPlace(r))
	return tok, r, err
}

// findLink returns a link that may be used. It returns a *factor.Refused that says why another may not.
func (s *Service) findLink(ctx context.Context, r Reader, p Purpose, tok string, now time.Time) (LinkRecord, Link, error) {
	hash, ok := token.Hash(token.Mailed, tok)
	if !ok {
		return LinkRecord{}, Link{}, factor.Refuse(factor.Wrong)
	}
	rec, err := r.FindLink(ctx, hash)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && rec.Purpose != string(p):
		return rec, Link{}, factor.Refuse(factor.Wrong)
	case err != nil:
		return rec, Link{}, err
	case !rec.UsedAt.IsZero():
		return rec, Link{}, factor.Refuse(factor.Used)
	case !rec.ExpiresAt.After(now):
		return rec, Link{}, factor.Refuse(factor.Expired)
	}
	l := Link{User: rec.User, Purpose: p, CreatedAt: rec.CreatedAt, ExpiresAt: rec.ExpiresAt}
	return rec, l, s.open(rec.Sealed, linkPlace(rec), &l.Data)
}

// FindLink returns what a link stands for, and leaves it as it is: for the page with the button.
// Errors: *factor.Refused (wrong, used, expired), ErrUnavailable.
func (s *Service) FindLink(ctx context.Context, p Purpose, tok string) (l Link, err error) {
	err = s.store.View(ctx, func(r Reader) error {
		_, l, err = s.findLink(ctx, r, p, tok, s.time())
		return err
	})
	return l, s.outer(err)
}

// UseLink uses a link up and runs f in the same transaction, as Change does, with the event that f returns; an event
// without a name is not written. Of many at once one wins. Errors: *factor.Refused (wrong, used, expired), what f
// returns of this package's, ErrUnavailable.
func (s *Service) UseLink(ctx context.Context, p Purpose, tok string, f func(ctx context.Context, l Link) (Event, error)) error {
	// The user is locked before the link, as everywhere, so that two never wait for each other.
	found, err := s.FindLink(ctx, p, tok)
	if err != nil {
		return err
	}
	return s.settled(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, found.User)
		if err != nil {
			return err
		}
		rec, l, err := s.findLink(ctx, tx, p, tok, tx.now)
		if err != nil {
			return err
		}
		rec.UsedAt = tx.now
		if err := tx.Put(ctx, rec); err != nil {
			return err
		}
		e, err := f(ctx, l)
		if err != nil || e.Name == "" {
			return err
		}
		st.Changes++
		tx.raise = true
		return tx.event(ctx, l.User, e)
	})
}

// EndLinks makes the links of a user for a purpose good for nothing. Call it within Change. Errors: ErrUnavailable.
func (s *Service) EndLinks(ctx context.Context, user string, p Purpose) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error { return tx.endLinks(ctx, user, p) })
}

func (c *change) endLinks(ctx context.Context, user string, p Purpose) error {
	links, err := c.LinksOf(ctx, user)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Purpose != string(p) || !l.UsedAt.IsZero() {
			continue
		}
		l.UsedAt = c.now
		if err := c.Put(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// Post keeps a message to a user, which SendNotices sends after the commit, and counts it against the budgets of
// messages. Call it within Change. Errors: *ThrottledError (too many messages; the transaction must end with it),
// ErrUnavailable.
func (s *Service) Post(ctx context.Context, user string, m factor.Message, c Client) error {
	to, err := s.whoseIs(ctx, user, m.To)
	if err != nil {
		return s.outer(err)
	}
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		if err := s.spendMessage(ctx, tx, user, &m, to, c); err != nil {
			return err
		}
		return tx.post(ctx, user, sealedNotice{Message: m})
	})
}

// post keeps a message that is due now.
func (c *change) post(ctx context.Context, user string, n sealedNotice) error {
	return c.postAt(ctx, user, n, c.now, c.now.Add(noticeLife))
}

func (c *change) postAt(ctx context.Context, user string, n sealedNotice, due, expires time.Time) (err error) {
	r := MessageRecord{ID: token.NewID(c.s.rand), User: user, DueAt: due, ExpiresAt: expires}
	if r.Sealed, err = c.s.seal(n, noticePlace(r)); err != nil {
		return err
	}
	if err := c.Put(ctx, r); err != nil {
		return err
	}
	c.noticed = true
	return nil
}
