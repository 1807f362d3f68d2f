package phone

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

var thorough = flag.Bool("thorough", false, "compare many more numbers with what the library says, for minutes")

// sampled is how many of so many are looked at: all of them where it is to be thorough.
func sampled(texts []string, one int) []string {
	if *thorough {
		return texts
	}
	var some []string
	for i := len(texts) % one; i < len(texts); i += one {
		some = append(some, texts[i])
	}
	return some
}

// reference is Parser by the libraries that the tables are made from.
func reference(allowed []string) func(text, lang string) (e164, spoken string, err error) {
	return func(text, lang string) (string, string, error) {
		bare, ok := withoutGroups(text)
		if !ok {
			return "", "", errPhone
		}
		number, err := phonenumbers.Parse(bare, "")
		if err != nil || number.GetExtension() != "" {
			return "", "", errPhone
		}
		region := phonenumbers.GetRegionCodeForNumber(number)
		if !slices.Contains(allowed, region) {
			return "", "", errPhone
		}
		switch phonenumbers.GetNumberType(number) {
		case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.FIXED_LINE, phonenumbers.VOIP:
		default:
			return "", "", errPhone
		}
		spoken := referenceName(region, lang) + ", " + phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
		return phonenumbers.Format(number, phonenumbers.E164), spoken, nil
	}
}

// referenceName is what a country is called in lang, else its code.
func referenceName(code, lang string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	names := display.Regions(language.Make(lang))
	if names == nil {
		names = display.Regions(language.English)
	}
	if name := names.Name(region); name != "" {
		return name
	}
	return code
}

// compared runs texts through both, and counts those that are read.
func compared(t *testing.T, got, want func(text, lang string) (string, string, error), texts []string) (read int) {
	t.Helper()
	for _, text := range texts {
		e164, spoken, err := got(text, "en")
		wantE164, wantSpoken, wantErr := want(text, "en")
		if e164 != wantE164 || spoken != wantSpoken || (err == nil) != (wantErr == nil) {
			t.Errorf("%s is read as %q, %q, %v, want %q, %q, %v", text, e164, spoken, err, wantE164, wantSpoken, wantErr)
		}
		if err == nil {
			read++
		}
	}
	return read
}

// examples are numbers of each kind of each country, and what is near them: with what is dialed at home before them, with
// digits added, taken away and changed.
func examples(code string) (texts []string) {
	calling := "+" + strconv.Itoa(phonenumbers.GetCountryCodeForRegion(code))
	prefixes := []string{"", "0", "1", "8", "06", "00", "15", "9", "44", phonenumbers.GetNddPrefixForRegion(code, true)}
	seen := map[string]bool{}
	for kind := phonenumbers.FIXED_LINE; kind <= phonenumbers.VOICEMAIL; kind++ {
		number := phonenumbers.GetExampleNumberForType(code, kind)
		if number == nil {
			continue
		}
		national := phonenumbers.GetNationalSignificantNumber(number)
		for _, prefix := range prefixes {
			seen[calling+prefix+national] = true
		}
		for i := range national {
			seen[calling+national[:i]+national[i+1:]] = true
			seen[calling+national[:i]] = true
			for _, digit := range []string{"0", "1", "5", "9"} {
				seen[calling+national[:i]+digit+national[i+1:]] = true
				seen[calling+national[:i]+digit+national[i:]] = true
			}
		}
		seen[calling+national+"0"], seen[calling+national+"123"] = true, true
	}
	for text := range seen {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

// TestExampleNumbers: the library's own examples, and what is near them, are read as the library reads them.
func TestExampleNumbers(t *testing.T) {
	t.Parallel()
	all := everyCountry()
	got, want := Parser(all), reference(all)
	read := 0
	for _, code := range all {
		texts := examples(code)
		if len(texts) < 20 {
			t.Errorf("%s has only %d examples", code, len(texts))
		}
		read += compared(t, got, want, sampled(texts, 15))
	}
	if read < 2*len(all) {
		t.Errorf("only %d examples of %d countries are read", read, len(all))
	}
}

// TestCountriesOfOneCode: of countries that share a calling code, each is read where it alone is allowed, and refused where
// all others are.
func TestCountriesOfOneCode(t *testing.T) {
	t.Parallel()
	all, read := everyCountry(), 0
	for _, code := range callingCodes() {
		countries := phonenumbers.GetRegionCodesForCountryCode(code)
		if len(countries) == 1 && code != 49 {
			continue
		}
		for i, country := range countries {
			if i > 1 && i < len(countries)-1 && !*thorough {
				continue // the first two and the last
			}
			texts := sampled(examples(country), 29)
			read += compared(t, Parser([]string{country}), reference([]string{country}), texts)
			others := slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == country })
			compared(t, Parser(others), reference(others), sampled(texts, 2))
		}
	}
	if read < 20 {
		t.Errorf("only %d numbers are read", read)
	}
}

// TestRandomNumbers: whatever a number is, it is read as the library reads it.
func TestRandomNumbers(t *testing.T) {
	t.Parallel()
	all := everyCountry()
	random := rand.New(rand.NewPCG(1, 2))
	var codes []string
	for code := range phonenumbers.GetSupportedCallingCodes() {
		codes = append(codes, strconv.Itoa(code))
	}
	slices.Sort(codes)
	n := 4_000
	if *thorough {
		n = 1_000_000
	}
	texts := make([]string, n)
	for i := range texts {
		code := codes[i%len(codes)]
		if i%50 == 0 {
			code = strconv.Itoa(1 + random.IntN(999)) // mostly no calling code at all
		}
		digits := 6 + random.IntN(7)
		if i%10 == 0 {
			digits = 4 + random.IntN(9)
		}
		texts[i] = fmt.Sprintf("+%s%0*d", code, digits, random.Uint64N(pow10(digits)))
	}
	if read := compared(t, Parser(all), reference(all), texts); read < len(texts)/50 {
		t.Errorf("only %d of %d numbers are read", read, len(texts))
	}
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// FuzzParser: whatever is typed, the tables say what the library says.
func FuzzParser(f *testing.F) {
	for _, text := range []string{"+49 (0)1512 3456712", "+44 07911 123456", "+39 06 12345678", "+54 9 11 2345-6789", "+7 727 250 1234", "+1 (202) 555-0123", "+870773111632", "+", "００"} {
		f.Add(text, "de")
	}
	all := everyCountry()
	got, want := Parser(all), reference(all)
	f.Fuzz(func(t *testing.T, text, lang string) {
		e164, spoken, err := got(text, "en")
		wantE164, wantSpoken, wantErr := want(text, "en")
		if e164 != wantE164 || spoken != wantSpoken || (err == nil) != (wantErr == nil) {
			t.Errorf("%q is read as %q, %q, %v, want %q, %q, %v", text, e164, spoken, err, wantE164, wantSpoken, wantErr)
		}
		if _, spoken, err := got("+4915123456712", lang); err != nil || !strings.HasSuffix(spoken, ", +49 1512 3456712") {
			t.Errorf("in %q it is %q, %v", lang, spoken, err)
		}
	})
}

// BenchmarkParser reads one number again and again, in ways that cost little and much.
func BenchmarkParser(b *testing.B) {
	for _, text := range []string{"+4915123456712", "+12025550123", "+12684641234", "+447400123456", "+818012345678"} {
		b.Run(text, func(b *testing.B) {
			parse := Parser(everyCountry())
			for b.Loop() {
				if _, _, err := parse(text, "de"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := Parser([]string{"DE", "AT", "CH"})("+4915123456712", "de"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
