// Package storetest is what every nightlatch.Store must do, as one test to call.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// Run tests the stores that open makes: each call returns an empty one that others do not share, and has it closed
// when the test ends.
func Run(t *testing.T, open func(t *testing.T) nightlatch.Store) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, s nightlatch.Store)
	}{
		{"Records", testRecords},
		{"Events", testEvents},
		{"FindEvents", testFindEvents},
		{"UsersAfter", testUsersAfter},
		{"NoRecord", testNoRecord},
		{"Unique", testUnique},
		{"Order", testOrder},
		{"Values", testValues},
		{"DeleteUser", testDeleteUser},
		{"MessagesDue", testMessagesDue},
		{"Sealed", testSealed},
		{"Expire", testExpire},
		{"ExpireInSteps", testExpireInSteps},
		{"Epoch", testEpoch},
		{"Rollback", testRollback},
		{"View", testView},
		{"ViewIsNotBlocked", testViewIsNotBlocked},
		{"Joined", testJoined},
		{"Canceled", testCanceled},
		{"RaceOfRevisions", testRaceOfRevisions},
		{"RaceOfInserts", testRaceOfInserts},
		{"RaceOfReadAndWrite", testRaceOfReadAndWrite},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, open(t))
		})
	}
}

// start is when the tests play. It has microseconds, which a store keeps.
var start = time.Date(2026, 11, 22, 10, 20, 30, 123456000, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// sample records, alike but for the name.

func user(name string) nightlatch.UserRecord {
	return nightlatch.UserRecord{User: name, Sealed: []byte("sealed " + name)}
}

func authenticator(id, user string) nightlatch.AuthenticatorRecord {
	return nightlatch.AuthenticatorRecord{
		ID: id, User: user, Kind: "totp", Label: "Phone " + id, LabelKey: "phone " + id, Sealed: []byte("sealed " + id),
		Lookup: "lookup " + id, Preferred: true, CreatedAt: after(1 * time.Microsecond), LastUsedAt: after(time.Second),
		ExpiresAt: after(time.Hour), Allows: factor.AllowsEnrollment,
	}
}

func signIn(id, user string) nightlatch.SignInRecord {
	return nightlatch.SignInRecord{
		ID: id, Token: "token " + id, User: user, Data: []byte("data " + id), CreatedAt: after(0), ExpiresAt: after(time.Hour),
	}
}

func session(id, user string) nightlatch.SessionRecord {
	return nightlatch.SessionRecord{
		ID: id, Token: "token " + id, User: user, Data: []byte("data " + id),
		CreatedAt: after(0), LastUsedAt: after(time.Second), ExpiresAt: after(time.Hour),
	}
}

func pending(id, owner, user string) nightlatch.PendingRecord {
	return nightlatch.PendingRecord{
		ID: id, Owner: owner, User: user, Kind: "totp", Purpose: factor.ForEnrollment, Sealed: []byte("sealed " + id),
		CreatedAt: after(0), ExpiresAt: after(time.Hour),
	}
}

func message(id, user string) nightlatch.MessageRecord {
	return nightlatch.MessageRecord{
		ID: id, User: user, Sealed: []byte("sealed " + id), DueAt: after(0), ExpiresAt: after(time.Hour),
	}
}

func device(id, user string) nightlatch.DeviceRecord {
	return nightlatch.DeviceRecord{
		ID: id, Token: "token " + id, User: user, Sealed: []byte("sealed " + id),
		CreatedAt: after(0), LastUsedAt: after(time.Second), ExpiresAt: after(time.Hour),
	}
}

func link(token, user string) nightlatch.LinkRecord {
	return nightlatch.LinkRecord{
		Token: token, User: user, Purpose: "not_me", Sealed: []byte("sealed " + token),
		CreatedAt: after(0), ExpiresAt: after(time.Hour), UsedAt: after(time.Minute),
	}
}

func throttle(subject string, kind factor.Kind) nightlatch.ThrottleRecord {
	return nightlatch.ThrottleRecord{Subject: subject, Kind: kind, Data: []byte("data " + subject), ExpiresAt: after(time.Hour)}
}

func event(user string, seq int64) nightlatch.EventRecord {
	return nightlatch.EventRecord{
		User: user, Seq: seq, At: after(time.Duration(seq) * time.Second), Name: "signed_in",
		Data: fmt.Appendf(nil, `{"seq":%d}`, seq), MAC: fmt.Appendf(nil, "mac %d", seq),
	}
}

// tx runs f in a transaction that must succeed.
func tx(t testing.TB, s nightlatch.Store, f func(ctx context.Context, tx nightlatch.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); err != nil {
		t.Fatalf("Tx: %v", err)
	}
}

// put writes records that must be accepted.
func put(t testing.TB, s nightlatch.Store, records ...nightlatch.Record) {
	t.Helper()
	tx(t, s, func(ctx context.Context, tx nightlatch.Tx) error {
		for _, r := range records {
			if err := tx.Put(ctx, r); err != nil {
				return fmt.Errorf("put %T: %w", r, err)
			}
		}
		return nil
	})
}

// wantConflict runs one write that must meet a conflict.
func wantConflict(t testing.TB, s nightlatch.Store, what string, f func(ctx context.Context, tx nightlatch.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); !errors.Is(err, nightlatch.ErrConflict) {
		t.Errorf("%s: %v, want ErrConflict", what, err)
	}
}

func putting(r nightlatch.Record) func(context.Context, nightlatch.Tx) error {
	return func(ctx context.Context, tx nightlatch.Tx) error { return tx.Put(ctx, r) }
}

func deleting(r nightlatch.Record) func(context.Context, nightlatch.Tx) error {
	return func(ctx context.Context, tx nightlatch.Tx) error { return tx.Delete(ctx, r) }
}

// read returns what f finds in a View, and its error.
func read[R any](t testing.TB, s nightlatch.Store, f func(ctx context.Context, r nightlatch.Reader) (R, error)) (R, error) {
	t.Helper()
	var out R
	err := s.View(t.Context(), func(r nightlatch.Reader) (err error) {
		out, err = f(t.Context(), r)
		return err
	})
	return out, err
}

// must is read of what must be there.
func must[R any](t testing.TB, s nightlatch.Store, f func(ctx context.Context, r nightlatch.Reader) (R, error)) R {
	t.Helper()
	out, err := read(t, s, f)
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	return out
}

func findUser(name string) func(context.Context, nightlatch.Reader) (nightlatch.UserRecord, error) {
	return func(ctx context.Context, r nightlatch.Reader) (nightlatch.UserRecord, error) {
		return r.FindUser(ctx, name)
	}
}

// isThere says whether a user's record is committed.
func isThere(t testing.TB, s nightlatch.Store, name string) bool {
	t.Helper()
	_, err := read(t, s, findUser(name))
	if err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
		t.Fatalf("FindUser: %v", err)
	}
	return err == nil
}

func wantEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
