package phone

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers"
)

// The tables say what the two libraries say, of the versions in go.mod. When one was raised, run
//
//	go test ./deliver/phone -run TestMakeTables -make-tables
//
// and read what changed in tables/*.txt.
var makeTables = flag.Bool("make-tables", false, "make the tables anew")

const makeThem = "the libraries say otherwise: go test ./deliver/phone -run TestMakeTables -make-tables"

// made are the tables by file, as the libraries would have them.
func made(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"tables/plans.txt": makePlans(t), "tables/names.txt": makeNames()}
}

func TestMakeTables(t *testing.T) {
	if !*makeTables {
		return
	}
	for file, text := range made(t) {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression) // no name and no time: equal text, equal bytes
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err == nil {
			err = w.Close()
		}
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err == nil {
			err = os.WriteFile(file+".gz", packed.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTables: what is read, what is packed and what the libraries say is one text each. The packed form is small.
func TestTables(t *testing.T) {
	t.Parallel()
	const most = 60 << 10
	packed := map[string]string{"tables/plans.txt": packedPlans, "tables/names.txt": packedNames}
	for file, want := range made(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(text), "\n")); diff != "" {
			t.Errorf("%s: %s\n%s", file, makeThem, diff)
		}
		got, err := unpacked(packed[file])
		if err != nil || got != string(text) {
			t.Errorf("%s.gz holds another text: %v", file, err)
		}
		if n := len(packed[file]); n > most {
			t.Errorf("%s.gz has %d bytes, more than %d", file, n, most)
		}
	}
}

// TestTablesAreRead: no line is lost, and each pattern is one: to read a number with one that is not would end the program.
func TestTablesAreRead(t *testing.T) {
	t.Parallel()
	text, err := unpacked(packedPlans)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readPlans(text, everyCountry())
	if err != nil {
		t.Fatal(err)
	}
	countries, formats, kinds := 0, 0, 0
	compiles := func(pattern string) {
		if _, err := regexp.Compile(pattern); err != nil {
			t.Error(err)
		}
	}
	for code, p := range all {
		countries, formats = countries+len(p.countries), formats+len(p.formats)
		if code != p.code || p.countries[0].kinds[0].name != "general" || p.countries[0].kinds[0].lengths == 0 {
			t.Errorf("+%s is incomplete", code)
		}
		compiles("^(?:" + p.prefix + ")")
		for _, f := range p.formats {
			compiles(f.pattern)
			compiles("^(?:" + f.pattern + ")$")
			compiles("^(?:" + f.leading + ")")
		}
		for _, c := range p.countries {
			kinds += len(c.kinds)
			compiles("^(?:" + c.leading + ")")
			for _, k := range c.kinds {
				compiles("^(?:" + k.pattern + ")$")
			}
		}
	}
	for begin, got := range map[string]int{"code\t": len(all), "country\t": countries, "format\t": formats} {
		if want := strings.Count("\n"+text, "\n"+begin); got != want {
			t.Errorf("%d lines of %d that begin with %q are read", got, want, begin)
		}
	}
	if want := strings.Count(text, "\n") - strings.Count(text, "\n\n") - len(all) - countries - formats -
		strings.Count(text, "\nprefix\t") - strings.Count(text, "\nlocal\t"); kinds != want {
		t.Errorf("%d kinds of %d are read", kinds, want)
	}
}

// A table that is damaged is an error, and opens nothing.
func TestDamagedTables(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"code\t49\tDE\nprefix\t0\ngeneral\t7\t\\d{7}\n",
		"code\t49\tDE\ncountry\tDE\n",
		"code\t49\tDE\n",
		"code\t49\tDE\ncountry\tDE\ngeneral\tseven\t\\d{7}\n",
		"code\t49\tDE\ncountry\tDE\ngeneral\t18\t\\d{7}\n",
		"code\t49\tDE\ncountry\tDE\ngeneral\t0\t\\d{7}\n",
		"code\t49\tDE\nlocal\t-1\ncountry\tDE\ngeneral\t7\t\\d{7}\n",
	} {
		if p, err := readPlans(text, []string{"DE"}); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
	for _, packed := range []string{"", packedPlans[:10], packedPlans[:len(packedPlans)-1], packedPlans[:1000] + "x" + packedPlans[1001:]} {
		if _, err := unpacked(packed); err == nil {
			t.Error("damaged bytes are unpacked")
		}
	}
}

// everyCountry are those that have a plan, in order.
func everyCountry() (codes []string) {
	for code := range phonenumbers.GetSupportedRegions() {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// callingCodes are those of countries, in order, with their countries in the library's.
func callingCodes() (codes []int) {
	for code := range phonenumbers.GetSupportedCallingCodes() {
		if !phonenumbers.GetSupportedGlobalNetworkCallingCodes()[code] {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// makePlans writes the plans as readPlan reads them. It stops where the library has what the reader would not
// understand.
func makePlans(t *testing.T) string {
	t.Helper()
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	byCountry := map[string]*phonenumbers.PhoneMetadata{}
	for _, m := range all.GetMetadata() {
		byCountry[m.GetId()] = m
	}
	var blocks []string
	var before []string
	for code := range phonenumbers.GetSupportedCallingCodes() {
		before = append(before, strconv.Itoa(code))
	}
	for _, code := range callingCodes() {
		number := strconv.Itoa(code)
		if slices.ContainsFunc(before, func(other string) bool { return other != number && strings.HasPrefix(other, number) }) {
			t.Errorf("+%d is the beginning of another calling code", code)
		}
		blocks = append(blocks, makePlan(t, code, byCountry))
	}
	return strings.Join(blocks, "\n")
}

func makePlan(t *testing.T, code int, byCountry map[string]*phonenumbers.PhoneMetadata) string {
	t.Helper()
	var out bytes.Buffer
	line := func(words ...string) {
		for _, word := range words {
			if strings.ContainsAny(word, "\t\n") {
				t.Errorf("+%d: %q has a tab or an end of line", code, word)
			}
		}
		fmt.Fprintln(&out, strings.TrimRight(strings.Join(words, "\t"), "\t"))
	}
	countries := phonenumbers.GetRegionCodesForCountryCode(code)
	line("code", strconv.Itoa(code), strings.Join(countries, " "))
	main := byCountry[countries[0]]
	if main.GetNationalPrefixForParsing() != "" {
		line("prefix", main.GetNationalPrefixForParsing(), main.GetNationalPrefixTransformRule())
	}
	if local := main.GetGeneralDesc().GetPossibleLengthLocalOnly(); len(local) > 0 {
		line("local", spaced(local))
	}
	formats := main.GetIntlNumberFormat()
	if len(formats) == 0 {
		formats = main.GetNumberFormat()
	}
	for _, f := range formats {
		leading := append([]string{""}, f.GetLeadingDigitsPattern()...)
		line("format", f.GetPattern(), f.GetFormat(), leading[len(leading)-1]) // the last one is the most exact
	}
	for _, id := range countries {
		m := byCountry[id]
		if len(id) != 2 || m == nil || int(m.GetCountryCode()) != code || len(m.GetGeneralDesc().GetPossibleLength()) == 0 {
			t.Fatalf("+%d: the plan of %q cannot be written", code, id)
		}
		leading := m.GetLeadingDigits()
		if len(countries) == 1 {
			leading = "" // they tell countries apart, and are not asked for here
		}
		line("country", id, leading)
		for _, k := range kindsOf(m) {
			if possible := k.desc.GetPossibleLength(); !slices.Contains([]string{"", "NA"}, k.desc.GetNationalNumberPattern()) && !slices.Contains(possible, -1) {
				line(k.name, spaced(possible), k.desc.GetNationalNumberPattern())
			}
		}
	}
	return out.String()
}

type namedKind struct {
	name string
	desc *phonenumbers.PhoneNumberDesc
}

// kindsOf are in the order in which the library asks them. Where mobile numbers look like fixed ones, it does not ask
// for mobile.
func kindsOf(m *phonenumbers.PhoneMetadata) []namedKind {
	kinds := []namedKind{
		{"general", m.GetGeneralDesc()},
		{"premium", m.GetPremiumRate()},
		{"free", m.GetTollFree()},
		{"shared", m.GetSharedCost()},
		{"voip", m.GetVoip()},
		{"personal", m.GetPersonalNumber()},
		{"pager", m.GetPager()},
		{"company", m.GetUan()},
		{"voicemail", m.GetVoicemail()},
		{"fixed", m.GetFixedLine()},
	}
	if !m.GetSameMobileAndFixedLinePattern() {
		kinds = append(kinds, namedKind{"mobile", m.GetMobile()})
	}
	return kinds
}

func spaced(lengths []int32) string {
	return strings.Trim(fmt.Sprint(lengths), "[]")
}
