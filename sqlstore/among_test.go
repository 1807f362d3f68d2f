package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAmong: every value is asked for once, however many there are, with few texts, whose placeholders fit the arguments.
func TestAmong(t *testing.T) {
	t.Parallel()
	texts := map[string]bool{}
	for n := range 700 {
		var values, asked []string
		for i := range n {
			values = append(values, fmt.Sprintf("%03d", i))
		}
		twice := slices.Concat(values, values)
		slices.Reverse(twice)
		calls := 0
		err := Among(twice, func(list string, args []any) error {
			calls++
			texts[list] = true
			if last := fmt.Sprintf("$%d)", len(args)); strings.Count(list, "$") != len(args) || !strings.HasSuffix(list, last) {
				t.Errorf("%d arguments of %s", len(args), list)
			}
			for _, arg := range args {
				asked = append(asked, arg.(string))
			}
			return nil
		})
		if diff := cmp.Diff(values, slices.Compact(asked)); diff != "" || err != nil || calls != (n+255)/256 {
			t.Errorf("%d values, %d calls: %v (-want +got)\n%s", n, calls, err, diff)
		}
	}
	if len(texts) != len(amongSteps) {
		t.Errorf("%d texts", len(texts))
	}
	failed := errors.New("failed")
	calls := 0
	if err := Among(make([]string, 300), func(string, []any) error { calls++; return failed }); !errors.Is(err, failed) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
