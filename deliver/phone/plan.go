package phone

import (
	"math/bits"
	"regexp"
	"slices"
)

// plan is how the numbers behind a calling code are read (ITU-T E.164 §6.2.1).
type plan struct {
	code string // the calling code: "49"
	// prefix is a pattern of what is dialed before a number at home, and is typed after the calling code by mistake:
	// "+49 0151…". What it matches goes, or becomes transform.
	prefix, transform string
	local             lengths // those of numbers that are dialed in their own town only
	formats           []format
	countries         []country // at least one. The first has the rules that all share
}

// format is a way to write a national number, in groups.
type format struct {
	pattern, leading string // of all digits, and of the first ones
	written          string // "$1 $2"
}

// country is one of those that share a calling code.
type country struct {
	code    string // ISO 3166-1, two letters
	leading string // a pattern of the first digits, if they alone tell the country's numbers
	kinds   []kind // at least one. The first is "general": what all its numbers look like. Of the others the first that fits decides
}

// kind is what a number is for, which says what a text to it costs.
type kind struct {
	name    string
	lengths lengths // the zero value: any
	pattern string
}

// lengths are numbers of digits, a bit each.
type lengths uint32

func (l lengths) has(n int) bool { return l>>n&1 == 1 }
func (l lengths) most() int      { return bits.Len32(uint32(l)) - 1 }

// mostDigits are those of the longest national number. E.164 allows 15 with the calling code, and some countries use more.
const mostDigits = 17

// plans are those that were asked for, by calling code.
type plans map[string]plan

// find returns the plan of a number in international form, and the national number without the prefix. No calling code
// is the beginning of another one.
func (p plans) find(bare string) (found plan, national string, ok bool) {
	for end := 2; end <= 4; end++ {
		if found, ok = p[bare[1:end]]; ok {
			return found, found.withoutPrefix(bare[end:]), true
		}
	}
	return plan{}, "", false
}

// withoutPrefix takes away what is dialed at home only. It stays if the number fits the country as it is and would not
// without it, or if a number without it is too short or only for neighbors.
func (p plan) withoutPrefix(typed string) string {
	if p.prefix == "" {
		return typed
	}
	pattern := regexp.MustCompile("^(?:" + p.prefix + ")")
	groups := pattern.FindStringSubmatchIndex(typed)
	if groups == nil {
		return typed
	}
	general := p.countries[0].kinds[0]
	stripped := typed[groups[1]:]
	if p.transform != "" && groups[len(groups)-2] >= 0 { // the last group took part
		stripped = pattern.ReplaceAllString(typed, p.transform)
	}
	if fitsWhole(general.pattern, typed) && !fitsWhole(general.pattern, stripped) {
		return typed
	}
	n := len(stripped)
	if p.local.has(n) || !general.lengths.has(n) && n < general.lengths.most() {
		return typed
	}
	return stripped
}

// owner returns the country that a national number is of, "" for none, and whether a text to it costs what texts cost.
func (p plan) owner(national string) (code string, sms bool) {
	for _, c := range p.countries {
		switch {
		case c.leading == "":
			if k := c.kindOf(national); k.name != "" {
				return c.code, k.takesSMS()
			}
		case fitsBegin(c.leading, national):
			return c.code, c.kindOf(national).takesSMS()
		}
	}
	return "", false
}

// kindOf is the zero value for a number that is none of the country's.
func (c country) kindOf(national string) kind {
	if !c.kinds[0].fits(national) {
		return kind{}
	}
	if i := slices.IndexFunc(c.kinds[1:], func(k kind) bool { return k.fits(national) }); i >= 0 {
		return c.kinds[1+i]
	}
	return kind{}
}

func (k kind) fits(national string) bool {
	return (k.lengths == 0 || k.lengths.has(len(national))) && fitsWhole(k.pattern, national)
}

// takesSMS reports whether a text costs what texts cost. Premium rates, shared costs and personal numbers (which forward
// at the caller's expense) are how toll fraud earns its money. An impossible number is of no kind.
func (k kind) takesSMS() bool { return k.name == "mobile" || k.name == "fixed" || k.name == "voip" }

// grouped is a national number as it is written after the calling code; as it is, if no format fits.
func (p plan) grouped(national string) string {
	for _, f := range p.formats {
		if fitsBegin(f.leading, national) && fitsWhole(f.pattern, national) {
			return regexp.MustCompile(f.pattern).ReplaceAllString(national, f.written)
		}
	}
	return national
}

// A pattern is made when a number is read, and not kept: that takes about a millisecond for a number, and the patterns of all
// countries would be tens of megabytes. The tables are our own: a test has made each of their patterns.

// fitsWhole reports whether the pattern is all of the digits.
func fitsWhole(pattern, digits string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(digits)
}

// fitsBegin reports whether the digits begin with the pattern.
func fitsBegin(pattern, digits string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")").MatchString(digits)
}
