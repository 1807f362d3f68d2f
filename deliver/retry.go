package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Retries bound how often and how long a message is tried. The zero value is three times within Limit.
type Retries struct {
	// Times is how often at most; 0 is 3.
	Times int
	// Backoff is how long to wait before the second time, twice as long before each further one; 0 is half a second.
	Backoff time.Duration
	// Limit is how long all of it takes at most; 0 is the package's Limit.
	Limit time.Duration
	// Now is the clock, and Sleep waits until d has passed or ctx is done; nil are the real ones.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// Retry is a sender that tries again while the error is a temporary one. After an unclear answer it tries again only
// what may arrive twice (Message.Once is not set). It does not begin to wait for what would come after the limit.
func Retry(s Sender, r Retries) Sender {
	if r.Times <= 0 {
		r.Times = 3
	}
	if r.Backoff <= 0 {
		r.Backoff = 500 * time.Millisecond
	}
	if r.Limit <= 0 {
		r.Limit = Limit
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	return &retry{s, r}
}

type retry struct {
	sender Sender
	Retries
}

func (r *retry) Send(ctx context.Context, m factor.Message) error {
	ctx, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	end, pause := r.Now().Add(r.Limit), r.Backoff
	for n := 1; ; n++ {
		err := r.sender.Send(ctx, m)
		if err == nil || n == r.Times || !again(err, m) || ctx.Err() != nil {
			return err
		}
		if r.Now().Add(pause).After(end) || r.Sleep(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}

// again reports whether a message may be tried once more.
func again(err error, m factor.Message) bool {
	return IsTemporary(err) || errors.Is(err, ErrUnclear) && !m.Once
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
