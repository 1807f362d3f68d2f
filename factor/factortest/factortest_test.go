package factortest

import (
	"testing"
)

// A factor that keeps the laws passes, with and without a challenge.
func TestLawful(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fake{"without a challenge": {}, "with a challenge": {asks: true}} {
		t.Run(name, func(t *testing.T) { Run(t, fixture(f)) })
	}
}

// Every breach is caught by the check that is there for it, and every check has a breach that shows its worth.
func TestBreaches(t *testing.T) {
	t.Parallel()
	byName := map[string]check{}
	for _, c := range checks() {
		byName[c.name] = c
	}
	caught := map[string]bool{}
	for _, b := range breaches() {
		c, ok := byName[b.check]
		if !ok {
			t.Fatalf("no check %q", b.check)
		}
		caught[b.check] = true
		if err := c.guarded(t.Context(), b.make()); err == nil {
			t.Errorf("%s: a factor that %q passed", b.check, b.name)
		} else if testing.Verbose() {
			t.Logf("%s, %s: %.120v", b.check, b.name, err)
		}
	}
	for name := range byName {
		if !caught[name] {
			t.Errorf("check %s has no breach that it catches", name)
		}
	}
}
