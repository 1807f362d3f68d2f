package password

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

// Check says why a new password is refused, by factor.RefuseField("password", problem): "missing", "invalid",
// "too_short", "too_long" in code points of its NFC, or "too_common". It demands nothing of its characters
// (NIST SP 800-63B-4 §3.1.1.2). The call's User and Issuer are words that everybody would try.
func (f *Factor) Check(c factor.Call, text string) error {
	normal, err := f.normal(text)
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(normal) < f.min {
		return factor.RefuseField("password", "too_short")
	}
	if tooCommon(normal, contextWords(c)) {
		return factor.RefuseField("password", "too_common")
	}
	return nil
}

// contextWords are the names that stand for this user at this service (ASVS 6.1.2, 6.2.11).
func contextWords(c factor.Call) []string {
	local, domain, _ := strings.Cut(c.User.Email, "@")
	first, _, _ := strings.Cut(domain, ".")
	var words []string
	for _, w := range []string{c.User.Name, c.User.Email, local, domain, first, c.Issuer} {
		w = fold(w)
		words = append(words, w, squeeze(w))
	}
	return words
}

// fold makes spellings alike that differ in case or width only.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

var separators = strings.NewReplacer(" ", "", "-", "", "_", "", ".", "")

// squeeze removes what separates words.
func squeeze(s string) string { return separators.Replace(s) }

// tooCommon reports whether a password is one that is tried first: a listed or context word as a whole,
// repeated, or filled up with digits and sequences; nothing but sequences; or a few characters over and over, unless
// that is plenty. A listed word within a longer phrase is none of these.
func tooCommon(text string, context []string) bool {
	much := utf8.RuneCountInString(text) >= plenty && strings.TrimSpace(text) != ""
	for _, s := range []string{fold(text), squeeze(fold(text))} {
		switch {
		case listed(s), equalsOne(s, context):
			return true
		case periodic(s) && much:
		case periodic(s), filler(s, false), filledUp(s, context):
			return true
		}
	}
	return false
}

func equalsOne(s string, words []string) bool {
	for _, w := range words {
		if w != "" && s == w {
			return true
		}
	}
	return false
}

// shortPeriod is how many characters, said over and over, are as good as none.
const shortPeriod = 4

// plenty is how many characters nobody tries of a few over and over: as many as must be taken at least (NIST SP 800-63B-4
// §3.1.1.2).
const plenty = 64

// periodic reports whether s is up to four characters over and over: "abcabcabcabcabc".
func periodic(s string) bool {
	r := []rune(s)
	for p := 1; p <= shortPeriod && 2*p <= len(r); p++ {
		same := true
		for i := p; i < len(r) && same; i++ {
			same = r[i] == r[i-p]
		}
		if same {
			return true
		}
	}
	return false
}

// shortestWord is the least length of a word that is looked for inside a password.
const shortestWord = 4

// filledUp reports whether one word, as often as you like, and filler are all there is: "password123456789",
// "Dragon!dragon!dragon", "ada.lovelace2026".
func filledUp(s string, context []string) bool {
	tried := map[string]bool{"": true}
	try := func(w string) bool {
		if tried[w] {
			return false
		}
		tried[w] = true
		return filler(without(s, w), true)
	}
	for _, w := range context {
		if len(w) >= shortestWord && strings.Contains(s, w) && try(w) {
			return true
		}
	}
	for i := range len(s) {
		for j := i + shortestWord; j <= min(len(s), i+longestListed); j++ {
			whole, begins := lookup(s[i:j])
			if whole && try(s[i:j]) {
				return true
			}
			if !begins {
				break
			}
		}
	}
	return false
}

// hole stands where a word was. A password never holds it.
const hole = "\x00"

// without is s with a hole for each time that the word is said, and for a beginning of it at the end where it is
// said over and over: "passwordpasswordpass".
func without(s, word string) string {
	rest := strings.ReplaceAll(s, word, hole)
	cut := strings.LastIndex(rest, hole) + len(hole)
	if tail := rest[cut:]; tail != "" && strings.HasPrefix(word, tail) {
		return rest[:cut]
	}
	return rest
}
