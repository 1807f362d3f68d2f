package nightlatch

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/seal"
)

// MessageLimits are how many messages of a kind may be asked for in an hour; notices do not count. A zero value takes
// the default.
type MessageLimits struct {
	// PerDestination: default 10. Where others have used it up, half as many (rounded up) still go there for its owner,
	// and half as many links.
	PerDestination int
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

// budget is when messages were sent in the last hour. Times are whole seconds; for a large limit whole minutes, rounded
// up, so that a message never counts for less than an hour and a record stays small.
type budget struct {
	Sent []sent `json:"sent"` // the oldest first
}

type sent struct {
	At int64 `json:"at"` // Unix time
	N  int   `json:"n"`
}

// exactly is the largest limit for which each message is noted by itself.
const exactly = 100

// spend counts one more. Where the limit is reached it says how long that lasts.
func (b budget) spend(limit int, now time.Time) (after budget, wait time.Duration) {
	total := 0
	for _, one := range b.Sent {
		if time.Unix(one.At, 0).Add(time.Hour).After(now) {
			after.Sent = append(after.Sent, one)
			total += one.N
		}
	}
	if over := total + 1 - limit; over > 0 {
		for _, one := range after.Sent {
			if over -= one.N; over <= 0 {
				return b, time.Unix(one.At, 0).Add(time.Hour).Sub(now)
			}
		}
		return b, time.Hour
	}
	grain := time.Second
	if limit > exactly {
		grain = time.Minute
	}
	at := now.Add(grain - 1).Truncate(grain).Unix()
	if n := len(after.Sent); n > 0 && after.Sent[n-1].At >= at {
		after.Sent[n-1].N++
	} else {
		after.Sent = append(after.Sent, sent{at, 1})
	}
	return after, 0
}

// whose says to whom a message goes. It begins the subject of a share beside its destination's budget, which nobody else can
// use up; "": there is none.
type whose string

const (
	// anybodys: to whatever somebody typed.
	anybodys whose = ""
	// owners: to where its user, or the administrators, are known to read, and asked for after a right password.
	owners whose = "owner:"
	// ownersLink: a link to the confirmed address of its user, which strangers may ask for.
	ownersLink whose = "owner_link:"
)

// countMessage counts a message against every budget, and writes it to the trail. Where one is spent it returns a
// *ThrottledError, with which the transaction ends: the message then counts against none.
func (s *Service) countMessage(ctx context.Context, tx *change, user string, m *factor.Message, to whose, c Client) error {
	if m == nil {
		return nil
	}
	if err := s.spendMessage(ctx, tx, user, m, to, c); err != nil {
		return err
	}
	return tx.event(ctx, user, Event{Name: EventCodeSent, Kind: m.Kind, Client: c})
}

// spendMessage counts a message against every budget.
func (s *Service) spendMessage(ctx context.Context, tx *change, user string, m *factor.Message, to whose, c Client) error {
	wait, err := s.spendDestination(ctx, tx, m, to)
	if err != nil {
		return err
	}
	for _, b := range []struct {
		subject string
		limit   int
	}{
		{userSubject(user), s.limits.Messages.PerUser},
		{addressSubject(c.Addr), s.limits.Messages.PerAddress},
		{"all", s.limits.Messages.Total},
	} {
		if b.subject == "" {
			continue // asked for by a program that has no address
		}
		longer, err := s.spend(ctx, tx, "sent:"+b.subject, m.Kind, b.limit)
		if err != nil {
			return err
		}
		wait = max(wait, longer)
	}
	if wait > 0 {
		return &ThrottledError{RetryAfter: max(wait, time.Second)}
	}
	return nil
}

// spendDestination counts a message against the budget of its destination, and a share beside it: where either has room it
// may go. So half as many go to an owner whatever others have had sent there, and as many links: else whoever knows an
// address or a number, and names it at an enrollment of his own, shuts its owner out.
func (s *Service) spendDestination(ctx context.Context, tx *change, m *factor.Message, to whose) (wait time.Duration, err error) {
	subject, err := s.destinationSubject(m.To)
	if err != nil {
		return 0, err
	}
	limit := s.limits.Messages.PerDestination
	wait, err = s.spend(ctx, tx, "sent:"+subject, m.Kind, limit)
	if err != nil || to == anybodys {
		return wait, err
	}
	share, err := s.spend(ctx, tx, string(to)+subject, m.Kind, (limit+1)/2)
	return min(wait, share), err
}

// whoseAre says to whom the codes of a kind go: what is held was proven, and an address before a first enrollment perhaps not.
func (h *holder) whoseAre(kind factor.Kind) whose {
	if h.address != nil && h.address.Kind == kind && h.user.EmailConfirmedAt.IsZero() && h.user.EmailBefore == "" {
		return anybodys
	}
	return owners
}

// whoseIs says whether a message to a user goes to the user's confirmed address.
func (s *Service) whoseIs(ctx context.Context, user, to string) (whose, error) {
	u, err := s.users.FindUser(ctx, user)
	switch {
	case errors.Is(err, ErrNotFound):
		return anybodys, nil
	case err != nil:
		return anybodys, err
	case u.EmailConfirmedAt.IsZero(), !bytes.Equal(destinationKey(u.Email), destinationKey(to)):
		return anybodys, nil
	}
	return ownersLink, nil
}

// destinationSubject is where the messages to a destination are counted, hashed as a name is: there are few enough
// numbers to try them all. What follows a plus sign in an address does not count (RFC 5233): as a rule all of it is one
// box, which anybody could fill with addresses made up.
func (s *Service) destinationSubject(to string) (string, error) {
	mac, err := s.lastingMAC(destinationPurpose, destinationKey(to))
	return destinationPrefix + base64.RawURLEncoding.EncodeToString(mac), err
}

const (
	destinationPurpose = "destination"
	destinationPrefix  = "to:"
)

func destinationKey(to string) []byte {
	to = labelKey(to)
	if at := strings.LastIndexByte(to, '@'); at > 0 {
		if plus := strings.IndexByte(to[:at], '+'); plus > 0 {
			to = to[:plus] + to[at:]
		}
	}
	return []byte(to)
}

// isDestination says whether what destinationSubject made, perhaps when the ring was smaller, is of a destination. known is
// false where the key that it was made with is gone.
func (s *Service) isDestination(subject, to string) (is, known bool) {
	mac, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(subject, destinationPrefix))
	if err != nil {
		return false, false
	}
	err = s.Key().CheckMAC(mac, destinationPurpose, destinationKey(to))
	return err == nil, !errors.Is(err, seal.ErrUnknownKey)
}

// spend counts one more of a kind against the budget of a subject. Where it is spent it counts nothing, and says how long
// that lasts.
func (s *Service) spend(ctx context.Context, tx *change, subject string, kind factor.Kind, limit int) (wait time.Duration, err error) {
	all, err := tx.ThrottlesOf(ctx, subject)
	if err != nil {
		return 0, err
	}
	r := ThrottleRecord{Subject: subject, Kind: kind}
	var b budget
	for _, known := range all {
		if known.Kind == kind {
			r = known
			if err := json.Unmarshal(r.Data, &b); err != nil {
				return 0, err
			}
		}
	}
	if b, wait = b.spend(limit, tx.now); wait > 0 {
		return wait, nil
	}
	if r.Data, err = json.Marshal(b); err != nil {
		return 0, err
	}
	r.ExpiresAt = tx.now.Add(2 * time.Hour)
	return 0, tx.Put(ctx, r)
}
