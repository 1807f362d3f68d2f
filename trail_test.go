package nightlatch_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/pgtest"
)

// spoil runs statements on the database as somebody who got at the file would.
func (w *world) spoil(statements ...string) {
	w.Helper()
	driver, dsn := "sqlite", w.path+"?_pragma=busy_timeout(5000)"
	if pgtest.Chosen() {
		driver, dsn = "pgx", w.path
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	for _, text := range statements {
		if pgtest.Chosen() {
			text = asPostgreSQL(text)
		}
		if _, err := db.ExecContext(w.Context(), text); err != nil {
			w.Fatal(err)
		}
	}
}

var (
	zeroBlob = regexp.MustCompile(`zeroblob\((\d+)\)`)
	hexBlob  = regexp.MustCompile(`x'([0-9a-f]*)'`)
)

// asPostgreSQL writes the bytes in a statement as PostgreSQL has them.
func asPostgreSQL(text string) string {
	text = zeroBlob.ReplaceAllString(strings.ReplaceAll(text, "AS BLOB", "AS BYTEA"), "decode(repeat('00', $1), 'hex')")
	return hexBlob.ReplaceAllString(text, "decode('$1', 'hex')")
}

// wantBroken verifies a trail that is broken at seq.
func (w *world) wantBroken(name, user string, before nightlatch.Trail, seq int64, reason string) {
	w.Helper()
	_, err := w.VerifyTrail(w.Context(), user, before)
	var broken *nightlatch.BrokenTrailError
	if !errors.As(err, &broken) || broken.User != user || broken.Seq != seq || broken.Reason != reason ||
		(broken.Key != 0) != (reason == nightlatch.TrailNoKey) {
		w.Errorf("%s: %v, want event %d: %s", name, err, seq, reason)
	}
}

func TestVerifyTrail(t *testing.T) {
	t.Parallel()
	const at = "WHERE user_id = 'ann' AND seq = "
	for name, c := range map[string]struct {
		spoil  []string
		seq    int64 // 0 with no reason: it is whole
		reason string
	}{
		"whole":         {[]string{"UPDATE nl_events SET name = 'x' WHERE user_id = 'bob'"}, 0, ""},
		"name":          {[]string{"UPDATE nl_events SET name = 'x' " + at + "3"}, 3, nightlatch.TrailChanged},
		"data":          {[]string{"UPDATE nl_events SET data = CAST('{}' AS BLOB) " + at + "1"}, 1, nightlatch.TrailChanged},
		"time":          {[]string{"UPDATE nl_events SET at = at + 1 " + at + "600"}, 600, nightlatch.TrailChanged},
		"MAC":           {[]string{"UPDATE nl_events SET mac = zeroblob(36) " + at + "4"}, 4, nightlatch.TrailChanged},
		"MAC of one":    {[]string{"UPDATE nl_events SET mac = (SELECT mac FROM nl_events " + at + "9) " + at + "8"}, 8, nightlatch.TrailChanged},
		"no MAC":        {[]string{"UPDATE nl_events SET mac = x'' " + at + "601"}, 601, nightlatch.TrailChanged},
		"two":           {[]string{"UPDATE nl_events SET name = 'x' " + at + "3", "DELETE FROM nl_events " + at + "2"}, 2, nightlatch.TrailMissing},
		"two, reversed": {[]string{"UPDATE nl_events SET name = 'x' " + at + "2", "DELETE FROM nl_events " + at + "3"}, 2, nightlatch.TrailChanged},
		"removed":       {[]string{"DELETE FROM nl_events " + at + "5"}, 5, nightlatch.TrailMissing},
		"many removed":  {[]string{"DELETE FROM nl_events WHERE user_id = 'ann' AND seq BETWEEN 5 AND 580"}, 5, nightlatch.TrailMissing},
		"first removed": {[]string{"DELETE FROM nl_events " + at + "1"}, 1, nightlatch.TrailMissing},
		"last removed":  {[]string{"DELETE FROM nl_events " + at + "602"}, 602, nightlatch.TrailMissing},
		"all removed":   {[]string{"DELETE FROM nl_events WHERE user_id = 'ann'"}, 1, nightlatch.TrailMissing},
		"closed up": {[]string{
			"DELETE FROM nl_events " + at + "600", "UPDATE nl_events SET seq = 600 " + at + "601", "UPDATE nl_events SET seq = 601 " + at + "602",
		}, 600, nightlatch.TrailChanged},
		"swapped": {[]string{
			"UPDATE nl_events SET seq = 9999 " + at + "6", "UPDATE nl_events SET seq = 6 " + at + "7", "UPDATE nl_events SET seq = 7 " + at + "9999",
		}, 6, nightlatch.TrailChanged},
		"another's": {[]string{
			"DELETE FROM nl_events " + at + "1", "UPDATE nl_events SET user_id = 'ann' WHERE user_id = 'bob' AND seq = 1",
		}, 1, nightlatch.TrailChanged},
		"one more": {[]string{
			"INSERT INTO nl_events SELECT user_id, seq + 1, at, name, data, mac FROM nl_events " + at + "602",
		}, 603, nightlatch.TrailTooMany},
		"one less than none": {[]string{
			"INSERT INTO nl_events SELECT user_id, 0, at, name, data, mac FROM nl_events " + at + "602",
		}, 0, nightlatch.TrailTooMany},
		"a page below none": {[]string{
			"INSERT INTO nl_events SELECT user_id, seq - 1000, at, name, data, mac FROM nl_events WHERE user_id = 'ann'",
		}, -795, nightlatch.TrailTooMany},
		"not counted":     {[]string{"DELETE FROM nl_users WHERE user_id = 'ann'"}, 1, nightlatch.TrailTooMany},
		"another's count": {[]string{"UPDATE nl_users SET sealed = (SELECT sealed FROM nl_users WHERE user_id = 'bob') WHERE user_id = 'ann'"}, 0, nightlatch.TrailUncounted},
		"an unknown key":  {[]string{"UPDATE nl_users SET sealed = CAST(x'0100000009' || zeroblob(99) AS BLOB) WHERE user_id = 'ann'"}, 0, nightlatch.TrailNoKey},
		"a MAC of no key": {[]string{"UPDATE nl_events SET mac = CAST(x'00000009' || zeroblob(32) AS BLOB) " + at + "3"}, 4, nightlatch.TrailChanged},
		"the first of no key": {[]string{
			"UPDATE nl_events SET mac = CAST(x'00000009' || zeroblob(32) AS BLOB) " + at + "1", "DELETE FROM nl_events " + at + "601",
		}, 2, nightlatch.TrailChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.people.put(nightlatch.User{ID: "ann"})
			w.people.put(nightlatch.User{ID: "bob"})
			w.noteMany("ann", 602) // more than a page
			w.noteMany("bob", 3)
			before := w.must2(w.VerifyTrail(t.Context(), "ann", nightlatch.Trail{}))
			if before.Events != 602 || len(before.Head) == 0 || before.User != "ann" {
				t.Fatalf("the trail is %+v", before)
			}
			w.spoil(c.spoil...)
			if c.reason == "" {
				w.must2(w.VerifyTrail(t.Context(), "ann", before))
				return
			}
			w.wantBroken(name, "ann", nightlatch.Trail{}, c.seq, c.reason)
			if name != "not counted" && c.reason != nightlatch.TrailUncounted {
				w.wantBroken(name+", with a checkpoint", "ann", before, c.seq, c.reason)
			}
		})
	}
}

func (w *world) must2(is nightlatch.Trail, err error) nightlatch.Trail {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return is
}

// noteMany writes n events into a trail.
func (w *world) noteMany(user string, n int) {
	w.Helper()
	if err := w.Change(w.Context(), user, nightlatch.Event{Name: "last"}, func(ctx context.Context) error {
		for i := range n - 1 {
			e := nightlatch.Event{Name: "noted", Detail: map[string]string{"number": fmt.Sprint(i)}}
			if err := w.Change(ctx, user, e, func(context.Context) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		w.Fatal(err)
	}
}

// A file that somebody put back, or that has gone another way since, is whole in itself: the checkpoint tells.
func TestTrailGoesOnFromACheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.people.put(nightlatch.User{ID: "ann"})
	none := w.must2(w.VerifyTrail(t.Context(), "ann", nightlatch.Trail{}))
	if none.Events != 0 || none.Head != nil {
		t.Errorf("of nobody there is %+v", none)
	}
	w.noteMany("ann", 4)
	w.spoil("CREATE TABLE kept_users AS SELECT * FROM nl_users", "CREATE TABLE kept_events AS SELECT * FROM nl_events")
	early := w.must2(w.VerifyTrail(t.Context(), "ann", none))
	w.noteMany("ann", 3)
	late := w.must2(w.VerifyTrail(t.Context(), "ann", early))
	if late.Events != 7 {
		t.Errorf("%d events, want 7", late.Events)
	}
	w.must2(w.VerifyTrail(t.Context(), "ann", late))
	w.spoil("DELETE FROM nl_users", "DELETE FROM nl_events",
		"INSERT INTO nl_users SELECT * FROM kept_users", "INSERT INTO nl_events SELECT * FROM kept_events")
	w.must2(w.VerifyTrail(t.Context(), "ann", early))
	w.wantBroken("put back", "ann", late, 5, nightlatch.TrailMissing)
	w.clock.pass(time.Second)
	w.noteMany("ann", 3)
	w.must2(w.VerifyTrail(t.Context(), "ann", early))
	w.wantBroken("another way", "ann", late, 7, nightlatch.TrailReplaced)
}

// The key that made a MAC stays in the ring: a trail is verified across rotations, and by no other ring.
func TestTrailAcrossKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.people.put(nightlatch.User{ID: "ann"})
	w.noteMany("ann", 3)
	grown := must(w.key.Add(sharedRandom, start))
	w.Service = w.another(func(c *nightlatch.Config) { c.Key = grown })
	w.noteMany("ann", 3)
	w.must2(w.VerifyTrail(t.Context(), "ann", nightlatch.Trail{}))
	other := w.another(func(c *nightlatch.Config) { c.Key = must(nightlatch.NewKeyRing(sharedRandom, start)) })
	if _, err := other.VerifyTrail(t.Context(), "ann", nightlatch.Trail{}); err == nil {
		t.Error("another ring finds it whole")
	}
}

// A trail that grows meanwhile is not broken.
func TestVerifyTrailWhileItGrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.people.put(nightlatch.User{ID: "ann"})
	w.noteMany("ann", 700)
	var all sync.WaitGroup
	all.Go(func() {
		for range 30 {
			w.noteMany("ann", 2)
		}
	})
	var before nightlatch.Trail
	for range 10 {
		before = w.must2(w.VerifyTrail(t.Context(), "ann", before))
	}
	all.Wait()
	if is := w.must2(w.VerifyTrail(t.Context(), "ann", before)); is.Events != 760 {
		t.Errorf("%d events, want 760", is.Events)
	}
}

func TestRemoveUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	w.addKnock("ann", "door")
	w.addKnock("bob", "door")
	anns, bobs := w.knocked("ann"), w.knocked("bob")
	begun := w.begun("ann")
	before := w.must2(w.VerifyTrail(t.Context(), "ann", nightlatch.Trail{}))
	remove := func() error {
		return w.Change(t.Context(), "ann", nightlatch.Event{Name: "account_removed"}, func(ctx context.Context) error {
			return w.RemoveUser(ctx, "ann")
		})
	}
	w.want(remove(), nil)
	if _, err := w.Session(t.Context(), anns); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("the session: %v", err)
	}
	if _, err := w.SignIn(t.Context(), begun); !errors.Is(err, nightlatch.ErrUnauthenticated) {
		t.Errorf("the sign-in: %v", err)
	}
	if h := must(w.HoldingsOf(t.Context(), "ann")); len(h.Authenticators) != 0 {
		t.Errorf("held is %+v", h)
	}
	if _, err := w.Session(t.Context(), bobs); err != nil {
		t.Errorf("bob's session: %v", err)
	}
	is := w.must2(w.VerifyTrail(t.Context(), "ann", before))
	if is.Events != before.Events+1 || must(w.EventsOf(t.Context(), "ann", 0, 1))[0].Name != "account_removed" {
		t.Errorf("the trail is %+v after %+v", is, before)
	}
	// Once more, and of somebody who was never seen: the trail goes on.
	w.want(remove(), nil)
	if again := w.must2(w.VerifyTrail(t.Context(), "ann", is)); again.Events != is.Events+1 {
		t.Errorf("the trail is %+v after %+v", again, is)
	}
	before = w.must2(w.VerifyTrail(t.Context(), "ann", is))
	w.want(w.RemoveUser(t.Context(), "ann"), nil) // by itself, which changes nothing more
	w.must2(w.VerifyTrail(t.Context(), "ann", before))
	w.people.put(nightlatch.User{ID: "new"})
	w.want(w.Change(t.Context(), "new", nightlatch.Event{Name: "account_removed"}, func(ctx context.Context) error {
		enrolled := factor.Enrolled{State: factor.State(`{}`)}
		if err := w.Install(ctx, nightlatch.Installation{User: "new", Kind: "knock", Enrolled: enrolled}); err != nil {
			return err
		}
		return w.RemoveUser(ctx, "new")
	}), nil)
	if h := must(w.HoldingsOf(t.Context(), "new")); len(h.Authenticators) != 0 {
		t.Errorf("held is %+v", h)
	}
	w.must2(w.VerifyTrail(t.Context(), "new", nightlatch.Trail{}))
	var seen []string
	w.want(w.Users(t.Context(), func(user string) error { seen = append(seen, user); return nil }), nil)
	if !slices.Equal(seen, []string{"ann", "bob", "new"}) {
		t.Errorf("users are %v", seen)
	}
}

func TestUsersAndFindEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for i := range 403 { // more than two pages
		id := fmt.Sprintf("u%03d", i)
		want = append(want, id)
		w.people.put(nightlatch.User{ID: id})
		w.clock.pass(time.Second)
		w.noteMany(id, 1)
	}
	var got []string
	w.want(w.Users(t.Context(), func(user string) error { got = append(got, user); return nil }), nil)
	if !slices.Equal(got, want) {
		t.Errorf("%d users came, want %d", len(got), len(want))
	}
	stop := errors.New("stop")
	if err := w.Users(t.Context(), func(string) error { return stop }); !errors.Is(err, stop) || errors.Is(err, nightlatch.ErrUnavailable) {
		t.Errorf("it answers %v", err)
	}
	page := must(w.FindEvents(t.Context(), nightlatch.EventQuery{Name: "last"}, 2))
	if len(page) != 2 || page[0].User != "u402" || page[1].User != "u401" || page[0].Seq != 1 || page[0].At != w.clock.Now() {
		t.Errorf("found %+v", page)
	}
	if page := must(w.FindEvents(t.Context(), nightlatch.EventQuery{User: "u007"}, 2)); len(page) != 1 || page[0].Name != "last" {
		t.Errorf("found %+v", page)
	}
}

// A checkpoint says how long all trails are, and cannot be made up.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, id := range []string{"bob", "ann"} {
		w.people.put(nightlatch.User{ID: id})
		w.noteMany(id, i+2)
	}
	point := must(w.Checkpoint(t.Context()))
	if len(point.Trails) != 2 || point.Trails[0].User != "ann" || point.Trails[0].Events != 3 || point.Trails[1].Events != 2 || point.At != start {
		t.Fatalf("the checkpoint is %+v", point)
	}
	w.want(w.CheckCheckpoint(point), nil)
	for _, trail := range point.Trails {
		w.must2(w.VerifyTrail(t.Context(), trail.User, trail))
	}
	for name, spoil := range map[string]func(c *nightlatch.Checkpoint){
		"time":    func(c *nightlatch.Checkpoint) { c.At = c.At.Add(time.Microsecond) },
		"count":   func(c *nightlatch.Checkpoint) { c.Trails[0].Events-- },
		"head":    func(c *nightlatch.Checkpoint) { c.Trails[0].Head = nil },
		"user":    func(c *nightlatch.Checkpoint) { c.Trails[0].User = "eve" },
		"one":     func(c *nightlatch.Checkpoint) { c.Trails = c.Trails[:1] },
		"order":   func(c *nightlatch.Checkpoint) { slices.Reverse(c.Trails) },
		"MAC":     func(c *nightlatch.Checkpoint) { c.MAC = c.Trails[0].Head },
		"nothing": func(c *nightlatch.Checkpoint) { *c = nightlatch.Checkpoint{} },
	} {
		other := point
		other.Trails = slices.Clone(point.Trails)
		spoil(&other)
		if err := w.CheckCheckpoint(other); !errors.Is(err, nightlatch.ErrNoCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	grown := w.another(func(c *nightlatch.Config) { c.Key = must(w.key.Add(sharedRandom, start)) })
	w.want(grown.CheckCheckpoint(point), nil)
	w.spoil("UPDATE nl_users SET sealed = zeroblob(80) WHERE user_id = 'bob'")
	var broken *nightlatch.BrokenTrailError
	if _, err := w.Checkpoint(t.Context()); !errors.As(err, &broken) || broken.User != "bob" {
		t.Errorf("of a count that was changed: %v", err)
	}
}

// Whose record is gone is verified all the same, and an event that cannot be read hides no other.
func TestSpoiledEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"ann", "bob"} {
		w.people.put(nightlatch.User{ID: id})
		w.noteMany(id, 600)
	}
	w.spoil("DELETE FROM nl_users WHERE user_id = 'ann'", "UPDATE nl_events SET data = x'ff' WHERE seq = 2")
	var users []string
	w.want(w.TrailUsers(t.Context(), func(user string) error { users = append(users, user); return nil }), nil)
	if slices.Sort(users); !slices.Equal(users, []string{"ann", "bob"}) {
		t.Errorf("users are %v", users)
	}
	for _, events := range [][]nightlatch.Event{must(w.EventsOf(t.Context(), "bob", 4, 3))} {
		if len(events) != 3 || events[1].Reason != "unreadable" || events[1].Name != "noted" || events[2].Detail["number"] != "0" {
			t.Errorf("events are %+v", events)
		}
	}
	if found := must(w.FindEvents(t.Context(), nightlatch.EventQuery{User: "ann"}, 1000)); len(found) != 600 || found[598].Reason != "unreadable" {
		t.Errorf("%d were found", len(found))
	}
}
