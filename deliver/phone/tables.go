package phone

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the tables
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The tables are packed forms of tables/plans.txt and tables/names.txt, which a person can read. Never edit them:
// TestMakeTables makes them anew.
var (
	//go:embed tables/plans.txt.gz
	packedPlans string
	//go:embed tables/names.txt.gz
	packedNames string
)

// tables are what is kept of both, for the countries that were asked for.
type tables struct {
	plans plans
	names names
}

// readTables fails only if the program is damaged.
func readTables(allowed []string) (tables, error) {
	text, err := unpacked(packedPlans)
	if err != nil {
		return tables{}, fmt.Errorf("phone: numbering plans: %w", err)
	}
	p, err := readPlans(text, allowed)
	if err != nil {
		return tables{}, fmt.Errorf("phone: numbering plans: %w", err)
	}
	text, err = unpacked(packedNames)
	if err != nil {
		return tables{}, fmt.Errorf("phone: names of countries: %w", err)
	}
	return tables{p, readNames(text, allowed)}, nil
}

func unpacked(packed string) (string, error) {
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	_, err = text.ReadFrom(r)
	return text.String(), err
}

// readPlans keeps the calling codes that an allowed country has. A plan is a block of lines, and ends with an empty one.
// The first line has the calling code and its countries, in the order in which they are asked.
func readPlans(text string, allowed []string) (plans, error) {
	all := plans{}
	for block := range strings.SplitSeq(text, "\n\n") {
		head, _, _ := strings.Cut(block, "\n")
		if !slices.ContainsFunc(strings.Fields(head), func(country string) bool { return slices.Contains(allowed, country) }) {
			continue
		}
		p, err := readPlan(strings.Clone(block)) // else the whole text is kept
		if err != nil {
			return nil, err
		}
		all[p.code] = p
	}
	return all, nil
}

// readPlan reads a block. The first word of a line says what follows, and tabs stand between.
func readPlan(block string) (p plan, err error) {
	for line := range strings.Lines(block) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		name, words := words[0], append(words[1:], "", "", "") // what is left out is empty
		switch name {
		case "code":
			p.code = words[0]
		case "prefix":
			p.prefix, p.transform = words[0], words[1]
		case "local":
			p.local, err = readLengths(words[0])
		case "format":
			p.formats = append(p.formats, format{pattern: words[0], written: words[1], leading: words[2]})
		case "country":
			p.countries = append(p.countries, country{code: words[0], leading: words[1]})
		default:
			if len(p.countries) == 0 {
				return plan{}, fmt.Errorf("%q stands before any country", name)
			}
			k := kind{name: name, pattern: words[1]}
			k.lengths, err = readLengths(words[0])
			last := &p.countries[len(p.countries)-1]
			last.kinds = append(last.kinds, k)
		}
		if err != nil {
			return plan{}, err
		}
	}
	if p.code == "" || len(p.countries) == 0 || slices.ContainsFunc(p.countries, func(c country) bool { return len(c.kinds) == 0 }) {
		return plan{}, fmt.Errorf("the plan of +%s is incomplete", p.code)
	}
	return p, nil
}

// readLengths reads "7 9 10".
func readLengths(text string) (l lengths, err error) {
	for word := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > mostDigits {
			return 0, fmt.Errorf("%q is no length", word)
		}
		l |= 1 << n
	}
	return l, nil
}
