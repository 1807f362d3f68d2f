package totp

import (
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// Whoever guesses a code of the next ten minutes is told when it will be good. It must not be good then: each guess
// would count for all of them, and not for those of the window.
func TestWhatWasToldIsNeverGood(t *testing.T) {
	t.Parallel()
	f, g := New(Options{}), Generator{Secret: testSecret}
	twin := factor.Held{ID: "b", State: stateFor(t, uri(nil), nil)}
	held := factor.Held{ID: "a", State: stateFor(t, uri(nil), nil)}
	at := testNow
	judge := func(code string, held ...factor.Held) (factor.Verdict, factor.Reason) {
		v, err := f.Verify(t.Context(), call(at, held...), nil, factor.Response{Code: code})
		if err != nil && refused(err).Reason == "" {
			t.Fatal(err)
		}
		return v, refused(err).Reason
	}
	guessed := code(t, g, testNow, 6)
	for _, guess := range []string{guessed, code(t, g, testNow, 12)} {
		v, reason := judge(guess, held)
		if reason != factor.Clock || v.Authenticator != "a" || v.State == nil {
			t.Fatalf("a code of later: %+v, %s, want clock and a state to keep", v, reason)
		}
		held.State = v.State
	}
	for _, off := range []int{5, 6, 7} { // in all of its window
		at = testNow.Add(time.Duration(30*off) * time.Second)
		if v, reason := judge(guessed, held); reason != factor.Used {
			t.Errorf("what was told %d steps ago: %+v, %q, want used", off, v, reason)
		}
		if _, reason := judge(guessed, held, twin); reason != factor.Used {
			t.Errorf("the same secret held twice: %q, want used", reason)
		}
	}
	at = testNow.Add(6 * 30 * time.Second)
	if v, reason := judge(code(t, g, at, -1), held); reason != "" || v.State == nil {
		t.Errorf("the code before: %q", reason)
	}
	v, reason := judge(code(t, g, at, 1), held)
	if reason != "" {
		t.Fatalf("the code after it: %q", reason)
	}
	if s, err := decode(v.State); err != nil || len(s.Told) != 1 {
		t.Errorf("told is %v after a later code, %v; want what is still ahead", s.Told, err)
	}
}

// A clock that is behind tells nothing that could be used: what was is over.
func TestThePastIsNotKept(t *testing.T) {
	t.Parallel()
	held := factor.Held{ID: "a", State: stateFor(t, uri(nil), nil)}
	v, err := New(Options{}).Verify(t.Context(), call(testNow, held), nil,
		factor.Response{Code: code(t, Generator{Secret: testSecret}, testNow, -6)})
	if refused(err).Reason != factor.Clock || v.State != nil || v.Authenticator != "" {
		t.Errorf("a code of before: %+v, %v, want clock and nothing to keep", v, err)
	}
}
