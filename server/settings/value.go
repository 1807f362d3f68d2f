package settings

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is what stands for a key in some source, before it is known what the key takes.
type value struct {
	shape shape
	text  string // of a text; the digits of a whole number; "true" or "false"
	items []value
	line  int
	// loose: it comes from the environment or a flag, where all is text.
	loose bool
}

type shape string

const (
	aText   shape = "text"
	aNumber shape = "a whole number"
	aTruth  shape = "true or false"
	aList   shape = "a list"
	aTable  shape = "a table"
	aTables shape = "an array of tables"
	other   shape = "a date or a fraction"
)

func (v value) asText() (string, bool) { return v.text, v.shape == aText }

func (v value) asNumber() (int, bool) {
	if v.shape != aNumber && !v.loose {
		return 0, false
	}
	base := 0 // TOML has 0x, 0o and 0b
	if v.loose {
		base = 10
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(v.text, "_", ""), base, 32)
	return int(n), err == nil
}

func (v value) asTruth() (is, ok bool) {
	if v.shape != aTruth && !v.loose {
		return false, false
	}
	return v.text == "true", v.text == "true" || v.text == "false"
}

// asTexts splits loose text at commas: "a, b", or as a file has it: ["a", "b"].
func (v value) asTexts() ([]string, bool) {
	if v.loose {
		return splitList(v.text), true
	}
	out := make([]string, len(v.items))
	for i, item := range v.items {
		if item.shape != aText {
			return nil, false
		}
		out[i] = item.text
	}
	return out, v.shape == aList
}

func splitList(s string) []string {
	inner, bracketed := strings.CutPrefix(strings.TrimSpace(s), "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
	}
	if !bracketed {
		inner = s
	}
	var out []string
	for part := range strings.SplitSeq(inner, ",") {
		if part = strings.TrimSpace(part); bracketed {
			part = unquoted(part)
		}
		if part != "" {
			out = append(out, part)
		}
	}
	return out
}

// unquoted is s without the quotes around it. What is quoted in another way stays as it is, and is allowed nowhere.
func unquoted(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[0] == s[n-1] {
		return s[1 : n-1]
	}
	return s
}

// echo is the value as a fault may quote it.
func (v value) echo() string {
	switch v.shape {
	case aText:
		return quote(v.text)
	case aNumber, aTruth:
		return shorten(v.text)
	}
	return string(v.shape)
}

func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
