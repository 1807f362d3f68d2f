// Package sparing logs what anybody can make happen: so many lines a minute, so that a flood does not fill the disk. What was
// left out is counted, and told with the next line.
package sparing

import (
	"log/slog"
	"sync"
	"time"
)

// Most is how many lines a Log writes in a minute.
const Most = 60

// Log is a log for one sort of lines. Many goroutines may write to it at once.
type Log struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	since time.Time // when the minute began
	lines int       // in that minute
	left  int       // not written since the last line
}

// New makes a Log that writes to another.
func New(log *slog.Logger, now func() time.Time) *Log { return &Log{log: log, now: now} }

// Warn is as slog.Logger.Warn. Where lines were left out before, the attribute "left_out" says how many.
func (l *Log) Warn(msg string, args ...any) { l.WarnWith(msg, func() []any { return args }) }

// WarnWith is Warn with what args returns, which is asked only where there is room for the line: a flood costs no more than
// that.
func (l *Log) WarnWith(msg string, args func() []any) {
	may, leftOut := l.take()
	if !may {
		return
	}
	all := args()
	if leftOut > 0 {
		all = append(all[:len(all):len(all)], "left_out", leftOut)
	}
	l.log.Warn(msg, all...)
}

// take says whether there is room for a line, and how many had none since the last one.
func (l *Log) take() (may bool, leftOut int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if passed := now.Sub(l.since); passed >= time.Minute || passed < 0 { // a clock may be set back
		l.since, l.lines = now, 0
	}
	if l.lines >= Most {
		l.left++
		return false, 0
	}
	l.lines++
	leftOut, l.left = l.left, 0
	return true, leftOut
}
