package nightlatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

// TestOfManyUsers: who of many holds a second factor and how many of each work, in the order that was asked for. What is
// over, or stands in, is none; one that is suspended is held and does not work.
func TestOfManyUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := map[string][]nightlatch.AuthenticatorRecord{
		"two":       {{Kind: "knock"}, {Kind: "knock"}},
		"suspended": {{Kind: "knock", Allows: factor.AllowsNothing}},
		"over":      {{Kind: "knock", ExpiresAt: start}},
		"soon over": {{Kind: "knock", ExpiresAt: start.Add(time.Microsecond)}},
		"codes":     {{Kind: "paper"}},
		"gone kind": {{Kind: "none of ours"}},
	}
	err := w.store.Tx(t.Context(), func(ctx context.Context, tx nightlatch.Tx) error {
		for user, records := range held {
			for i, r := range records {
				r.ID, r.User = user+string(rune('a'+i)), user
				if err := tx.Put(ctx, r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	users := []string{"suspended", "nobody", "over", "two", "codes", "two", "soon over", "gone kind"}
	got := must(w.Enrolled(t.Context(), users))
	if diff := cmp.Diff([]string{"suspended", "two", "two", "soon over", "gone kind"}, got); diff != "" {
		t.Errorf("enrolled (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 0, 0, 2, 0, 2, 1, 0}, must(w.WorkingOf(t.Context(), users))); diff != "" {
		t.Errorf("working (-want +got)\n%s", diff)
	}
	if none := must(w.Enrolled(t.Context(), nil)); len(none) != 0 {
		t.Errorf("of nobody: %v", none)
	}
}
