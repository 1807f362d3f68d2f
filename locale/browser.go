package locale

import "strings"

// browsers are looked for in this order, since most browsers name others too.
var browsers = [][2]string{
	{"Edg", "Edge"},
	{"OPR/", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Firefox/", "Firefox"},
	{"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
	{"curl/", "curl"},
}

var systems = [][2]string{
	{"iPhone", "iPhone"},
	{"iPad", "iPad"},
	{"Android", "Android"},
	{"Windows", "Windows"},
	{"CrOS", "ChromeOS"},
	{"Mac OS X", "macOS"},
	{"Linux", "Linux"},
}

// Browser names the browser and the system of a User-Agent, as far as people would: "Firefox on Windows".
// It is for telling one's sessions apart and nothing hangs on it.
func Browser(lang, agent string) string {
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
		return T(lang, "%s on %s", browser, system)
	case browser+system != "":
		return browser + system
	}
	return T(lang, "Unknown browser")
}
