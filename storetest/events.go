package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// testEvents: inserted, never replaced or deleted, read in pages.
func testEvents(t *testing.T, s nightlatch.Store) {
	var want []nightlatch.EventRecord // the newest first
	for seq := int64(1); seq <= 7; seq++ {
		put(t, s, event("u1", seq))
		want = append([]nightlatch.EventRecord{event("u1", seq)}, want...)
	}
	put(t, s, event("u2", 1))
	changed := event("u1", 3)
	changed.Name = "changed"
	wantConflict(t, s, "insert again", putting(changed))
	if err := s.Tx(t.Context(), deleting(event("u1", 3))); err == nil {
		t.Error("an event was deleted")
	}
	page := func(before int64, limit int) []nightlatch.EventRecord {
		return must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.EventRecord, error) {
			return r.EventsOf(ctx, "u1", before, limit)
		})
	}
	wantEqual(t, "all", page(0, 100), want)
	wantEqual(t, "first page", page(0, 3), want[:3])
	wantEqual(t, "second page", page(want[2].Seq, 3), want[3:6])
	wantEqual(t, "third page", page(want[5].Seq, 3), want[6:])
	wantEqual(t, "after the last", page(1, 3), want[:0])
	wantEqual(t, "limit 0", page(0, 0), want[:0])
	wantEqual(t, "limit below 0", page(0, -1), want[:0])
}

// eventAt is an event of a user at a time after the start.
func eventAt(user string, seq int64, d time.Duration, name string) nightlatch.EventRecord {
	e := event(user, seq)
	e.At, e.Name = after(d), name
	return e
}

// testFindEvents: of all users, filtered, in pages that neither repeat nor skip one, also within one moment.
func testFindEvents(t *testing.T, s nightlatch.Store) {
	all := []nightlatch.EventRecord{ // the newest first
		eventAt("u1", 3, 9*time.Second, "in"),
		eventAt("u3", 2, 5*time.Second, "in"), eventAt("u3", 1, 5*time.Second, "out"),
		eventAt("u2", 2, 5*time.Second, "in"), eventAt("u2", 1, 5*time.Second, "in"),
		eventAt("u1", 2, 5*time.Second, "out"),
		eventAt("u1", 1, 5*time.Second-time.Microsecond, "in"),
		eventAt("u4", 2, 2*time.Second, "in"), // a clock that was set back: the second of u4 says that it is older
	}
	back := eventAt("u4", 1, 4*time.Second, "out")
	for _, e := range append([]nightlatch.EventRecord{back}, all...) {
		put(t, s, e)
	}
	all = append(all[:7:7], back, all[7])
	pick := func(f func(e nightlatch.EventRecord) bool) (out []nightlatch.EventRecord) {
		for _, e := range all {
			if f(e) {
				out = append(out, e)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		q    nightlatch.EventQuery
		want []nightlatch.EventRecord
	}{
		"all":           {nightlatch.EventQuery{}, all},
		"of a user":     {nightlatch.EventQuery{User: "u1"}, pick(func(e nightlatch.EventRecord) bool { return e.User == "u1" })},
		"by their seq":  {nightlatch.EventQuery{User: "u4"}, []nightlatch.EventRecord{all[8], back}},
		"of a name":     {nightlatch.EventQuery{Name: "in"}, pick(func(e nightlatch.EventRecord) bool { return e.Name == "in" })},
		"of both":       {nightlatch.EventQuery{User: "u2", Name: "in"}, all[3:5]},
		"of neither":    {nightlatch.EventQuery{User: "u2", Name: "out"}, nil},
		"of nobody":     {nightlatch.EventQuery{User: "u9"}, nil},
		"of an oddity":  {nightlatch.EventQuery{User: "' OR 1=1 --"}, nil},
		"a wildcard":    {nightlatch.EventQuery{Name: "%"}, nil},
		"another case":  {nightlatch.EventQuery{Name: "IN"}, nil},
		"no time":       {nightlatch.EventQuery{BeforeUser: "u1", BeforeSeq: 1}, all},
		"before all":    {nightlatch.EventQuery{Before: time.Unix(0, 0)}, nil},
		"after all":     {nightlatch.EventQuery{Before: after(time.Hour)}, all},
		"no user, seq":  {nightlatch.EventQuery{Before: after(5 * time.Second)}, all[6:]},
		"below any seq": {nightlatch.EventQuery{User: "u1", Before: after(time.Hour), BeforeUser: "u1", BeforeSeq: -5}, nil},
	} {
		wantEqual(t, name, findEvents(t, s, c.q, 100), c.want)
		for _, step := range []int{1, 2, 3} {
			wantEqual(t, name+", in pages", inPages(t, s, c.q, step), c.want)
		}
		for _, none := range []int{0, -1} {
			wantEqual(t, name+", none", findEvents(t, s, c.q, none), []nightlatch.EventRecord{})
		}
	}
}

func findEvents(t *testing.T, s nightlatch.Store, q nightlatch.EventQuery, limit int) []nightlatch.EventRecord {
	t.Helper()
	return must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.EventRecord, error) {
		return r.FindEvents(ctx, q, limit)
	})
}

// inPages reads all that q fits, a few at a time.
func inPages(t *testing.T, s nightlatch.Store, q nightlatch.EventQuery, step int) (all []nightlatch.EventRecord) {
	t.Helper()
	for {
		page := findEvents(t, s, q, step)
		all = append(all, page...)
		if len(page) < step || len(all) > 100 {
			return all
		}
		last := page[len(page)-1]
		q.Before, q.BeforeUser, q.BeforeSeq = last.At, last.User, last.Seq
	}
}

// testUsersAfter: all users in one order, in pages.
func testUsersAfter(t *testing.T, s nightlatch.Store) {
	names := []string{"B", "Zoë", "a", "a ", "a1", "a10", "a2", "é", "電話"} // in the order of their bytes
	for i := range names {
		put(t, s, user(names[len(names)-1-i]))
	}
	page := func(after string, limit int) (got []string) {
		for _, u := range must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.UserRecord, error) {
			return r.UsersAfter(ctx, after, limit)
		}) {
			got = append(got, u.User)
			if string(u.Sealed) != "sealed "+u.User || u.Revision != 1 {
				t.Errorf("%q came as %+v", u.User, u)
			}
		}
		return got
	}
	wantEqual(t, "all", page("", 100), names)
	for _, step := range []int{1, 2, 4, 9} {
		var got []string
		for last := ""; ; last = got[len(got)-1] {
			some := page(last, step)
			if len(some) == 0 {
				break
			}
			got = append(got, some...)
		}
		wantEqual(t, "in pages", got, names)
	}
	wantEqual(t, "after one that is not there", page("a11", 2), []string{"a2", "é"})
	wantEqual(t, "after the last", page("電話", 2), []string(nil))
	wantEqual(t, "limit 0", page("", 0), []string(nil))
	wantEqual(t, "limit below 0", page("", -1), []string(nil))
}
