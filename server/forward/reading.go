package forward

import (
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/server/settings"
)

// An application may read a path in another way than rules do: without the parameters of its segments ("/admin;x/y"),
// without dots and spaces at their ends, decoded once more, whatever the case of its letters, or alike with a slash at the
// end and without. What passes by the rule for one reading and is served by another would go around the rule for that one.

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
	// as is what keeps the request from passing where its path is read so, if that counts; nil: nothing.
	as := func(path string, counts func(Found) bool) *Found {
		other, folded := r, r
		other.Method, other.Path = strings.ToUpper(r.Method), path
		folded.Method, folded.Path = other.Method, fold(path)
		f := judge(other, rs.list, ses, groups, now)
		if (f.Answer == Pass || !counts(f)) && (rs.cased || folded.Path != path) {
			f = judge(folded, rs.folded, ses, groups, now)
		}
		if f.Answer == Pass || !counts(f) {
			return nil
		}
		f.As = f.read.Path
		f.Why += "; an application may read the path as " + f.As
		return &f
	}
	for _, path := range readings(r.Path, strings.Contains(plain.Rule.Path, ";")) {
		if f := as(path, func(Found) bool { return true }); f != nil {
			return *f
		}
		if f := rs.turned(path, plain, as); f != nil {
			return *f
		}
	}
	return plain
}

// turned is what keeps a request from passing where an application takes no notice of a slash at the end of its path. Rules
// tell "/a/" from "/a" by "/a/*": so it must be a rule that stands before the one by which it passes, or says how a path ends.
func (rs Rules) turned(path string, plain Found, as func(string, func(Found) bool) *Found) *Found {
	without, slash := strings.CutSuffix(path, "/")
	switch {
	case slash && without != "":
		return as(without, func(f Found) bool { return f.before(plain) || f.ends() })
	case !slash && rs.slashed:
		return as(path+"/", func(f Found) bool { return strings.HasSuffix(f.Rule.Path, "/") })
	}
	return nil
}

// before says whether the rule stands before that of another one.
func (f Found) before(other Found) bool {
	return f.Index >= 0 && (other.Index < 0 || f.Index < other.Index)
}

// ends says whether the rule says how a path ends.
func (f Found) ends() bool { return f.Rule.Path != "" && !strings.HasSuffix(f.Rule.Path, "*") }

// fold makes paths alike that differ in case only. Letters that are one in upper case alone (U+017F) are taken for one, too.
func fold(path string) string { return strings.ToLower(strings.ToUpper(path)) }

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
	if rs.cased || rs.slashed || strings.ToUpper(r.Method) != r.Method || len(r.Path) > 1 && strings.HasSuffix(r.Path, "/") {
		return true
	}
	for i := range len(r.Path) {
		switch c := r.Path[i]; {
		case c >= 'A' && c <= 'Z', c >= 0x80, c == '%', c == ';':
			return true
		case (c == '.' || c == ' ') && (i+1 == len(r.Path) || r.Path[i+1] == '/'):
			return true
		}
	}
	return false
}

// readings are the ways in which a path may be read, whatever its case and a slash at its end, each once. It was clean
// (CleanPath). With parameters they stay: the rule that decides knows some.
func readings(path string, parameters bool) []string {
	list := []string{path}
	if twice, ok := unescape(path, false); ok {
		list = append(list, twice)
	}
	for _, p := range list {
		list = append(list, bare(p, parameters))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// bare is a path whose segments have no dots and spaces at their ends, and no parameters unless those stay.
func bare(path string, parameters bool) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if !parameters {
			s, _, _ = strings.Cut(s, ";")
		}
		segments[i] = strings.TrimRight(s, ". ")
	}
	return strings.Join(segments, "/")
}
