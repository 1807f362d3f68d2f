package nightlatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
)

const (
	// noticeLife is how long a notice is tried; after that nobody would make sense of it.
	noticeLife = 3 * 24 * time.Hour
	// noticeLease is how long one process may be at a notice before another tries.
	noticeLease = 2 * time.Minute
	// noticeDelay is how long to wait after the first failure, doubling to noticeMaxDelay.
	noticeDelay    = time.Minute
	noticeMaxDelay = 6 * time.Hour
	// noticeStep is how many are taken up at once.
	noticeStep = 20
)

// Notices writes the mails by which the owner of an account hears of what happened to it; package notice has one. Each is
// asked inside a transaction, perhaps more than once, and must not take long.
type Notices interface {
	// Wants says whether owners are told of events of that name at all.
	Wants(event string) bool
	// Mail writes the mail about an event; false: about this one there is none. Kind and To of the message are
	// filled in by the engine. With an empty Notice.To it is asked only whether there is one.
	Mail(n Notice) (factor.Message, bool)
}

// Notice is what a mail tells of.
type Notice struct {
	User  User
	Event Event
	To    string // the address that it goes to: the user's own, one of Event.Tell, or the administrators'
	Lang  string // BCP 47: the user's, as the last sign-in from a known browser had it, else that of Event.Client
	// Link is the token of a link that the mail must hold, or "": for ForNotMe at PUBLIC_URL/not-me?token=…, for
	// ForRecovery at PUBLIC_URL/recover?token=….
	Link    string
	Purpose Purpose // of Link
	Code    string  // with EventRecoveryCode: the code that ends the recovery
}

// sealedNotice is what is kept of a notice until it is sent.
type sealedNotice struct {
	Message factor.Message `json:"message"`
	Tries   int            `json:"tries,omitempty"`
	// Hold: it is no message but the end of the hold with that id; Remind: it is a reminder to enroll. Lang is the
	// language that it is told in.
	Hold   string `json:"hold,omitempty"`
	Remind bool   `json:"remind,omitempty"`
	Lang   string `json:"lang,omitempty"`
}

func noticePlace(r MessageRecord) seal.Place {
	return seal.Place{Table: "messages", Column: "sealed", ID: r.ID, User: r.User}
}

// notMeLife is how long the link **This was not me** is good.
const notMeLife = 7 * day

// mayDisown says whether the notices of an event hold the link **This was not me**: all but those of what takes nothing
// from anybody, or has taken it already.
func mayDisown(event string) bool {
	switch event {
	case EventRecoveryAsked, EventHelpAsked, EventRecoveryCanceled, EventReset, EventCodeGiven, EventNotMe, EventUnlocked,
		EventAuthenticatorSuspended, EventDevicesEnded, EventReminded, EventWouldStop, EventRestored:
		return false
	}
	return true
}

// putNotices keeps the notices about what the transaction wrote to trails. They are committed with it and sent
// afterwards, so that none is lost and none tells of what did not happen.
func (c *change) putNotices(ctx context.Context) error {
	if c.s.notices == nil {
		return nil
	}
	users := map[string]User{}
	for _, l := range c.logged {
		if l.mailed || !c.s.notices.Wants(l.event.Name) {
			continue
		}
		u, known := users[l.user]
		if !known {
			var err error
			u, err = c.s.users.FindUser(ctx, l.user)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			users[l.user] = u
		}
		if err := c.tell(ctx, u, l); err != nil {
			return err
		}
	}
	return nil
}

// tell tells everybody of one event. A user who is gone has no ID.
func (c *change) tell(ctx context.Context, u User, l loggedEvent) error {
	known, mails := u.ID != "", c.s.senders[mailKind] != nil
	u.ID = l.user
	n := Notice{User: u, Event: l.event, Lang: l.lang}
	own := u.Email
	if own == "" {
		own = u.EmailBefore
	}
	if known && (own == "" || !mails) {
		if err := c.leaveUnread(ctx, n); err != nil {
			return err
		}
	}
	if !mails {
		return nil
	}
	for i, to := range append([]string{own}, l.event.Tell...) {
		if n.To = to; to == "" || i > 0 && to == own {
			continue
		}
		if err := c.putNotice(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// putNotice keeps one mail, with a link of its own where its event may be disowned.
func (c *change) putNotice(ctx context.Context, n Notice) error {
	var link LinkRecord
	st, err := c.standing(ctx, n.User.ID)
	if err != nil {
		return err
	}
	if mayDisown(n.Event.Name) && !st.Removed { // of who is gone nothing can be taken away
		n.Purpose = ForNotMe
		if n.Link, link, err = c.makeLink(n.User.ID, ForNotMe, disownedOf(n.Event, n.To), notMeLife); err != nil {
			return err
		}
	}
	m, ok := c.s.notices.Mail(n)
	if !ok {
		return nil
	}
	if link.Token != "" && strings.Contains(m.Text, n.Link) { // a link that nobody gets is not kept
		if err := c.Put(ctx, link); err != nil {
			return err
		}
	}
	m.Kind, m.To = mailKind, n.To
	return c.post(ctx, n.User.ID, sealedNotice{Message: m})
}

// NoticesDue says when this process has committed a notice, so that it need not wait for the next call of SendNotices.
// It is for one receiver, and is never closed.
func (s *Service) NoticesDue() <-chan struct{} { return s.noticed }

// tellNotices wakes whoever sends notices.
func (s *Service) tellNotices() {
	select {
	case s.noticed <- struct{}{}:
	default: // it is awake
	}
}

// SendNotices sends the notices that are due and returns how many were sent. One that cannot be sent is tried again
// later, for three days. Call it every few seconds; any number of processes may. A notice may be sent twice, when a
// process dies between sending it and writing that down. Errors: ErrUnavailable.
func (s *Service) SendNotices(ctx context.Context) (sent int, err error) {
	var due []MessageRecord
	err = s.store.View(ctx, func(r Reader) (err error) {
		due, err = r.MessagesDue(ctx, s.time(), noticeStep)
		return err
	})
	if err != nil {
		return 0, s.outer(err)
	}
	for _, r := range due {
		ok, err := s.sendNotice(ctx, r)
		if isForeign(err) { // of whom it is cannot be opened
			err = s.setAside(ctx, r, err)
		}
		if err != nil {
			return sent, s.outer(err)
		}
		if ok {
			sent++
		}
	}
	return sent, nil
}

// sendNotice takes a notice up, so that no other process does, sends it, and removes it or puts it off.
func (s *Service) sendNotice(ctx context.Context, r MessageRecord) (sent bool, err error) {
	var n sealedNotice
	if err := s.openNotice(ctx, r, &n); err != nil {
		return false, s.setAside(ctx, r, err)
	}
	if n.Hold != "" {
		return false, s.finishHold(ctx, r, n)
	}
	if n.Remind {
		return false, s.finishReminder(ctx, r, n.Lang)
	}
	if taken, err := s.takeUp(ctx, &r, &n); err != nil || !taken {
		return false, err
	}
	now := s.time()
	failed := s.deliver(ctx, &n.Message)
	if failed == nil || errors.Is(failed, factor.ErrDestination) {
		err := s.store.Tx(ctx, func(ctx context.Context, tx Tx) error { return tx.Delete(ctx, r) })
		return failed == nil, ignoreConflict(err)
	}
	r.DueAt = now.Add(delay(Limits{FirstDelay: noticeDelay, MaxDelay: noticeMaxDelay}, n.Tries-1))
	return false, ignoreConflict(s.put(ctx, r))
}

func (s *Service) openNotice(ctx context.Context, r MessageRecord, n *sealedNotice) error {
	err := s.open(r.Sealed, noticePlace(r), n)
	if missing := (*seal.UnknownKeyError)(nil); errors.As(err, &missing) && s.mayOpenNow(ctx, missing.ID) {
		err = s.open(r.Sealed, noticePlace(r), n)
	}
	return err
}

// noticeAside is how long a notice rests that cannot be opened: the key that it needs may come back.
const noticeAside = 6 * time.Hour

// setAside puts a notice off that cannot be opened, so that it holds up no other. It expires like all others.
func (s *Service) setAside(ctx context.Context, r MessageRecord, why error) error {
	s.log.Error("a notice cannot be opened, and is set aside", "message", r.ID, "user", r.User, "again_in", noticeAside, "error", why)
	r.DueAt = s.time().Add(noticeAside)
	return ignoreConflict(s.put(ctx, r))
}

// takeUp puts a notice off by the lease, so that no other process is at it, and says whether this one is.
func (s *Service) takeUp(ctx context.Context, r *MessageRecord, n *sealedNotice) (taken bool, err error) {
	n.Tries++
	r.DueAt = s.time().Add(noticeLease)
	if r.Sealed, err = s.seal(*n, noticePlace(*r)); err != nil {
		return false, err
	}
	if err := s.put(ctx, *r); errors.Is(err, ErrConflict) {
		return false, nil // another process is at it
	} else if err != nil {
		return false, err
	}
	r.Revision++
	return true, nil
}

func (s *Service) put(ctx context.Context, r Record) error {
	return s.store.Tx(ctx, func(ctx context.Context, tx Tx) error { return tx.Put(ctx, r) })
}

func ignoreConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("a notice: %w", err)
	}
	return nil
}
