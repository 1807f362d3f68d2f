package nightlatch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/password"
)

const month = 720 * time.Hour

func remembering(c *nightlatch.Config) { c.Policy.Remember = month }

// with proves the password of a person in a browser that holds the value of a device.
func (w *world) with(user, device string) nightlatch.Next {
	w.Helper()
	return w.must(w.ProveFirst(w.Context(), w.attempt(user, device, right)))
}

func (w *world) attempt(user, device, text string) nightlatch.First {
	return nightlatch.First{
		User: user, Name: user, Response: factor.Response{Kind: password.Kind, Password: text},
		Start: nightlatch.Start{Client: client, Device: device},
	}
}

// remembered is the value of a device that a person has just had remembered.
func (w *world) remembered(user string) string {
	w.Helper()
	next := w.must(w.Verify(w.Context(), w.begun(user), factor.Response{Kind: "knock", Code: "right"}, client, nightlatch.RememberDevice))
	if next.Step != nightlatch.StepDone || next.Device == "" {
		w.Fatalf("step %s, device %q", next.Step, next.Device)
	}
	return next.Device
}

func (w *world) devices(user string) []nightlatch.Device {
	w.Helper()
	list, err := w.DevicesOf(w.Context(), user)
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// step checks where a sign-in stands.
func (w *world) step(next nightlatch.Next, want nightlatch.Step) {
	w.Helper()
	if next.Step != want {
		w.Fatalf("step = %s, want %s", next.Step, want)
	}
}

func (w *world) last(user, name string) nightlatch.Event {
	w.Helper()
	list, err := w.EventsOf(w.Context(), user, 0, 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range list {
		if e.Name == name {
			return e
		}
	}
	w.Fatalf("there is no %s", name)
	return nightlatch.Event{}
}

func TestRememberedDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	id := w.addKnock("ann", "door")
	next, err := w.first("ann", right)
	if err != nil || !next.MayRemember {
		t.Fatalf("may remember = %v, %v", next.MayRemember, err)
	}
	device := w.remembered("ann")
	made := w.last("ann", nightlatch.EventDeviceRemembered)
	list := w.devices("ann")
	if len(list) != 1 || made.Detail["device"] != list[0].ID || made.Authenticator != id {
		t.Fatalf("event %+v, devices %+v", made, list)
	}
	want := factor.Proof{Kind: "knock", Authenticator: id, Classes: []factor.Class{factor.Possession}, At: start}
	if diff := cmp.Diff(want, list[0].Proof); diff != "" || !list[0].ExpiresAt.Equal(start.Add(month)) || !list[0].Is(device) {
		t.Fatalf("device %+v\n%s", list[0], diff)
	}

	w.clock.pass(time.Hour)
	next = w.with("ann", device)
	w.step(next, nightlatch.StepDone)
	want.Device = list[0].ID
	proofs := next.Session.Proofs
	if len(proofs) != 2 || !cmp.Equal(want, proofs[1]) || next.Session.Level != nightlatch.Level2 {
		t.Errorf("level %d by %+v", next.Session.Level, proofs)
	}
	if next.Device == device || next.Device[:48] != device[:48] || !next.DeviceUntil.Equal(start.Add(month)) {
		t.Errorf("new value %q until %v", next.Device, next.DeviceUntil)
	}
	if e := w.last("ann", nightlatch.EventSignedIn); e.Detail["device"] != list[0].ID {
		t.Errorf("signed in by %v", e.Detail)
	}
	var needed *nightlatch.FreshProofError
	if err := w.Fresh(t.Context(), next.Token); !errors.As(err, &needed) || needed.Offers[0].ID != id {
		t.Errorf("an hour-old proof: err = %v", err)
	}
	// A fresh proof by the same authenticator is the session's own.
	after := w.must(w.prove(next.Token, "knock", "right"))
	if p := after.Session.Proofs; len(p) != 2 || p[1].Device != "" || !p[1].At.Equal(start.Add(time.Hour)) {
		t.Errorf("proofs after a fresh one: %+v", p)
	}
	if got := w.devices("ann")[0]; !got.ExpiresAt.Equal(start.Add(month)) || !got.LastUsedAt.Equal(start.Add(time.Hour)) {
		t.Errorf("after its use the device ends at %v", got.ExpiresAt)
	}
}

// It is remembered by a second factor of the user's own that has finished a sign-in with cookies, and by nothing else.
func TestNotRemembered(t *testing.T) {
	t.Parallel()
	remember := func(w *world, tok string, kind factor.Kind, code string) nightlatch.Next {
		return w.must(w.Verify(w.Context(), tok, factor.Response{Kind: kind, Code: code}, client, nightlatch.RememberDevice))
	}
	for name, act := range map[string]func(w *world) nightlatch.Next{
		"by a code on paper": func(w *world) nightlatch.Next {
			codes := w.addPaper("ann")
			return remember(w, w.begun("ann"), "paper", codes[0])
		},
		"with tokens": func(w *world) nightlatch.Next {
			a := w.attempt("ann", "", right)
			a.Start.Token = true
			next := w.must(w.ProveFirst(w.Context(), a))
			if next.MayRemember {
				w.Error("a client with tokens may be remembered")
			}
			return remember(w, next.Token, "knock", "right")
		},
		"not asked for": func(w *world) nightlatch.Next { return w.must(w.prove(w.begun("ann"), "knock", "right")) },
		"a fresh proof": func(w *world) nightlatch.Next { return remember(w, w.knocked("ann"), "knock", "right") },
		"a policy that forbids": func(w *world) nightlatch.Next {
			w.Service = w.another(func(c *nightlatch.Config) { c.Policy.Remember = 0 })
			next, _ := w.first("ann", right)
			if next.MayRemember {
				w.Error("may remember where nothing is remembered")
			}
			return remember(w, next.Token, "knock", "right")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, remembering)
			w.add("ann")
			w.addKnock("ann", "door")
			next := act(w)
			w.step(next, nightlatch.StepDone)
			if list := w.devices("ann"); next.Device != "" || len(list) != 0 {
				t.Errorf("device %q, kept %d", next.Device, len(list))
			}
		})
	}
}

func TestDeviceExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	w.clock.pass(month - time.Microsecond)
	next := w.with("ann", device)
	w.step(next, nightlatch.StepDone)
	device = next.Device
	w.clock.pass(time.Microsecond)
	w.step(w.with("ann", device), nightlatch.StepVerify)
	if list := w.devices("ann"); len(list) != 0 {
		t.Errorf("%d devices are over and listed", len(list))
	}
	if n := count(w.events("ann", 0), nightlatch.EventDeviceEnded); n != 0 {
		t.Errorf("an expired device is told of %d times", n)
	}
}

// A lower Remember holds at once, for devices that were remembered before.
func TestLowerRemember(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	w.clock.pass(2 * time.Hour)
	for _, remember := range []time.Duration{0, 2 * time.Hour} {
		less := w.another(func(c *nightlatch.Config) { c.Policy.Remember = remember })
		next, err := less.ProveFirst(t.Context(), w.attempt("ann", device, right))
		if err != nil || next.Step != nightlatch.StepVerify {
			t.Errorf("remember %v: %s, %v", remember, next.Step, err)
		}
		if list, err := less.DevicesOf(t.Context(), "ann"); err != nil || len(list) != 0 {
			t.Errorf("remember %v: %d devices, %v", remember, len(list), err)
		}
	}
	more := w.another(func(c *nightlatch.Config) { c.Policy.Remember = 3 * time.Hour })
	next, err := more.ProveFirst(t.Context(), w.attempt("ann", device, right))
	if err != nil || next.Step != nightlatch.StepDone || !next.DeviceUntil.Equal(start.Add(3*time.Hour)) {
		t.Errorf("%s until %v, %v", next.Step, next.DeviceUntil, err)
	}
	longer := w.another(func(c *nightlatch.Config) { c.Policy.Remember = 2 * month })
	if list, err := longer.DevicesOf(t.Context(), "ann"); err != nil || !list[0].ExpiresAt.Equal(start.Add(month)) {
		t.Errorf("a longer remember prolongs: %v, %v", list, err)
	}
}

// Two tabs at once show the same value: both go on, and whatever the browser keeps is good.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	for round := range 3 {
		all := inParallel(4, func(int) nightlatch.Next {
			next, err := w.ProveFirst(t.Context(), w.attempt("ann", device, right))
			if err != nil {
				t.Error(err)
			}
			return next
		})
		values := map[string]bool{}
		for _, next := range all {
			w.step(next, nightlatch.StepDone)
			values[next.Device] = true
		}
		if len(values) != 4 {
			t.Fatalf("round %d: %d values for four tabs", round, len(values))
		}
		device = all[round].Device
	}
	if n := count(w.events("ann", 0), nightlatch.EventDeviceEnded); n != 0 {
		t.Errorf("the device was ended %d times", n)
	}
}

// The value before stays good until the new one is seen, a minute at most, and never for many more of them.
func TestValueBefore(t *testing.T) {
	t.Parallel()
	type play struct {
		w             *world
		first, second string
	}
	for name, act := range map[string]struct {
		act  func(p play) nightlatch.Next
		step nightlatch.Step
	}{
		"within the minute": {func(p play) nightlatch.Next {
			p.w.clock.pass(time.Minute - time.Microsecond)
			return p.w.with("ann", p.first)
		}, nightlatch.StepDone},
		"after the minute": {func(p play) nightlatch.Next {
			p.w.clock.pass(time.Minute)
			return p.w.with("ann", p.first)
		}, nightlatch.StepVerify},
		"after a use the minute is not longer": {func(p play) nightlatch.Next {
			p.w.clock.pass(50 * time.Second)
			p.w.step(p.w.with("ann", p.first), nightlatch.StepDone)
			p.w.clock.pass(10 * time.Second)
			return p.w.with("ann", p.first)
		}, nightlatch.StepVerify},
		"after the new one was seen": {func(p play) nightlatch.Next {
			p.w.step(p.w.with("ann", p.second), nightlatch.StepDone)
			return p.w.with("ann", p.first)
		}, nightlatch.StepVerify},
		"the new one long after": {func(p play) nightlatch.Next {
			p.w.clock.pass(time.Hour)
			return p.w.with("ann", p.second)
		}, nightlatch.StepDone},
		"after a restart": {func(p play) nightlatch.Next {
			p.w.Service = p.w.another()
			return p.w.with("ann", p.second)
		}, nightlatch.StepDone},
		"another candidate after one was seen": {func(p play) nightlatch.Next {
			third := p.w.with("ann", p.first).Device
			p.w.step(p.w.with("ann", p.second), nightlatch.StepDone)
			return p.w.with("ann", third)
		}, nightlatch.StepVerify},
		"again and again": {func(p play) (next nightlatch.Next) {
			for range 9 {
				next = p.w.with("ann", p.first)
			}
			if next.Device != "" {
				p.w.Error("values without end")
			}
			return next
		}, nightlatch.StepDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, remembering)
			w.add("ann")
			w.addKnock("ann", "door")
			p := play{w: w, first: w.remembered("ann")}
			p.second = w.with("ann", p.first).Device
			next := act.act(p)
			w.step(next, act.step)
			ended := 0
			if act.step == nightlatch.StepVerify {
				ended = 1
				if e := w.last("ann", nightlatch.EventDeviceEnded); e.Reason != "copied" || e.Client != client {
					t.Errorf("event %+v", e)
				}
				w.step(w.with("ann", p.second), nightlatch.StepVerify)
			}
			if n := count(w.events("ann", 0), nightlatch.EventDeviceEnded); n != ended || len(w.devices("ann")) != 1-ended {
				t.Errorf("ended %d times, %d left", n, len(w.devices("ann")))
			}
		})
	}
}

// Another's cookie, an altered one and nonsense are nobody's, and end nothing.
func TestForeignDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	for _, name := range []string{"ann", "bob"} {
		w.add(name)
		w.addKnock(name, "door")
	}
	anns, bobs := w.remembered("ann"), w.remembered("bob")
	stays, turns, _ := strings.Cut(anns, ".")
	_, bobTurns, _ := strings.Cut(bobs, ".")
	for _, value := range []string{bobs, alter(stays) + "." + turns, stays, stays + ".", "." + turns, turns + "." + stays, "x.y", anns + "." + turns} {
		w.step(w.with("ann", value), nightlatch.StepVerify)
	}
	if len(w.devices("ann")) != 1 || len(w.devices("bob")) != 1 {
		t.Fatal("nonsense ends a device")
	}
	w.step(w.with("ann", stays+"."+bobTurns), nightlatch.StepVerify)
	if len(w.devices("ann")) != 0 || len(w.devices("bob")) != 1 {
		t.Error("a value that was never handed out does not end the device")
	}
	w.step(w.with("bob", bobs), nightlatch.StepDone)
}

// An older value ends the device even where the password is wrong.
func TestCopiedWithAWrongPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	older := w.remembered("ann")
	newer := w.with("ann", w.with("ann", older).Device).Device
	_, err := w.ProveFirst(t.Context(), w.attempt("ann", older, "wrong password"))
	w.want(err, nightlatch.ErrWrongCredentials)
	if e := w.last("ann", nightlatch.EventDeviceEnded); e.Reason != "copied" {
		t.Errorf("reason %q", e.Reason)
	}
	w.step(w.with("ann", newer), nightlatch.StepVerify)
}

// What ends all devices, and what leaves them.
func TestDevicesEnd(t *testing.T) {
	t.Parallel()
	change := func(w *world, f func(ctx context.Context) error) {
		w.Helper()
		if err := w.Change(w.Context(), "ann", nightlatch.Event{Name: "changed"}, f); err != nil {
			w.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		act  func(w *world, tok string)
		left int
	}{
		"sign-out": {func(w *world, tok string) {
			if err := w.SignOut(w.Context(), tok, client); err != nil {
				w.Fatal(err)
			}
		}, 2},
		"one is forgotten": {func(w *world, tok string) {
			if err := w.EndDevice(w.Context(), tok, w.devices("ann")[1].ID, client); err != nil {
				w.Fatal(err)
			}
			if e := w.last("ann", nightlatch.EventDeviceEnded); e.Reason != "forgotten" {
				w.Errorf("reason %q", e.Reason)
			}
		}, 1},
		"any authenticator is removed": {func(w *world, tok string) {
			if err := w.RemoveAuthenticator(w.Context(), tok, w.idOf("ann", "window"), client); err != nil {
				w.Fatal(err)
			}
		}, 0},
		"an authenticator is replaced": {func(w *world, tok string) {
			e := w.begin(tok, nightlatch.NewEnrollment{Kind: "knock", Replaces: w.idOf("ann", "window")})
			if _, err := w.finish(tok, e.ID, "", "right"); err != nil {
				w.Fatal(err)
			}
		}, 0},
		"an authenticator is added": {func(w *world, tok string) {
			if _, err := w.enroll(tok, "gate"); err != nil {
				w.Fatal(err)
			}
		}, 2},
		"an authenticator is uninstalled": {func(w *world, _ string) {
			change(w, func(ctx context.Context) error { return w.Uninstall(ctx, "ann", "knock", "window") })
		}, 0},
		"all are ended": {func(w *world, _ string) {
			change(w, func(ctx context.Context) error { return w.EndDevices(ctx, "ann") })
		}, 0},
		"a reset": {func(w *world, _ string) { w.reset("ann") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, remembering)
			for _, user := range []string{"ann", "bob"} {
				w.add(user)
				w.addKnock(user, "door")
			}
			w.addKnock("ann", "window")
			w.remembered("bob")
			values := []string{w.remembered("ann"), w.remembered("ann")}
			c.act(w, w.knocked("ann"))
			if n := len(w.devices("ann")); n != c.left || len(w.devices("bob")) != 1 {
				t.Fatalf("%d devices are left, want %d", n, c.left)
			}
			done := 0
			for _, v := range values {
				if w.with("ann", v).Step == nightlatch.StepDone {
					done++
				}
			}
			if done != c.left {
				t.Errorf("%d devices are good, want %d", done, c.left)
			}
			if ended := count(w.events("ann", 0), nightlatch.EventDevicesEnded); c.left == 0 && ended != 1 {
				t.Errorf("the end is told of %d times", ended)
			}
		})
	}
}

func TestEndDeviceOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	for _, user := range []string{"ann", "bob"} {
		w.add(user)
		w.addKnock(user, "door")
	}
	w.remembered("bob")
	id := w.devices("bob")[0].ID
	w.want(w.EndDevice(t.Context(), w.knocked("ann"), id, client), nightlatch.ErrNotFound)
	w.want(w.EndDevice(t.Context(), w.begun("bob"), id, client), nightlatch.ErrUnauthenticated)
	if len(w.devices("bob")) != 1 {
		t.Error("a stranger ends a device")
	}
}

// The same browser is one device, and there are twenty at most.
func TestManyDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	first := w.remembered("ann")
	w.clock.pass(month) // it is over, and was not swept away yet
	again := w.with("ann", first)
	w.step(again, nightlatch.StepVerify)
	next := w.must(w.Verify(t.Context(), again.Token, factor.Response{Kind: "knock", Code: "right"}, client, nightlatch.RememberDevice))
	if e := w.last("ann", nightlatch.EventDeviceEnded); e.Reason != "replaced" || next.Device == "" {
		t.Errorf("event %+v", e)
	}
	values := []string{next.Device}
	for range 20 {
		w.clock.pass(time.Second)
		values = append(values, w.remembered("ann"))
	}
	list := w.devices("ann")
	if len(list) != 20 || slices.ContainsFunc(list, func(d nightlatch.Device) bool { return d.Is(values[0]) }) {
		t.Errorf("%d devices, the oldest among them", len(list))
	}
}

// A device opens nothing to who has only its value, and nothing of it is readable in the store.
func TestDeviceIsNoFirstFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	stays, turns, _ := strings.Cut(device, ".")
	for _, tok := range []string{device, stays, turns} {
		_, err := w.Session(t.Context(), tok)
		w.want(err, nightlatch.ErrUnauthenticated)
		_, err = w.SignIn(t.Context(), tok)
		w.want(err, nightlatch.ErrUnauthenticated)
	}
	bearer := w.attempt("ann", device, right)
	bearer.Start.Token = true
	w.step(w.must(w.ProveFirst(t.Context(), bearer)), nightlatch.StepVerify)
	if data := w.dump(); strings.Contains(data, stays) || strings.Contains(data, turns) || !strings.Contains(data, "ann") {
		t.Error("the store holds the value of a device")
	}
}

// Another's older value ends nothing: it is nobody's here.
func TestOlderValueOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	for _, user := range []string{"ann", "bob"} {
		w.add(user)
		w.addKnock(user, "door")
	}
	older := w.remembered("bob")
	w.with("bob", w.with("bob", older).Device)
	w.step(w.with("ann", older), nightlatch.StepVerify)
	_, err := w.ProveFirst(t.Context(), w.attempt("ann", older, "wrong password"))
	w.want(err, nightlatch.ErrWrongCredentials)
	if len(w.devices("bob")) != 1 {
		t.Error("ann's sign-in ends bob's device")
	}
}

// An authenticator that is suspended proves nothing, by a device neither.
func TestDeviceOfASuspendedAuthenticator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	w.addKnock("ann", "window")
	device := w.remembered("ann")
	carried := w.devices("ann")[0].Proof.Authenticator
	err := w.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		records, err := tx.AuthenticatorsOf(ctx, "ann")
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.ID != carried {
				continue
			}
			if r.Allows = factor.AllowsNothing; tx.Put(ctx, r) != nil {
				t.Error("not put")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.step(w.with("ann", device), nightlatch.StepVerify)
}

// Who has proven two classes already needs no device, and its value stays as it is.
func TestDeviceBesideTwoClasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	two := factor.Proof{Kind: "knock", Classes: []factor.Class{factor.Knowledge, factor.Possession}, At: start}
	next, err := w.Begin(t.Context(), "ann", two, nightlatch.Start{Client: client, Device: device})
	if err != nil || next.Step != nightlatch.StepDone || next.Device != "" || len(next.Session.Proofs) != 1 {
		t.Errorf("%s with %q, %v", next.Step, next.Device, err)
	}
}

// A proof that does not finish the sign-in remembers nothing.
func TestNotRememberedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering, required, func(c *nightlatch.Config) { c.Policy.AtLeast = 2 })
	w.add("ann")
	w.addKnock("ann", "door")
	next := w.must(w.Verify(t.Context(), w.begun("ann"), factor.Response{Kind: "knock", Code: "right"}, client, nightlatch.RememberDevice))
	w.step(next, nightlatch.StepEnroll)
	if next.Device != "" || len(w.devices("ann")) != 0 {
		t.Errorf("device %q", next.Device)
	}
}
