package settings

import (
	"strings"
)

// Fault is one thing that is wrong with the settings.
type Fault struct {
	Where string // "nightlatch.toml:12", "NIGHTLATCH_LISTEN", "--listen", or empty
	Key   string // "totp.digits", or empty where a whole file is meant
	Why   string // what is wrong and what is allowed; never a secret
}

// String is the fault in one line.
func (f Fault) String() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{f.Where, f.Key, f.Why} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Faults is everything that is wrong with the settings; it is never empty as an error.
type Faults []Fault

// Error has one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// didYouMean returns "; did you mean X?" for the known name nearest to an unknown one, or nothing.
func didYouMean(unknown string, known []string) string {
	best, least := "", max(2, len(unknown)/4)+1
	for _, k := range known {
		if d := distance(strings.ToLower(unknown), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		best = sameLeaf(unknown, known)
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// sameLeaf finds a known key in another table that ends alike: "digits" is totp.digits.
func sameLeaf(unknown string, known []string) string {
	leaf := unknown[strings.LastIndexByte(unknown, '.')+1:]
	for _, k := range known {
		if k[strings.LastIndexByte(k, '.')+1:] == leaf {
			return k
		}
	}
	return ""
}

// distance is the Levenshtein distance of two short texts, in bytes.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100 // nobody means something by that
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
