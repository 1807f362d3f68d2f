package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hours are hours of the week in one time zone: "Mon-Fri 08:00-18:00 Europe/Berlin".
type Hours struct {
	Days [7]bool // by time.Weekday
	// From and To are minutes since midnight, To not included. With To below From they reach into the next
	// day; 24:00 is 1440.
	From, To int
	Zone     *time.Location
	Text     string // as written
}

var errHours = errors.New(`hours like "Mon-Fri 08:00-18:00 Europe/Berlin", "Sat,Sun 00:00-24:00 UTC"`)

// ParseHours reads days, hours and a time zone, parted by spaces. All three must be there.
func ParseHours(text string) (Hours, error) {
	h := Hours{Text: text}
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return h, errHours
	}
	for days := range strings.SplitSeq(parts[0], ",") {
		if !h.addDays(days) {
			return h, errHours
		}
	}
	from, to, found := strings.Cut(parts[1], "-")
	var okFrom, okTo bool
	h.From, okFrom = minutes(from)
	h.To, okTo = minutes(to)
	if !found || !okFrom || !okTo || h.From == h.To || h.From == 24*60 {
		return h, errHours
	}
	zone, err := time.LoadLocation(parts[2])
	if err != nil || parts[2] == "Local" {
		return h, fmt.Errorf("%w, with a time zone of the IANA database", errHours)
	}
	h.Zone = zone
	return h, nil
}

// addDays adds "Mon" or "Fri-Mon".
func (h *Hours) addDays(s string) bool {
	first, last, ranged := strings.Cut(s, "-")
	from, ok := weekday(first)
	to := from
	if ranged && ok {
		to, ok = weekday(last)
	}
	if !ok {
		return false
	}
	for day := from; ; day = (day + 1) % 7 {
		h.Days[day] = true
		if day == to {
			return true
		}
	}
}

func weekday(s string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(s, day.String()[:3]) || strings.EqualFold(s, day.String()) {
			return day, true
		}
	}
	return 0, false
}

// minutes reads "08:30" as 510.
func minutes(s string) (int, bool) {
	hour, minute, found := strings.Cut(s, ":")
	if !found || len(hour) != 2 || len(minute) != 2 {
		return 0, false
	}
	h, err1 := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	if err1 != nil || err2 != nil || m > 59 || h > 24 || h == 24 && m != 0 {
		return 0, false
	}
	return int(h)*60 + int(m), true
}

// hours is one such text or a list of them.
func hours(p *[]Hours) kind {
	get := func() any {
		out := make([]string, len(*p))
		for i, h := range *p {
			out[i] = h.Text
		}
		return out
	}
	return kind{def: []string(nil), get: get, set: func(v value) error {
		if v.shape == aText && !v.loose {
			v = value{shape: aList, items: []value{v}}
		}
		items, ok := v.asTexts()
		if !ok {
			return errHours
		}
		parsed := make([]Hours, 0, len(items))
		for _, item := range items {
			h, err := ParseHours(item)
			if err != nil {
				return &badItem{item, err}
			}
			parsed = append(parsed, h)
		}
		*p = parsed
		return nil
	}}
}
