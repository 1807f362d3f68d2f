package web

import (
	"strings"

	"github.com/nightlatch/nightlatch/locale"
)

// eventTexts says each of the engine's events in a sentence, by its name.
var eventTexts = map[string]string{
	"first_factor_refused":    locale.Mark("A wrong password was given"),
	"first_factor_proven":     locale.Mark("The password was right"),
	"refused":                 locale.Mark("A wrong code was given"),
	"throttled":               locale.Mark("Too many wrong tries"),
	"signed_in":               locale.Mark("Signed in"),
	"sign_in_given_up":        locale.Mark("A sign-in was given up"),
	"proven":                  locale.Mark("Verified again"),
	"signed_out":              locale.Mark("Signed out"),
	"session_ended":           locale.Mark("A session was ended"),
	"sessions_ended":          locale.Mark("All other sessions were ended"),
	"enrollment_begun":        locale.Mark("The set-up of an authenticator was begun"),
	"enrollment_refused":      locale.Mark("A wrong code was given during set-up"),
	"authenticator_added":     locale.Mark("An authenticator was added"),
	"authenticator_removed":   locale.Mark("An authenticator was removed"),
	"authenticator_renamed":   locale.Mark("An authenticator was renamed"),
	"authenticator_preferred": locale.Mark("Another authenticator is asked for first"),
	"recovery_codes_made":     locale.Mark("New recovery codes were made"),
	"recovery_code_used":      locale.Mark("A recovery code was used"),
	"reset":                   locale.Mark("The second factor was reset"),
	"unlocked":                locale.Mark("The wait after wrong tries was lifted"),
	"warning":                 locale.Mark("Something unusual was seen"),
	"account_added":           locale.Mark("The account was made"),
	"password_changed":        locale.Mark("The password was changed"),
}

// eventText says what happened, with the name of the authenticator that it happened to. An event that is not
// ours, an application's own, goes by its name.
func eventText(lang, name, label string) string {
	text, ok := eventTexts[name]
	if ok {
		text = locale.T(lang, text)
	} else {
		text = strings.ReplaceAll(name, "_", " ")
	}
	if label == "" {
		return text
	}
	return locale.T(lang, `%s: "%s"`, text, label)
}

// browsers are looked for in this order, since most browsers name others too.
var browsers = [][2]string{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"},
	{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = [][2]string{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
	{"Mac OS X", "macOS"}, {"Linux", "Linux"},
}

// browserText names the browser and the system of a User-Agent, as far as people would: "Firefox on Windows".
// It is for telling one's sessions apart and nothing hangs on it.
func browserText(lang, agent string) string {
	find := func(list [][2]string) string {
		for _, l := range list {
			if strings.Contains(agent, l[0]) {
				return l[1]
			}
		}
		return ""
	}
	browser, system := find(browsers), find(systems)
	switch {
	case browser != "" && system != "":
		return locale.T(lang, "%s on %s", browser, system)
	case browser+system != "":
		return browser + system
	}
	return locale.T(lang, "Unknown browser")
}
