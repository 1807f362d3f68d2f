package price

import (
	"os"
	"strings"
	"testing"
)

// TestPrice counts what a second factor costs an application: the lines that ../after has and ../before has not,
// comments and blank lines too.
func TestPrice(t *testing.T) {
	t.Parallel()
	const most = 25
	added, removed := 0, 0
	for _, name := range []string{"app.go", "main.go"} {
		a, r := difference(lines(t, "before/"+name), lines(t, "after/"+name))
		added, removed = added+a, removed+r
	}
	t.Logf("%d lines added, %d removed", added, removed)
	if added >= most || removed > 2 {
		t.Errorf("%d lines added and %d removed: it is to be under %d, and what was there is to stay", added, removed, most)
	}
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// difference counts the lines of to that are not in from, and of from that are not in to, in their order.
func difference(from, to []string) (added, removed int) {
	same := make([][]int, len(from)+1) // the most lines that from[i:] and to[j:] have in common
	for i := range same {
		same[i] = make([]int, len(to)+1)
	}
	for i := len(from) - 1; i >= 0; i-- {
		for j := len(to) - 1; j >= 0; j-- {
			same[i][j] = max(same[i+1][j], same[i][j+1])
			if from[i] == to[j] {
				same[i][j] = same[i+1][j+1] + 1
			}
		}
	}
	return len(to) - same[0][0], len(from) - same[0][0]
}

func TestDifference(t *testing.T) {
	t.Parallel()
	added, removed := difference([]string{"a", "b", "c", "d"}, []string{"a", "x", "b", "d", "y", "z"})
	if added != 3 || removed != 1 {
		t.Errorf("%d added, %d removed", added, removed)
	}
}
