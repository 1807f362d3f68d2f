package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// testMessagesDue: what is due comes the oldest first and no more than asked for; what is not due does not come.
func testMessagesDue(t *testing.T, s nightlatch.Store) {
	for id, due := range map[string]time.Duration{"m3": 3 * time.Minute, "m1": time.Minute, "m2": 2 * time.Minute, "m4": 4 * time.Minute} {
		m := message(id, "u1")
		m.DueAt = after(due)
		put(t, s, m)
	}
	for _, c := range []struct {
		now   time.Duration
		limit int
		want  []string
	}{
		{time.Minute - time.Microsecond, 10, nil},
		{time.Minute, 10, []string{"m1"}},
		{3 * time.Minute, 10, []string{"m1", "m2", "m3"}},
		{time.Hour, 2, []string{"m1", "m2"}},
		{time.Hour, 0, nil},
	} {
		due := must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.MessageRecord, error) {
			return r.MessagesDue(ctx, after(c.now), c.limit)
		})
		var got []string
		for _, m := range due {
			got = append(got, m.ID)
		}
		wantEqual(t, "due", got, c.want)
	}
}
