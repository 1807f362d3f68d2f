package settings

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

var units = map[string]time.Duration{
	"ms": time.Millisecond,
	"s":  time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

var errDuration = errors.New(`a duration like "90s", "1h30m", "7d" or "1 week"`)

// ParseDuration reads a duration as people write it: "90s", "720h", "7d", "1 week", "1h30m", "0s".
// Its parts are whole numbers with a unit each; a day has 24 hours. There are no negative ones.
func ParseDuration(text string) (time.Duration, error) {
	rest, total := strings.TrimSpace(text), time.Duration(0)
	if rest == "" {
		return 0, errDuration
	}
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, errDuration
		}
		rest = strings.TrimLeft(rest[digits:], " ")
		end := strings.IndexAny(rest, "0123456789 ")
		if end < 0 {
			end = len(rest)
		}
		unit, known := units[rest[:end]]
		if !known || n > int64(math.MaxInt64-total)/int64(unit) {
			return 0, errDuration
		}
		total += time.Duration(n) * unit
		rest = strings.TrimLeft(rest[end:], " ")
	}
	return total, nil
}
