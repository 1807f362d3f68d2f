package sentcode

import (
	"strings"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch/locale"
)

// segment is how many septets fit into one SMS (3GPP TS 23.038 §6.1.2.1.1); what is longer is sent, and paid, as several.
const segment = 160

// shortName is to how many characters a service's name is cut where the text would not fit.
const shortName = 20

// textMessage writes the SMS: what it is for, and as its last line the host and the code, so that phones fill it in
// there and nowhere else (WICG, Origin-bound one-time codes: nothing follows that line, not even its end).
//
// It takes the fullest text that fits into one SMS, and the shortest if none does.
func textMessage(lang string, w words, service, host, code, lasts string) string {
	var text string
	for _, say := range []string{
		locale.T(lang, w.sms, service, code, lasts),
		locale.T(lang, w.sms, cut(service), code, lasts),
		locale.T(lang, "%[1]s: your code is %[2]s. Never share it.", cut(service), code),
	} {
		text = say
		if host != "" {
			text += "\n@" + host + " #" + code
		}
		if n, ok := septets(text); ok && n <= segment {
			break
		}
	}
	return text
}

// cut shortens a name, at a word's end if there is one.
func cut(name string) string {
	if utf8.RuneCountInString(name) <= shortName {
		return name
	}
	name = string([]rune(name)[:shortName])
	if at := strings.LastIndexByte(name, ' '); at > 0 {
		name = name[:at]
	}
	return name
}

// The alphabet of SMS (3GPP TS 23.038 §6.2.1), and what is written with an escape before it.
const (
	gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmEscaped = "^{}\\[~]|€\f"
)

// septets is how long a text is as an SMS. ok is false where it needs another alphabet.
func septets(text string) (n int, ok bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm, r):
			n++
		case strings.ContainsRune(gsmEscaped, r):
			n += 2
		default:
			return 0, false
		}
	}
	return n, true
}
