package totp

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/factortest"
)

// app answers as an authenticator app or a counter token does, from what it scanned.
func app(t *testing.T, asked factortest.Asked, counter uint64) string {
	t.Helper()
	u, err := ParseURI(asked.Begun.(factor.Scan).URI)
	if err != nil {
		t.Fatal(err)
	}
	if u.Kind == ByTime {
		return code(t, u.Generator, asked.Now, 0)
	}
	text, err := u.Code(u.Counter + counter)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fixture(t *testing.T, f factor.Factor) factortest.Fixture {
	right := func(a factortest.Asked) factor.Response {
		return factor.Response{Code: app(t, a, uint64(a.Turn))}
	}
	return factortest.Fixture{
		Factor: f, Enroll: right, Answer: right,
		Wrong: func(a factortest.Asked) factor.Response {
			// Far from any window, a counter's lookback included.
			a.Now = a.Now.Add(24 * time.Hour)
			return factor.Response{Code: app(t, a, uint64(a.Turn)+5000)}
		},
	}
}

func TestFactors(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]factor.Factor{
		"totp":         New(Options{}),
		"totp shaped":  New(Options{Issuer: "Shaped", Algorithm: SHA512, Digits: 8, Period: 120, Window: new(0)}),
		"totp quick":   New(Options{Algorithm: SHA256, Digits: 7, Period: 1, Window: new(2)}),
		"hotp":         NewCounter(Options{}),
		"hotp no look": NewCounter(Options{Digits: 8, Window: new(0)}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			factortest.Run(t, fixture(t, f))
		})
	}
}

// call is a call of a user who holds these.
func call(now time.Time, held ...factor.Held) factor.Call {
	return factor.Call{
		User: factor.User{ID: "1", Name: "anna", Email: "anna@example.com"}, Held: held, Purpose: factor.ForSignIn,
		Origin: "https://login.example.com:8443", Issuer: "Example", Now: now, Rand: rand.NewChaCha8([32]byte{1}),
	}
}

// refused is why, or zero if it was not refused.
func refused(err error) factor.Refused {
	var r *factor.Refused
	if errors.As(err, &r) {
		return *r
	}
	return factor.Refused{}
}

func TestSeveralAuthenticators(t *testing.T) {
	t.Parallel()
	other := Secret("09876543210987654321")
	f := New(Options{})
	present := testNow.Unix() / 30
	held := []factor.Held{
		{ID: "a", State: stateFor(t, uri(nil), func(s *state) { s.Last = present })},
		{ID: "b", State: stateFor(t, uri(func(u *URI) { u.Secret = other }), nil)},
	}
	verify := func(chosen string, r string) (factor.Verdict, error) {
		c := call(testNow, held...)
		c.Chosen = chosen
		return f.Verify(t.Context(), c, nil, factor.Response{Code: r})
	}
	ofA, ofB := Generator{Secret: testSecret}, Generator{Secret: other}
	v, err := verify("", code(t, ofB, testNow, 0))
	if err != nil || v.Authenticator != "b" || v.State == nil {
		t.Errorf("the code of b: %+v, %v", v, err)
	}
	for name, c := range map[string]struct {
		chosen, code string
		want         factor.Reason
	}{
		"used wins":       {"", code(t, ofA, testNow, 0), factor.Used},
		"of another":      {"a", code(t, ofB, testNow, 0), factor.Wrong},
		"clock of one":    {"", code(t, ofB, testNow, 5), factor.Clock},
		"wrong for all":   {"", code(t, ofB, testNow, 500), factor.Wrong},
		"chosen is gone":  {"c", code(t, ofB, testNow, 0), factor.Wrong},
		"used and chosen": {"a", code(t, ofA, testNow, 0), factor.Used},
	} {
		told := ""
		if c.want == factor.Clock {
			told = "b"
		}
		if v, err := verify(c.chosen, c.code); refused(err).Reason != c.want || v.Authenticator != told {
			t.Errorf("%s: %+v, %v, want %s", name, v, err, c.want)
		}
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	six := factor.Held{ID: "6", State: stateFor(t, uri(nil), nil)}
	eight := factor.Held{ID: "8", State: stateFor(t, uri(func(u *URI) { u.Digits = 8 }), nil)}
	steam := factor.Held{ID: "s", State: stateFor(t, uri(func(u *URI) { u.Steam = true }), nil)}
	for name, c := range map[string]struct {
		held   []factor.Held
		chosen string
		want   int
	}{
		"nobody": {nil, "", 7}, "one": {[]factor.Held{eight}, "", 8}, "mixed": {[]factor.Held{six, eight}, "", 0},
		"chosen": {[]factor.Held{six, eight}, "8", 8}, "steam": {[]factor.Held{steam}, "", 0},
		"mixed, then the same": {[]factor.Held{six, eight, six}, "", 0},
	} {
		in := call(testNow, c.held...)
		in.Chosen = c.chosen
		prompt, pending, err := New(Options{Digits: 7}).Challenge(t.Context(), in, nil)
		if diff := cmp.Diff(factor.Prompt(factor.Code{Digits: c.want}), prompt); diff != "" || pending != nil || err != nil {
			t.Errorf("%s: %v, %s, %s", name, err, pending, diff)
		}
	}
	prompt, _, err := NewCounter(Options{}).Challenge(t.Context(), call(testNow), nil)
	if diff := cmp.Diff(factor.Prompt(factor.Code{Digits: 6, Counter: true}), prompt); diff != "" || err != nil {
		t.Errorf("counter: %v, %s", err, diff)
	}
}
