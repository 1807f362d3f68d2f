package storetest

import (
	"context"
	"errors"
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
	return []sample{
		userSample(), authenticatorSample(), signInSample(), sessionSample(), pendingSample(), throttleSample(), messageSample(),
		deviceSample(), linkSample(),
	}
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

func deviceSample() sample {
	return sample{
		"device", device("d1", "u1"),
		nightlatch.DeviceRecord{
			ID: "d1", Token: "token d1", User: "u2", Sealed: []byte("x"),
			CreatedAt: after(1 * time.Microsecond), LastUsedAt: after(time.Minute), ExpiresAt: after(2 * time.Microsecond),
		},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			d := r.(nightlatch.DeviceRecord)
			d.Revision = n
			return d
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindDevice(ctx, "token d1")
		},
	}
}

func linkSample() sample {
	return sample{
		"link", link("l1", "u1"),
		nightlatch.LinkRecord{
			Token: "l1", User: "u2", Purpose: "recovery", Sealed: []byte("x"),
			CreatedAt: after(1 * time.Microsecond), ExpiresAt: after(2 * time.Microsecond),
		},
		func(r nightlatch.Record, n int64) nightlatch.Record {
			l := r.(nightlatch.LinkRecord)
			l.Revision = n
			return l
		},
		func(ctx context.Context, r nightlatch.Reader) (nightlatch.Record, error) {
			return r.FindLink(ctx, "l1")
		},
	}
}
