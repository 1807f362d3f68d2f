package nightlatch

import (
	"context"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// openOffers are the offers that no throttle forbids.
func (s *Service) openOffers(h *holder, throttles []ThrottleRecord, now time.Time) ([]Offer, error) {
	var open []factor.Held
	for _, o := range s.offers(h, now) {
		ta, err := s.pickTally(throttles, userSubject(h.user.ID), o.Kind)
		if err != nil {
			return nil, err
		}
		if s.policy.info(o.Kind).Unguessable || ta.forbids(now).IsZero() {
			open = append(open, o)
		}
	}
	return s.view(open), nil
}

// wait makes as many statements as are made of somebody who has an account, where there is none: where the database is on
// another machine, the time would tell.
func (c *change) wait(ctx context.Context, statements int) error {
	for range statements {
		if _, err := c.Epoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// throttled notes the refusal, once a delay: a flood of tries must not fill the disk. A name that nobody has is noted
// too, so that it takes as long as one that somebody has; it has no trail.
func (s *Service) throttled(
	ctx context.Context, tx *change, user string, ta tally, until time.Time, open []Offer, c Client,
) (outcome, err error) {
	e := &ThrottledError{RetryAfter: max(until.Sub(tx.now), time.Second), Offers: open}
	if ta.Told.After(tx.now) {
		return e, nil
	}
	ta.Told = until
	if err := s.putTally(ctx, tx, ta, tx.now); err != nil {
		return nil, err
	}
	if user == "" {
		return e, tx.wait(ctx, 3) // for the record that somebody has, read and written, and the event
	}
	return e, tx.event(ctx, user, Event{Name: EventThrottled, Kind: ta.record.Kind, Client: c})
}
