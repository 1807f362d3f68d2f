package notice

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/locale"
)

// The longest that is quoted of what others wrote, in code points.
const (
	mostLabel   = 64
	mostReason  = 300
	mostSubject = 150
)

// few recovery codes left are said to be few.
const few = 3

// details are what is to be said of this one event beside the words that all of its name have.
func details(n nightlatch.Notice) (lines []string) {
	e, lang := n.Event, n.Lang
	switch e.Name {
	case nightlatch.EventCodeUsed:
		if left, err := strconv.Atoi(e.Detail["left"]); err == nil {
			lines = append(lines, codesLeft(lang, left))
		}
	case nightlatch.EventRecoveryCode:
		if n.Code != "" {
			lines = append(lines, n.Code)
		}
	case nightlatch.EventRecoveryBegun:
		if until, ok := moment(e.Detail["until"]); ok {
			lines = append(lines, locale.T(lang, "It can be stopped until %s.", locale.Moment(lang, until)))
		}
	case nightlatch.EventReminded:
		if by, ok := moment(e.Detail["enroll_by"]); ok {
			lines = append(lines, locale.T(lang, "You can sign in without one until %s.", locale.Moment(lang, by)))
		}
	case "account_changed":
		lines = append(lines, roleOf(lang, e.Detail)...)
	case nightlatch.EventHelpAsked:
		lines = append(lines, locale.T(lang, "The account: %s.", nameOf(n.User)))
	}
	switch e.Name {
	case nightlatch.EventReset, nightlatch.EventCodeGiven, "account_disabled", "account_enabled":
		if reason := plain(e.Reason, mostReason); reason != "" {
			lines = append(lines, locale.T(lang, "The reason that was given: %s", reason))
		}
	}
	return lines
}

// roleOf says what the groups and the role of an account are now.
func roleOf(lang string, detail map[string]string) (lines []string) {
	switch detail["admin"] {
	case "yes":
		lines = append(lines, locale.T(lang, "You are an administrator now."))
	case "no":
		lines = append(lines, locale.T(lang, "You are no administrator any more."))
	}
	if _, changed := detail["groups_before"]; changed {
		lines = append(lines, locale.T(lang, "Your groups: %s.", cmp.Or(oneLine(detail["groups"], mostReason), "–")))
	}
	return lines
}

func codesLeft(lang string, left int) string {
	switch {
	case left <= 0:
		return locale.T(lang, "It was the last one: no recovery code is left. Make new ones now, before you need them.")
	case left <= few:
		return locale.N(lang, left, "Only %d recovery code is left. Make new ones soon.", "Only %d recovery codes are left. Make new ones soon.")
	}
	return locale.N(lang, left, "%d recovery code is left.", "%d recovery codes are left.")
}

func moment(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

func nameOf(u nightlatch.User) string {
	name, email := oneLine(u.Name, mostReason), oneLine(u.Email, mostReason)
	switch {
	case name == "":
		return email
	case email == "":
		return name
	}
	return name + " <" + email + ">"
}

// oneLine cuts what others wrote, and takes out all that could begin another line, turn the direction of the writing,
// or is not to be seen.
func oneLine(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}

// plain is oneLine of what nobody should be led by: "" where a mail program might make a link of it. Whoever got into
// an account would else put an address of his own into our mail.
func plain(text string, most int) string {
	text = oneLine(text, most)
	if strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "www.") {
		return ""
	}
	runes := []rune(text)
	for i := 1; i+1 < len(runes); i++ {
		if runes[i] == '.' && unicode.IsLetter(runes[i+1]) && (unicode.IsLetter(runes[i-1]) || unicode.IsDigit(runes[i-1])) {
			return ""
		}
	}
	return text
}
