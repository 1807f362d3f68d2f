package settings

import (
	"fmt"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// placed is one element of an array of tables, and the line where it begins.
type placed[T any] struct {
	it   *T
	line int
}

// elementFault adds a fault of the element i of an array.
func (l *load) elementFault(array string, i, line int, key, why string) {
	name := fmt.Sprintf("%s[%d]", array, i+1)
	if key != "" {
		name += "." + key
	}
	if !l.spoiled[name] {
		l.fault(Fault{Where: fmt.Sprintf("%s:%d", l.settings.File, line), Key: name, Why: why})
	}
}

// folded is how names are compared: without regard to case and to the width of letters.
func folded(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

func (l *load) checkAccounts() {
	seen := map[string]int{}
	for i, at := range l.accounts {
		a := at.it
		bad := func(key, why string) { l.elementFault(accountKey, i, at.line, key, why) }
		prefix := fmt.Sprintf("%s[%d].", accountKey, i+1)
		if a.Username == "" && a.Email == "" && l.ok(prefix+"username", prefix+"email") {
			bad("", "has neither username nor email; allowed is one of them or both")
		}
		if a.PasswordHash == "" {
			bad("password_hash", "is missing; allowed is the output of nightlatch password hash")
		}
		for _, pair := range [][2]string{{"username", a.Username}, {"email", a.Email}} {
			key, name := pair[0], pair[1]
			if name == "" {
				continue
			}
			if first, twice := seen[folded(name)]; twice {
				bad(key, fmt.Sprintf("%s is taken by account[%d]; allowed is a name of its own, without regard to case", quote(name), first+1))
				continue
			}
			seen[folded(name)] = i
		}
	}
}

func (l *load) checkGroups() {
	seen := map[string]int{}
	for i, g := range l.groups {
		name := g.it.Name
		first, twice := seen[name]
		switch {
		case name == "":
			l.elementFault(groupKey, i, g.line, "name", "is missing; allowed is 1 to 64 of a-z, 0-9, dot, underscore and dash")
		case twice:
			l.elementFault(groupKey, i, g.line, "name", fmt.Sprintf("%s is taken by group[%d]; allowed is a name of its own", quote(name), first+1))
		default:
			seen[name] = i
		}
	}
}

// checkRules: a rule that lets anyone through and yet names conditions would not do what its author means.
func (l *load) checkRules() {
	for i, at := range l.rules {
		r := at.it
		bad := func(key, why string) { l.elementFault(ruleKey, i, at.line, key, why) }
		if r.Level == 0 && (r.MaxAge > 0 || len(r.Kinds) > 0 || len(r.Groups) > 0) {
			bad("level", "0 lets anyone through, and max_age, kinds or groups would have no effect; allowed with them is 1 or 2")
		}
	}
}

// keep moves the elements into the settings.
func (l *load) keep() {
	for _, g := range l.groups {
		l.settings.Groups = append(l.settings.Groups, *g.it)
	}
	for _, a := range l.accounts {
		l.settings.Accounts = append(l.settings.Accounts, *a.it)
	}
	for _, r := range l.rules {
		l.settings.Rules = append(l.settings.Rules, *r.it)
	}
}
