package nightlatch

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch/factor"
)

const (
	// recoveryLife is how long the link that begins a recovery is good.
	recoveryLife = time.Hour
	// recoveryRest is how long after a password's reset or a change of address no recovery by mail begins: until then
	// whoever took the mailbox over may be who asks.
	recoveryRest = 7 * day
	// recoveriesAsked is how many links a user may ask for in an hour, helpAsked how often for help in a day.
	recoveriesAsked = 3
	helpAsked       = 2
)

// mailKind is the kind of the messages that are mails, and of the factor that sends codes by them.
const mailKind factor.Kind = "email"

// Way is a way for a person who has lost every second factor.
type Way string

// The ways.
const (
	WayCodes Way = "recovery" // a recovery code
	WayEmail Way = "email"    // a mailed link and a hold
	WayAdmin Way = "admin"    // the administrators are asked
)

// WayOpen is a way that an account has.
type WayOpen struct {
	Way    Way
	Left   int    // of WayCodes: codes left
	SentTo string // of WayEmail: what may be shown of the address
}

// Hold is a recovery by mail that waits. After Until its code is out.
type Hold struct {
	Begun, Until time.Time
}

// Recoveries are the ways that the account of a sign-in or session has, and the hold that waits, or nil.
type Recoveries struct {
	Ways []WayOpen
	Hold *Hold
}

// Recoveries returns what helps the user of a sign-in, after a right password, or of a session.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) Recoveries(ctx context.Context, tok string) (Recoveries, error) {
	now := s.time()
	var out Recoveries
	err := s.store.View(ctx, func(r Reader) error {
		h, err := s.findHolder(ctx, r, tok, now)
		if err != nil {
			return err
		}
		out = Recoveries{Ways: s.waysOf(h, now)}
		if h.standing.holds(now) {
			out.Hold = &Hold{Begun: h.standing.Hold.Begun, Until: h.standing.Hold.Until}
		}
		return nil
	})
	return out, s.outer(err)
}

// waysOf are the ways of the user of a sign-in or session.
func (s *Service) waysOf(h *holder, now time.Time) []WayOpen {
	ways := []WayOpen{}
	left := 0
	for _, a := range h.held {
		if s.policy.info(a.Kind).Backup && a.Allows == factor.AllowsAll && a.ExpiresAt.IsZero() {
			left += a.Left
		}
	}
	if left > 0 {
		ways = append(ways, WayOpen{Way: WayCodes, Left: left})
	}
	if s.mayRecover(h, now) && !h.standing.holds(now) {
		ways = append(ways, WayOpen{Way: WayEmail, SentTo: maskAddress(h.user.Email)})
	}
	if s.recover.AdminEmail != "" && s.tells(EventHelpAsked) {
		ways = append(ways, WayOpen{Way: WayAdmin})
	}
	return ways
}

// mayRecover says whether a recovery by mail may begin, or go on, for the user of h.
func (s *Service) mayRecover(h *holder, now time.Time) bool {
	st, u := h.standing, h.user
	rested := func(at time.Time) bool { return at.IsZero() || now.Sub(at) >= recoveryRest }
	switch {
	case !s.recover.Email, !s.tells(EventRecoveryAsked), !s.tells(EventRecoveryCode):
		return false
	case u.Disabled, u.Admin, u.Email == "", u.EmailConfirmedAt.IsZero():
		return false
	case st.AfterReset, !rested(st.PasswordResetAt), !rested(st.AddressChangedAt):
		return false
	}
	_, coder := s.oneCoder()
	return coder != nil && s.policy.second(h.held)
}

// tells says whether there is a mail about events of a name.
func (s *Service) tells(event string) bool {
	return s.notices != nil && s.senders[mailKind] != nil && s.notices.Wants(event)
}

// maskAddress is what may be shown of an address: "a•••@example.com".
func maskAddress(address string) string {
	_, size := utf8.DecodeRuneInString(address)
	return address[:size] + "•••" + address[max(strings.LastIndexByte(address, '@'), 0):]
}

// AskRecovery asks for a way in a sign-in, after a right password: WayEmail mails a link to the account's address,
// WayAdmin mails the administrators.
// Errors: ErrForbidden (not a way of this account, or not from here), *InvalidError (way), *ThrottledError (too many
// messages), ErrUnauthenticated, ErrUnavailable.
func (s *Service) AskRecovery(ctx context.Context, tok string, w Way, c Client) error {
	if w != WayEmail && w != WayAdmin {
		return &InvalidError{Field: "way", Problem: "invalid"}
	}
	return s.locked(ctx, tok, func(ctx context.Context, tx *change, h *holder) error {
		open := slices.ContainsFunc(s.waysOf(h, tx.now), func(o WayOpen) bool { return o.Way == w })
		if !open || h.in == nil || s.decide(h, tx.now).Step != StepVerify {
			return ErrForbidden
		}
		if w == WayAdmin {
			return s.askHelp(ctx, tx, h, c)
		}
		return s.askLink(ctx, tx, h, c)
	})
}

// locked runs f in a transaction with the sign-in or session of a token, its user locked before it.
func (s *Service) locked(ctx context.Context, tok string, f func(ctx context.Context, tx *change, h *holder) error) error {
	now := s.time()
	var found *holder
	err := s.store.View(ctx, func(r Reader) (err error) {
		found, err = s.findHolder(ctx, r, tok, now)
		return err
	})
	if err != nil {
		return s.outer(err)
	}
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		st, err := tx.standing(ctx, found.user.ID)
		if err != nil {
			return err
		}
		h, err := s.findHolder(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		h.standing = st
		return f(ctx, tx, h)
	})
}

// askLink mails the link that begins the hold.
func (s *Service) askLink(ctx context.Context, tx *change, h *holder, c Client) error {
	wait, err := s.spend(ctx, tx, "recovery:"+userSubject(h.user.ID), mailKind, recoveriesAsked)
	if err != nil {
		return err
	}
	if wait > 0 {
		return &ThrottledError{RetryAfter: max(wait, time.Second)}
	}
	if err := s.spendMessage(ctx, tx, h.user.ID, &factor.Message{Kind: mailKind, To: h.user.Email}, owners, c); err != nil {
		return err
	}
	link, err := tx.newLink(ctx, h.user.ID, ForRecovery, nil, recoveryLife)
	if err != nil {
		return err
	}
	e := Event{Name: EventRecoveryAsked, Client: c}
	return tx.eventTo(ctx, e, Notice{User: h.user, To: h.user.Email, Lang: h.standing.language(c.Lang), Link: link, Purpose: ForRecovery})
}

// askHelp mails the administrators. What they read signs nobody in.
func (s *Service) askHelp(ctx context.Context, tx *change, h *holder, c Client) error {
	st := h.standing
	st.HelpAsked = slices.DeleteFunc(slices.Clone(st.HelpAsked), func(at time.Time) bool { return tx.now.Sub(at) >= day })
	if len(st.HelpAsked) >= helpAsked {
		return &ThrottledError{RetryAfter: max(st.HelpAsked[0].Add(day).Sub(tx.now), time.Second)}
	}
	to := s.recover.AdminEmail
	if err := s.spendMessage(ctx, tx, h.user.ID, &factor.Message{Kind: mailKind, To: to}, owners, c); err != nil {
		return err
	}
	st.HelpAsked = append(st.HelpAsked, tx.now)
	return tx.eventTo(ctx, Event{Name: EventHelpAsked, Client: c}, Notice{User: h.user, To: to})
}

// eventTo writes an event whose one mail holds what no other may, or goes to somebody else: a link, a code.
func (c *change) eventTo(ctx context.Context, e Event, n Notice) error {
	if err := c.event(ctx, n.User.ID, e); err != nil {
		return err
	}
	last := &c.logged[len(c.logged)-1]
	last.mailed = true
	n.Event = last.event
	return c.putNotice(ctx, n)
}

// oneCoder is the first Backup factor that makes a code by itself; nil: there is none.
func (s *Service) oneCoder() (factor.Kind, factor.OneCoder) {
	for _, k := range s.order {
		if f, ok := s.factors[k].(factor.OneCoder); ok && s.policy.info(k).Backup {
			return k, f
		}
	}
	return "", nil
}

// GiveCode keeps a code that stands for the second factor of a user once, until expires; one that was given before is
// good for nothing then. Unfinished sign-ins go on: the person is at one. Call it within Change. Errors: ErrUnavailable.
func (s *Service) GiveCode(ctx context.Context, user string, kind factor.Kind, code factor.Enrolled, expires time.Time) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		if _, err := tx.standing(ctx, user); err != nil {
			return err
		}
		records, err := tx.AuthenticatorsOf(ctx, user)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Kind == kind && r.Allows == factor.AllowsAll && !r.ExpiresAt.IsZero() {
				if err := tx.Delete(ctx, r); err != nil {
					return err
				}
			}
		}
		tx.adds = true
		return s.Install(ctx, Installation{User: user, Kind: kind, Enrolled: code, ExpiresAt: expires})
	})
}
