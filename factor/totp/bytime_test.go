package totp

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
)

func TestReasonsByTime(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	present, _ := g.Step(testNow)
	f := New(Options{})
	wrong, used := factor.Refused{Reason: factor.Wrong}, factor.Refused{Reason: factor.Used}
	clock := func(steps int) factor.Refused {
		return factor.Refused{Reason: factor.Clock, ClockOffBy: time.Duration(steps) * 30 * time.Second}
	}
	for _, c := range []struct {
		off  int // the code's step, from now
		last int // the last used step, from now
		want factor.Refused
	}{
		{0, -1, factor.Refused{}},
		{1, -1, factor.Refused{}},
		{-1, -2, factor.Refused{}},
		{1, 0, factor.Refused{}},
		{0, 0, used},
		{-1, 0, used},
		{-1, -1, used},
		{0, 1, used},
		{1, 1, used},
		{2, -30, clock(2)},
		{3, 0, clock(3)},
		{20, 0, clock(20)},
		{-2, -30, clock(-2)},
		{-20, -30, clock(-20)},
		{-3, 0, clock(-3)}, // an older code than the last: the clock was set back
		{-2, -2, used},
		{-20, -20, used}, // the very code that was used
		{21, 0, wrong},
		{-21, -30, wrong},
		{-21, -21, wrong},
		{1000, 0, wrong},
	} {
		held := factor.Held{ID: "a", Kind: ByTime, State: stateFor(t, uri(nil), func(s *state) { s.Last = present + int64(c.last) })}
		v, err := f.Verify(t.Context(), call(testNow, held), nil, factor.Response{Code: code(t, g, testNow, c.off)})
		if got := refused(err); got != c.want {
			t.Errorf("step %+d, last %+d: %+v, %v, want %+v", c.off, c.last, got, err, c.want)
		}
		if c.want.Reason != "" {
			var want factor.Verdict
			if c.want.ClockOffBy > 0 { // what is good later was told
				want = factor.Verdict{Authenticator: "a", State: v.State}
			}
			if diff := cmp.Diff(want, v); diff != "" {
				t.Errorf("step %+d, last %+d: refused with %s", c.off, c.last, diff)
			}
			continue
		}
		if s, err := decode(v.State); err != nil || s.Last != present+int64(c.off) {
			t.Errorf("step %+d, last %+d: the new last is %+d, %v", c.off, c.last, s.Last-present, err)
		}
	}
}

// Where the clock ran off, the same is said at the end of an enrollment, which is not stricter than a sign-in.
func TestEnrollmentUsesTheStepAndTheWindow(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	prompt, pending, err := f.BeginEnrollment(t.Context(), call(testNow), factor.Response{})
	if err != nil {
		t.Fatal(err)
	}
	scan := prompt.(factor.Scan)
	g := Generator{Secret: parsed(t, scan.Secret)}
	answer := func(off int) factor.Response { return factor.Response{Code: code(t, g, testNow, off)} }
	_, err = f.FinishEnrollment(t.Context(), call(testNow), pending, answer(-3))
	if got := refused(err); got.Reason != factor.Clock || got.ClockOffBy != -90*time.Second {
		t.Errorf("90 s behind: %v", err)
	}
	if _, err := f.FinishEnrollment(t.Context(), call(testNow), nil, answer(0)); err == nil {
		t.Error("an enrollment was finished that was not begun")
	}
	e, err := f.FinishEnrollment(t.Context(), call(testNow), pending, answer(-1))
	if err != nil {
		t.Fatal(err)
	}
	held := factor.Held{ID: "a", State: e.State}
	_, err = f.Verify(t.Context(), call(testNow, held), nil, answer(-1))
	if refused(err).Reason != factor.Used {
		t.Errorf("the code of the enrollment, again: %v", err)
	}
	if _, err := f.Verify(t.Context(), call(testNow, held), nil, answer(0)); err != nil {
		t.Errorf("the next code: %v", err)
	}
}

// What was enrolled with other settings keeps working.
func TestSettingsChangeLater(t *testing.T) {
	t.Parallel()
	old := uri(func(u *URI) { u.Algorithm, u.Digits, u.Period = SHA256, 8, 60 })
	held := factor.Held{ID: "a", State: stateFor(t, old, nil)}
	r := factor.Response{Code: code(t, old.Generator, testNow, 0)}
	if _, err := New(Options{}).Verify(t.Context(), call(testNow, held), nil, r); err != nil {
		t.Error(err)
	}
	steam := uri(func(u *URI) { u.Steam = true })
	held.State = stateFor(t, steam, nil)
	r.Code = strings.ToLower(code(t, steam.Generator, testNow, 0))
	if _, err := New(Options{}).Verify(t.Context(), call(testNow, held), nil, r); err != nil {
		t.Errorf("Steam: %v", err)
	}
}
