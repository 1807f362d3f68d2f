package nightlatch

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// disowned is what the link of a notice tells of. It is sealed with the link.
type disowned struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Name  string    `json:"name"`
	Event Event     `json:"event"`
	To    string    `json:"to,omitempty"` // the address that the notice went to
}

func disownedOf(e Event, to string) []byte {
	data, err := json.Marshal(disowned{Seq: e.Seq, At: e.At, Name: e.Name, Event: e, To: to})
	if err != nil { // an Event is strings
		return nil
	}
	return data
}

// event is the event as the notice told of it; Tell is the address that it went to.
func (d disowned) event() Event {
	e := d.Event
	e.Seq, e.At, e.Name, e.Tell = d.Seq, d.At, d.Name, []string{d.To}
	return e
}

// ToldBy returns the event that the notice of a link told of, and leaves the link as it is: for the page with the
// button. Errors: *factor.Refused (wrong, used, expired), ErrUnavailable.
func (s *Service) ToldBy(ctx context.Context, link string) (Event, error) {
	l, err := s.FindLink(ctx, ForNotMe, link)
	if err != nil {
		return Event{}, err
	}
	var d disowned
	err = json.Unmarshal(l.Data, &d)
	return d.event(), s.outer(err)
}

// NotMe takes away what a user disowns by the link of a notice (ForNotMe): it ends all sessions, remembered devices
// and unfinished sign-ins, suspends the authenticator or the recovery codes that were added, stops a hold, and calls
// Config.Disowned. It gives nothing back. It returns the event that the notice told of.
// Errors: *factor.Refused (wrong, used, expired), ErrUnavailable.
func (s *Service) NotMe(ctx context.Context, link string, c Client) (Event, error) {
	var told Event
	err := s.UseLink(ctx, ForNotMe, link, func(ctx context.Context, l Link) (Event, error) {
		var d disowned
		if err := json.Unmarshal(l.Data, &d); err != nil {
			return Event{}, err
		}
		told = d.event()
		e := Event{
			Name: EventNotMe, Kind: told.Kind, Authenticator: told.Authenticator, Label: told.Label, Client: c,
			Detail: map[string]string{"event": told.Name},
		}
		return e, s.tx(ctx, func(ctx context.Context, tx *change) error { return s.takeAway(ctx, tx, l.User, told, c) })
	})
	if err != nil {
		return Event{}, err
	}
	return told, nil
}

// takeAway does what **This was not me** does; unfinished sign-ins end with UseLink.
func (s *Service) takeAway(ctx context.Context, tx *change, user string, told Event, c Client) error {
	st, err := tx.standing(ctx, user)
	if err != nil {
		return err
	}
	if _, err := tx.endHold(ctx, user, c); err != nil {
		return err
	}
	if err := tx.endSessions(ctx, user, ""); err != nil {
		return err
	}
	if err := tx.endDevices(ctx, user); err != nil {
		return err
	}
	st.forget(told.At, tx.now)
	st.Lang = c.Lang // whoever was disowned may have said another; who reads the mails says this
	if err := s.suspendAdded(ctx, tx, user, told, c); err != nil {
		return err
	}
	if s.disown == nil {
		return nil
	}
	return s.disown(ctx, user, told)
}

// suspendAdded suspends what came in the transaction of a disowned event: an authenticator, and the recovery codes
// that came with it. They stay held, so that the account is none without a second factor.
func (s *Service) suspendAdded(ctx context.Context, tx *change, user string, told Event, c Client) error {
	if !slices.Contains([]string{EventAuthenticatorAdded, EventCodesMade, EventRecovered}, told.Name) {
		return nil
	}
	records, err := tx.AuthenticatorsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, r := range records {
		guards := s.policy.isSecond(r.Kind) || s.policy.info(r.Kind).Backup
		if !guards || r.Allows != factor.AllowsAll || !r.ExpiresAt.IsZero() || !r.CreatedAt.Equal(told.At) {
			continue
		}
		r.Allows, r.Preferred = factor.AllowsNothing, false
		if err := tx.Put(ctx, r); err != nil {
			return err
		}
		e := Event{Name: EventAuthenticatorSuspended, Kind: r.Kind, Authenticator: r.ID, Label: r.Label, Client: c}
		if err := tx.event(ctx, user, e); err != nil {
			return err
		}
	}
	return nil
}
