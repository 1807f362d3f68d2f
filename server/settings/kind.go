package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// kind is what a setting takes: its default, what is allowed, and the field that it fills.
type kind struct {
	// set fills the field, or says what is allowed instead ("a whole number from 6 to 8"); it then leaves the field alone.
	set func(value) error
	get func() any // a string, int, bool or []string
	def any        // of the same type
	// note describes a default that depends on other settings.
	note string
	// mask hides a secret, or is nil.
	mask func(string) string
}

// follows describes a default that depends on other settings.
func (k kind) follows(what string) kind { k.note = what; return k }

// hiding makes the value a secret: no fault quotes it, and List shows what mask leaves.
func (k kind) hiding(mask func(string) string) kind { k.mask = mask; return k }

func maskAll(string) string { return "********" }

// maskURL leaves the scheme and the host of a URL, and what has no secret in it ("outbox:", "sqlite:PATH").
func maskURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return maskAll(raw)
	case u.Opaque != "" || u.Host == "" && u.User == nil && u.RawQuery == "":
		return raw
	}
	if u.User != nil {
		u.User = url.User("MASKED")
	}
	if u.RawQuery != "" {
		u.RawQuery = "MASKED"
	}
	if strings.HasPrefix(u.Scheme, "http") && u.Path != "" { // a webhook's path is often its key
		u.Path, u.RawPath = "/MASKED", ""
	}
	return strings.ReplaceAll(u.String(), "MASKED", "********")
}

// maskCommand leaves the name of the program: what follows may be a token. Before a program a shell takes variables with
// their values, and quotes: such a first word is hidden, too.
func maskCommand(command string) string {
	program, _, more := strings.Cut(strings.TrimSpace(command), " ")
	switch {
	case strings.ContainsAny(program, "|&;<>()$`*?[]{}#!~='\"\t\r\n"):
		return maskAll(command)
	case more:
		return program + " ********"
	}
	return program
}

// text is a text that check allows; empty is allowed where the default is empty.
func text(p *string, def string, check func(string) error) kind {
	*p = def
	return kind{def: def, get: func() any { return *p }, set: func(v value) error {
		s, ok := v.asText()
		if !ok {
			return errors.New(`text in quotes ("…")`)
		}
		if strings.ContainsAny(s, "\x00\r\n") || !utf8.ValidString(s) {
			return errors.New("text in one line")
		}
		if check != nil && (s != "" || def != "") {
			if err := check(s); err != nil {
				return err
			}
		}
		*p = s
		return nil
	}}
}

func choice(p *string, def string, options ...string) kind {
	return text(p, def, oneOf(options...))
}

func oneOf(options ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(options, s) {
			return nil
		}
		quoted := make([]string, len(options))
		for i, o := range options {
			quoted[i] = quote(o)
		}
		return fmt.Errorf("one of %s", strings.Join(quoted, ", "))
	}
}

func truth(p *bool, def bool) kind {
	*p = def
	return kind{def: def, get: func() any { return *p }, set: func(v value) error {
		is, ok := v.asTruth()
		if !ok {
			return errors.New("true or false")
		}
		*p = is
		return nil
	}}
}

func number(p *int, def, least, most int) kind {
	*p = def
	return kind{def: def, get: func() any { return *p }, set: func(v value) error {
		n, ok := v.asNumber()
		if !ok || n < least || n > most {
			return fmt.Errorf("a whole number from %d to %d", least, most)
		}
		*p = n
		return nil
	}}
}

// span is a duration within bounds; it is shown as it was written.
func span(p *time.Duration, def, least, most string) kind {
	written := def
	*p, _ = ParseDuration(def)
	low, _ := ParseDuration(least)
	high, _ := ParseDuration(most)
	return kind{def: def, get: func() any { return written }, set: func(v value) error {
		s, _ := v.asText()
		d, err := ParseDuration(s)
		if err != nil || d < low || d > high {
			return fmt.Errorf("%w, from %s to %s", errDuration, least, most)
		}
		*p, written = d, s
		return nil
	}}
}

// badItem is one item of a list that is not allowed.
type badItem struct {
	item    string
	allowed error
}

func (b *badItem) Error() string { return b.allowed.Error() }

// list is a list of different texts that check allows, each.
func list(p *[]string, def []string, check func(string) error) kind {
	*p = slices.Clone(def)
	return kind{def: def, get: func() any { return slices.Clone(*p) }, set: func(v value) error {
		items, ok := v.asTexts()
		if !ok {
			return errors.New(`a list of texts (["…", "…"])`)
		}
		for i, item := range items {
			if err := check(item); err != nil {
				return &badItem{item, err}
			}
			if slices.Contains(items[:i], item) {
				return &badItem{item, errors.New("each item once")}
			}
		}
		*p = items
		return nil
	}}
}

// networks is a list of networks in CIDR notation; a bare address is a network of one.
func networks(p *[]netip.Prefix) kind {
	get := func() any {
		out := make([]string, len(*p))
		for i, n := range *p {
			out[i] = n.String()
		}
		return out
	}
	return kind{def: []string(nil), get: get, set: func(v value) error {
		items, ok := v.asTexts()
		if !ok {
			return errors.New(`a list of networks (["10.0.0.0/8"])`)
		}
		parsed := make([]netip.Prefix, 0, len(items))
		for _, item := range items {
			n, err := parseNetwork(item)
			if err != nil {
				return &badItem{item, err}
			}
			parsed = append(parsed, n)
		}
		*p = parsed
		return nil
	}}
}

func parseNetwork(s string) (netip.Prefix, error) {
	if n, err := netip.ParsePrefix(s); err == nil {
		return n.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, errors.New("a network like 10.0.0.0/8")
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
