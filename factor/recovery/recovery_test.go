package recovery

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/factortest"
)

// cheap is a factor whose sets cost little, for tests of what does not depend on it.
func cheap() *Factor {
	f := New(Options{})
	f.cost = Cost{Memory: 8, Passes: 1, Lanes: 1}
	return f
}

func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

const never = "7777-7777-7777-7777" // a code that no test makes

func TestFactor(t *testing.T) {
	t.Parallel()
	factortest.Run(t, factortest.Fixture{
		Factor: cheap(), Hashed: true,
		Answer: func(a factortest.Asked) factor.Response {
			return factor.Response{Code: a.Enrolled.Show.(factor.Keep).Codes[a.Turn]}
		},
		Wrong: func(factortest.Asked) factor.Response { return factor.Response{Code: never} },
	})
}

// ten is a set of ten and its codes.
func ten(t *testing.T, f *Factor, id string) (factor.Held, []string) {
	t.Helper()
	e, err := f.FinishEnrollment(t.Context(), factor.Call{Rand: random(id[0])}, nil, factor.Response{})
	if err != nil {
		t.Fatal(err)
	}
	return held(id, e), e.Show.(factor.Keep).Codes
}

// one is a set of one and its code.
func one(t *testing.T, f *Factor, id string) (factor.Held, string) {
	t.Helper()
	e, err := f.OneCode(t.Context(), factor.Call{Rand: random(id[0])})
	if err != nil {
		t.Fatal(err)
	}
	if e.Left != 1 {
		t.Errorf("OneCode left %d, want 1", e.Left)
	}
	return held(id, e), e.Show.(factor.Keep).Codes[0]
}

func held(id string, e factor.Enrolled) factor.Held {
	return factor.Held{ID: id, Kind: Kind, State: e.State, Left: e.Left}
}

// judge verifies and keeps what the engine would keep.
func judge(t *testing.T, f *Factor, code string, held ...*factor.Held) (factor.Verdict, error) {
	t.Helper()
	c := factor.Call{}
	for _, h := range held {
		c.Held = append(c.Held, *h)
	}
	v, err := f.Verify(t.Context(), c, nil, factor.Response{Kind: Kind, Code: code})
	for _, h := range held {
		if h.ID == v.Authenticator && v.State != nil {
			h.State = v.State
		}
	}
	return v, err
}

func reason(t *testing.T, err error) factor.Reason {
	t.Helper()
	var r *factor.Refused
	if err != nil && !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if r == nil {
		return ""
	}
	return r.Reason
}

func TestEnrollment(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	prompt, pending, err := f.BeginEnrollment(t.Context(), factor.Call{}, factor.Response{})
	if k, ok := prompt.(factor.Keep); !ok || len(k.Codes) > 0 || pending != nil || err != nil {
		t.Errorf("BeginEnrollment gave %v, %q, %v, want a Keep without codes and nothing to remember", prompt, pending, err)
	}
	e, err := f.FinishEnrollment(t.Context(), factor.Call{Rand: random(1)}, nil, factor.Response{})
	if err != nil {
		t.Fatal(err)
	}
	codes := e.Show.(factor.Keep).Codes
	if e.Left != 10 || len(codes) != 10 {
		t.Fatalf("%d codes, left %d, want ten", len(codes), e.Left)
	}
	form := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$`)
	for i, c := range codes {
		if !form.MatchString(c) || slices.Contains(codes[:i], c) {
			t.Errorf("code %q is malformed or said twice", c)
		}
	}
	s, err := decode(e.State)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Cost{Memory: 19456, Passes: 2, Lanes: 1}); s.Cost != want {
		t.Errorf("a hash costs %+v, want %+v", s.Cost, want)
	}
	h := held("a", e)
	if v, err := judge(t, f, codes[3], &h); err != nil || v.Left != 9 {
		t.Errorf("at the real cost: %v, left %d, want right and 9", err, v.Left)
	}
}

// Ten codes, in any order, each good once, and each told from one that never was when it comes again.
func TestAnyOrderEachOnce(t *testing.T) {
	t.Parallel()
	f := cheap()
	h, codes := ten(t, f, "a")
	order := rand.New(random(9)).Perm(10)
	for n, i := range order {
		if got := reason(t, second(judge(t, f, never, &h))); got != factor.Wrong {
			t.Errorf("a code that never was: %q, want wrong", got)
		}
		v, err := judge(t, f, codes[i], &h)
		if err != nil || v.Authenticator != "a" || v.Left != 9-n {
			t.Fatalf("code %d: %v, of %q, left %d, want right, a, %d", i, err, v.Authenticator, v.Left, 9-n)
		}
		if !slices.Equal(v.Proof.Classes, []factor.Class{factor.Possession}) {
			t.Errorf("classes %q, want possession", v.Proof.Classes)
		}
		for _, used := range order[:n+1] {
			v, err := judge(t, f, strings.ToUpper(codes[used]), &h)
			if got := reason(t, err); got != factor.Used || v.State != nil {
				t.Errorf("used code %d: %q, state %q, want used and no state", used, got, v.State)
			}
		}
	}
}

func second(_ factor.Verdict, err error) error { return err }
