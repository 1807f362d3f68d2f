package nightlatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/sqlstore"
)

func grown(t testing.TB, ring *nightlatch.KeyRing) *nightlatch.KeyRing {
	t.Helper()
	return must(ring.Add(sharedRandom, start))
}

// newestOnly is a ring from which all older keys were taken away.
func newestOnly(t testing.TB, ring *nightlatch.KeyRing) *nightlatch.KeyRing {
	t.Helper()
	return must(nightlatch.ParseKeyRing(ring.FormatNewest()))
}

// filled is a world with something in every table that holds sealed values, of ann and of bob.
func filled(t *testing.T, options ...func(*nightlatch.Config)) *world {
	t.Helper()
	w, _ := told(t, append([]func(*nightlatch.Config){remembering}, options...)...)
	w.add("bob")
	for _, user := range []string{"ann", "bob"} {
		w.addKnock(user, "Door") // tells its owner by mail: a message and a link
		addKey(w, user)
		w.remembered(user)
		_, err := w.BeginEnrollment(t.Context(), w.knocked(user), nightlatch.NewEnrollment{Kind: "totp"}, client)
		w.want(err, nil)
	}
	for _, table := range nightlatch.SealedTables() {
		if n := len(w.sealed(table)); n < 2 {
			t.Fatalf("%s holds %d records", table, n)
		}
	}
	return w
}

// sealed are the records of a table.
func (w *world) sealed(table string) (list []nightlatch.SealedRecord) {
	w.Helper()
	w.want(w.store.View(w.Context(), func(r nightlatch.Reader) (err error) {
		list, err = r.SealedAfter(w.Context(), table, "", nil, 1000)
		return err
	}), nil)
	return list
}

// sealedBy counts the records that keys have sealed.
func (w *world) sealedBy() map[uint32]int64 {
	w.Helper()
	n := map[uint32]int64{}
	for _, c := range must(w.SealedBy(w.Context())) {
		if c.Table != "events" {
			n[c.Key] += c.Records
		}
	}
	return n
}

func withKey(key *nightlatch.KeyRing) func(*nightlatch.Config) {
	return func(c *nightlatch.Config) { c.Key = key }
}

// Resealing goes through everything, and what it leaves opens with the new key alone.
func TestReseal(t *testing.T) {
	t.Parallel()
	w := filled(t)
	all := w.sealedBy()[1]
	two := grown(t, w.key)
	w.Service = w.another(withKey(two))
	done, err := w.Reseal(t.Context(), 3)
	if err != nil || int64(done.Records) != all || done.Missed > 0 || len(done.Stuck) > 0 {
		t.Fatalf("Reseal = %+v, %v of %d", done, err, all)
	}
	if n := w.sealedBy(); n[1] != 0 || n[2] != all {
		t.Errorf("sealed by %v", n)
	}
	if again, err := w.Reseal(t.Context(), 3); err != nil || again.Records > 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	w.Service = w.another(withKey(newestOnly(t, two)))
	w.knocked("ann")
	if n := len(w.devices("bob")); n != 1 {
		t.Errorf("bob has %d devices", n)
	}
	if n, err := w.SendNotices(t.Context()); err != nil || n == 0 {
		t.Errorf("%d notices were sent: %v", n, err)
	}
	if _, err := w.VerifyTrail(t.Context(), "ann", nightlatch.Trail{}); err == nil || !strings.Contains(err.Error(), "key 1 is needed") {
		t.Errorf("the trail without key 1: %v", err)
	}
}

// Broken off at whatever call of the store, it loses nothing and is finished by the next one.
func TestResealBrokenOff(t *testing.T) {
	t.Parallel()
	w := filled(t)
	all, ring := w.sealedBy()[1], w.key
	for n := 1; ; n++ {
		store := &failing{Store: w.store}
		ring = grown(t, ring)
		s := w.another(withKey(ring), func(c *nightlatch.Config) { c.Store = store })
		store.failAt(n)
		_, err := s.Reseal(t.Context(), 4)
		if !store.hasFired() {
			w.want(err, nil)
			if n < 30 {
				t.Errorf("only %d calls", n)
			}
			break
		}
		w.want(err, nightlatch.ErrUnavailable)
		is := w.sealedBy()
		if is[ring.Newest()]+is[ring.Newest()-1] != all {
			t.Fatalf("broken off at call %d: sealed by %v, want %d", n, is, all)
		}
		done, err := s.Reseal(t.Context(), 4)
		if err != nil || len(done.Stuck) > 0 || w.sealedBy()[ring.Newest()] != all {
			t.Fatalf("after call %d: %+v, %v, sealed by %v", n, done, err, w.sealedBy())
		}
	}
	w.Service = w.another(withKey(newestOnly(t, ring)))
	w.knocked("ann")
	w.knocked("bob")
}

// A sealed value opens where it was sealed and nowhere else: not in another row, and not in another table.
func TestSealedValuesDoNotMove(t *testing.T) {
	t.Parallel()
	w := filled(t)
	place := func(r nightlatch.SealedRecord, box []byte) {
		t.Helper()
		w.want(w.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.PutSealed(ctx, r, box) }), nil)
	}
	ring, pairs := w.key, 0
	for _, table := range nightlatch.SealedTables() {
		for _, from := range nightlatch.SealedTables() {
			at, other := w.sealed(table)[0], w.sealed(from)[1]
			place(at, other.Box)
			ring = grown(t, ring)
			done, err := w.another(withKey(ring)).Reseal(t.Context(), 100)
			if err != nil || len(done.Stuck) != 1 || done.Stuck[0].Table != table || done.Stuck[0].ID != at.ID {
				t.Errorf("what %s had, in %s: %+v, %v", from, table, done.Stuck, err)
			}
			moved := at
			moved.Box = other.Box
			place(moved, at.Box)
			if done, err := w.another(withKey(ring)).Reseal(t.Context(), 100); err != nil || done.Records != 1 || len(done.Stuck) > 0 {
				t.Fatalf("put back: %+v, %v", done, err)
			}
			pairs++
		}
	}
	if pairs != 36 {
		t.Errorf("%d pairs were tried", pairs)
	}
}

// source is a key ring that somebody changes.
type source struct {
	ring  atomic.Pointer[nightlatch.KeyRing]
	asked atomic.Int64
}

func (s *source) read(context.Context) (*nightlatch.KeyRing, error) {
	s.asked.Add(1)
	if ring := s.ring.Load(); ring != nil {
		return ring, nil
	}
	return nil, errors.New("it is not there")
}

// A node that serves meets a record of a key that it lacks, reads the ring anew, and goes on.
func TestNewKeyIsMet(t *testing.T) {
	t.Parallel()
	w := filled(t)
	two := grown(t, w.key)
	from := &source{}
	from.ring.Store(two)
	old := w.another(func(c *nightlatch.Config) { c.ReadKey = from.read })
	fixed := w.Service
	done, err := w.another(withKey(two)).Reseal(t.Context(), 100)
	if err != nil || done.Records == 0 {
		t.Fatal(done, err)
	}
	_, err = fixed.DevicesOf(t.Context(), "ann")
	w.want(err, nightlatch.ErrUnavailable) // it fails closed
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if list, err := old.DevicesOf(t.Context(), "ann"); err != nil || len(list) != 1 {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
	wg.Wait()
	if n := from.asked.Load(); n != 1 {
		t.Errorf("the ring was read %d times", n)
	}
	w.Service = old
	w.knocked("bob")
	if n, err := old.SendNotices(t.Context()); err != nil || n == 0 {
		t.Errorf("%d notices, %v", n, err)
	}
	if old.Key().Newest() != 2 {
		t.Errorf("the newest key is %d", old.Key().Newest())
	}
}

// A command that takes half a minute and brings nothing is run once for all who waited for it meanwhile.
func TestSlowSourceIsAskedOnce(t *testing.T) {
	t.Parallel()
	w := filled(t)
	from := &source{}
	from.ring.Store(w.key)
	old := w.another(func(c *nightlatch.Config) {
		c.ReadKey = func(ctx context.Context) (*nightlatch.KeyRing, error) {
			w.clock.pass(30 * time.Second)
			return from.read(ctx)
		}
	})
	if _, err := w.another(withKey(grown(t, w.key))).Reseal(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := old.DevicesOf(t.Context(), "ann")
		w.want(err, nightlatch.ErrUnavailable)
	}
	if n := from.asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

// Who sends notices meets a new key there first.
func TestNewKeyIsMetByNotices(t *testing.T) {
	t.Parallel()
	w := filled(t)
	two := grown(t, w.key)
	from := &source{}
	from.ring.Store(two)
	old := w.another(func(c *nightlatch.Config) { c.ReadKey = from.read })
	_ = must(w.another(withKey(two)).Reseal(t.Context(), 100))
	if n, err := old.SendNotices(t.Context()); err != nil || n < 2 {
		t.Errorf("%d notices, %v", n, err)
	}
}

// A record that names a key which nobody has does not have the ring read at every request, nor does a ring that is not
// there, is another's, or lacks what is in use take the place of the one in use.
func TestNoOtherRingIsTaken(t *testing.T) {
	t.Parallel()
	w := filled(t)
	from := &source{}
	s := w.another(func(c *nightlatch.Config) { c.ReadKey = from.read })
	other := grown(t, must(nightlatch.NewKeyRing(sharedRandom, start)))
	for name, ring := range map[string]*nightlatch.KeyRing{"nothing": nil, "another's": other, "without key 1": newestOnly(t, grown(t, w.key))} {
		from.ring.Store(ring)
		if err := s.RenewKey(t.Context()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := w.RenewKey(t.Context()); err == nil {
		t.Error("a ring that comes from nowhere was renewed")
	}
	from.ring.Store(w.key)
	w.want(s.RenewKey(t.Context()), nil)
	ann := w.sealed("devices")[0]
	box := bytes.Clone(ann.Box)
	box[4] = 99
	w.want(w.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.PutSealed(ctx, ann, box) }), nil)
	before := from.asked.Load()
	for range 5 {
		_, err := s.DevicesOf(t.Context(), ann.User)
		w.want(err, nightlatch.ErrUnavailable)
	}
	w.clock.pass(3 * time.Second)
	_, err := s.DevicesOf(t.Context(), ann.User)
	w.want(err, nightlatch.ErrUnavailable)
	if n := from.asked.Load() - before; n != 2 {
		t.Errorf("the ring was read %d times, want once and once more after a while", n)
	}
	w.clock.pass(-time.Hour) // the clock is set right: nobody waits until it is as late again
	_, err = s.DevicesOf(t.Context(), ann.User)
	w.want(err, nightlatch.ErrUnavailable)
	if n := from.asked.Load() - before; n != 3 {
		t.Errorf("the ring was read %d times, want once more after the clock went back", n)
	}
}

// A key may come from far away: while it is fetched no transaction is open, and what met its record begins again.
func TestKeyIsFetchedOutsideTransactions(t *testing.T) {
	t.Parallel()
	w := filled(t)
	two := grown(t, w.key)
	fetched := 0
	old := w.another(func(c *nightlatch.Config) {
		c.ReadKey = func(ctx context.Context) (*nightlatch.KeyRing, error) {
			fetched++
			if _, open := sqlstore.Conn(ctx); open {
				t.Error("a key is fetched in a transaction")
			}
			return two, nil
		}
	})
	_ = must(w.another(withKey(two)).Reseal(t.Context(), 100))
	runs := 0
	err := old.Change(t.Context(), "bob", nightlatch.Event{Name: nightlatch.EventAuthenticatorAdded}, func(ctx context.Context) error {
		runs++
		_, err := old.DevicesOf(ctx, "ann")
		return err
	})
	if err != nil || runs == 0 || fetched != 1 {
		t.Errorf("%v, in %d runs, with the key fetched %d times", err, runs, fetched)
	}
}

// While keys change, many write at once: all that was acknowledged is there afterwards, and opens with the newest key.
func TestResealBesideWriters(t *testing.T) {
	t.Parallel()
	w, _ := told(t, remembering)
	from := &source{}
	from.ring.Store(w.key)
	first := w.another(func(c *nightlatch.Config) { c.ReadKey = from.read })
	var writers, rotations sync.WaitGroup
	var wrote atomic.Int64
	made := make([]int, 4)
	for i := range made {
		user := fmt.Sprintf("user%d", i)
		w.add(user)
		writers.Go(func() {
			for n := range 30 {
				in := nightlatch.Installation{
					User: user, Kind: "knock", Label: fmt.Sprint("Door ", n), Enrolled: factor.Enrolled{State: factor.State(`{}`)},
				}
				err := first.Change(t.Context(), user, nightlatch.Event{Name: nightlatch.EventAuthenticatorAdded},
					func(ctx context.Context) error { return first.Install(ctx, in) })
				if err != nil {
					t.Errorf("%s, %d: %v", user, n, err)
					return
				}
				made[i]++
				wrote.Add(1)
			}
		})
	}
	stop := make(chan struct{})
	rotations.Go(func() {
		ring := w.key
		for wrote.Load() < 90 {
			select {
			case <-stop:
				return
			default:
			}
			ring = grown(t, ring)
			from.ring.Store(ring) // the file is there before anything is sealed with its newest key
			s := w.another(withKey(ring))
			for range 3 {
				if done, err := s.Reseal(t.Context(), 5); err != nil || len(done.Stuck) > 0 {
					t.Errorf("Reseal = %+v, %v", done, err)
					return
				}
			}
		}
	})
	writers.Wait()
	close(stop)
	rotations.Wait()
	last := from.ring.Load()
	if last.Newest() < 2 {
		t.Fatal("no key was made")
	}
	_ = must(w.another(withKey(last)).Reseal(t.Context(), 5))
	w.Service = w.another(withKey(newestOnly(t, last)))
	for i, n := range made {
		held := must(w.HoldingsOf(t.Context(), fmt.Sprintf("user%d", i)))
		if len(held.Authenticators) != n || n != 30 {
			t.Errorf("user%d holds %d of %d", i, len(held.Authenticators), n)
		}
	}
}

// A notice that cannot be opened is told, set aside, and holds up no other.
func TestNoticeThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w, box := told(t, func(c *nightlatch.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 3 {
		addKey(w, "ann")
	}
	for i, r := range w.sealed("messages")[:2] {
		bad := bytes.Clone(r.Box)
		if bad[40] ^= 1; i == 1 {
			bad[4] = 9 // of a key that is not there
		}
		w.want(w.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error { return tx.PutSealed(ctx, r, bad) }), nil)
	}
	all := len(w.sealed("messages"))
	if n := must(w.SendNotices(t.Context())); n != all-2 || box.count() != all-2 {
		t.Errorf("%d of %d were sent, %d arrived", n, all, box.count())
	}
	if n := strings.Count(log.String(), "cannot be opened, and is set aside"); n != 2 {
		t.Errorf("it is logged %d times:\n%s", n, log.String())
	}
	_ = must(w.SendNotices(t.Context()))
	if n := strings.Count(log.String(), "set aside"); n != 2 {
		t.Errorf("it is tried again at once: %d", n)
	}
	w.clock.pass(6 * time.Hour)
	_ = must(w.SendNotices(t.Context()))
	if n := strings.Count(log.String(), "set aside"); n != 4 {
		t.Errorf("after six hours it was tried %d times", n)
	}
	w.clock.pass(72 * time.Hour)
	_ = must(w.Expire(t.Context(), 100))
	if left := w.sealed("messages"); len(left) > 0 {
		t.Errorf("after three days %d are left", len(left))
	}
}

// Once the key is gone with which it was noted where the password was mailed to, no mailbox is trusted.
func TestMailboxOfAKeyThatIsGone(t *testing.T) {
	t.Parallel()
	w, _ := postal(t)
	w.addDestination("ann", sentcode.Email, "elsewhere@example.net")
	w.change("ann", "password_reset", func(ctx context.Context) error { return w.NotePasswordReset(ctx, "ann", "ann@example.org") })
	two := grown(t, w.key)
	rests := func(ring *nightlatch.KeyRing) bool {
		t.Helper()
		w.Service = w.another(withKey(ring))
		next, err := w.first("ann", right)
		w.want(err, nil)
		return len(next.Offers) == 0
	}
	if rests(w.key) || rests(two) {
		t.Error("a code that is mailed elsewhere rests")
	}
	_ = must(w.Reseal(t.Context(), 10))
	if rests(two) {
		t.Error("a code that is mailed elsewhere rests once all is sealed anew")
	}
	if !rests(newestOnly(t, two)) {
		t.Error("without the key that noted the mailbox, one is trusted")
	}
}
