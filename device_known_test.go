package nightlatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
)

// Strangers who guess at a name keep its owner out of unknown browsers only, and what is guessed in a known one
// counts there only.
func TestKnownDeviceIsNotThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.add("bob")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	for range 30 { // a stranger, in the same house
		_ = w.from(client.Addr, "ann", "ann", "wrong password")
		w.clock.pass(time.Hour / 2)
	}
	for i := range 60 {
		_ = w.from(client.Addr, "", fmt.Sprint("nobody", i), "wrong password")
	}
	_, err := w.first("bob", right)
	if e := new(nightlatch.ThrottledError); !asThrottled(err, &e) {
		t.Fatalf("the address is not throttled: %v", err)
	}
	next := w.with("ann", device)
	w.step(next, nightlatch.StepDone)
	device = next.Device
	_, err = w.first("ann", right)
	if e := new(nightlatch.ThrottledError); !asThrottled(err, &e) {
		t.Fatalf("elsewhere: %v", err)
	}
	// The known one has its own tries, no more.
	for range 5 {
		_, err = w.ProveFirst(t.Context(), w.attempt("ann", device, "wrong password"))
		w.want(err, nightlatch.ErrWrongCredentials)
	}
	_, err = w.ProveFirst(t.Context(), w.attempt("ann", device, right))
	w.throttled(err, 30*time.Second)
	w.clock.pass(30 * time.Second)
	w.step(w.with("ann", device), nightlatch.StepDone)
}

// Wrong ones in a known browser count for nobody else.
func TestKnownDeviceCountsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, remembering)
	w.add("ann")
	w.addKnock("ann", "door")
	device := w.remembered("ann")
	wrong := 0
	for range 40 {
		_, err := w.ProveFirst(t.Context(), w.attempt("ann", device, "wrong password"))
		if e := new(nightlatch.ThrottledError); asThrottled(err, &e) {
			w.clock.pass(e.RetryAfter)
			continue
		}
		w.want(err, nightlatch.ErrWrongCredentials)
		wrong++
	}
	if wrong <= 5 {
		t.Errorf("%d wrong ones were judged", wrong)
	}
	w.step(w.must(w.first("ann", right)), nightlatch.StepVerify)
	// With the device goes what was counted on it.
	id, tok := w.devices("ann")[0].ID, w.knocked("ann")
	if len(w.throttles("device:"+id)) == 0 {
		t.Error("nothing was counted on the device")
	}
	if err := w.EndDevice(t.Context(), tok, id, client); err != nil {
		t.Fatal(err)
	}
	if rows := w.throttles("device:" + id); len(rows) != 0 {
		t.Errorf("%d throttles of a device that is gone", len(rows))
	}
}

// Only a good value of the user's own device, from a browser, is judged apart from the name.
func TestUnknownDeviceIsThrottled(t *testing.T) {
	t.Parallel()
	for name, attempt := range map[string]func(w *world) nightlatch.First{
		"another's": func(w *world) nightlatch.First { return w.attempt("ann", w.remembered("bob"), right) },
		"over": func(w *world) nightlatch.First {
			device := w.remembered("ann")
			w.Service = w.another(func(c *nightlatch.Config) { c.Policy.Remember = time.Second })
			w.clock.pass(time.Second)
			return w.attempt("ann", device, right)
		},
		"older": func(w *world) nightlatch.First {
			older := w.remembered("ann")
			w.with("ann", w.with("ann", older).Device)
			return w.attempt("ann", older, right)
		},
		"with a token": func(w *world) nightlatch.First {
			a := w.attempt("ann", w.remembered("ann"), right)
			a.Start.Token = true
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, remembering)
			for _, user := range []string{"ann", "bob"} {
				w.add(user)
				w.addKnock(user, "door")
			}
			a := attempt(w)
			for range 5 {
				w.want(w.from("", "ann", "ann", "wrong password"), nightlatch.ErrWrongCredentials)
			}
			_, err := w.ProveFirst(t.Context(), a)
			w.throttled(err, 30*time.Second)
		})
	}
}
