package webauthn

import (
	"slices"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/internal/softkey"
)

func TestCounter(t *testing.T) {
	t.Parallel()
	const most = 1<<32 - 1
	for name, tc := range map[string]struct {
		old, new uint32
		back     bool
	}{
		"none":         {0, 0, false},
		"begins":       {0, 1, false},
		"rises":        {7, 8, false},
		"jumps":        {7, 7000, false},
		"to the end":   {7, most, false},
		"equal":        {7, 7, true},
		"lower":        {7, 6, true},
		"disappears":   {7, 0, true},
		"wraps around": {most, 1, true},
	} {
		for _, refuse := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, func(o *Options) { o.RefuseCounter = refuse })
				s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Counter = tc.old }
				s.enroll(false)
				s.key.Forge.AuthData = func(d *softkey.AuthData) { d.Counter = tc.new }
				v, err := s.tryProve(s.key)
				if tc.back && refuse {
					refused(t, v, err, factor.Wrong)
					return
				}
				if err != nil {
					t.Fatalf("%v: %v", err, s.why)
				}
				s.keep(v)
				got := s.stored(0).Credential.Authenticator
				if warned := slices.Equal(v.Warnings, []factor.Warning{"counter_went_back"}); warned != tc.back || got.CloneWarning != tc.back {
					t.Errorf("warnings %q, stored %v, want %v", v.Warnings, got.CloneWarning, tc.back)
				}
				if want := max(tc.old, tc.new); got.SignCount != want {
					t.Errorf("stored count = %d, want %d", got.SignCount, want)
				}
			})
		}
	}
}

func TestCounterWarningEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.enroll(false)
	s.prove(s.key)
	s.key.Credentials[0].Counter = 0
	if v := s.prove(s.key); len(v.Warnings) != 1 {
		t.Errorf("warnings = %q", v.Warnings)
	}
	if v := s.prove(s.key); len(v.Warnings) != 0 || s.stored(0).Credential.Authenticator.CloneWarning {
		t.Errorf("after it has risen again: %q", v.Warnings)
	}
}
