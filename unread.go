package nightlatch

import (
	"context"
	"encoding/json"
	"slices"
)

// mostUnread is how many notices wait on the account page; older ones stand in the trail alone.
const mostUnread = 20

// leaveUnread notes an event that cannot be told by mail.
func (c *change) leaveUnread(ctx context.Context, n Notice) error {
	if _, ok := c.s.notices.Mail(n); !ok {
		return nil
	}
	st, err := c.standing(ctx, n.User.ID)
	if err != nil {
		return err
	}
	st.Unread = append(st.Unread, n.Event.Seq)
	if over := len(st.Unread) - mostUnread; over > 0 {
		st.Unread = st.Unread[over:]
	}
	return nil
}

// Unread returns the events that the user of a session is to be told of on a page, because there is no address to tell
// of them by mail, the newest first. Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) Unread(ctx context.Context, tok string) ([]Event, error) {
	var list []Event
	now := s.time()
	err := s.store.View(ctx, func(r Reader) error {
		ses, err := s.findSession(ctx, r, tok, now)
		if err != nil {
			return err
		}
		st, err := s.findStanding(ctx, r, ses.User)
		if err != nil {
			return err
		}
		list = nil
		for _, seq := range slices.Backward(st.Unread) {
			found, err := r.EventsOf(ctx, ses.User, seq+1, 1)
			if err != nil {
				return err
			}
			if len(found) == 0 || found[0].Seq != seq {
				continue
			}
			e := Event{Seq: seq, At: found[0].At, Name: found[0].Name}
			if err := json.Unmarshal(found[0].Data, &e); err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	return list, s.outer(err)
}

// MarkRead notes that the user of a session has read the events up to the Seq of one.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) MarkRead(ctx context.Context, tok string, seq int64, c Client) error {
	return s.tx(ctx, func(ctx context.Context, tx *change) error {
		ses, err := s.findSession(ctx, tx, tok, tx.now)
		if err != nil {
			return err
		}
		st, err := tx.standing(ctx, ses.User)
		if err != nil {
			return err
		}
		before := len(st.Unread)
		st.Unread = slices.DeleteFunc(st.Unread, func(n int64) bool { return n <= seq })
		if len(st.Unread) == before {
			return nil
		}
		return tx.event(ctx, ses.User, Event{Name: EventNoticesRead, Client: c})
	})
}
