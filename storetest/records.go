package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// sample is one type of record with a revision.
type sample struct {
	name   string
	first  nightlatch.Record                                    // to be inserted
	second nightlatch.Record                                    // the same key, all else different
	at     func(r nightlatch.Record, n int64) nightlatch.Record // with the revision n
	find   func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error)
}

func samples() []sample {
	return []sample{userSample(), authenticatorSample(), signInSample(), sessionSample(), pendingSample(), throttleSample(), messageSample()}
}

func userSample() sample {
	second := user("u1")
	second.Sealed = []byte("other")
	return sample{
		"user", user("u1"), second,
		func(r nightlatch.Record, n int64) nightlatch.Record {
			u := r.(nightlatch.UserRecord)
			u.Revision = n
			return u
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindUser(ctx, "u1")
		},
	}
}

func authenticatorSample() sample {
	return sample{
		"authenticator", authenticator("a1", "u1"),
		nightlatch.AuthenticatorRecord{
			ID: "a1", User: "u1", Kind: "totp", Label: "x", LabelKey: "y", Sealed: []byte("z"), Lookup: "lookup a1",
			CreatedAt: after(2 * time.Microsecond), LastUsedAt: after(time.Minute), Allows: factor.AllowsAll,
		},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			a := r.(nightlatch.AuthenticatorRecord)
			a.Revision = n
			return a
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindLookup(ctx, "totp", "lookup a1")
		},
	}
}

func signInSample() sample {
	return sample{
		"sign-in", signIn("i1", "u1"),
		nightlatch.SignInRecord{ID: "i1", Token: "token i1", User: "u2", Data: []byte("x"), CreatedAt: after(1 * time.Microsecond), ExpiresAt: after(2 * time.Microsecond)},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			i := r.(nightlatch.SignInRecord)
			i.Revision = n
			return i
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindSignIn(ctx, "token i1")
		},
	}
}

func sessionSample() sample {
	return sample{
		"session", session("s1", "u1"),
		nightlatch.SessionRecord{
			ID: "s1", Token: "token s1", User: "u1", Data: []byte("x"),
			CreatedAt: after(1 * time.Microsecond), LastUsedAt: after(time.Minute), ExpiresAt: after(2 * time.Microsecond),
		},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			s := r.(nightlatch.SessionRecord)
			s.Revision = n
			return s
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindSession(ctx, "token s1")
		},
	}
}

func pendingSample() sample {
	return sample{
		"pending", pending("p1", "s1", "u1"),
		nightlatch.PendingRecord{
			ID: "p1", Owner: "s2", User: "u2", Kind: "webauthn", Purpose: factor.ForSignIn, Sealed: []byte("x"),
			CreatedAt: after(1 * time.Microsecond), ExpiresAt: after(2 * time.Microsecond),
		},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			p := r.(nightlatch.PendingRecord)
			p.Revision = n
			return p
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindPending(ctx, "p1")
		},
	}
}

func throttleSample() sample {
	return sample{
		"throttle", throttle("user:u1", "totp"),
		nightlatch.ThrottleRecord{Subject: "user:u1", Kind: "totp", Data: []byte("x")},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			h := r.(nightlatch.ThrottleRecord)
			h.Revision = n
			return h
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			all, err := r.ThrottlesOf(ctx, "user:u1")
			for _, h := range all {
				if h.Kind == "totp" {
					return h, err
				}
			}
			return nil, errors.Join(err, nightlatch.ErrNotFound)
		},
	}
}

func messageSample() sample {
	return sample{
		"message", message("m1", "u1"),
		nightlatch.MessageRecord{ID: "m1", User: "u2", Sealed: []byte("x"), DueAt: after(time.Minute), ExpiresAt: after(2 * time.Minute)},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			m := r.(nightlatch.MessageRecord)
			m.Revision = n
			return m
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			due, err := r.MessagesDue(ctx, after(time.Hour), 10)
			if len(due) == 1 && due[0].ID == "m1" {
				return due[0], err
			}
			return nil, errors.Join(err, nightlatch.ErrNotFound)
		},
	}
}

// testRecords leads each type through a life.
func testRecords(t *testing.T, s nightlatch.Store) {
	for _, c := range samples() {
		t.Run(c.name, func(t *testing.T) {
			wantGone := func(when string) {
				t.Helper()
				if _, err := read(t, s, c.find); !errors.Is(err, nightlatch.ErrNotFound) {
					t.Errorf("%s: %v, want ErrNotFound", when, err)
				}
			}
			wantGone("before")
			wantConflict(t, s, "replace what is not there", putting(c.at(c.first, 1)))
			wantGone("after a conflict")
			put(t, s, c.first)
			wantEqual(t, "inserted", must(t, s, c.find), c.at(c.first, 1))
			wantConflict(t, s, "insert again", putting(c.second))
			wantConflict(t, s, "replace a later revision", putting(c.at(c.second, 2)))
			wantConflict(t, s, "replace a negative revision", putting(c.at(c.second, -1)))
			wantEqual(t, "after conflicts", must(t, s, c.find), c.at(c.first, 1))
			put(t, s, c.at(c.second, 1))
			wantEqual(t, "replaced", must(t, s, c.find), c.at(c.second, 2))
			wantConflict(t, s, "replace an earlier revision", putting(c.at(c.first, 1)))
			wantConflict(t, s, "delete an earlier revision", deleting(c.at(c.second, 1)))
			wantConflict(t, s, "delete a later revision", deleting(c.at(c.second, 3)))
			wantEqual(t, "after more conflicts", must(t, s, c.find), c.at(c.second, 2))
			tx(t, s, deleting(c.at(c.second, 2)))
			wantGone("deleted")
			wantConflict(t, s, "delete again", deleting(c.at(c.second, 2)))
			wantConflict(t, s, "replace what was deleted", putting(c.at(c.second, 2)))
			wantGone("at the end")
		})
	}
}

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

// testNoRecord: what is none of the types is refused and harms nothing.
func testNoRecord(t *testing.T, s nightlatch.Store) {
	for name, f := range map[string]func(context.Context, nightlatch.Tx) error{
		"put nothing":      putting(nil),
		"put a pointer":    putting(new(nightlatch.UserRecord)),
		"delete nothing":   deleting(nil),
		"delete a pointer": deleting(new(nightlatch.UserRecord)),
	} {
		if err := s.Tx(t.Context(), f); err == nil || errors.Is(err, nightlatch.ErrConflict) || errors.Is(err, nightlatch.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testUnique: what no two records may share.
func testUnique(t *testing.T, s nightlatch.Store) {
	a := authenticator("a1", "u1")
	put(t, s, user("u1"), user("u2"), a)
	with := func(id, user string, change func(*nightlatch.AuthenticatorRecord)) nightlatch.AuthenticatorRecord {
		other := authenticator(id, user)
		change(&other)
		return other
	}
	sameLookup := func(o *nightlatch.AuthenticatorRecord) { o.Lookup = a.Lookup }
	sameLabel := func(o *nightlatch.AuthenticatorRecord) { o.LabelKey = a.LabelKey }
	wantConflict(t, s, "the same lookup of a kind", putting(with("a2", "u2", sameLookup)))
	wantConflict(t, s, "the same label of a user", putting(with("a2", "u1", sameLabel)))
	put(t, s,
		with("b1", "u2", func(o *nightlatch.AuthenticatorRecord) { sameLookup(o); o.Kind = "webauthn" }),
		with("b2", "u2", sameLabel),
		with("b3", "u1", func(o *nightlatch.AuthenticatorRecord) { o.Lookup, o.LabelKey = "", "" }),
		with("b4", "u1", func(o *nightlatch.AuthenticatorRecord) { o.Lookup, o.LabelKey = "", "" }),
		authenticator("b5", "u1"))
	wantConflict(t, s, "a lookup changed to a taken one",
		putting(with("b5", "u1", func(o *nightlatch.AuthenticatorRecord) { sameLookup(o); o.Revision = 1 })))
	wantConflict(t, s, "a label changed to a taken one",
		putting(with("b5", "u1", func(o *nightlatch.AuthenticatorRecord) { sameLabel(o); o.Revision = 1 })))
	if _, err := read(t, s, func(ctx context.Context, r nightlatch.Reader) (nightlatch.AuthenticatorRecord, error) {
		return r.FindLookup(ctx, "totp", "")
	}); !errors.Is(err, nightlatch.ErrNotFound) {
		t.Errorf("an empty lookup: %v, want ErrNotFound", err)
	}

	put(t, s, signIn("i1", "u1"), signIn("i2", "u1"), session("s1", "u1"), session("s2", "u1"))
	in, ses := signIn("i3", "u2"), session("s3", "u2")
	in.Token, ses.Token = "token i1", "token s1"
	wantConflict(t, s, "the token of another sign-in", putting(in))
	wantConflict(t, s, "the token of another session", putting(ses))
	in.ID, in.Revision, ses.ID, ses.Revision = "i2", 1, "s2", 1
	wantConflict(t, s, "changed to the token of another sign-in", putting(in))
	wantConflict(t, s, "changed to the token of another session", putting(ses))
}
