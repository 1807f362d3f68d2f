package web

import (
	"net/http"
	"net/textproto"
	"strings"
)

// cookieNamed returns the value of a request's first cookie of a name, and how many of that name came. It finds what
// http.Request.CookiesNamed finds (RFC 6265 §4.2.1), however many others there are, and allocates nothing: every decision
// about a request to another application looks for ours among all that the browser sends there. name is a token.
func cookieNamed(r *http.Request, name string) (value string, came int) {
	for _, line := range r.Header["Cookie"] {
		for more := true; more; {
			var part string
			part, line, more = strings.Cut(line, ";")
			key, text, _ := strings.Cut(textproto.TrimString(part), "=")
			if textproto.TrimString(key) != name {
				continue
			}
			text, ok := cookieValue(text)
			if !ok {
				continue
			}
			if came++; came == 1 {
				value = text
			}
		}
	}
	return value, came
}

// onlyCookie returns the value of a cookie; one that came twice is none.
func onlyCookie(r *http.Request, name string) string {
	value, came := cookieNamed(r, name)
	if came != 1 {
		return ""
	}
	return value
}

// cookieValue strips quotes and refuses what no cookie's value may have.
func cookieValue(text string) (string, bool) {
	if n := len(text); n > 1 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1]
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == ';' || c == '\\' {
			return "", false
		}
	}
	return text, true
}
