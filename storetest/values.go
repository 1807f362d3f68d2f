package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// testOrder: lists are sorted as said, and hold what they should alone.
func testOrder(t *testing.T, s nightlatch.Store) {
	at := func(a nightlatch.AuthenticatorRecord, d time.Duration) nightlatch.AuthenticatorRecord {
		a.CreatedAt = after(d)
		return a
	}
	used := func(ses nightlatch.SessionRecord, d time.Duration) nightlatch.SessionRecord {
		ses.LastUsedAt = after(d)
		return ses
	}
	made := func(p nightlatch.PendingRecord, d time.Duration) nightlatch.PendingRecord {
		p.CreatedAt = after(d)
		return p
	}
	seen := func(d nightlatch.DeviceRecord, when time.Duration) nightlatch.DeviceRecord {
		d.LastUsedAt = after(when)
		return d
	}
	mailed := func(l nightlatch.LinkRecord, when time.Duration) nightlatch.LinkRecord {
		l.CreatedAt = after(when)
		return l
	}
	put(t, s,
		seen(device("d2", "u1"), 2*time.Microsecond), seen(device("d3", "u1"), 1*time.Hour), seen(device("d1", "u1"), 3*time.Hour), device("d9", "u2"),
		mailed(link("l2", "u1"), 2*time.Microsecond), mailed(link("l3", "u1"), 1*time.Hour), mailed(link("l1", "u1"), 3*time.Hour), link("l9", "u2"),
		at(authenticator("a2", "u1"), 2*time.Microsecond), at(authenticator("a3", "u1"), 1*time.Hour), at(authenticator("a1", "u1"), 3*time.Hour), authenticator("a9", "u2"),
		used(session("s2", "u1"), 2*time.Microsecond), used(session("s3", "u1"), 1*time.Hour), used(session("s1", "u1"), 3*time.Hour), session("s9", "u2"),
		made(pending("p2", "o1", "u1"), 2*time.Microsecond), made(pending("p3", "o1", "u1"), 1*time.Hour), made(pending("p1", "o1", "u1"), 3*time.Hour), pending("p9", "o2", "u1"),
		throttle("user:u1", "totp"), throttle("user:u1", "email"), throttle("user:u2", "totp"))
	for _, c := range []struct{ user, owner, want string }{
		{"u1", "o1", "a2 a3 a1 s1 s3 s2 p1 p3 p2 d1 d3 d2 l1 l3 l2"},
		{"u2", "o2", "a9 s9 p9 d9 l9"},
		{"u3", "o3", ""},
		{"", "", ""},
	} {
		got := must(t, s, func(ctx context.Context, r nightlatch.Reader) (string, error) { return idsOf(ctx, r, c.user, c.owner) })
		wantEqual(t, c.user, got, c.want)
	}
	testOfAll(t, s)
	for subject, want := range map[string]int{"user:u1": 2, "user:u2": 1, "user:u3": 0, "": 0} {
		got := must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.ThrottleRecord, error) {
			return r.ThrottlesOf(ctx, subject)
		})
		if len(got) != want {
			t.Errorf("%d throttles of %q, want %d", len(got), subject, want)
		}
	}
}

// testOfAll: what any number of users holds, each once, also of one who is named twice or not at all there.
func testOfAll(t *testing.T, s nightlatch.Store) {
	var strangers []string
	for i := range 600 {
		strangers = append(strangers, fmt.Sprintf("stranger%d", i))
	}
	suspended := authenticator("a8", "u4")
	suspended.Kind, suspended.Allows, suspended.ExpiresAt = "email", factor.AllowsNothing, after(time.Microsecond)
	put(t, s, suspended)
	other, last := "u1 totp enroll 3600000000", "u4 email nothing 1"
	for _, c := range []struct {
		users []string
		want  []string
	}{
		{nil, nil},
		{[]string{"u3"}, nil},
		{[]string{"u4"}, []string{last}},
		{[]string{"u4", "u1", "u4"}, []string{other, other, other, last}},
		{[]string{"", "u4", "'", "zero \x00 byte", "\xff"}, []string{last}},
		{slices.Concat([]string{"u1"}, strangers[:9], []string{"u4"}), []string{other, other, other, last}},
		{slices.Concat([]string{"u4"}, strangers, []string{"u1", "u4"}), []string{other, other, other, last}},
	} {
		got := must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.Holding, error) {
			return r.HoldingsOf(ctx, c.users)
		})
		var all []string
		for _, h := range got {
			over := int64(0)
			if !h.ExpiresAt.IsZero() {
				over = h.ExpiresAt.Sub(after(0)).Microseconds()
			}
			all = append(all, fmt.Sprintf("%s %s %s %d", h.User, h.Kind, h.Allows, over))
		}
		slices.Sort(all)
		wantEqual(t, fmt.Sprintf("of %d users", len(c.users)), all, c.want)
	}
}

// idsOf is every list of a user and of an owner.
func idsOf(ctx context.Context, r nightlatch.Reader, user, owner string) (string, error) {
	var out []string
	authenticators, err := r.AuthenticatorsOf(ctx, user)
	for _, a := range authenticators {
		out = append(out, a.ID)
	}
	if err != nil {
		return "", err
	}
	sessions, err := r.SessionsOf(ctx, user)
	for _, ses := range sessions {
		out = append(out, ses.ID)
	}
	if err != nil {
		return "", err
	}
	pendings, err := r.PendingsOf(ctx, owner)
	for _, p := range pendings {
		out = append(out, p.ID)
	}
	if err != nil {
		return "", err
	}
	devices, err := r.DevicesOf(ctx, user)
	for _, d := range devices {
		out = append(out, d.ID)
	}
	if err != nil {
		return "", err
	}
	links, err := r.LinksOf(ctx, user)
	for _, l := range links {
		out = append(out, l.Token)
	}
	return strings.Join(out, " "), err
}

// testValues: what is put is found again, whatever it holds.
func testValues(t *testing.T, s nightlatch.Store) {
	bytes := make([]byte, 4096)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	texts := []string{
		"'); DROP TABLE nl_users; --", `"$1 ?1 %s \`, "Zoë’s 電話 📱", "e\u0301", "é", " padded ", "NULL", "0x10", strings.Repeat("long ", 1000),
	}
	for i, text := range texts {
		u := nightlatch.UserRecord{User: text, Sealed: bytes[i:]}
		a := authenticator(text, text)
		a.Label, a.Sealed = text, bytes
		put(t, s, u, a)
		u.Revision, a.Revision = 1, 1
		wantEqual(t, "user", must(t, s, findUser(text)), u)
		wantEqual(t, "authenticators", must(t, s, authenticatorsOf(text)), []nightlatch.AuthenticatorRecord{a})
	}
	if isThere(t, s, "ZOË’S 電話 📱") || isThere(t, s, "padded") {
		t.Error("a user is found by another spelling")
	}

	// Nothing at all, and times: to the microsecond, in UTC, zero stays zero.
	bare := nightlatch.AuthenticatorRecord{ID: "bare", User: "bare", Kind: "totp"}
	bare.CreatedAt = time.Date(2026, 3, 1, 1, 2, 3, 999999999, time.FixedZone("", 3600))
	bare.LastUsedAt = time.Date(1969, 12, 31, 23, 59, 59, 5000, time.UTC)
	put(t, s, bare)
	bare.Revision = 1
	bare.CreatedAt = time.Date(2026, 3, 1, 0, 2, 3, 999999000, time.UTC)
	got := must(t, s, authenticatorsOf("bare"))
	wantEqual(t, "bare", got, []nightlatch.AuthenticatorRecord{bare})
	if len(got) == 1 && (!got[0].ExpiresAt.IsZero() || got[0].CreatedAt.Location() != time.UTC) {
		t.Errorf("times are %v and %v", got[0].ExpiresAt, got[0].CreatedAt)
	}
}

func authenticatorsOf(user string) func(context.Context, nightlatch.Reader) ([]nightlatch.AuthenticatorRecord, error) {
	return func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.AuthenticatorRecord, error) {
		return r.AuthenticatorsOf(ctx, user)
	}
}

// testDeleteUser: all goes but the events, and of nobody else.
func testDeleteUser(t *testing.T, s nightlatch.Store) {
	for _, u := range []string{"u1", "u2"} {
		put(t, s, user(u), authenticator("a"+u, u), signIn("i"+u, u), session("s"+u, u), pending("p"+u, "s"+u, u),
			throttle("user:"+u, "totp"), throttle("user:"+u, "email"), event(u, 1),
			device("d"+u, u), link("l"+u, u), message("m"+u, u))
	}
	put(t, s, throttle("addr:u1", "totp"))
	tx(t, s, deleting(nightlatch.UserRecord{User: "u1", Revision: 1}))
	for u, want := range map[string]int{"u1": 0, "u2": 9} {
		n := must(t, s, func(ctx context.Context, r nightlatch.Reader) (n int, err error) {
			count := func(found int, e error) {
				if e == nil {
					n += found
				}
			}
			_, err = r.FindUser(ctx, u)
			count(1, err)
			_, err = r.FindSignIn(ctx, "token i"+u)
			count(1, err)
			authenticators, err := r.AuthenticatorsOf(ctx, u)
			count(len(authenticators), err)
			sessions, err := r.SessionsOf(ctx, u)
			count(len(sessions), err)
			pendings, err := r.PendingsOf(ctx, "s"+u)
			count(len(pendings), err)
			throttles, err := r.ThrottlesOf(ctx, "user:"+u)
			count(len(throttles), err)
			devices, err := r.DevicesOf(ctx, u)
			count(len(devices), err)
			links, err := r.LinksOf(ctx, u)
			count(len(links), err)
			events, err := r.EventsOf(ctx, u, 0, 10)
			if len(events) != 1 {
				t.Errorf("%s has %d events", u, len(events))
			}
			return n, err
		})
		if n != want {
			t.Errorf("%s has %d records, want %d", u, n, want)
		}
	}
	if due := must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.MessageRecord, error) {
		return r.MessagesDue(ctx, after(time.Hour), 10)
	}); len(due) != 2 {
		t.Errorf("%d messages are left, want 2: a user hears of the end", len(due))
	}
	if left := must(t, s, func(ctx context.Context, r nightlatch.Reader) ([]nightlatch.ThrottleRecord, error) {
		return r.ThrottlesOf(ctx, "addr:u1")
	}); len(left) != 1 {
		t.Error("the throttle of an address went with a user")
	}
}

// expiring returns one record of each type that expires, as the i-th, at a time.
func expiring(i string, at time.Time) []nightlatch.Record {
	a, in, ses, p, h := authenticator("a"+i, "u1"), signIn("i"+i, "u1"), session("s"+i, "u1"), pending("p"+i, "o1", "u1"), throttle("user:u1", "totp")
	m, d, l := message("m"+i, "u1"), device("d"+i, "u1"), link("l"+i, "u1")
	h.Subject = "addr:" + i
	a.ExpiresAt, in.ExpiresAt, ses.ExpiresAt, p.ExpiresAt, h.ExpiresAt, m.ExpiresAt = at, at, at, at, at, at
	d.ExpiresAt, l.ExpiresAt = at, at
	return []nightlatch.Record{a, in, ses, p, h, m, d, l}
}

func expire(t testing.TB, s nightlatch.Store, now time.Time, limit int) int {
	t.Helper()
	n := 0
	tx(t, s, func(ctx context.Context, tx nightlatch.Tx) (err error) {
		n, err = tx.Expire(ctx, now, limit)
		return err
	})
	return n
}

// testExpire: what is over goes, what is not and what never is stays.
func testExpire(t *testing.T, s nightlatch.Store) {
	put(t, s, user("u1"), event("u1", 1))
	for i, at := range map[string]time.Time{"past": after(-time.Hour), "now": start, "soon": after(time.Microsecond), "never": {}} {
		put(t, s, expiring(i, at)...)
	}
	if n := expire(t, s, start, 100); n != 16 {
		t.Errorf("%d records went, want 2 of each type", n)
	}
	for _, a := range must(t, s, authenticatorsOf("u1")) {
		if a.ID == "apast" || a.ID == "anow" {
			t.Errorf("authenticator %s stayed", a.ID)
		}
	}
	if n := expire(t, s, after(time.Microsecond), 100); n != 8 {
		t.Errorf("%d records went, want 1 of each type", n)
	}
	if n := expire(t, s, after(1e6*time.Hour), 100); n != 0 {
		t.Errorf("%d records went that never expire", n)
	}
	if left := must(t, s, authenticatorsOf("u1")); len(left) != 1 || left[0].ID != "anever" || !isThere(t, s, "u1") {
		t.Errorf("left are %v", left)
	}
}

// testExpireInSteps: a limit is one of each type.
func testExpireInSteps(t *testing.T, s nightlatch.Store) {
	for _, i := range []string{"1", "2", "3", "4", "5"} {
		put(t, s, expiring(i, after(-time.Hour))...)
	}
	for _, want := range []int{16, 16, 8, 0} {
		if n := expire(t, s, start, 2); n != want {
			t.Errorf("%d records went, want %d", n, want)
		}
	}
	put(t, s, expiring("6", after(-time.Hour))...)
	if n := expire(t, s, start, 0) + expire(t, s, start, -1); n != 0 {
		t.Errorf("%d records went without a limit", n)
	}
}
