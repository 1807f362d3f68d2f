package recovery

import (
	"errors"
	"strings"
	"testing"

	"github.com/nightlatch/nightlatch/factor"
)

// Codes of another program work as ours do: any case and grouping, each once.
func TestFromCodes(t *testing.T) {
	t.Parallel()
	f := cheap()
	e, err := f.FromCodes(t.Context(), factor.Call{Rand: random(1)}, []string{"01ab-23cd-45ef", "FFEE-DDCC-BBAA"})
	if err != nil || e.Left != 2 {
		t.Fatalf("left %d, %v", e.Left, err)
	}
	held := factor.Held{ID: "r", State: e.State}
	try := func(code string) (factor.Verdict, error) {
		return f.Verify(t.Context(), factor.Call{Held: []factor.Held{held}}, nil, factor.Response{Code: code})
	}
	for _, wrong := range []string{"01ab-23cd-45ee", "01ab23cd45ef0000", "01ab23cd45e", ""} {
		if _, err := try(wrong); !errors.Is(err, factor.ErrRefused) {
			t.Errorf("%q: %v, want a refusal", wrong, err)
		}
	}
	v, err := try("O1AB 23CD 45EF")
	if err != nil || v.Left != 1 {
		t.Fatalf("left %d, %v", v.Left, err)
	}
	held.State = v.State
	var refused *factor.Refused
	if _, err := try("01ab23cd45ef"); !errors.As(err, &refused) || refused.Reason != factor.Used {
		t.Errorf("twice: %v, want used", err)
	}
	if v, err = try("ffeeddccbbaa"); err != nil || v.Left != 0 {
		t.Errorf("the other: left %d, %v", v.Left, err)
	}
	if again, err := Restated(v.State); err != nil || again.Left != 0 || string(again.State) != string(v.State) {
		t.Errorf("restated: left %d, %v", again.Left, err)
	}
	if _, err := Restated(factor.State("{}")); err == nil {
		t.Error("what is no state was restated")
	}
}

func TestFromCodesRefuses(t *testing.T) {
	t.Parallel()
	f := cheap()
	for name, codes := range map[string][]string{
		"none":              nil,
		"too many":          make([]string, 101),
		"short":             {"123456789"},
		"long":              {strings.Repeat("1", 65)},
		"other characters":  {"gAAAAABk_tu-secret"},
		"twice":             {"0123456789ab", "O123-4567-89AB"},
		"different lengths": {"0123456789ab", "0123456789abc"},
	} {
		if _, err := f.FromCodes(t.Context(), factor.Call{Rand: random(1)}, codes); err == nil || strings.Contains(err.Error(), "0123") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
