package sqlstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// written is one record of each type that belongs to somebody, and how many of them a transaction finds.
var written = map[string]struct {
	put   nightlatch.Record
	found func(ctx context.Context, tx nightlatch.Tx) (int, error)
}{
	"a user": {nightlatch.UserRecord{User: "u1"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		_, err := tx.FindUser(ctx, "u1")
		if errors.Is(err, nightlatch.ErrNotFound) {
			return 0, nil
		}
		return 1, err
	}},
	"an authenticator": {nightlatch.AuthenticatorRecord{ID: "a1", User: "u1", Kind: "totp"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		return lengthOf(tx.AuthenticatorsOf(ctx, "u1"))
	}},
	"a session": {nightlatch.SessionRecord{ID: "s1", Token: "t1", User: "u1"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		return lengthOf(tx.SessionsOf(ctx, "u1"))
	}},
	"a user's tries": {nightlatch.ThrottleRecord{Subject: "user:u1", Kind: "totp"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		return lengthOf(tx.ThrottlesOf(ctx, "user:u1"))
	}},
	"a name's tries": {nightlatch.ThrottleRecord{Subject: "name:nobody", Kind: "password"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		return lengthOf(tx.ThrottlesOf(ctx, "name:nobody"))
	}},
	"an event": {nightlatch.EventRecord{User: "u1", Seq: 1, At: now, Name: "x"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		if _, err := tx.FindUser(ctx, "u1"); err != nil && !errors.Is(err, nightlatch.ErrNotFound) {
			return 0, err
		}
		return lengthOf(tx.FindEvents(ctx, nightlatch.EventQuery{User: "u1"}, 10))
	}},
	"a device": {nightlatch.DeviceRecord{ID: "d1", Token: "t1", User: "u1"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		return lengthOf(tx.DevicesOf(ctx, "u1"))
	}},
	"a link": {nightlatch.LinkRecord{Token: "t1", User: "u1", Purpose: "reset"}, func(ctx context.Context, tx nightlatch.Tx) (int, error) {
		return lengthOf(tx.LinksOf(ctx, "u1"))
	}},
}

func lengthOf[R any](all []R, err error) (int, error) { return len(all), err }

// TestWritesAreSeen: who only writes for a user is waited for by who reads what is of that user.
func TestWritesAreSeen(t *testing.T) {
	t.Parallel()
	for name, one := range written {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openPostgreSQL(t)
			found := make(chan int, 1)
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				if err := tx.Put(ctx, one.put); err != nil {
					return err
				}
				go func() {
					n := -1
					_ = s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) (err error) {
						n, err = one.found(ctx, tx)
						return err
					})
					found <- n
				}()
				eventually(t, "the other waits, or is done", func() bool { return waiting(t, s) > 0 || len(found) > 0 })
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if n := <-found; n != 1 {
				t.Errorf("it found %d", n)
			}
		})
	}
}

// TestMadeMeanwhile: who waits for whom there is no record of sees the record that was made meanwhile, and decides by it.
func TestMadeMeanwhile(t *testing.T) {
	t.Parallel()
	s := openPostgreSQL(t)
	runs, made := 0, make(chan error, 1)
	if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		if err := tx.Put(ctx, nightlatch.UserRecord{User: "u1", Sealed: []byte("first")}); err != nil {
			return err
		}
		go func() {
			made <- s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) error {
				runs++
				u, err := tx.FindUser(ctx, "u1")
				if err == nil && string(u.Sealed) != "first" {
					t.Errorf("it reads %q", u.Sealed)
				}
				return err
			})
		}()
		eventually(t, "the other waits for the name", func() bool { return waiting(t, s) > 0 })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-made; err != nil || runs != 2 {
		t.Errorf("%v, in %d runs, want 2: without its turn, and in it", err, runs)
	}
}

// TestOtherRingMeanwhile: of two programs with other rings that meet one new database, one is refused, even where both have
// seen that no ring was noted yet.
func TestOtherRingMeanwhile(t *testing.T) {
	t.Parallel()
	for name, note := range map[string]func(ctx context.Context, s *sqlstore.Store, ring *nightlatch.KeyRing) error{
		"CheckKey": func(ctx context.Context, s *sqlstore.Store, ring *nightlatch.KeyRing) error {
			return s.CheckKey(ctx, ring, rand.Reader)
		},
		"UseKey": func(ctx context.Context, s *sqlstore.Store, ring *nightlatch.KeyRing) error {
			_, _, err := s.UseKey(ctx, ring, rand.Reader, now)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s *sqlstore.Store) {
				first, second := newRing(t), newRing(t)
				refused := make(chan error, 1)
				if err := s.Tx(t.Context(), func(ctx context.Context, _ nightlatch.Tx) error {
					if err := note(ctx, s, first); err != nil {
						return err
					}
					go func() { refused <- note(context.Background(), s, second) }()
					eventually(t, "the other has looked, and waits to note its own", func() bool { return waits(t, s) })
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if err := <-refused; err == nil {
					t.Error("both rings are taken")
				}
				if err := note(t.Context(), s, first); err != nil {
					t.Errorf("the first one: %v", err)
				}
			})
		})
	}
}

// waits says whether somebody waits for a lock, or for the connection that writes.
func waits(t *testing.T, s *sqlstore.Store) bool {
	t.Helper()
	if s.Dialect() == sqlstore.PostgreSQL {
		return waiting(t, s) > 0
	}
	return s.Pools()[0].Stats.WaitCount > 0
}

// TestKeysAreMadeOneAtATime: while one makes a key nobody else does.
func TestKeysAreMadeOneAtATime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *sqlstore.Store) {
		var known uint32
		beside, entered := make(chan error, 1), make(chan struct{}, 1)
		if err := s.GrowingKey(t.Context(), func(ctx context.Context, _ uint32) (uint32, error) {
			go func() {
				beside <- s.GrowingKey(context.Background(), func(_ context.Context, newest uint32) (uint32, error) {
					entered <- struct{}{}
					known = newest
					return newest + 1, nil
				})
			}()
			eventually(t, "the other waits, or makes one", func() bool { return waits(t, s) || len(entered) > 0 })
			if len(entered) > 0 {
				t.Error("two make a key at once")
			}
			return 7, nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := <-beside; err != nil || known != 7 {
			t.Errorf("the other was told of key %d, %v", known, err)
		}
	})
}

// TestCheckKeyUsesTheNewest: from CheckKey on the newest key is in use, whichever of the ring seals.
func TestCheckKeyUsesTheNewest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *sqlstore.Store) {
		ring, err := grown(t, newRing(t)).SealingWith(1)
		if err == nil {
			err = s.CheckKey(t.Context(), ring, rand.Reader)
		}
		use, useErr := s.KeyUse(t.Context())
		if err = errors.Join(err, useErr); err != nil || use.Seals != 2 {
			t.Errorf("in use is %+v, %v", use, err)
		}
	})
}

// expiring is a record of each type that ends at a time.
func expiring(revision int64, at time.Time) map[string]nightlatch.Record {
	return map[string]nightlatch.Record{
		"an authenticator": nightlatch.AuthenticatorRecord{ID: "a1", User: "u1", Kind: "recovery", ExpiresAt: at, Revision: revision},
		"a sign-in":        nightlatch.SignInRecord{ID: "i1", Token: "t1", User: "u1", ExpiresAt: at, Revision: revision},
		"a session":        nightlatch.SessionRecord{ID: "s1", Token: "t1", User: "u1", ExpiresAt: at, Revision: revision},
		"what is pending":  nightlatch.PendingRecord{ID: "p1", Owner: "o1", User: "u1", ExpiresAt: at, Revision: revision},
		"tries":            nightlatch.ThrottleRecord{Subject: "user:u1", Kind: "totp", ExpiresAt: at, Revision: revision},
		"a message":        nightlatch.MessageRecord{ID: "m1", User: "u1", ExpiresAt: at, Revision: revision},
		"a device":         nightlatch.DeviceRecord{ID: "d1", Token: "t1", User: "u1", ExpiresAt: at, Revision: revision},
		"a link":           nightlatch.LinkRecord{Token: "t1", User: "u1", ExpiresAt: at, Revision: revision},
	}
}

// TestExpireBesideUse: what is put off while it is being removed stays.
func TestExpireBesideUse(t *testing.T) {
	t.Parallel()
	for name, r := range expiring(0, now) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openPostgreSQL(t)
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.Put(ctx, r) }); err != nil {
				t.Fatal(err)
			}
			expired := make(chan int, 1)
			if err := s.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
				if err := tx.Put(ctx, expiring(1, now.Add(time.Hour))[name]); err != nil {
					return err
				}
				go func() {
					n := -1
					_ = s.Tx(context.Background(), func(ctx context.Context, tx nightlatch.Tx) (err error) {
						n, err = tx.Expire(ctx, now, 10)
						return err
					})
					expired <- n
				}()
				eventually(t, "the expiry waits", func() bool { return waiting(t, s) > 0 })
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if n := <-expired; n != 0 {
				t.Errorf("%d records went", n)
			}
		})
	}
}
