package password

import (
	_ "embed" // the list
	"sort"
	"strings"
)

// blocklist is the list: in lower case, a word a line, in the order of the bytes. See blocklist/README.md.
//
//go:embed blocklist/passwords.txt
var blocklist string

// longestListed bounds what is looked up inside a password; no word of the list is longer.
const longestListed = 40

// listed reports whether the word, in lower case, is on the list.
func listed(word string) bool {
	whole, _ := lookup(word)
	return whole
}

// lookup reports whether the word is on the list, and whether any on the list begins with it. It searches the
// text as it is, so that the list costs nothing at start and no memory beside its own.
func lookup(word string) (whole, begins bool) {
	if word == "" || len(word) > longestListed {
		return false, false
	}
	// The first byte whose line is not before the word.
	at := sort.Search(len(blocklist), func(i int) bool { return line(i) >= word })
	if at == len(blocklist) {
		return false, false
	}
	found := line(at)
	return found == word, strings.HasPrefix(found, word)
}

// line is the line that the byte is in, its end included.
func line(i int) string {
	start := strings.LastIndexByte(blocklist[:i], '\n') + 1
	end := strings.IndexByte(blocklist[i:], '\n')
	if end < 0 {
		return blocklist[start:]
	}
	return blocklist[start : i+end]
}
