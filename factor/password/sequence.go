package password

import (
	"strings"
	"unicode"
)

// sequences are what fingers do by themselves; each counts backward too. Doubled where it goes round.
var sequences = both([]string{
	"01234567890123456789", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
	// rows of the keyboard: QWERTY with and without shift, QWERTZ, AZERTY, йцукен
	"`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./", "~!@#$%^&*()_+",
	"qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn",
	"йцукенгшщзхъфывапролджэячсмитьбю",
	// columns, single and together with the row of digits
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
	"zaq1xsw2cde3vfr4bgt5nhy6mju7", "qawsedrftgyhujikolp", "a1b2c3d4e5f6g7h8i9j0", "1qazxsw23edcvfr45tgbnhy67ujm", "qweasdzxc", "wersdfxcv",
})

func both(forward []string) []string {
	all := make([]string, 0, 2*len(forward))
	for _, s := range forward {
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		all = append(all, s, string(r))
	}
	return all
}

const (
	shortestSequence = 3
	longestSequence  = 64 // characters; longer than every sequence
	mostOthers       = 3  // so many odd characters change nothing: "password-1234567!"
)

// filler reports whether a text is nothing but sequences, one character repeated, the holes of words, and up to
// three signs that are neither letters nor digits. Beside a word all digits are filler too: a birthday, a phone
// number. A text of digits alone may well be random.
func filler(s string, besideWord bool) bool {
	r := []rune(s)
	// others[i] is the fewest odd characters with which r[:i] is filler, or more than enough.
	others := make([]int, len(r)+1)
	for i := range r {
		others[i+1] = mostOthers + 1
	}
	for i := range r {
		if others[i] > mostOthers {
			continue
		}
		step := func(to, cost int) { others[to] = min(others[to], others[i]+cost) }
		switch {
		case string(r[i]) == hole, besideWord && unicode.IsDigit(r[i]):
			step(i+1, 0)
		case !unicode.IsLetter(r[i]) && !unicode.IsDigit(r[i]):
			step(i+1, 1)
		}
		for _, n := range []int{repeated(r[i:]), sequential(r[i:])} {
			for to := i + shortestSequence; to <= i+n; to++ {
				step(to, 0)
			}
		}
	}
	return others[len(r)] <= mostOthers
}

// repeated is how often the first character is said at the beginning.
func repeated(r []rune) int {
	n := 0
	for n < len(r) && r[n] == r[0] {
		n++
	}
	return n
}

// sequential is the length of the longest sequence at the beginning.
func sequential(r []rune) int {
	longest := 0
	for n := shortestSequence; n <= min(len(r), longestSequence); n++ {
		if !inSequence(string(r[:n])) {
			break
		}
		longest = n
	}
	return longest
}

func inSequence(s string) bool {
	for _, q := range sequences {
		if strings.Contains(q, s) {
			return true
		}
	}
	return false
}
