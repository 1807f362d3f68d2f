package locale

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestT(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, lang, english string
		args                []any
		want                string
	}{
		{"English is as written", "en", "January", nil, "January"},
		{"another language", "de", "January", nil, "Januar"},
		{"a variety of it", "de-AT", "January", nil, "Januar"},
		{"a variety of a variety", "de-Latn-AT", "January", nil, "Januar"},
		{"unknown language", "tlh", "January", nil, "January"},
		{"no language", "", "January", nil, "January"},
		{"hostile language", strings.Repeat("-", 1000), "January", nil, "January"},
		{"unknown sentence", "de", "Nobody translated this", nil, "Nobody translated this"},
		{"arguments", "de", "%[1]d %[2]s %[3]d", []any{1, "Mai", 2026}, "1. Mai 2026"},
		{"a percent sign without arguments", "en", "100 % sure", nil, "100 % sure"},
		{"verbs in an argument are text", "en", "Hello %s", []any{"%d"}, "Hello %d"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := T(test.lang, test.english, test.args...); got != test.want {
				t.Errorf("T(%q, %q) = %q, want %q", test.lang, test.english, got, test.want)
			}
		})
	}
}

func TestN(t *testing.T) {
	t.Parallel()
	tests := []struct {
		lang string
		n    int
		want string
	}{
		{"en", 0, "0 days"},
		{"en", 1, "1 day"},
		{"en", 2, "2 days"},
		{"en", 21, "21 days"},
		{"de", 0, "0 Tage"},
		{"de", 1, "1 Tag"},
		{"de", 2, "2 Tage"},
		{"de-CH", 1, "1 Tag"},
		{"tlh", 1, "1 day"},
	}
	for _, test := range tests {
		if got := N(test.lang, test.n, "%d day", "%d days"); got != test.want {
			t.Errorf("N(%q, %d) = %q, want %q", test.lang, test.n, got, test.want)
		}
	}
}

// A language with more forms than two follows the rules of CLDR, not those of English.
func TestFormsBeyondTwo(t *testing.T) {
	t.Parallel()
	days := entry{"one": "%d день", "few": "%d дня", "many": "%d дней", "other": "%d дня"}
	for n, want := range map[int]string{1: "%d день", 21: "%d день", 3: "%d дня", 11: "%d дней", 100: "%d дней", -1: "%d день"} {
		if got := days.form("ru", n); got != want {
			t.Errorf("form(%d) = %q, want %q", n, got, want)
		}
	}
	if got := (entry{"other": "%d日"}).form("ja", 1); got != "%d日" {
		t.Errorf("a language with one form says %q", got)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct{ accept, want string }{
		{"", "en"},
		{"de", "de"},
		{"de-AT,de;q=0.9,en;q=0.8", "de"},
		{"en-GB,en;q=0.9,de;q=0.1", "en"},
		{"gsw", "de"}, // Swiss German reads German
		{"fr,de;q=0.5", "de"},
		{"fr", "en"},
		{"*", "en"},
		{"de;q=0,en", "en"},
		{"\x00\xff", "en"},
		{"de;q=x", "en"},
		{";;;,,,", "en"},
		{"de," + strings.Repeat("fr,", 100000), "de"},
		{strings.Repeat("d", 100000), "en"},
		{strings.Repeat("de-", 100000), "en"},
	}
	for _, test := range tests {
		if got := Match(test.accept); got != test.want {
			t.Errorf("Match(%.40q) = %q, want %q", test.accept, got, test.want)
		}
	}
}

func TestDirection(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string]string{
		"en": "ltr", "de": "ltr", "ar": "rtl", "he-IL": "rtl", "fa": "rtl", "az-Arab": "rtl", "az": "ltr", "": "ltr", "dv": "rtl",
	} {
		if got := Direction(lang); got != want {
			t.Errorf("Direction(%q) = %q, want %q", lang, got, want)
		}
	}
}

func TestLanguagesCannotBeChangedFromOutside(t *testing.T) {
	t.Parallel()
	Languages()[0] = "xx"
	if diff := cmp.Diff([]string{"en", "de"}, Languages()); diff != "" {
		t.Error(diff)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("", 3600)) // still February in UTC
	for lang, want := range map[string]string{"en": "28 February 2026, 23:30 UTC", "de": "28. Februar 2026, 23:30 UTC"} {
		if got := Moment(lang, at); got != want {
			t.Errorf("Moment(%q) = %q, want %q", lang, got, want)
		}
	}
	if got := Date("de", at); got != "28. Februar 2026" {
		t.Errorf("Date = %q", got)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 seconds", 0: "0 seconds", time.Millisecond: "1 second", time.Second: "1 second",
		90 * time.Second: "90 seconds", 2 * time.Minute: "120 seconds", 2*time.Minute + 1: "3 minutes",
		time.Hour: "60 minutes", 24 * time.Hour: "24 hours", 720 * time.Hour: "30 days", 49 * time.Hour: "3 days",
	} {
		if got := Duration("en", d); got != want {
			t.Errorf("Duration(%s) = %q, want %q", d, got, want)
		}
	}
	if got := Duration("de", time.Second); got != "1 Sekunde" {
		t.Errorf("Duration in German = %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `[]`, `{"a": 1}`, `{"a": null}`, `{"a": ""}`, `{"a": {"one": "x"}}`, `{"a": {"other": "x", "lots": "y"}}`,
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("parse(%s) did not refuse", text)
		}
	}
}
