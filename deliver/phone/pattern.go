package phone

import (
	"math/bits"
	"strconv"
	"strings"
)

// The patterns of the plans are regular expressions with little in them: digits, \d, classes of digits, groups,
// alternatives, ?, {n} and {n,m}. There are thousands, and what regexp makes of one is as large as it is slow to make for a
// single number. So they are read while they are matched: with a few digits at hand, all places that a pattern may
// reach are the bits of one word. Where it matters which alternative is taken first, regexp is asked.

// places are places in a number, a bit each: bit n stands after n digits.
type places uint32

// fitsWhole reports whether the pattern is all of the digits, as regexp would with ^(?:…)$.
func fitsWhole(pattern, digits string) bool { return reached(pattern, digits)>>len(digits)&1 == 1 }

// fitsBegin reports whether the digits begin with the pattern.
func fitsBegin(pattern, digits string) bool { return reached(pattern, digits) != 0 }

// reached are the places where the pattern may end that begins at the first digit.
func reached(pattern, digits string) places {
	r := reader{rest: pattern, digits: digits}
	return r.either(1)
}

// reader is at one place in a pattern. What its methods are given is where in the digits that part may begin, and what
// they return is where it may end.
type reader struct{ rest, digits string }

func (r *reader) skips(text string) bool {
	rest, ok := strings.CutPrefix(r.rest, text)
	r.rest = rest
	return ok
}

// either reads alternatives, to the end of their group.
func (r *reader) either(from places) (to places) {
	for {
		at := from
		for r.rest != "" && r.rest[0] != '|' && r.rest[0] != ')' {
			at = r.repeated(at)
		}
		to |= at
		if !r.skips("|") {
			return to
		}
	}
}

// repeated reads one thing and how often it stands.
func (r *reader) repeated(from places) (to places) {
	thing := r.rest
	at := r.once(from)
	least, most := r.times()
	if least == 0 {
		to = from
	}
	after := r.rest
	for n := 1; ; n++ {
		if n >= least {
			to |= at
		}
		if n >= most || at == 0 {
			break
		}
		r.rest = thing
		at = r.once(at)
	}
	r.rest = after
	return to
}

// once reads a group, a class, \d or a digit. What is none of these fits nothing.
func (r *reader) once(from places) places {
	switch {
	case r.skips("(?:"), r.skips("("):
		to := r.either(from)
		r.skips(")")
		return to
	case r.skips("["):
		class, rest, _ := strings.Cut(r.rest, "]")
		r.rest = rest
		return r.step(from, digitsOf(class))
	}
	one := r.rest[:1]
	if strings.HasPrefix(r.rest, `\d`) {
		one = `\d`
	}
	r.rest = r.rest[len(one):]
	return r.step(from, digitsOf(one))
}

// step goes over one digit, if it is among the bits.
func (r *reader) step(from places, among uint16) (to places) {
	for ; from != 0; from &= from - 1 {
		if i := bits.TrailingZeros32(uint32(from)); i < len(r.digits) && among>>(r.digits[i]-'0')&1 == 1 {
			to |= 1 << (i + 1)
		}
	}
	return to
}

// times is 1 and 1 where nothing is said.
func (r *reader) times() (least, most int) {
	if r.skips("?") {
		return 0, 1
	}
	if !r.skips("{") {
		return 1, 1
	}
	said, rest, _ := strings.Cut(r.rest, "}")
	r.rest = rest
	from, to, ranges := strings.Cut(said, ",")
	least, _ = strconv.Atoi(from) // a test holds every pattern to regexp
	if !ranges {
		return least, least
	}
	most, _ = strconv.Atoi(to)
	return least, most
}

// digitsOf is a class without its brackets, "02-46-9" or "\d", a bit for each digit.
func digitsOf(class string) (bits uint16) {
	if class == `\d` {
		return 1<<10 - 1
	}
	for i := 0; i < len(class); i++ {
		last := class[i]
		if i+2 < len(class) && class[i+1] == '-' {
			last = class[i+2]
		}
		for digit := class[i]; digit <= last; digit++ {
			if digit >= '0' && digit <= '9' {
				bits |= 1 << (digit - '0')
			}
		}
		if last != class[i] {
			i += 2
		}
	}
	return bits
}
