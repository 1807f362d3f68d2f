package totp

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var (
	testSecret = Secret("12345678901234567890")
	testNow    = time.Date(2026, 11, 22, 12, 0, 10, 0, time.UTC)
)

// code is the code some steps away from now.
func code(t testing.TB, g Generator, now time.Time, steps int) string {
	t.Helper()
	step, err := g.Step(now)
	if err != nil {
		t.Fatal(err)
	}
	text, err := g.Code(uint64(step + int64(steps)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVerifyWindow(t *testing.T) {
	t.Parallel()
	for _, g := range []Generator{
		{Secret: testSecret},
		{Secret: testSecret, Algorithm: SHA256, Digits: 8, Period: 60},
		{Secret: testSecret, Algorithm: SHA512, Digits: 7, Period: 1},
	} {
		present, _ := g.Step(testNow)
		for window := range 3 {
			for off := -5; off <= 5; off++ {
				step, ok := g.Verify(code(t, g, testNow, off), testNow, window, 0)
				if inside := off >= -window && off <= window; ok != inside || ok && step != present+int64(off) {
					t.Errorf("window %d, %d steps off: %d, %v", window, off, step, ok)
				}
			}
		}
	}
	if _, ok := (Generator{Secret: testSecret}).Verify(code(t, Generator{Secret: testSecret}, testNow, 0), testNow, -7, 0); !ok {
		t.Error("a negative window refuses the present step")
	}
}

func TestVerifyIsMonotone(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	present, _ := g.Step(testNow)
	for last := present - 4; last <= present+4; last++ {
		for off := -2; off <= 2; off++ {
			step, ok := g.Verify(code(t, g, testNow, off), testNow, 2, last)
			if want := present+int64(off) > last; ok != want {
				t.Errorf("last %+d: step %+d is %v, want %v", last-present, off, ok, want)
			} else if ok && step <= last {
				t.Errorf("step %d is not after %d", step, last)
			}
		}
	}
}

func TestVerifyAtTheEdges(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	// The window does not reach below step 0, whose code is 755224.
	if step, ok := g.Verify("755224", time.Unix(0, 0), 2, -1); !ok || step != 0 {
		t.Errorf("step 0: %d, %v", step, ok)
	}
	if _, ok := g.Verify("755224", time.Unix(0, 0), 2, 0); ok {
		t.Error("step 0 is used up and accepted")
	}
	if counter, ok := g.VerifyCounter("755224", math.MaxUint64, 5); ok {
		t.Errorf("a counter overflowed to %d", counter)
	}
	if counter, ok := g.VerifyPair("755224", "287082", math.MaxUint64, 5); ok {
		t.Errorf("a counter overflowed to %d", counter)
	}
}

func TestCodesAsTyped(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	at := time.Unix(60, 0) // step 2, whose code is 359152
	for _, text := range []string{
		"359152", "359 152", "359-152", " 359152", "359152 ", "3 5 9 1 5 2", "35-91-52", "３５９１５２", "３５９ １５２", "359１52",
	} {
		if step, ok := g.Verify(text, at, 0, 0); !ok || step != 2 {
			t.Errorf("%q is refused", text)
		}
	}
	for _, text := range []string{
		"", " ", "-", "35915", "3591522", "0359152", "+359152", "359152a", "a359152", "359.152", "359,152", "359_152", "359\u00a0152",
		"359152\n", "\t359152", "359152\x00", "\x00359152", "٣٥٩١٥٢", "३५९१५२", "³⁵⁹¹⁵²", "𝟑𝟓𝟗𝟏𝟓𝟐", "3591５x", "\xff359152", "359–152",
		"359152" + strings.Repeat(" ", 100), strings.Repeat("9", 1<<20), "3.59152e5", "0x57AF0",
	} {
		if _, ok := g.Verify(text, at, 0, 0); ok {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestLeadingZerosCount(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: parsed(t, "base32secret3232")}
	for text, want := range map[string]bool{"055283": true, "55283": false, "55283 ": false, " 55283": false, "0055283": false} {
		if _, ok := g.VerifyCounter(text, 1, 0); ok != want {
			t.Errorf("%q is %v", text, ok)
		}
	}
}

func TestVerifyCounter(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	for window := range 12 {
		for counter := range uint64(20) {
			text, _ := g.Code(counter)
			got, ok := g.VerifyCounter(text, 5, window)
			if want := counter >= 5 && counter <= 5+uint64(window); ok != want || ok && got != counter {
				t.Errorf("window %d: counter %d gave %d, %v", window, counter, got, ok)
			}
		}
	}
}

func TestVerifyPair(t *testing.T) {
	t.Parallel()
	g := Generator{Secret: testSecret}
	at := func(counter uint64) string { text, _ := g.Code(counter); return text }
	for _, first := range []uint64{5, 6, 20, 21, 1005} {
		if got, ok := g.VerifyPair(at(first), at(first+1), 5, 1000); !ok || got != first+1 {
			t.Errorf("pair at %d: %d, %v", first, got, ok)
		}
	}
	for name, pair := range map[string][2]string{
		"reversed": {at(7), at(6)}, "the same": {at(6), at(6)}, "a gap": {at(6), at(8)}, "behind": {at(3), at(4)},
		"half behind": {at(4), at(5)}, "beyond": {at(1006), at(1007)}, "one": {at(6), ""}, "other": {"", at(6)},
	} {
		if got, ok := g.VerifyPair(pair[0], pair[1], 5, 1000); ok {
			t.Errorf("%s: accepted at %d", name, got)
		}
	}
}

// What allocates is slow and leaves copies of secrets behind. The benchmarks in bench/ check it too, and never with the
// race detector.
func TestVerifyAllocatesNothing(t *testing.T) {
	secret64 := Secret(strings.Repeat("x", 64))
	checks := map[string]func(){
		"from text": func() { _, _, _ = Verify("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", "000 000", testNow, 1, 0) },
		"counter":   func() { Generator{Secret: testSecret}.VerifyCounter("000000", 7, 10) },
		"pair":      func() { Generator{Secret: testSecret}.VerifyPair("000000", "000000", 7, 100) },
	}
	for _, a := range []Algorithm{SHA1, SHA256, SHA512} {
		checks[string(a)] = func() {
			Generator{Secret: secret64, Algorithm: a, Digits: 8}.Verify("00000000", testNow, 2, 0)
		}
	}
	for name, f := range checks {
		if n := testing.AllocsPerRun(100, f); n != 0 && !raced {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestVerifyFromText(t *testing.T) {
	t.Parallel()
	text := code(t, Generator{Secret: testSecret}, testNow, 1)
	step, ok, err := Verify(testSecret.Base32(), text, testNow, 1, 0)
	if want := testNow.Unix()/30 + 1; step != want || !ok || err != nil {
		t.Errorf("Verify = %d, %v, %v, want step %d", step, ok, err, want)
	}
	if _, ok, err := Verify(testSecret.Base32(), text, testNow, 1, step); ok || err != nil {
		t.Errorf("a used code: %v, %v", ok, err)
	}
	if _, ok, err := Verify("MZXW6YT1", text, testNow, 1, 0); ok || err == nil {
		t.Errorf("a bad secret: %v, %v", ok, err)
	}
	long := Secret(strings.Repeat("long", 100))
	if _, ok, err := Verify(long.Base32(), code(t, Generator{Secret: long}, testNow, 0), testNow, 0, 0); !ok || err != nil {
		t.Errorf("a long secret: %v, %v", ok, err)
	}
}

// Whatever is typed, it is a code's digits in their order and nothing besides, or it is refused.
func FuzzTypedCode(f *testing.F) {
	for _, text := range []string{"", "123456", "123 456", "123-456", "１２３４５６", "12345678", "123456789", "ykkk4", "\xff", "+1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var digits strings.Builder
		clean := len(text) <= maxTyped
		for _, r := range text {
			switch {
			case r >= '0' && r <= '9':
				digits.WriteRune(r)
			case r >= '０' && r <= '９':
				digits.WriteRune('0' + r - '０')
			case r != ' ' && r != '-':
				clean = false
			}
		}
		want := digits.String()
		if !clean || len(want) > maxDigits {
			want = ""
		}
		got := Generator{}.typed(text)
		if string(got.text[:got.length]) != want {
			t.Errorf("typed(%q) = %q, want %q", text, got.text[:got.length], want)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	b.Run("wrong", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok, err := Verify("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "000000", testNow, 1, 0); ok || err != nil {
				b.Fatal(fmt.Sprint(ok, err))
			}
		}
	})
	for _, a := range []Algorithm{SHA256, SHA512} {
		b.Run(string(a), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Generator{Secret: testSecret, Algorithm: a}.Verify("000000", testNow, 1, 0)
			}
		})
	}
}
