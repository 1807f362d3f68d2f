package sparing

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLog(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := New(slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return now })
	lines := func() []string {
		all := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		text.Reset()
		return all
	}
	for range Most + 40 {
		l.Warn("refused", "addr", "192.0.2.1")
	}
	if got := lines(); len(got) != Most || strings.Contains(got[Most-1], "left_out") {
		t.Errorf("%d lines, the last %s", len(got), got[len(got)-1])
	}
	now = now.Add(time.Minute)
	l.Warn("refused")
	l.Warn("refused")
	if got := lines(); len(got) != 2 || !strings.Contains(got[0], "left_out=40") || strings.Contains(got[1], "left_out") {
		t.Errorf("after a minute: %q", got)
	}
	for range Most {
		l.Warn("refused")
	}
	lines()
	now = now.Add(-time.Hour)
	l.Warn("refused")
	if got := lines(); !strings.Contains(got[0], "left_out=2") {
		t.Errorf("with a clock that was set back: %q", got)
	}
}

// A flood costs nothing but its counting: what a line would say is asked only where it is written.
func TestWarnWith(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := New(slog.New(slog.DiscardHandler), func() time.Time { return now })
	asked := 0
	for range Most + 40 {
		l.WarnWith("refused", func() []any {
			asked++
			return []any{"addr", "192.0.2.1"}
		})
	}
	if asked != Most {
		t.Errorf("asked %d times", asked)
	}
}
