package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/nightlatch/nightlatch"
)

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

	put(t, s, device("d1", "u1"), device("d2", "u1"))
	d := device("d3", "u2")
	d.Token = "token d1"
	wantConflict(t, s, "the token of another device", putting(d))
	d.ID, d.Revision = "d2", 1
	wantConflict(t, s, "changed to the token of another device", putting(d))
	wantConflict(t, s, "changed to the token of another session", putting(ses))
}
