package forward

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/server/settings"
)

// Rules choose what a request needs: the first that fits decides. Where none fits it is level 2.
type Rules struct {
	list []rule
	// folded look for the same paths whatever their case; cased: some of them are others.
	folded []rule
	cased  bool
	// slashed: some path ends with a slash.
	slashed bool
}

type rule struct {
	settings.Rule
	path *regexp.Regexp // nil: every path
	// literal is the path, or the beginning of it and of all below where below is set; "" where only the pattern tells.
	literal string
	below   bool
}

// NewRules takes the rules of the settings, which were read from file. It returns settings.Faults that name each rule
// which can never be reached.
func NewRules(file string, list []settings.Rule) (Rules, error) {
	var rs Rules
	var faults settings.Faults
	for i, r := range list {
		next, folded := newRule(r, r.Path), fold(r.Path)
		rs.folded = append(rs.folded, newRule(r, folded))
		rs.cased = rs.cased || folded != r.Path
		rs.slashed = rs.slashed || strings.HasSuffix(r.Path, "/")
		for j, before := range rs.list {
			if before.covers(next) {
				faults = append(faults, settings.Fault{
					Where: fmt.Sprintf("%s:%d", file, r.Line), Key: fmt.Sprintf("rule[%d]", i+1),
					Why: fmt.Sprintf("can never be reached: rule[%d], in line %d, takes all that it is for; allowed is to put it before that, or to leave it out", j+1, before.Line),
				})
				break
			}
		}
		rs.list = append(rs.list, next)
	}
	if len(faults) > 0 {
		return Rules{}, faults
	}
	return rs, nil
}

// newRule is a rule that looks for path, which is its own or that folded.
func newRule(r settings.Rule, path string) rule {
	one := rule{Rule: r, path: compilePath(path)}
	if before, below := strings.CutSuffix(path, "/**"); !strings.Contains(before, "*") {
		one.literal, one.below = before, below
	}
	return one
}

// find returns the first rule that fits a request at a time, and its index; the rule that holds where none fits has
// the index -1.
func find(list []rule, r Request, now time.Time) (settings.Rule, int) {
	host := r.Hostname()
	for i := range list {
		if one := &list[i]; one.miss(r, host, now) == "" {
			return one.Rule, i
		}
	}
	return settings.Rule{Level: 2}, -1
}

// ByNetwork says whether any rule asks where a request comes from.
func (rs Rules) ByNetwork() bool {
	return slices.ContainsFunc(rs.list, func(one rule) bool { return len(one.Networks) > 0 })
}

// miss says why a rule does not fit, or "".
func (one *rule) miss(r Request, host string, now time.Time) string {
	switch {
	case !fitsHost(one.Host, host):
		return "it is for another host"
	case !one.fitsPath(r.Path):
		return "it is for other paths"
	case len(one.Methods) > 0 && !slices.Contains(one.Methods, r.Method):
		return "it is for other methods"
	case len(one.Networks) > 0 && !slices.ContainsFunc(one.Networks, func(p netip.Prefix) bool { return p.Contains(r.Addr.Unmap()) }):
		return "it is for other networks"
	case len(one.Hours) > 0 && !slices.ContainsFunc(one.Hours, func(h settings.Hours) bool { return within(h, now) }):
		return "it is for other hours"
	}
	return ""
}

// fitsPath takes no pattern where plain text does.
func (one *rule) fitsPath(path string) bool {
	switch {
	case one.path == nil:
		return true
	case one.literal == "":
		return one.path.MatchString(path)
	case one.below && len(path) > len(one.literal):
		return path[len(one.literal)] == '/' && strings.HasPrefix(path, one.literal)
	}
	return path == one.literal
}

// fitsHost: "*.example.com" is for every name below example.com, and not for that itself.
func fitsHost(pattern, host string) bool {
	pattern = strings.ToLower(pattern)
	if parent, wild := strings.CutPrefix(pattern, "*"); wild {
		return strings.HasSuffix(host, parent) && len(host) > len(parent)
	}
	return pattern == "" || pattern == host
}

// compilePath makes a pattern an expression that is anchored at both ends: "*" is anything within a segment, "**" anything
// across segments, and "/**" at the end is the path before it, too.
func compilePath(pattern string) *regexp.Regexp {
	if pattern == "" || pattern == "/**" {
		return nil
	}
	tail := "$"
	if before, ok := strings.CutSuffix(pattern, "/**"); ok {
		pattern, tail = before, `(?:/.*)?$`
	}
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i := 0; i < len(pattern); {
		switch {
		case strings.HasPrefix(pattern[i:], "**"):
			b.WriteString(".*")
			i += 2
		case pattern[i] == '*':
			b.WriteString("[^/]*")
			i++
		default:
			next := strings.IndexByte(pattern[i:], '*')
			if next < 0 {
				next = len(pattern) - i
			}
			b.WriteString(regexp.QuoteMeta(pattern[i : i+next]))
			i += next
		}
	}
	return regexp.MustCompile(b.String() + tail)
}

// covers says whether no request that next is for is left by one. It may miss some: then a rule is only useless.
func (one rule) covers(next rule) bool {
	return coversHost(one.Host, next.Host) && one.coversPath(next.Path) &&
		coversAll(one.Methods, next.Methods) && coversNetworks(one.Networks, next.Networks) && len(one.Hours) == 0
}

func coversHost(one, next string) bool {
	if one == "" || strings.EqualFold(one, next) {
		return true
	}
	return next != "" && fitsHost(one, strings.ToLower(strings.TrimPrefix(next, "*.")))
}

func (one rule) coversPath(next string) bool {
	if one.path == nil || one.Path == next {
		return true
	}
	if next == "" {
		return false
	}
	if below, ok := strings.CutSuffix(one.Path, "/**"); ok && !strings.Contains(below, "*") {
		return next == below || strings.HasPrefix(next, below+"/")
	}
	return !strings.Contains(next, "*") && one.path.MatchString(next)
}

func coversAll(one, next []string) bool {
	if len(one) == 0 {
		return true
	}
	return len(next) > 0 && !slices.ContainsFunc(next, func(m string) bool { return !slices.Contains(one, m) })
}

func coversNetworks(one, next []netip.Prefix) bool {
	if len(one) == 0 {
		return true
	}
	return len(next) > 0 && !slices.ContainsFunc(next, func(n netip.Prefix) bool {
		return !slices.ContainsFunc(one, func(o netip.Prefix) bool { return o.Bits() <= n.Bits() && o.Contains(n.Addr()) })
	})
}

// within says whether a time lies in hours of the week. Those that reach into the next day belong to the day on which
// they begin.
func within(h settings.Hours, now time.Time) bool {
	local := now.In(h.Zone)
	minute, day := local.Hour()*60+local.Minute(), local.Weekday()
	if h.From < h.To {
		return h.Days[day] && minute >= h.From && minute < h.To
	}
	return h.Days[day] && minute >= h.From || h.Days[(day+6)%7] && minute < h.To
}
