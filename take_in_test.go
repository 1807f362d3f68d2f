package nightlatch_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// What a user brings along is kept for one who was never seen, and for nobody else.
func TestCarry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	carry := func(user string, c nightlatch.Carried) error {
		return w.Change(t.Context(), user, nightlatch.Event{Name: "taken_in"}, func(ctx context.Context) error {
			return w.Carry(ctx, user, c)
		})
	}
	w.want(carry("ann", nightlatch.Carried{Handle: []byte("other")}), nightlatch.ErrConflict)
	handle := bytes.Repeat([]byte("h"), 65)
	if err := carry("new", nightlatch.Carried{Handle: handle}); err == nil {
		t.Error("a handle of 65 bytes was taken")
	}
	if err := carry("new", nightlatch.Carried{Handle: handle[:64], AfterReset: true}); err != nil {
		t.Fatal(err)
	}
	got := must(w.CarriedOf(t.Context(), "new"))
	if !bytes.Equal(got.Handle, handle[:64]) || !got.AfterReset {
		t.Errorf("carried %+v", got)
	}
	w.want(carry("new", nightlatch.Carried{}), nightlatch.ErrConflict)
	if none := must(w.CarriedOf(t.Context(), "unknown")); len(none.Handle) > 0 || none.AfterReset {
		t.Errorf("of an unknown user: %+v", none)
	}
}

// An authenticator that was enrolled elsewhere keeps its times.
func TestInstallKeepsTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("ann")
	made, used := w.clock.Now().Add(-48*time.Hour), w.clock.Now().Add(-time.Hour)
	err := w.Change(t.Context(), "ann", nightlatch.Event{Name: "taken_in"}, func(ctx context.Context) error {
		return w.Install(ctx, nightlatch.Installation{
			User: "ann", Kind: "knock", Enrolled: factor.Enrolled{State: []byte("{}"), Label: "Door"}, CreatedAt: made, LastUsedAt: used, Preferred: true,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	h := must(w.HoldingsOf(t.Context(), "ann"))
	i := slices.IndexFunc(h.Authenticators, func(o nightlatch.Offer) bool { return o.Kind == "knock" })
	if i < 0 || !h.Authenticators[i].CreatedAt.Equal(made) || !h.Authenticators[i].LastUsedAt.Equal(used) || !h.Authenticators[i].Preferred {
		t.Errorf("holds %+v", h.Authenticators)
	}
}
