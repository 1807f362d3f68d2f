package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/locale"
)

// functions are what a page in lang may call:
//
//	t "Signed in as %s" .User             a sentence in the reader's language
//	n .Left "%d code left" "%d codes left"  one whose form depends on a number
//	path "/account/sessions/%s/end" .ID   a link to one of our own pages, wherever they are mounted
//	asset "nightlatch.css"                a link to a file of asset/, new whenever the file changes
//	date .CreatedAt, moment .At           a <time> element
//	duration .Wait                        "90 seconds"
//	keyWords "use"                        what to say when a key fails, for the script
//	field .Problems "name" "code" …       what the part "field" shows: see there
func (p *pages) functions(lang string) template.FuncMap {
	return template.FuncMap{
		"t":        func(english string, args ...any) string { return p.t(lang, english, args...) },
		"n":        func(n int, one, other string, args ...any) string { return locale.N(lang, n, one, other, args...) },
		"path":     p.path,
		"asset":    p.assetPath,
		"date":     func(at time.Time) moment { return moment{at.UTC().Format(time.DateOnly), locale.Date(lang, at)} },
		"moment":   func(at time.Time) moment { return moment{at.UTC().Format(time.RFC3339), locale.Moment(lang, at)} },
		"duration": func(d time.Duration) string { return locale.Duration(lang, d) },
		"keyWords": func(use string) (string, error) { return keyWords(lang, use) },
		"field":    newField,
	}
}

// moment is a time as the part "time" shows it.
type moment struct{ Machine, Words string }

// path returns the link to a page of ours. Each %s of the pattern takes one of ids, escaped.
func (p *pages) path(pattern string, ids ...string) string {
	if len(ids) == 0 {
		return p.options.Prefix + pattern
	}
	escaped := make([]any, len(ids))
	for i, id := range ids {
		escaped[i] = url.PathEscape(id)
	}
	return p.options.Prefix + fmt.Sprintf(pattern, escaped...)
}

// field is one input with its label, hint and problem, which the part "field" shows.
type field struct {
	Name, ID, Label, Hint  string
	Type, Value            string
	Autocomplete           string
	Inputmode, Capitalize  string
	Required, Focus, Plain bool // Plain: no spelling check and no correction
	Invalid                bool
	DescribedBy            string
	Problem                string
}

// newField makes a field from pairs of words. The problem is that of the field's id, if there is one.
//
//	name          the input's name, and its id where id is not said
//	label, hint   words before and below the input
//	type          default "text"
//	value, autocomplete, inputmode, capitalize, required, plain
//	focus         the field gets the focus, unless another one has a problem
//	tied          a message of the whole form that says this field is wrong too ("Wrong name or password.")
func newField(problems map[string]string, pairs ...string) (field, error) {
	f := field{Type: "text"}
	if len(pairs)%2 != 0 {
		return f, fmt.Errorf("field %q: a word without a value", pairs)
	}
	tied := ""
	for i := 0; i < len(pairs); i += 2 {
		yes := pairs[i+1] != ""
		switch value := pairs[i+1]; pairs[i] {
		case "name":
			f.Name = value
		case "id":
			f.ID = value
		case "label":
			f.Label = value
		case "hint":
			f.Hint = value
		case "type":
			f.Type = value
		case "value":
			f.Value = value
		case "autocomplete":
			f.Autocomplete = value
		case "inputmode":
			f.Inputmode = value
		case "capitalize":
			f.Capitalize = value
		case "required":
			f.Required = yes
		case "plain":
			f.Plain = yes
		case "focus":
			f.Focus = yes && len(problems) == 0
		case "tied":
			tied = value
		default:
			return f, fmt.Errorf("field: unknown word %q", pairs[i])
		}
	}
	return f.judge(problems, tied), nil
}

// judge ties the field to its hint, its problem, and the message of the form.
func (f field) judge(problems map[string]string, tied string) field {
	if f.ID == "" {
		f.ID = f.Name
	}
	f.Problem = problems[f.ID]
	f.Invalid = f.Problem != "" || tied != ""
	f.Focus = f.Focus || f.Problem != ""
	var by []string
	if tied != "" {
		by = append(by, "alert")
	}
	if f.Problem != "" {
		by = append(by, f.ID+"-problem")
	}
	if f.Hint != "" {
		by = append(by, f.ID+"-hint")
	}
	f.DescribedBy = strings.Join(by, " ")
	return f
}
