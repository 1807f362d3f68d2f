package nightlatch_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// asking is a factor that remembers what it asked, for as long as lives says.
func asking(w **world, lives time.Duration) *fake {
	f := knock("asking")
	var asked atomic.Int64
	f.challenge = func(_ factor.Call, pending factor.State) (factor.Prompt, factor.State, error) {
		p := factor.Code{Digits: 6} // SentTo tells the test what was asked
		if lives > 0 {
			p.ExpiresAt = (*w).clock.Now().Add(lives)
		}
		if pending == nil {
			pending = factor.State{byte('0' + asked.Add(1))}
		}
		p.SentTo = string(pending)
		return p, pending, nil
	}
	f.verify = func(c factor.Call, pending factor.State, r factor.Response) (factor.Verdict, error) {
		if pending == nil || r.Code != string(pending) {
			return factor.Verdict{}, factor.Refuse(factor.Wrong)
		}
		return factor.Verdict{Authenticator: c.Held[0].ID}, nil
	}
	return f
}

func askingWorld(t *testing.T, lives time.Duration) *world {
	var w *world
	w = newWorld(t, withFactors(asking(&w, lives)), func(c *nightlatch.Config) { c.Limits.FreeTries, c.Limits.DayLimit = 1000, 1000 })
	w.add("ann")
	w.install(nightlatch.Installation{User: "ann", Kind: "asking", Enrolled: factor.Enrolled{State: factor.State(`{}`)}})
	return w
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	w := askingWorld(t, 0)
	one, two := w.begun("ann"), w.begun("ann")
	ask := func(tok string) nightlatch.Challenge {
		t.Helper()
		return must(w.Challenge(t.Context(), tok, "asking", "", client))
	}
	_, err := w.prove(one, "asking", "1") // never asked
	w.refused(err, factor.Wrong)
	first := ask(one)
	if want := w.clock.Now().Add(10 * time.Minute); first.ExpiresAt != want {
		t.Errorf("expires %v, want %v", first.ExpiresAt, want)
	}
	w.clock.pass(time.Minute)
	if again := ask(one); again.ExpiresAt != first.ExpiresAt { // the same, with the first expiry
		t.Errorf("a resend expires %v, want %v", again.ExpiresAt, first.ExpiresAt)
	}
	_, err = w.prove(two, "asking", "1") // belongs to the other sign-in
	w.refused(err, factor.Wrong)
	ask(two)
	done := w.must(w.prove(one, "asking", "1"))
	// In a session it is another challenge, and one that was answered is over.
	_, err = w.prove(done.Token, "asking", "1")
	w.refused(err, factor.Wrong)
	ask(done.Token)
	next := w.must(w.prove(done.Token, "asking", "3"))
	_, err = w.prove(next.Token, "asking", "3")
	w.refused(err, factor.Wrong)
	// It does not outlive the sign-in, nor answer after its time.
	w.clock.pass(9 * time.Minute)
	if ch := ask(two); ch.ExpiresAt.After(must(w.SignIn(t.Context(), two)).ExpiresAt) {
		t.Errorf("expires %v, after the sign-in", ch.ExpiresAt)
	}
	tok := w.begun("ann")
	ask(tok)
	w.clock.pass(10 * time.Minute)
	_, err = w.prove(tok, "asking", "4")
	w.refused(err, factor.Expired)
	_, err = w.prove(tok, "asking", "3")
	w.refused(err, factor.Wrong)
}

// A prompt that says when it expires is believed.
func TestPromptSaysWhenItExpires(t *testing.T) {
	t.Parallel()
	w := askingWorld(t, 2*time.Minute)
	tok := w.begun("ann")
	if ch := must(w.Challenge(t.Context(), tok, "asking", "", client)); ch.ExpiresAt != w.clock.Now().Add(2*time.Minute) {
		t.Errorf("expires %v", ch.ExpiresAt)
	}
	w.clock.pass(2 * time.Minute)
	_, err := w.prove(tok, "asking", "1")
	w.refused(err, factor.Expired)
}

// Whoever asks twice at once is asked once, and hears of no conflict.
func TestParallelChallenges(t *testing.T) {
	t.Parallel()
	w := askingWorld(t, 0)
	tok := w.begun("ann")
	asked := map[string]int{}
	for _, to := range inParallel(20, func(int) string {
		ch, err := w.Challenge(t.Context(), tok, "asking", "", client)
		if err != nil {
			return err.Error()
		}
		return ch.Prompt.(factor.Code).SentTo
	}) {
		asked[to]++
	}
	if len(asked) != 1 {
		t.Errorf("asked = %v, want all the same", asked)
	}
	n := 0
	for i := range 30 {
		if _, err := w.prove(tok, "asking", string(byte('0'+i))); err == nil {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d answers are right", n)
	}
}
