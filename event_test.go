package nightlatch_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
)

// trail reads a person's events as they are stored, the oldest first.
func (w *world) trail(user string) []nightlatch.EventRecord {
	w.Helper()
	var list []nightlatch.EventRecord
	err := w.store.View(w.Context(), func(r nightlatch.Reader) (err error) {
		list, err = r.EventsOf(w.Context(), user, 0, 10_000)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// checkTrail is what an auditor does: it recomputes each MAC over the event and the MAC of the one before.
func checkTrail(key *nightlatch.KeyRing, list []nightlatch.EventRecord) error {
	var before []byte
	for i, r := range list {
		if r.Seq != int64(i)+1 {
			return fmt.Errorf("event %d is missing", i+1)
		}
		seq := binary.BigEndian.AppendUint64(nil, uint64(r.Seq))
		at := binary.BigEndian.AppendUint64(nil, uint64(r.At.UnixMicro()))
		if err := key.CheckMAC(r.MAC, "event", before, []byte(r.User), seq, at, []byte(r.Name), r.Data); err != nil {
			return fmt.Errorf("event %d: %w", r.Seq, err)
		}
		before = r.MAC
	}
	return nil
}

func (w *world) verifyTrail(user string) {
	w.Helper()
	if err := checkTrail(w.key, w.trail(user)); err != nil {
		w.Error(err)
	}
}

func TestTrailIsAChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	w.add("bob")
	w.addKnock("ann", "door")
	for range 3 {
		w.knocked("ann")
		w.guess("ann", "knock", 1)
	}
	inParallel(10, func(int) error { _, err := w.first("ann", right); return err })
	w.verifyTrail("ann")
	whole := w.trail("ann")
	breaks := map[string]func(list []nightlatch.EventRecord) []nightlatch.EventRecord{
		"changed name": func(l []nightlatch.EventRecord) []nightlatch.EventRecord { l[3].Name += "x"; return l },
		"changed data": func(l []nightlatch.EventRecord) []nightlatch.EventRecord {
			l[3].Data = append(bytes.Clone(l[3].Data), ' ')
			return l
		},
		"changed time":     func(l []nightlatch.EventRecord) []nightlatch.EventRecord { l[3].At = l[3].At.Add(1000); return l },
		"changed user":     func(l []nightlatch.EventRecord) []nightlatch.EventRecord { l[3].User = "bob"; return l },
		"changed MAC":      func(l []nightlatch.EventRecord) []nightlatch.EventRecord { l[3].MAC = l[4].MAC; return l },
		"removed":          func(l []nightlatch.EventRecord) []nightlatch.EventRecord { return slices.Delete(l, 3, 4) },
		"removed, counted": func(l []nightlatch.EventRecord) []nightlatch.EventRecord { return renumber(slices.Delete(l, 3, 4)) },
		"swapped": func(l []nightlatch.EventRecord) []nightlatch.EventRecord {
			l[3], l[4] = l[4], l[3]
			return renumber(l)
		},
		"another's": func(l []nightlatch.EventRecord) []nightlatch.EventRecord {
			copy(l, w.trail("bob")[:1])
			return l
		},
	}
	for name, spoil := range breaks {
		if err := checkTrail(w.key, spoil(slices.Clone(whole))); err == nil {
			t.Errorf("%s: nobody notices", name)
		}
	}
	other := must(nightlatch.NewKeyRing(sharedRandom, start))
	if err := checkTrail(other, whole); err == nil {
		t.Error("another's key makes the same chain")
	}
}

func renumber(list []nightlatch.EventRecord) []nightlatch.EventRecord {
	for i := range list {
		list[i].Seq = int64(i) + 1
	}
	return list
}

// Every step is one event, in this order.
func TestEventsOfADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	at := len(w.events("ann", 0))
	step := func(what string, want ...string) {
		t.Helper()
		got := w.events("ann", at)
		at += len(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: events = %v, want %v", what, got, want)
		}
	}
	_, _ = w.first("ann", "wrong password")
	step("a wrong password", nightlatch.EventFirstFactorRefused)
	tok := w.withPassword("ann")
	step("a right one", nightlatch.EventFirstFactorProven, nightlatch.EventSignedIn)
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock", Label: "door"})
	step("begin", nightlatch.EventEnrollmentBegun)
	_, _ = w.finish(tok, e.ID, "", "wrong")
	step("a wrong code", nightlatch.EventEnrollmentRefused)
	done := must(w.finish(tok, e.ID, "", "right"))
	step("the right one", nightlatch.EventAuthenticatorAdded, nightlatch.EventCodesMade)
	unfinished := w.begun("ann")
	step("a password", nightlatch.EventFirstFactorProven)
	_, _ = w.prove(unfinished, "knock", "wrong")
	step("a wrong code", nightlatch.EventRefused)
	tok = w.must(w.prove(unfinished, "knock", "right")).Token
	step("a right code", nightlatch.EventProven, nightlatch.EventSignedIn)
	tok = w.must(w.prove(tok, "paper", done.Codes[0])).Token
	step("a fresh proof", nightlatch.EventCodeUsed)
	must(w.RenewCodes(t.Context(), tok, "paper", client))
	step("new codes", nightlatch.EventCodesMade)
	w.want(w.RemoveAuthenticator(t.Context(), tok, done.Authenticator.ID, client), nil)
	step("a removal", nightlatch.EventAuthenticatorRemoved)
	w.want(w.SignOut(t.Context(), tok, client), nil)
	step("a sign-out", nightlatch.EventSignedOut)
	// What takes nobody anywhere is no step.
	_, _ = w.Session(t.Context(), w.must(w.first("ann", right)).Token)
	step("a look", nightlatch.EventFirstFactorProven, nightlatch.EventSignedIn)

	page := must(w.EventsOf(t.Context(), "ann", 3, 10))
	if len(page) != 2 || page[0].Seq != 2 || page[1].Seq != 1 || page[0].At != start || page[0].Client.Addr != client.Addr {
		t.Errorf("page = %+v", page)
	}
}

// lockedRandom is randomness that a seed repeats, so that a search for a code of six digits finds none by chance.
type lockedRandom struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *lockedRandom) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

// No secret, code or token that the test has seen is in the database or in a log.
func TestNothingSecretIsWritten(t *testing.T) {
	t.Parallel()
	random := &lockedRandom{source: rand.NewChaCha8([32]byte{7})}
	var log bytes.Buffer
	w := newWorld(t, func(c *nightlatch.Config) {
		c.Rand, c.Log = random, logTo(&log)
		c.Key = must(nightlatch.NewKeyRing(random, start))
	})
	secrets := map[string]string{"password": right}
	note := func(what, text string) string {
		secrets[fmt.Sprintf("%s %d", what, len(secrets))] = text
		return text
	}
	w.add("ann")
	_, _ = w.first("ann", note("wrong password", "not my password at all"))
	_, _ = w.from("", "", note("a password typed as a name", "hunter2hunter2"), "x"), 0
	tok := note("session", w.withPassword("ann"))
	e := w.begin(tok, nightlatch.NewEnrollment{Kind: totp.ByTime, Label: "phone"})
	phone := w.scanned(e)
	note("secret", e.Prompt.(factor.Scan).Secret)
	note("secret in lower case", strings.ToLower(e.Prompt.(factor.Scan).Secret))
	note("raw secret", string(phone.Secret))
	note("secret in hex", phone.Secret.Hex())
	_, _ = w.finish(tok, e.ID, "", note("wrong code", phone.wrong()))
	done := must(w.finish(tok, e.ID, "", note("code", phone.code())))
	note("session", done.Next.Token)
	for _, code := range done.Codes {
		note("recovery code", code)
	}
	in := note("sign-in", w.begun("ann"))
	_, _ = w.prove(in, totp.ByTime, phone.wrong())
	note("session", w.must(w.prove(in, totp.ByTime, note("code", phone.next()))).Token)
	in = note("sign-in", w.begun("ann"))
	note("session", w.must(w.prove(in, "paper", done.Codes[1])).Token)
	enrolled := must(w.Prepare(t.Context(), nightlatch.User{ID: "ann"}, password.Kind, factor.Response{Password: note("new password", "another good password")}))
	note("hash of the new password", string(enrolled.State))
	if err := w.Change(t.Context(), "ann", nightlatch.Event{Name: "password_changed"}, func(ctx context.Context) error {
		return w.Install(ctx, nightlatch.Installation{User: "ann", Kind: password.Kind, Enrolled: enrolled})
	}); err != nil {
		t.Fatal(err)
	}
	note("code of a reset", w.reset("ann"))

	places := map[string][]byte{"the log": log.Bytes(), "the store": []byte(w.dump())}
	for _, r := range w.trail("ann") {
		places["the events"] = append(places["the events"], must(json.Marshal(r))...)
		places["the events"] = append(places["the events"], r.Data...)
	}
	for place, text := range places {
		if len(text) == 0 {
			t.Errorf("%s is empty", place)
		}
		for what, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s is in %s", what, place)
			}
		}
	}
}
