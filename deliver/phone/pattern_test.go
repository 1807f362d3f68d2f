package phone

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
)

// TestPatterns: each pattern of the tables means what regexp takes it for, with digits that fit it, with ones that nearly
// do, and with any.
func TestPatterns(t *testing.T) {
	t.Parallel()
	text, err := unpacked(packedPlans)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readPlans(text, everyCountry())
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[string]bool{}
	for _, p := range all {
		for _, f := range p.formats {
			patterns[f.pattern], patterns[f.leading] = true, true
		}
		for _, c := range p.countries {
			patterns[c.leading] = true
			for _, k := range c.kinds {
				patterns[k.pattern] = true
			}
		}
	}
	if len(patterns) < 1000 {
		t.Errorf("there are only %d patterns", len(patterns))
	}
	fit := 0
	for pattern := range patterns {
		fit += meansTheSame(t, pattern, 3)
	}
	if fit < 3*len(patterns) {
		t.Errorf("of %d patterns only %d numbers fit", len(patterns), fit)
	}
}

// TestPatternsByHand: what the tables of today do not have.
func TestPatternsByHand(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		"", "1", "1|", "|1", "(?:|1)2", "1?1?1?", "(?:1?){3}", "(?:12?|2){2,4}3", "[13-57]{0,2}9", `(?:\d{2}){1,2}`, "((1)|(2))?3", "[-1]", "[1-]", "[91-3]",
	} {
		meansTheSame(t, pattern, 200)
	}
	for _, pattern := range []string{"x", "NA", "[x]", "(?:x)", "1x?2"} { // where x is left out, it is no matter
		if fitsWhole(pattern, "1") || fitsWhole(pattern, "0") {
			t.Errorf("%q fits", pattern)
		}
	}
}

// meansTheSame compares rounds of digits, and counts those that fit.
func meansTheSame(t *testing.T, pattern string, rounds int) (fit int) {
	t.Helper()
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		t.Errorf("%q: %v", pattern, err)
		return 0
	}
	whole, begin := regexp.MustCompile("^(?:"+pattern+")$"), regexp.MustCompile("^(?:"+pattern+")")
	random := rand.New(rand.NewPCG(uint64(len(pattern)), 0))
	for range rounds {
		fitting := fittingDigits(tree, random)
		nearly := []byte(fitting)
		if len(nearly) > 0 {
			nearly[random.IntN(len(nearly))] = byte('0' + random.IntN(10))
		}
		anyDigits := make([]byte, random.IntN(mostDigits))
		for i := range anyDigits {
			anyDigits[i] = byte('0' + random.IntN(10))
		}
		for _, digits := range []string{fitting, fitting + "0", string(nearly), string(anyDigits)} {
			if got, want := fitsWhole(pattern, digits), whole.MatchString(digits); got != want {
				t.Errorf("%q fits all of %q: %t, want %t", pattern, digits, got, want)
			}
			if got, want := fitsBegin(pattern, digits), begin.MatchString(digits); got != want {
				t.Errorf("%q fits the beginning of %q: %t, want %t", pattern, digits, got, want)
			}
			if whole.MatchString(digits) {
				fit++
			}
		}
	}
	return fit
}

// fittingDigits fit the pattern that was parsed.
func fittingDigits(tree *syntax.Regexp, random *rand.Rand) string {
	var out strings.Builder
	times := func(least, most int) {
		for range least + random.IntN(most-least+1) {
			out.WriteString(fittingDigits(tree.Sub[0], random))
		}
	}
	switch tree.Op {
	case syntax.OpLiteral:
		out.WriteString(string(tree.Rune))
	case syntax.OpCharClass:
		at := 2 * random.IntN(len(tree.Rune)/2)
		from, to := tree.Rune[at], tree.Rune[at+1]
		out.WriteRune(max('0', from+rune(random.IntN(int(to-from)+1)))) // a class by hand may hold a dash
	case syntax.OpConcat:
		for _, sub := range tree.Sub {
			out.WriteString(fittingDigits(sub, random))
		}
	case syntax.OpAlternate:
		out.WriteString(fittingDigits(tree.Sub[random.IntN(len(tree.Sub))], random))
	case syntax.OpCapture:
		times(1, 1)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		times(tree.Min, tree.Max)
	}
	return out.String()
}
