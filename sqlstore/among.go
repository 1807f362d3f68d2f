package sqlstore

import (
	"fmt"
	"slices"
	"strings"
)

// amongSteps are how many placeholders a list of Among has: few texts, so that all of them stay prepared.
var amongSteps = []int{1, 8, 64, 256}

// Among calls f with values that a query looks for, each once, as many at a time as fit: with the text of a list, like
// "($1, $2)", to be put after IN where no other placeholder stands, and its arguments. The last value is repeated where
// a list has more places, which finds nothing twice. Texts are few whatever the number of values. It ends with the first
// error of f.
func Among(values []string, f func(list string, args []any) error) error {
	each := slices.Compact(slices.Sorted(slices.Values(values)))
	for some := range slices.Chunk(each, amongSteps[len(amongSteps)-1]) {
		places := amongSteps[slices.IndexFunc(amongSteps, func(n int) bool { return n >= len(some) })]
		list, args := make([]string, places), make([]any, places)
		for i := range places {
			list[i], args[i] = fmt.Sprintf("$%d", i+1), some[min(i, len(some)-1)]
		}
		if err := f("("+strings.Join(list, ", ")+")", args); err != nil {
			return err
		}
	}
	return nil
}
