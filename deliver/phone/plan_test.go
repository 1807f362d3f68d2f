package phone

import (
	"strings"
	"testing"
)

// byHand is a plan that has what each rule is there for. The real ones have all of it, though some of it only for numbers
// that are rare.
func byHand(t *testing.T, lines ...string) plan {
	t.Helper()
	p, err := readPlan("code\t99\tAA BB\n" + strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWithoutPrefix(t *testing.T) {
	t.Parallel()
	p := byHand(t, "prefix\t0", "local\t6", "country\tAA", "general\t5 8 10\t\\d{5}|[1-9]\\d{7}|0?[1-9]\\d{8}")
	for typed, want := range map[string]string{
		"12345678":      "12345678",
		"012345678":     "12345678",     // fits without it
		"0123456789":    "0123456789",   // 9 digits are between lengths
		"01234":         "01234",        // too short
		"0123456":       "0123456",      // for neighbors
		"01234567":      "01234567",     // so are 7
		"0000000000000": "000000000000", // too long with and without it
	} {
		if got := p.withoutPrefix(typed); got != want {
			t.Errorf("%s becomes %s, want %s", typed, got, want)
		}
	}
	// Without the prefix the length is possible, but the pattern fits only with it.
	p = byHand(t, "prefix\t0", "country\tAA", "general\t7 8\t0[5-9]\\d{6}|1\\d{6}")
	for typed, want := range map[string]string{"05123456": "05123456", "01123456": "1123456", "02123456": "2123456"} {
		if got := p.withoutPrefix(typed); got != want {
			t.Errorf("%s becomes %s, want %s", typed, got, want)
		}
	}
	// Local lengths are left alone, though they are above the longest one.
	p = byHand(t, "prefix\t0", "local\t6", "country\tAA", "general\t5\t\\d{5}")
	if got := p.withoutPrefix("0123456"); got != "0123456" {
		t.Errorf("0123456 becomes %s", got)
	}
	// What is transformed if the last group took part, and goes otherwise.
	p = byHand(t, "prefix\t(1\\d)$|0(?:(5)\\d)?\t77$1$2", "country\tAA", "general\t4\t\\d{4}")
	for typed, want := range map[string]string{"0512345": "7752345", "012345": "12345", "22": "22"} {
		if got := p.withoutPrefix(typed); got != want {
			t.Errorf("%s becomes %s, want %s", typed, got, want)
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	p := byHand(t,
		"country\tAA", "general\t7 8\t[1-4]\\d{6,7}|1{9}", "premium\t7\t19\\d{5,6}", "fixed\t7\t[19]\\d{6,7}", "mobile\t\t\\d{8}",
		"country\tBB\t3", "general\t7\t3\\d{6}", "pager\t\t39\\d{5}", "mobile\t\t3[1-8]\\d{5}",
		"country\tCC", "general\t7\t[35]\\d{6}", "mobile\t\t[35]\\d{6}")
	for national, want := range map[string]struct {
		code string
		sms  bool
	}{
		"1234567":   {"AA", true},  // fixed
		"1923456":   {"AA", false}, // premium, before fixed
		"19234567":  {"AA", true},  // mobile: premium has 7 digits
		"9234567":   {"", false},   // fixed, but nothing in general
		"111111111": {"", false},   // the pattern fits, the length does not
		"3123456":   {"BB", true},
		"3923456":   {"BB", false},
		"3023456":   {"BB", false}, // by its first digit, though it is none of BB's, and CC would have it
		"5023456":   {"CC", true},
		"6023456":   {"", false},
	} {
		if code, sms := p.owner(national); code != want.code || sms != want.sms {
			t.Errorf("%s is of %q, %t, want %v", national, code, sms, want)
		}
	}
}

func TestIsInternational(t *testing.T) {
	t.Parallel()
	for bare, want := range map[string]bool{
		"+1234567": true, "+123456789012345": true,
		"": false, "+": false, "1234567": false, "+123456": false, "+1234567890123456": false, "+0234567": false, "+12345x7": false, "+1234567+": false, "++1234567": false, "+1234567\n": false,
	} {
		if got := isInternational(bare); got != want {
			t.Errorf("%q: %t", bare, got)
		}
	}
}
