package settings

import (
	"fmt"
	"strings"
)

// Setting is one setting as people read it. Secrets are masked.
type Setting struct {
	Key     string `json:"key"`
	Value   any    `json:"value"` // a string, int, bool or []string
	From    string `json:"from"`  // "default", "file nightlatch.toml:12", "env NIGHTLATCH_LISTEN", "flag --listen"
	Default any    `json:"default"`
	// Note describes a default that depends on other settings.
	Note string `json:"note,omitempty"`
	Doc  string `json:"doc"`
}

// List is every setting in the order of the table, then the groups, accounts and rules by name alone.
func (s *Settings) List() []Setting {
	out := make([]Setting, 0, len(s.rows)+3)
	for _, r := range s.rows {
		out = append(out, Setting{Key: r.key, Value: r.shown(), From: r.from.String(), Default: notNil(r.def), Note: r.note, Doc: r.doc})
	}
	groups, accounts, rules := []string{}, []string{}, []string{}
	for _, g := range s.Groups {
		groups = append(groups, g.Name)
	}
	for _, a := range s.Accounts {
		name := a.Username
		if name == "" {
			name = a.Email
		}
		accounts = append(accounts, name)
	}
	for _, r := range s.Rules {
		rules = append(rules, fmt.Sprintf("%s%s: level %d", r.Host, r.Path, r.Level))
	}
	return append(out,
		s.tables(groupKey, groups, "The groups that there are, each a [[group]].", groupTable(new(Group))),
		s.tables(accountKey, accounts, "The accounts that settings define, each an [[account]]; they are read-only elsewhere.", accountTable(new(Account))),
		s.tables(ruleKey, rules, "The rules of forward-auth and --protect, each a [[rule]]; the first that fits decides.", ruleTable(new(Rule))))
}

func (s *Settings) tables(key string, names []string, doc string, rows []*row) Setting {
	var keys []string
	for _, r := range rows {
		keys = append(keys, r.key)
	}
	doc = strings.TrimSuffix(doc, ".") + "; the keys of one are " + strings.Join(keys, ", ") + "."

	from := Origin{}.String()
	if len(names) > 0 {
		from = string(FromFile) + " " + s.File
	}
	return Setting{Key: key, Value: names, From: from, Default: []string{}, Doc: doc}
}

// Origin says where the value of a key stands.
func (s *Settings) Origin(key string) Origin {
	if r := s.row(key); r != nil {
		return r.from
	}
	return Origin{}
}

func (s *Settings) row(key string) *row { return find(s.rows, key) }

// shown is the value without what is secret in it.
func (r *row) shown() any {
	v := notNil(r.get())
	if text, ok := v.(string); ok && r.mask != nil && text != "" {
		return r.mask(text)
	}
	return v
}

// notNil makes a nil list an empty one, which JSON writes as [].
func notNil(v any) any {
	if list, ok := v.([]string); ok && list == nil {
		return []string{}
	}
	return v
}
