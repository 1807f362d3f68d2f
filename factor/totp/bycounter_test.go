package totp

import (
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

func TestReasonsByCounter(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	at := func(counter uint64) string { text, _ := g.Code(counter); return text }
	f := NewCounter(Options{})
	missing := factor.Refused{Reason: factor.Wrong, Field: "next_code", Problem: "missing"}
	for name, c := range map[string]struct {
		resync     bool
		code, next string
		want       factor.Refused
		counter    uint64
	}{
		"expected":              {false, at(100), "", factor.Refused{}, 101},
		"at the window's end":   {false, at(110), "", factor.Refused{}, 111},
		"beyond the window":     {false, at(111), "", factor.Refused{Reason: factor.Wrong}, 0},
		"the last one":          {false, at(99), "", factor.Refused{Reason: factor.Used}, 0},
		"ten back":              {false, at(90), "", factor.Refused{Reason: factor.Used}, 0},
		"long ago":              {false, at(89), "", factor.Refused{Reason: factor.Wrong}, 0},
		"two in a row":          {false, at(150), at(151), factor.Refused{}, 152},
		"two, far ahead":        {false, at(1100), at(1101), factor.Refused{}, 1102},
		"two, too far":          {false, at(1101), at(1102), factor.Refused{Reason: factor.Wrong}, 0},
		"two, not in a row":     {false, at(150), at(152), factor.Refused{Reason: factor.Wrong}, 0},
		"two, used":             {false, at(99), at(100), factor.Refused{Reason: factor.Used}, 0},
		"one right, one wrong":  {false, at(100), "123456", factor.Refused{Reason: factor.Wrong}, 0},
		"restored, one":         {true, at(100), "", missing, 0},
		"restored, wrong one":   {true, "123456", "", missing, 0},
		"restored, two":         {true, at(130), at(131), factor.Refused{}, 132},
		"restored, wrong two":   {true, at(130), at(132), factor.Refused{Reason: factor.Wrong}, 0},
		"restored, used before": {true, at(99), "", factor.Refused{Reason: factor.Used}, 0},
	} {
		held := factor.Held{ID: "a", State: stateFor(t, uri(func(u *URI) { u.Kind, u.Counter = ByCounter, 100 }), func(s *state) {
			s.Resync = c.resync
		})}
		v, err := f.Verify(t.Context(), call(testNow, held), nil, factor.Response{Code: c.code, NextCode: c.next})
		if got := refused(err); got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
			continue
		}
		if c.want.Reason == "" {
			if s, err := decode(v.State); err != nil || s.Next != c.counter || s.Resync {
				t.Errorf("%s: next is %d, resync %v, %v, want %d", name, s.Next, s.Resync, err, c.counter)
			}
		}
	}
}

// That a second code is missing costs no guess, so it is said only where every guess is told so.
func TestMissingSecondCodeTellsNoGuess(t *testing.T) {
	t.Parallel()
	other := Secret("09876543210987654321")
	restored := factor.Held{ID: "a", State: stateFor(t, uri(func(u *URI) { u.Kind = ByCounter }), func(s *state) { s.Resync = true })}
	plain := factor.Held{ID: "b", State: stateFor(t, uri(func(u *URI) { u.Kind, u.Secret = ByCounter, other }), nil)}
	for _, held := range [][]factor.Held{{restored, plain}, {plain, restored}} {
		_, err := NewCounter(Options{}).Verify(t.Context(), call(testNow, held...), nil, factor.Response{Code: "123456"})
		if got := refused(err); got != (factor.Refused{Reason: factor.Wrong}) {
			t.Errorf("%s first: %+v", held[0].ID, got)
		}
	}
}
