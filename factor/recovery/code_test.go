package recovery

import (
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

func TestSpellings(t *testing.T) {
	t.Parallel()
	f := cheap()
	h, codes := ten(t, f, "a")
	code := codes[0]
	bare := strings.ReplaceAll(code, "-", "")
	var wide, spread strings.Builder
	for _, r := range code {
		wide.WriteRune(r + '！' - '!')
		spread.WriteString(string(r) + " ")
	}
	for name, typed := range map[string]string{
		"as shown": code, "upper case": strings.ToUpper(code), "no dashes": bare,
		"spaces": strings.ReplaceAll(code, "-", " "), "around": "  \t" + code + "\r\n",
		"another grouping": bare[:2] + "-" + bare[2:7] + " " + bare[7:], "full width": wide.String(),
		"each apart": spread.String(), "long dashes": strings.ReplaceAll(code, "-", "–"),
		"wide spaces": strings.ReplaceAll(code, "-", "\u3000"), "no width": "\ufeff" + strings.ReplaceAll(code, "-", "\u200b"),
		"letters for digits":           strings.NewReplacer("0", "o", "1", "l").Replace(code),
		"letters for digits, capitals": strings.NewReplacer("0", "O", "1", "I").Replace(code),
	} {
		copied := h // used here alone
		if _, err := judge(t, f, typed, &copied); err != nil {
			t.Errorf("%s, %q: %v", name, typed, err)
		}
	}
	for name, typed := range map[string]string{
		"empty": "", "one short": bare[:15], "one more": bare + "0", "a u": bare[:15] + "u", "two codes": code + codes[1],
		"a sign": bare[:15] + "!", "buried": strings.Repeat("-", 300) + code, "a Kelvin sign": bare[:15] + "\u212a",
	} {
		copied := h
		if got := reason(t, second(judge(t, f, typed, &copied))); got != factor.Wrong {
			t.Errorf("%s, %q: got %q, want wrong", name, typed, got)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	if got, ok := read("OoIi-LlAa-0011-zZ9y"); !ok || got != "001111aa0011zz9y" {
		t.Errorf("got %q, %v", got, ok)
	}
	if got, ok := read("0011-2233-4455-667\u212a"); ok {
		t.Errorf("a Kelvin sign reads as %q", got)
	}
	// 80 bits: every bit of the randomness is in the code.
	ones, err := newCode(strings.NewReader(strings.Repeat("\xff", codeBytes)))
	if err != nil || ones != strings.Repeat("z", codeLength) {
		t.Errorf("all ones give %q, %v", ones, err)
	}
	steps, err := newCode(strings.NewReader("\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf"))
	if err != nil || steps != alphabet[:16] {
		t.Errorf("0 to 15 in five bits each give %q, %v", steps, err)
	}
	if _, err := newCode(strings.NewReader("short")); err == nil {
		t.Error("a code was made of too little randomness")
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"0123-4567-89ab-cdef", "oOiIlL", "０１２３", "\xff", "u", "\u212a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, ok := read(s)
		if !ok {
			return
		}
		if len(code) != codeLength || strings.Trim(code, alphabet) != "" {
			t.Errorf("%q reads as %q", s, code)
		}
		if again, ok := read(grouped(code)); !ok || again != code {
			t.Errorf("%q reads as %q, which reads as %q", s, code, again)
		}
	})
}
