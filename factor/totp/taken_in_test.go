package totp

import (
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

func TestSameSecret(t *testing.T) {
	t.Parallel()
	state := func(kind factor.Kind, secret string, counter uint64) factor.State {
		s, err := NewState(URI{Kind: kind, Generator: Generator{Secret: Secret(secret)}, Counter: counter})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := state(ByCounter, "12345678901234567890", 1)
	for name, tt := range map[string]struct {
		other factor.State
		want  bool
	}{
		"itself":          {one, true},
		"another counter": {state(ByCounter, "12345678901234567890", 9), true},
		"another secret":  {state(ByCounter, "12345678901234567891", 1), false},
		"another kind":    {state(ByTime, "12345678901234567890", 0), false},
		"no state":        {factor.State("{}"), false},
	} {
		if got := SameSecret(one, tt.other); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if SameSecret(nil, nil) {
		t.Error("nothing is the same as nothing")
	}
	if err := CheckState(ByCounter, one); err != nil {
		t.Error(err)
	}
	if CheckState(ByTime, one) == nil || CheckState(ByCounter, nil) == nil {
		t.Error("a state of another kind, or none, was found good")
	}
}
