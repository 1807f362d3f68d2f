package password

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/factortest"
)

const phrase = "kq tz mw xp vrb Ångström"

// cheap is a cost for tests of what does not depend on it.
var cheap = Cost{Memory: 64, Passes: 1, Lanes: 1}

func random() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

func TestFactor(t *testing.T) {
	t.Parallel()
	right := func(factortest.Asked) factor.Response { return factor.Response{Password: phrase} }
	factortest.Run(t, factortest.Fixture{
		Factor: New(Options{Cost: cheap}), Enroll: right, Answer: right, Reusable: true, Hashed: true,
		Wrong: func(a factortest.Asked) factor.Response {
			if a.Enrolling {
				return factor.Response{Password: "password12345678"}
			}
			return factor.Response{Password: phrase + " "}
		},
	})
}

// enroll is a password that is held.
func enroll(t *testing.T, f *Factor, text string) factor.Held {
	t.Helper()
	e, err := f.FinishEnrollment(t.Context(), factor.Call{Rand: random()}, nil, factor.Response{Password: text})
	if err != nil {
		t.Fatal(err)
	}
	return factor.Held{ID: "p", Kind: Kind, State: e.State}
}

func verify(t *testing.T, f *Factor, text string, held ...factor.Held) (factor.Verdict, error) {
	t.Helper()
	return f.Verify(t.Context(), factor.Call{Held: held, Rand: random()}, nil, factor.Response{Password: text})
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	f := New(Options{MinLength: 8, MaxLength: 100})
	p, state, err := f.BeginEnrollment(t.Context(), factor.Call{}, factor.Response{})
	if want := (factor.Password{New: true, MinLength: 8, MaxLength: 100}); p != want || state != nil || err != nil {
		t.Errorf("BeginEnrollment gave %v, %q, %v, want %v and nothing to remember", p, state, err, want)
	}
	p, state, err = f.Challenge(t.Context(), factor.Call{}, nil)
	if p != (factor.Password{}) || state != nil || err != nil {
		t.Errorf("Challenge gave %v, %q, %v, want an empty Password and nothing to remember", p, state, err)
	}
}

// What is typed is what is judged: nothing is trimmed, cut or changed, save that NFD is NFC.
func TestVerifyExact(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap})
	long := strings.Repeat("kq tz mw xp vrb ", 16) // 256
	wide := make([]rune, 256)                      // of four bytes
	for i := range wide {
		wide[i] = 0x20000 + rune(i*i*7%911)
	}
	changed := string(append(wide[:255:255], '𠀁'))
	for _, tt := range []struct {
		name, enrolled, typed string
		right                 bool
	}{
		{"the same", phrase, phrase, true},
		{"another case", phrase, strings.ToLower(phrase), false},
		{"a space behind", phrase, phrase + " ", false},
		{"a space before", phrase, " " + phrase, false},
		{"an enrolled space", phrase + " ", phrase, false},
		{"NFD for NFC", norm.NFC.String(phrase), norm.NFD.String(phrase), true},
		{"NFC for NFD", norm.NFD.String(phrase), norm.NFC.String(phrase), true},
		{"byte 73 differs", long[:72] + "x" + long[73:100], long[:72] + "y" + long[73:100], false},
		{"byte 73 is missing", long[:73], long[:72], false},
		{"the last of 256 differs", long[:255] + "x", long[:255] + "y", false},
		{"the last of 256 wide ones differs", string(wide), changed, false},
		{"256 wide ones", string(wide), string(wide), true},
		{"full width is another", "kq tz mw xp vrb", "ｋq tz mw xp vrb", false},
		{"cut at a NUL", phrase, phrase + "\x00", false},
		{"bad UTF-8 behind", phrase, phrase + "\xff", false},
		{"empty", phrase, "", false},
		{"4097 bytes", phrase, strings.Repeat("x", 4097), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := verify(t, f, tt.typed, enroll(t, f, tt.enrolled))
			if (err == nil) != tt.right || (err != nil && !errors.Is(err, factor.ErrRefused)) {
				t.Errorf("got %v, want right %v", err, tt.right)
			}
			if v.State != nil {
				t.Error("a new state for an unchanged cost")
			}
		})
	}
}

// The default is what the standards ask for, and is what the state says.
func TestStateFormat(t *testing.T) {
	t.Parallel()
	state := string(enroll(t, New(Options{}), phrase).State)
	if !strings.HasPrefix(state, `{"phc":"$argon2id$v=19$m=19456,t=2,p=1$`) {
		t.Errorf("state begins %.60s", state)
	}
	one, two := New(Options{Cost: cheap}), random()
	a, err := one.Hash(t.Context(), two, phrase)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := one.Hash(t.Context(), two, phrase); err != nil || a == b {
		t.Errorf("the same password twice gave %q and %q, %v: the salt must differ", a, b, err)
	}
}

// A hash of another cost is right, and is replaced; the replacement is final.
func TestRehash(t *testing.T) {
	t.Parallel()
	old := New(Options{Cost: Cost{Memory: 32, Passes: 1, Lanes: 1}})
	now := New(Options{Cost: cheap})
	held := enroll(t, old, phrase)
	held.Allows = factor.AllowsEnrollment
	if v, err := verify(t, now, phrase+"x", held); !errors.Is(err, factor.ErrRefused) || v.State != nil {
		t.Errorf("a wrong password gave %v and a state %q", err, v.State)
	}
	v, err := verify(t, now, phrase, held)
	if err != nil || v.State == nil || v.Proof.Allows != factor.AllowsEnrollment {
		t.Fatalf("got %v, state %q, proof %+v, want a new state and what is allowed", err, v.State, v.Proof)
	}
	held.State = v.State
	if v, err := verify(t, now, phrase, held); err != nil || v.State != nil {
		t.Errorf("after the change: %v, state %q", err, v.State)
	}
	held = enroll(t, old, phrase)
	c := factor.Call{Held: []factor.Held{held}, Rand: strings.NewReader("")}
	if v, err := now.Verify(t.Context(), c, nil, factor.Response{Password: phrase}); err == nil || v.State != nil {
		t.Errorf("without randomness: %v, state %q", err, v.State)
	}
}

// With nobody, and for what can be no password, a hash of the same cost is computed.
func TestVerifyCostsTheSame(t *testing.T) {
	f := New(Options{Cost: cheap})
	held := enroll(t, f, phrase)
	long := strings.Repeat("x", 1<<20)
	for name, call := range map[string]func() error{
		"nobody":    func() error { _, err := verify(t, f, phrase); return err },
		"empty":     func() error { _, err := verify(t, f, "", held); return err },
		"too long":  func() error { _, err := verify(t, f, long, held); return err },
		"bad UTF-8": func() error { _, err := verify(t, f, "\xff", held); return err },
		"wrong":     func() error { _, err := verify(t, f, "wrong", held); return err },
	} {
		var hashed []Cost
		f.limiter.hashed = func(_ bool, c Cost) { hashed = append(hashed, c) }
		err := call()
		if !errors.Is(err, factor.ErrRefused) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
		if !slices.Equal(hashed, []Cost{f.cost}) {
			t.Errorf("%s: hashed at %v, want once at the cost of today", name, hashed)
		}
	}
}

func TestFromHash(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap})
	phc, err := f.Hash(t.Context(), random(), phrase)
	if err != nil {
		t.Fatal(err)
	}
	state, err := FromHash(phc)
	if err != nil {
		t.Fatal(err)
	}
	held := factor.Held{ID: "p", State: state}
	v, err := verify(t, f, norm.NFD.String(phrase), held)
	if err != nil || v.State == nil {
		t.Fatalf("got %v, state %q, want right and the state of one of ours", err, v.State)
	}
	if again, err := HashOf(v.State); err != nil || again != phc {
		t.Errorf("a hash of our own cost was made anew: %v", err)
	}
	held.State = v.State
	if v, err := verify(t, f, phrase, held); err != nil || v.State != nil {
		t.Errorf("then: %v, state %q, want right and unchanged", err, v.State)
	}

	// Another program may have hashed what was typed, in NFD.
	typed := norm.NFD.String(phrase)
	h, err := newArgon2id(random(), typed, cheap, NewLimiter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if held.State, err = FromHash(h.String()); err != nil {
		t.Fatal(err)
	}
	v, err = verify(t, f, typed, held)
	if err != nil || v.State == nil {
		t.Fatalf("a hash of NFD: %v, state %q, want right and a new state", err, v.State)
	}
	held.State = v.State
	if _, err := verify(t, f, norm.NFC.String(phrase), held); err != nil {
		t.Errorf("after the change, in NFC: %v", err)
	}
}

// A state that is not entirely understood lets nobody in.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	good := string(enroll(t, New(Options{Cost: cheap}), phrase).State)
	for _, bad := range []string{
		"", "null", good + "}", good + good, strings.Replace(good, "{", `{"v":2,`, 1), strings.Replace(good, "argon2id", "x", 1),
	} {
		if _, _, err := decode(factor.State(bad)); err == nil {
			t.Errorf("%.60q was read", bad)
		}
	}
}

func TestHashRefuses(t *testing.T) {
	t.Parallel()
	f := New(Options{Cost: cheap})
	for text, want := range map[string]string{
		"": "missing", "x\xff": "invalid", "x\x00": "invalid", strings.Repeat("kq", 129): "too_long",
		strings.Repeat("x", 5000): "too_long", "short": "",
	} {
		_, err := f.Hash(t.Context(), random(), text)
		if got := problem(t, err); got != want {
			t.Errorf("%.20q: got %q, want %q", text, got, want)
		}
	}
	if _, err := f.Hash(t.Context(), strings.NewReader("short"), phrase); err == nil || errors.Is(err, factor.ErrRefused) {
		t.Errorf("without randomness: %v, want a fault", err)
	}
}

// A hash from elsewhere that takes much memory runs alone, and who waits for it may go.
func TestLargeRunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, largeRunsAlone)
}

func largeRunsAlone(t *testing.T) {
	f := New(Options{Cost: cheap, Parallel: 4})
	h, err := newArgon2id(random(), phrase, Cost{Memory: large + 8, Passes: 1, Lanes: 1}, NewLimiter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	state, err := FromHash(h.String())
	if err != nil {
		t.Fatal(err)
	}
	f.alone <- struct{}{} // another one runs
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		c := factor.Call{Held: []factor.Held{{ID: "p", State: state}}, Rand: random()}
		_, err := f.Verify(ctx, c, nil, factor.Response{Password: phrase})
		done <- err
	}()
	synctest.Wait()
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who went got %v, want context.Canceled", err)
		}
	}
	cancel()
	<-f.alone
	if v, err := verify(t, f, phrase, factor.Held{ID: "p", State: state}); err != nil || v.State == nil {
		t.Errorf("got %v, state %q, want right and a new state", err, v.State)
	}
}
