package nightlatch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// deliveryTime is how long a person waits for a message to be taken.
const deliveryTime = 10 * time.Second

// Sender delivers the messages of one kind. It returns factor.ErrDestination when the destination cannot be reached,
// and any other error when the message was not taken or nobody can tell. It does not retry on its own after an unclear
// answer to a message that is sent once.
type Sender interface {
	Send(ctx context.Context, m factor.Message) error
}

// MessageLimits are how many messages of a kind may be sent in an hour. A zero value takes the default.
type MessageLimits struct {
	PerDestination int // default 10
	PerUser        int // default 20
	PerAddress     int // from which they were asked for; default 60
	Total          int // default 10000
}

func (l MessageLimits) withDefaults() MessageLimits {
	for _, d := range []struct {
		n        *int
		standard int
	}{{&l.PerDestination, 10}, {&l.PerUser, 20}, {&l.PerAddress, 60}, {&l.Total, 10_000}} {
		if *d.n <= 0 {
			*d.n = d.standard
		}
	}
	return l
}

// budget counts messages by the hour. Of the hour before, what is not yet an hour ago counts still.
type budget struct {
	Hour   int64 `json:"hour"`
	Before int   `json:"before,omitempty"`
	Now    int   `json:"now"`
}

// spend counts one more; it is false where the limit is reached.
func (b budget) spend(limit int, now time.Time) (budget, bool) {
	hour := now.Unix() / 3600
	switch b.Hour {
	case hour:
	case hour - 1:
		b = budget{Hour: hour, Before: b.Now}
	default:
		b = budget{Hour: hour}
	}
	left := 1 - float64(now.Unix()%3600)/3600
	if float64(b.Before)*left+float64(b.Now)+1 > float64(limit) {
		return b, false
	}
	b.Now++
	return b, true
}

// countMessage counts a message against every budget, or returns a *ThrottledError and counts it against none.
func (s *Service) countMessage(ctx context.Context, tx *change, user string, m *factor.Message, c Client) error {
	if m == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(m.To))
	for _, b := range []struct {
		subject string
		limit   int
	}{
		{"sent:to:" + base64.RawURLEncoding.EncodeToString(sum[:]), s.limits.Messages.PerDestination},
		{"sent:" + userSubject(user), s.limits.Messages.PerUser},
		{"sent:" + addressSubject(c.Addr), s.limits.Messages.PerAddress},
		{"sent:all", s.limits.Messages.Total},
	} {
		if err := s.spend(ctx, tx, b.subject, m.Kind, b.limit); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) spend(ctx context.Context, tx *change, subject string, kind factor.Kind, limit int) error {
	all, err := tx.ThrottlesOf(ctx, subject)
	if err != nil {
		return err
	}
	r := ThrottleRecord{Subject: subject, Kind: kind}
	var b budget
	for _, known := range all {
		if known.Kind == kind {
			r = known
			if err := json.Unmarshal(r.Data, &b); err != nil {
				return err
			}
		}
	}
	b, ok := b.spend(limit, tx.now)
	if !ok {
		return &ThrottledError{RetryAfter: time.Duration(3600-tx.now.Unix()%3600) * time.Second}
	}
	if r.Data, err = json.Marshal(b); err != nil {
		return err
	}
	r.ExpiresAt = tx.now.Add(2 * time.Hour)
	return tx.Put(ctx, r)
}

// messageOf takes the message out of a prompt.
func messageOf(p factor.Prompt) (factor.Prompt, *factor.Message) {
	code, ok := p.(factor.Code)
	if !ok || code.Message == nil {
		return p, nil
	}
	m := code.Message
	code.Message = nil
	return code, m
}

// deliver hands a message that is committed to its sender and waits for the answer, also when whoever asked has gone.
// Errors: factor.ErrDestination, ErrDeliveryFailed.
func (s *Service) deliver(ctx context.Context, m *factor.Message) error {
	if m == nil {
		return nil
	}
	sender, ok := s.senders[m.Kind]
	if !ok {
		return fmt.Errorf("%w: there is no sender for %q", ErrDeliveryFailed, m.Kind)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliveryTime)
	defer cancel()
	err := sender.Send(ctx, *m)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, factor.ErrDestination):
		s.log.Warn("a message was refused", "kind", m.Kind, "error", err)
		return factor.ErrDestination
	}
	s.log.Error("a message was not delivered", "kind", m.Kind, "error", err)
	return fmt.Errorf("%w: %w", ErrDeliveryFailed, err)
}
