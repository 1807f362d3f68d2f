package totp

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// stateFor is the state of an imported authenticator, changed.
func stateFor(t *testing.T, u URI, change func(*state)) factor.State {
	t.Helper()
	b, err := NewState(u)
	if err != nil {
		t.Fatal(err)
	}
	s, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&s)
	}
	if b, err = s.encode(); err != nil {
		t.Fatal(err)
	}
	return b
}

// An import that was done twice must not make each code good twice.
func TestTheSameSecretTwice(t *testing.T) {
	t.Parallel()
	present := testNow.Unix() / 30
	f := New(Options{})
	for _, usedID := range []string{"a", "b"} {
		var held []factor.Held
		for _, id := range []string{"a", "b"} {
			held = append(held, factor.Held{ID: id, State: stateFor(t, uri(nil), func(s *state) {
				if id == usedID {
					s.Last = present
				}
			})})
		}
		for _, chosen := range []string{"", "a", "b"} {
			c := call(testNow, held...)
			c.Chosen = chosen
			r := factor.Response{Code: code(t, Generator{Secret: testSecret}, testNow, 0)}
			if _, err := f.Verify(t.Context(), c, nil, r); refused(err).Reason != factor.Used {
				t.Errorf("used by %s, chosen %q: %v", usedID, chosen, err)
			}
		}
	}
}

func TestRestored(t *testing.T) {
	t.Parallel()
	present := testNow.Unix() / 30
	for _, last := range []int64{0, present - 5, present + 1} {
		b, err := Restored(stateFor(t, uri(nil), func(s *state) { s.Last = last }), testNow)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := decode(b); err != nil || s.Last != max(last, present) || s.Resync {
			t.Errorf("last %d: %d, %v, want %d", last, s.Last, err, max(last, present))
		}
	}
	b, err := Restored(stateFor(t, uri(func(u *URI) { u.Kind, u.Counter = ByCounter, 7 }), nil), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := decode(b); err != nil || !s.Resync || s.Next != 7 {
		t.Errorf("counter: %v, next %d, %v", s.Resync, s.Next, err)
	}
	if b, err := Restored(factor.State("{}"), testNow); err == nil {
		t.Errorf("Restored({}) = %s", b)
	}
	if b, err := Restored(stateFor(t, uri(nil), nil), time.Unix(-1, 0)); err == nil {
		t.Errorf("Restored before 1970 = %s", b)
	}
}

// What comes from elsewhere changes its codes every two minutes at least (NIST SP 800-63B-4 §3.1.4.1), as what is enrolled here.
func TestLongPeriods(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: parsed(t, "base32secret3232base32secret3232"), Period: MaxPeriod}
	longest, err := NewState(URI{Generator: g})
	if err != nil || CheckState(ByTime, longest) != nil {
		t.Fatal(err)
	}
	g.Period++
	if _, err := NewState(URI{Generator: g}); err == nil || !strings.Contains(err.Error(), "120") {
		t.Errorf("a period of %d is taken: %v", g.Period, err)
	}
	if _, err := NewState(URI{Kind: ByCounter, Generator: g}); err != nil {
		t.Error("a counter has no period:", err)
	}
	longer := factor.State(strings.Replace(string(longest), `"period":120`, `"period":121`, 1))
	if err := CheckState(ByTime, longer); err == nil {
		t.Error("a state with a longer period is taken")
	}
	if _, err := decodeAs(ByTime, longer); err != nil {
		t.Error("what is held already does not work any more:", err)
	}
}

func TestNewState(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]URI{
		"64 bits": uri(func(u *URI) { u.Secret = u.Secret[:8] }), "none": uri(func(u *URI) { u.Secret = nil }),
		"huge": uri(func(u *URI) { u.Secret = bytes.Repeat(u.Secret, 100) }), "9 digits": uri(func(u *URI) { u.Digits = 9 }),
		"kind": uri(func(u *URI) { u.Kind = "x" }),
	} {
		if b, err := NewState(u); err == nil || strings.Contains(err.Error(), plainSecret) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	if _, err := NewState(URI{Generator: Generator{Secret: parsed(t, "base32secret3232")}}); err != nil {
		t.Errorf("80 bits: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	whole := string(stateFor(t, uri(nil), nil))
	for name, text := range map[string]string{
		"newer version": strings.Replace(whole, `"v":1`, `"v":2`, 1), "more after it": whole + "{}",
		"no secret":         `{"v":1,"kind":"totp","secret":"","algorithm":"SHA1","digits":6,"period":30}`,
		"unknown algorithm": strings.Replace(whole, "SHA1", "MD5", 1), "unknown kind": strings.Replace(whole, "totp", "x", 1),
		"negative step": strings.Replace(whole, `"period":30`, `"period":30,"last":-1`, 1),
		"high counter":  strings.Replace(whole, `"period":30`, `"period":30,"next":9223372036854775808`, 1),
		"bad period":    strings.Replace(whole, `"period":30`, `"period":-30`, 1),
	} {
		if text == whole {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := decode(factor.State(text)); err == nil {
			t.Errorf("%s: %s was read", name, text)
		}
	}
	if _, err := decodeAs(ByCounter, factor.State(whole)); err == nil {
		t.Error("a state of one kind was read as the other")
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(whole), &fields); err != nil || fields["v"] != 1.0 {
		t.Errorf("the state has no version: %v, %v", fields, err)
	}
}
