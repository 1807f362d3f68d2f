package settings

import (
	"fmt"
	"slices"
	"strings"
)

// entries applies the keys of the file. Keys in a table that is unknown as a whole make one fault, not one each.
func (l *load) entries(path string, entries []entry) {
	elements := map[string][]*row{} // of each array, those of the element that is being filled
	unknown := map[string]bool{}    // tables
	for _, e := range entries {
		from := Origin{From: FromFile, Name: path, Line: e.value.line}
		switch {
		case e.array != "" && e.key == "":
			elements[e.array] = l.element(e.array, e.value.line)
		case inside(e.name(), unknown):
		case e.array != "":
			unknown[e.name()] = e.value.shape == aTable || e.value.shape == aTables // elements have none
			l.one(e, elements[e.array], from)
		case e.value.shape == aTable || e.value.shape == aTables:
			if why := l.header(e); why != "" {
				unknown[e.key] = true
				l.fault(Fault{Where: from.place(), Key: e.key, Why: why})
			}
		default:
			l.one(e, l.settings.rows, from)
		}
	}
}

// element adds one more group, account or rule, and returns its rows.
func (l *load) element(array string, line int) []*row {
	switch array {
	case groupKey:
		g := new(Group)
		l.groups = append(l.groups, placed[Group]{g, line})
		return groupTable(g)
	case accountKey:
		a := new(Account)
		l.accounts = append(l.accounts, placed[Account]{a, line})
		return accountTable(a)
	default:
		r := &Rule{Line: line}
		l.rules = append(l.rules, placed[Rule]{r, line})
		return ruleTable(r)
	}
}

// one applies one key.
func (l *load) one(e entry, rows []*row, from Origin) {
	r := find(rows, e.key)
	if r == nil || r.envOnly {
		l.spoil(e.name())
		l.fault(Fault{Where: from.place(), Key: e.name(), Why: l.unknownKey(e, rows, r)})
		return
	}
	l.applyAs(e.name(), r, e.value, from)
}

func (l *load) unknownKey(e entry, rows []*row, envOnly *row) string {
	if envOnly != nil {
		return "is never read from this file; allowed are key_file, key_command and the environment variable NIGHTLATCH_KEY"
	}
	known := make([]string, 0, len(rows))
	for _, r := range rows {
		known = append(known, r.key)
	}
	if e.array == "" {
		if slices.Contains([]string{groupKey, accountKey, ruleKey}, e.key) {
			return fmt.Sprintf("must be tables; allowed is [[%s]]", e.key)
		}
		if section := l.sections(); slices.Contains(section, e.key) {
			return fmt.Sprintf("must be a table; allowed is [%s]", e.key)
		}
		near := didYouMean(e.key, known)
		if strings.Contains(e.key, ".") && near != "" && !strings.Contains(near, ".") {
			near = strings.TrimSuffix(near, "?") + ", above the first [table]?" // TOML has no way back out of a table
		}
		return "unknown key" + near
	}
	return fmt.Sprintf("unknown key%s; allowed in [[%s]] are %s", didYouMean(e.key, known), e.array, strings.Join(known, ", "))
}

// header says what is wrong with [table] or [[table]], or nothing.
func (l *load) header(e entry) string {
	sections := l.sections()
	switch {
	case slices.Contains(sections, e.key) && e.value.shape == aTable:
		return ""
	case slices.Contains(sections, e.key):
		return fmt.Sprintf("stands once; allowed is [%s]", e.key)
	case slices.Contains([]string{groupKey, accountKey, ruleKey}, e.key):
		return fmt.Sprintf("may stand more than once; allowed is [[%s]]", e.key)
	case find(l.settings.rows, e.key) != nil:
		return "is no table; allowed is " + e.key[strings.LastIndexByte(e.key, '.')+1:] + " = …"
	}
	return "unknown table" + didYouMean(e.key, append(sections, groupKey, accountKey, ruleKey))
}

// sections are the tables of the settings: "log", "sms", "sms.twilio".
func (l *load) sections() []string {
	var out []string
	for _, r := range l.settings.rows {
		for i, c := range r.key {
			if c == '.' && !slices.Contains(out, r.key[:i]) {
				out = append(out, r.key[:i])
			}
		}
	}
	return out
}

func inside(key string, tables map[string]bool) bool {
	for i, c := range key {
		if c == '.' && tables[key[:i]] {
			return true
		}
	}
	return tables[key]
}

func find(rows []*row, key string) *row {
	for _, r := range rows {
		if r.key == key {
			return r
		}
	}
	return nil
}
