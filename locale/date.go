package locale

import "time"

// months are the names that Date writes.
var months = [...]string{
	Mark("January"), Mark("February"), Mark("March"), Mark("April"), Mark("May"), Mark("June"), Mark("July"),
	Mark("August"), Mark("September"), Mark("October"), Mark("November"), Mark("December"),
}

// Date writes the day of at, in UTC: "22 November 2026".
func Date(lang string, at time.Time) string {
	at = at.UTC()
	// Day, month, year.
	return T(lang, "%[1]d %[2]s %[3]d", at.Day(), T(lang, months[at.Month()-1]), at.Year())
}

// Moment writes the day and the minute of at, in UTC: "22 November 2026, 14:05 UTC".
func Moment(lang string, at time.Time) string {
	// Day, time.
	return T(lang, "%[1]s, %[2]s UTC", Date(lang, at), at.UTC().Format("15:04"))
}

// Duration writes how long d is in one unit, rounded up, so that a person who waits as long has waited enough:
// "90 seconds", "3 minutes", "30 days". What is not positive is "0 seconds".
func Duration(lang string, d time.Duration) string {
	count := func(unit time.Duration) int { return int((max(d, 0) + unit - 1) / unit) }
	switch {
	case d <= 2*time.Minute:
		return N(lang, count(time.Second), "%d second", "%d seconds")
	case d <= 2*time.Hour:
		return N(lang, count(time.Minute), "%d minute", "%d minutes")
	case d < 48*time.Hour:
		return N(lang, count(time.Hour), "%d hour", "%d hours")
	default:
		return N(lang, count(24*time.Hour), "%d day", "%d days")
	}
}
