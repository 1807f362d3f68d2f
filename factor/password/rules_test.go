package password

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

func problem(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var r *factor.Refused
	if !errors.As(err, &r) {
		t.Fatalf("got %T %v, want *factor.Refused", err, err)
	}
	if r.Field != "password" {
		t.Errorf("field %q, want password", r.Field)
	}
	return r.Problem
}

func TestCheckLength(t *testing.T) {
	t.Parallel()
	// Code points that make no word and no sequence.
	varied := func(n int, from rune) string {
		var b strings.Builder
		for i := range n {
			b.WriteRune(from + rune(i*i*7%911))
		}
		return b.String()
	}
	wide := varied(256, 0x20000) // four bytes each
	for _, tt := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"empty", "", Options{}, "missing"},
		{"one too few", "kq tz mw xp vr", Options{}, "too_short"},
		{"just enough", "kq tz mw xp vrb", Options{}, ""},
		{"8 two-byte letters are not 16", "ößäüéàçñ", Options{}, "too_short"},
		{"15 emoji", "😀🦊🌵🚲🎻🧭🪴🛶🏔🥐🧦🪁🦉🍋🔭", Options{}, ""},
		{"the least that may be set is 8", "kq tz mw", Options{MinLength: 3}, ""},
		{"7 with the least set lower", "kq tz m", Options{MinLength: 3}, "too_short"},
		{"256 code points of four bytes", wide, Options{}, ""},
		{"257 code points", wide + "x", Options{}, "too_long"},
		{"256 after NFC, 512 before", decomposed(256), Options{}, ""},
		{"64 allowed although less is set", varied(64, 0x4e00), Options{MaxLength: 20}, ""},
		{"65 where 64 is the most", varied(65, 0x4e00), Options{MaxLength: 20}, "too_long"},
		{"a megabyte", strings.Repeat("kq", 1<<19), Options{}, "too_long"},
		{"NFD counts as NFC", strings.Repeat("u\u0308", 4) + "kq" + "o\u0302", Options{}, "too_short"},
		{"bad UTF-8", "kq tz mw xp vrb\xff", Options{}, "invalid"},
		{"half a surrogate", "kq tz mw xp vrb\xed\xa0\x80", Options{}, "invalid"},
		{"NUL", "kq tz mw\x00 xp vrb", Options{}, "invalid"},
		{"spaces count and stay", "   kq tz mw vr ", Options{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := problem(t, New(tt.o).Check(factor.Call{}, tt.text)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// decomposed is n characters, each a letter with a combining mark, with some variety.
func decomposed(n int) string {
	letters, marks := []rune("aeiouAEIOU"), []rune{0x300, 0x301, 0x302, 0x308}
	var b strings.Builder
	for i := range n {
		b.WriteRune(letters[i*i*3%len(letters)])
		b.WriteRune(marks[i*7/3%len(marks)])
	}
	return b.String()
}

// Every printing ASCII character and the space may be used (NIST SP 800-63B-4 §3.1.1.2).
func TestCheckASCII(t *testing.T) {
	t.Parallel()
	f := New(Options{})
	for c := ' '; c <= '~'; c++ {
		text := "kq tz mw" + string(c) + "xp vrb"
		if err := f.Check(factor.Call{}, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

var call = factor.Call{
	Issuer: "Blue Harbor Library",
	User:   factor.User{Name: "ada.lovelace", Email: "countess-of-numbers@analytical.example"},
}

func TestCheckTooCommon(t *testing.T) {
	t.Parallel()
	f := New(Options{MinLength: 8})
	for _, text := range []string{
		// listed
		"password", "PASSWORD", "PassWord", "ｐａｓｓｗｏｒｄ", "iloveyou", "1qaz2wsx3edc4rfv", "mailcreated5240",
		// repeated
		"passwordpassword", "PasswordpassworD", "password password", "passwordpasswordpass", "dragon-dragon-dragon",
		strings.Repeat("password", 32),
		// filled up
		"password123456789", "123456789password", "Password2026!", "dragon!!!!!!!!!!!", "monkey1234monkey5678",
		"iloveyou20261122", "password!@#$%^&*()", "p@ssw0rd12345678", "qwerty-password", "password 1 2 3",
		// sequences
		"123456789012345", "987654321098765", "1234567890123456789012345678901234567890", "abcdefghijklmnop",
		"zyxwvutsrqponmlkji", "qwertyuiopasdfgh", "poiuytrewqlkjhgf", "1qaz2wsx3edc4rfv5tgb", "1234qwerasdfzxcv",
		"abc123def456ghi789", "qwertz-uiop-asdf", "!@#$%^&*()!@#$%^", "1q2w3e4r5t6y7u8i9o", "a1b2c3d4e5f6g7h8", "йцукенгшщзхфывап",
		// a few characters over and over
		"aaaaaaaaaaaaaaaaaaaa", "abababababababab", "xk7!xk7!xk7!xk7!", "               ", strings.Repeat(" ", 64), strings.Repeat("a", 63), strings.Repeat("-", 64), "🦊🦊🦊🦊🦊🦊🦊🦊",
		// context
		"ada.lovelace", "ADA.LOVELACE", "adalovelace", "ada.lovelaceada.lovelace", "ada lovelace 1815", "adalovelace12345",
		"countess-of-numbers", "countessofnumbers", "countess-of-numbers@analytical.example", "analytical123456",
		"blue harbor library", "BlueHarborLibrary", "blueharborlibrary1", "Blue Harbor Library!!",
	} {
		if got := problem(t, f.Check(call, text)); got != "too_common" {
			t.Errorf("%q: got %q, want too_common", text, got)
		}
	}
}

func TestCheckAccepted(t *testing.T) {
	t.Parallel()
	f := New(Options{MinLength: 8})
	for _, text := range []string{
		"correct horse battery staple", "correcthorsebatterystaple", "my password is a long sentence",
		"the dragon of the password lake", "ada.lovelace likes blue harbors", "password for the library door",
		"monkey dragon wizard 7", "kq tz mw xp vrb", "4f9c1b7e0a6d3852", "839204857261934", "Tr0ub4dor&3xkq",
		"パスワードではない長い文", "не пароль, а фраза", "vX2$kP9!mQ4@", "blue harbor has a library of sand",
		"four plain words here", "nightlatch-test-passphrase-1",
		strings.Repeat("a", 64), strings.Repeat("x", 256), strings.Repeat("é", 256), strings.Repeat("A9#", 40), strings.Repeat("0123", 16),
	} {
		if err := f.Check(call, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := f.Check(factor.Call{}, "ada.lovelace"); err != nil {
		t.Errorf("without a user: %v", err)
	}
}

// Every word of the list is refused in any case.
func TestCheckListed(t *testing.T) {
	t.Parallel()
	for i, w := range words() {
		if i%97 == 0 && (!tooCommon(w, nil) || !tooCommon(strings.ToUpper(w), nil)) {
			t.Errorf("%q is on the list and was accepted", w)
		}
	}
}

func words() []string { return strings.Split(strings.TrimSuffix(blocklist, "\n"), "\n") }

// The list is what binary search and the rules need: sorted, in lower case, long.
func TestList(t *testing.T) {
	t.Parallel()
	all := words()
	if len(all) < 10_000 {
		t.Errorf("the list has %d words, want 10,000 at least", len(all))
	}
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("the list is not sorted in the order of bytes, or says a word twice")
	}
	longest := 0
	for _, w := range all {
		longest = max(longest, len(w))
		if w != fold(w) || len(w) < shortestWord || strings.ContainsAny(w, " \r\t") {
			t.Errorf("%q does not belong on the list", w)
		}
		if !listed(w) {
			t.Errorf("%q is not found", w)
		}
	}
	if longest > longestListed {
		t.Errorf("the longest word has %d bytes, longestListed is %d", longest, longestListed)
	}
	for _, w := range []string{"", "a", "!", "~~~~~~~", "passwore", "zzzzzzzzzzzzzzzzzzzzzz", "\xff"} {
		if listed(w) {
			t.Errorf("%q is found", w)
		}
	}
}

// Judging the rules is no lever for keeping the processor busy.
func BenchmarkCheckWorst(b *testing.B) {
	f := New(Options{})
	for name, text := range map[string]string{
		"sequences and words": strings.Repeat("abc123passwordqwertydragonmonkey", 7) + "xk",
		"digits":              strings.Repeat("8392048572", 25) + "xkq",
		"phrase":              "correct horse battery staple",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = f.Check(call, text)
			}
		})
	}
}
