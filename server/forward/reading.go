package forward

import (
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
)

// An application may read a path in another way than rules do: without the parameters of its segments ("/admin;x/y"),
// without dots and spaces at their ends, decoded once more, or whatever the case of its letters. What passes by the rule for
// one reading and is served by another would go around the rule for that one.

// Found is the rule that decides about a request, and what it makes of it.
type Found struct {
	Rule   settings.Rule
	Index  int // -1: none fits
	Answer Answer
	Why    string // one sentence in English, for operators
	// As is how an application may read the path, where that decides; "": as it stands.
	As string

	read Request
	list []rule
}

// Judge says what becomes of a request; ses is nil where nobody is signed in. The first rule that fits decides; where that
// lets the request pass, it must pass in every other way in which an application may read it, too.
func (rs Rules) Judge(r Request, ses *nightlatch.Session, groups []string, now time.Time) Found {
	plain := judge(r, rs.list, ses, groups, now)
	if plain.Answer != Pass || !rs.ambiguous(r) {
		return plain
	}
	for _, path := range rs.readings(r.Path) {
		other := r
		other.Method, other.Path = strings.ToUpper(r.Method), path
		folded := other
		folded.Path = strings.ToLower(path)
		for _, f := range []Found{judge(other, rs.list, ses, groups, now), judge(folded, rs.folded, ses, groups, now)} {
			if f.Answer != Pass {
				f.As = f.read.Path
				f.Why += "; an application may read the path as " + f.As
				return f
			}
		}
	}
	return plain
}

// judge is what the first of a list that fits makes of a request as it stands.
func judge(r Request, list []rule, ses *nightlatch.Session, groups []string, now time.Time) Found {
	f := Found{read: r, list: list}
	f.Rule, f.Index = find(list, r, now)
	f.Answer, f.Why = answer(f.Rule, ses, groups, now)
	return f
}

// Misses says, for each rule before the one that decides, why it does not fit, in English, for operators.
func (f Found) Misses(now time.Time) (why []string) {
	host := f.read.Hostname()
	for i := range f.list {
		miss := f.list[i].miss(f.read, host, now)
		if miss == "" {
			break
		}
		why = append(why, miss)
	}
	return why
}

// ambiguous says whether other readings of a request may come to other rules. Most have none, and cost nothing more.
func (rs Rules) ambiguous(r Request) bool {
	if len(rs.list) == 0 {
		return false
	}
	if rs.cased || strings.ToUpper(r.Method) != r.Method {
		return true
	}
	for i := range len(r.Path) {
		switch c := r.Path[i]; {
		case c >= 'A' && c <= 'Z', c >= 0x80, c == '%', c == ';' && !rs.parameters:
			return true
		case (c == '.' || c == ' ') && (i+1 == len(r.Path) || r.Path[i+1] == '/'):
			return true
		}
	}
	return false
}

// readings are the ways in which a path may be read, whatever its case, each once. It was clean (CleanPath).
func (rs Rules) readings(path string) []string {
	list := []string{path}
	if twice, ok := unescape(path, false); ok {
		list = append(list, twice)
	}
	for _, p := range list {
		list = append(list, rs.bare(p))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// bare is a path whose segments have no parameters, unless a rule knows some, and no dots and spaces at their ends.
func (rs Rules) bare(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if !rs.parameters {
			s, _, _ = strings.Cut(s, ";")
		}
		segments[i] = strings.TrimRight(s, ". ")
	}
	return strings.Join(segments, "/")
}
