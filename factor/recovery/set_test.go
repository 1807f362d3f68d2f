package recovery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// A set of one bears five wrong codes; then it is dead for the right one too.
func TestOneCodeTries(t *testing.T) {
	t.Parallel()
	f := cheap()
	h, code := one(t, f, "a")
	for i := range oneCodeTries {
		good := h
		if v, err := judge(t, f, code, &good); err != nil || v.Left != 0 {
			t.Fatalf("after %d wrong ones: %v, left %d, want right and 0", i, err, v.Left)
		}
		if got := reason(t, second(judge(t, f, code, &good))); got != factor.Used {
			t.Errorf("used: %q", got)
		}
		v, err := judge(t, f, never, &h)
		if reason(t, err) != factor.Wrong || v.Authenticator != "a" || v.State == nil || v.Proof.Classes != nil {
			t.Fatalf("wrong one %d: %+v, %v, want a state that counts it and no proof", i, v, err)
		}
	}
	if got := reason(t, second(judge(t, f, code, &h))); got != factor.Expired {
		t.Errorf("after five wrong ones: %q, want expired", got)
	}
	if v, err := judge(t, f, never, &h); reason(t, err) != factor.Wrong || v.State != nil {
		t.Errorf("a sixth wrong one: %v, state %q", err, v.State)
	}
}

// What is malformed costs a try too: a dead code stays within five answers whatever they look like.
func TestOneCodeMalformed(t *testing.T) {
	t.Parallel()
	f := cheap()
	h, code := one(t, f, "a")
	for range oneCodeTries {
		_, _ = judge(t, f, "", &h)
	}
	if got := reason(t, second(judge(t, f, code, &h))); got != factor.Expired {
		t.Errorf("got %q, want expired", got)
	}
}

// A used code costs no try.
func TestUsedCostsNoTry(t *testing.T) {
	t.Parallel()
	f := cheap()
	set, codes := ten(t, f, "a")
	admin, code := one(t, f, "b")
	for range oneCodeTries + 1 {
		_, _ = judge(t, f, codes[0], &set, &admin)
	}
	if v, err := judge(t, f, code, &set, &admin); err != nil || v.Authenticator != "b" {
		t.Errorf("got %v of %q, want right of b", err, v.Authenticator)
	}
}

// The set of ten and single codes answer beside each other, each for itself.
func TestSeveralSets(t *testing.T) {
	t.Parallel()
	f := cheap()
	set, codes := ten(t, f, "a")
	admin, adminCode := one(t, f, "b")
	reset, resetCode := one(t, f, "c")
	reset.Allows = factor.AllowsEnrollment
	all := []*factor.Held{&set, &admin, &reset}

	v, err := judge(t, f, codes[4], all...)
	if err != nil || v.Authenticator != "a" || v.Left != 9 || v.Proof.Allows != factor.AllowsAll {
		t.Errorf("a code of ten: %+v, %v", v, err)
	}
	// The wrong ones of n sets of one are 5n, and none is counted on the ten.
	counted := map[string]int{}
	for range 2*oneCodeTries + 1 {
		v, err := judge(t, f, never, all...)
		if reason(t, err) != factor.Wrong {
			t.Fatal(err)
		}
		counted[v.Authenticator]++
		if counted["b"] == 1 && counted["c"] == 0 {
			copies := []factor.Held{set, admin, reset}
			v, err := judge(t, f, resetCode, &copies[0], &copies[1], &copies[2])
			if err != nil || v.Authenticator != "c" || v.Proof.Allows != factor.AllowsEnrollment {
				t.Errorf("the reset's code: %+v, %v", v, err)
			}
		}
	}
	if counted["b"] != oneCodeTries || counted["c"] != oneCodeTries || counted[""] != 1 {
		t.Errorf("tries were counted %v, want five on b, five on c, then none", counted)
	}
	for _, code := range []string{adminCode, resetCode} {
		if got := reason(t, second(judge(t, f, code, all...))); got != factor.Expired {
			t.Errorf("a dead code: %q, want expired", got)
		}
	}
	if _, err := judge(t, f, codes[5], all...); err != nil {
		t.Errorf("the ten after that: %v", err)
	}
}

// A set that cannot be read hides no other set, and is never taken for a wrong code.
func TestUnreadableBesideReadable(t *testing.T) {
	t.Parallel()
	f := cheap()
	set, codes := ten(t, f, "a")
	broken := factor.Held{ID: "b", State: factor.State(`{"v":9}`)}
	if _, err := judge(t, f, codes[0], &broken, &set); err != nil {
		t.Errorf("right: %v", err)
	}
	if _, err := judge(t, f, never, &broken, &set); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("wrong: %v, want a fault", err)
	}
}

// However many sets are held, one judgment hashes for eight at most, the newest.
func TestManySets(t *testing.T) {
	t.Parallel()
	f := cheap()
	var all []*factor.Held
	var first, last string
	for i := range maxSets + 1 {
		h, code := one(t, f, string(rune('a'+i)))
		h.CreatedAt = time.Unix(int64(i), 0)
		all = append(all, &h)
		if i == 0 {
			first = code
		}
		last = code
	}
	if got := reason(t, second(judge(t, f, first, all...))); got != factor.Wrong {
		t.Errorf("the oldest of nine: %q, want wrong", got)
	}
	if _, err := judge(t, f, last, all...); err != nil {
		t.Errorf("the newest of nine: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	h, _ := ten(t, cheap(), "a")
	good := string(h.State)
	if _, err := decode(h.State); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"v":1`, `"v":2`},
		{`"m":8`, `"m":7`},
		{`"m":8`, `"m":4294967295`},
		{`"t":1`, `"t":0`},
		{`"t":1`, `"t":99`},
		{`"p":1`, `"p":0`},
		{`"salt":"`, `"salt":"AAAA`},
		{`"hash":"`, `"hash":"AAAA`},
		{`"v":1`, `"v":1,"x":1`},
		{`"v":1`, `"v":1,"tries":-1`},
		{`"v":1`, `"v":1,"max_tries":-1`},
		{`]}`, `]}}`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("the state has no %s: %.80s", change[0], good)
		}
		if _, err := decode(factor.State(bad)); !errors.Is(err, errState) {
			t.Errorf("%s for %s: %v, want a state that cannot be read", change[1], change[0], err)
		}
	}
}
