package nightlatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// **This was not me** stops a recovery by mail that waits: no code comes of it.
func TestNotMeStopsAHold(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	w.hold(box, "ann")
	begun := w.mailed(box, nightlatch.EventRecoveryBegun)
	if begun.Purpose != string(nightlatch.ForNotMe) {
		t.Fatalf("the mail is %+v", begun)
	}
	w.disown(begun.Link)
	if n := count(w.events("ann", 0), nightlatch.EventRecoveryCanceled); n != 1 {
		t.Errorf("%d events of its end", n)
	}
	w.clock.pass(48 * time.Hour)
	if codes := w.mails(box, nightlatch.EventRecoveryCode); len(codes) != 0 {
		t.Errorf("%d codes came", len(codes))
	}
}

// Once its code is out, the code is good for nothing, and so is a sign-in that has proven it.
func TestNotMeTakesTheCodeOfAHold(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	code := w.holdCode(box, "ann")
	tok := w.must(w.prove(w.begun("ann"), "paper", code)).Token
	out := w.mailed(box, nightlatch.EventRecoveryCode)
	if out.Link == "" || out.Purpose != string(nightlatch.ForNotMe) {
		t.Fatalf("the mail is %+v", out)
	}
	w.disown(out.Link)
	_, err := w.enroll(tok, "Theirs")
	w.want(err, nightlatch.ErrUnauthenticated)
	_, err = w.prove(w.begun("ann"), "paper", code)
	w.refused(err, factor.Wrong)
	w.must(w.prove(w.begun("ann"), "knock", "right"))
}

// A link that was asked for, to begin a recovery, is good for nothing after any **This was not me**.
func TestNotMeEndsLinksOfRecovery(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	link := w.link(box, "ann")
	addKey(w, "ann")
	w.disown(w.mailed(box, nightlatch.EventAuthenticatorAdded).Link)
	w.refused(w.BeginHold(t.Context(), link, client), factor.Used)
	w.disown(w.mailedAfter(box, "ann", "something"))
	if _, err := w.NotMe(t.Context(), w.link(box, "ann"), client); err == nil {
		t.Error("the link that begins a recovery takes away")
	}
}

// mailedAfter is the link of the notice about an event that happens now.
func (w *world) mailedAfter(box *mailbox, user, event string) string {
	w.Helper()
	w.change(user, event, func(context.Context) error { return nil })
	return w.mailed(box, event).Link
}

// The code that an administrator's reset gave stays: taking it away would give nobody anything but a second visit.
func TestNotMeLeavesTheCodeOfAReset(t *testing.T) {
	t.Parallel()
	w, box := lost(t)
	link := w.mailedAfter(box, "ann", "something")
	code := must(paper{}.codes(sharedRandom, 1))
	w.change("ann", nightlatch.EventReset, func(ctx context.Context) error {
		return w.Reset(ctx, "ann", "paper", code, w.clock.Now().Add(72*time.Hour))
	})
	w.disown(link)
	next := w.must(w.prove(w.begun("ann"), "paper", code.Show.(factor.Keep).Codes[0]))
	if next.Step != nightlatch.StepEnroll {
		t.Errorf("the code leads to %s", next.Step)
	}
}
