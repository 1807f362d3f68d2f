package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/locale"
)

// kindWords is what people read about a kind of authenticator, in English.
type kindWords struct {
	Kind string
	Name string
	Why  string // what it is good for, in one sentence
	Adds []addWords
}

// addWords is a button that adds an authenticator. It goes to GET /account/authenticators/new/KIND.
type addWords struct {
	Button  string
	Passkey bool // with ?passkey=1
}

// knownKinds says it for the kinds that we bring, the strongest first.
var knownKinds = []kindWords{
	{
		"webauthn", locale.Mark("Passkey or security key"),
		locale.Mark("The strongest: it works only with the real site, so there is no code that anyone could talk you into giving away."),
		[]addWords{{locale.Mark("Add a passkey"), true}, {locale.Mark("Add security key"), false}},
	},
	{
		"totp", locale.Mark("Authenticator app"),
		locale.Mark("An app on your phone shows a new code every half minute. It needs no network."),
		[]addWords{{locale.Mark("Add authenticator app"), false}},
	},
	{
		"hotp", locale.Mark("Counter token"),
		locale.Mark("A small device, or an app, shows a new code each time its button is pressed."),
		[]addWords{{locale.Mark("Add counter token"), false}},
	},
	{
		"email", locale.Mark("Email"),
		locale.Mark("A code is sent to your mailbox. It is as safe as the mailbox is."),
		[]addWords{{locale.Mark("Add email"), false}},
	},
	{
		"sms", locale.Mark("Phone"),
		locale.Mark("A code is sent as a text message. The weakest: numbers can be taken over and messages read."),
		[]addWords{{locale.Mark("Add phone"), false}},
	},
	{
		"recovery", locale.Mark("Recovery codes"),
		locale.Mark("Codes on paper, each good once, for the day when all else is lost."), nil,
	},
}

// wordsOf returns the words for a kind. One that we do not bring goes by the name that its factor gives it.
func wordsOf(info factor.Info) kindWords {
	for _, k := range knownKinds {
		if k.Kind == string(info.Kind) {
			return k
		}
	}
	return kindWords{Kind: string(info.Kind), Name: info.Name, Adds: []addWords{{Button: info.Name}}}
}

// strongestFirst puts kinds into the order in which they are recommended; unknown ones come last, as they were.
func strongestFirst(kinds []kindWords) {
	place := func(k kindWords) int {
		i := slices.IndexFunc(knownKinds, func(known kindWords) bool { return known.Kind == k.Kind })
		if i < 0 {
			return len(knownKinds)
		}
		return i
	}
	slices.SortStableFunc(kinds, func(a, b kindWords) int { return place(a) - place(b) })
}

// refusedText says why a code was refused. Only for after a right first factor.
func refusedText(lang string, err error) string {
	var r *factor.Refused
	if !errors.As(err, &r) {
		return locale.T(lang, "That code is wrong.")
	}
	switch {
	case r.Reason == factor.Used:
		return locale.T(lang, "That code was already used.")
	case r.Reason == factor.Expired:
		return locale.T(lang, "That code has expired.")
	case r.Reason == factor.Clock && r.ClockOffBy > 0:
		return locale.T(lang, "That code is wrong.") + " " + locale.T(lang,
			"The clock of your device is about %s ahead: let it set its time by the network.", locale.Duration(lang, r.ClockOffBy))
	case r.Reason == factor.Clock:
		return locale.T(lang, "That code is wrong.") + " " + locale.T(lang,
			"The clock of your device is about %s behind: let it set its time by the network.", locale.Duration(lang, -r.ClockOffBy))
	}
	return locale.T(lang, "That code is wrong.")
}

// keyTexts are what the script says when a key or a passkey fails, by the name of the DOMException. NotAllowedError does
// not tell whether it was canceled, too late, or another key (WebAuthn Level 3 §5.1.4.1). "insecure" and "unsupported"
// are the script's own; "" is all else. By what the key is for: "use", "add", "passkey".
var keyTexts = map[string]map[string]string{
	"use": {
		"NotAllowedError": locale.Mark("The key was not used: that was canceled, it took too long, or it is not a key of this account. Try again, or choose another way."),
		"":                locale.Mark("The key could not be used. Try again, or choose another way."),
	},
	"add": {
		"NotAllowedError":   locale.Mark("Nothing was added: that was canceled, or it took too long. Try again."),
		"InvalidStateError": locale.Mark("This key is added already. Take another one."),
		"ConstraintError":   locale.Mark("This key cannot do what is needed here. Take another one."),
		"NotSupportedError": locale.Mark("This key cannot do what is needed here. Take another one."),
		"":                  locale.Mark("The key could not be added. Try again, or take another one."),
	},
	"passkey": {
		"NotAllowedError": locale.Mark("No passkey was used: that was canceled, it took too long, or there is none for this site here. Try again, or sign in with your password."),
		"":                locale.Mark("The passkey could not be used. Try again, or sign in with your password."),
	},
}

// keyWords is one of keyTexts as JSON.
func keyWords(lang, use string) (string, error) {
	words := map[string]string{
		"insecure":      locale.T(lang, "Keys and passkeys work only at the secure address of this site, which begins with https."),
		"SecurityError": locale.T(lang, "Keys and passkeys do not work at this address. Open the site at its usual one."),
		"unsupported":   locale.T(lang, "This browser knows no security keys and no passkeys. Use another one, or choose another way."),
	}
	texts, ok := keyTexts[use]
	if !ok {
		return "", fmt.Errorf("keyWords: unknown use %q", use)
	}
	for name, english := range texts {
		words[name] = locale.T(lang, english)
	}
	text, err := json.Marshal(words)
	return string(text), err
}

// keyRefusedText says why the answer of a key was refused.
func keyRefusedText(lang string, err error) string {
	var r *factor.Refused
	if errors.As(err, &r) && r.Reason == factor.Expired {
		return locale.T(lang, "That took too long. Please try again.")
	}
	return locale.T(lang, "That key was not accepted. Is it one of this account? Try again, or choose another way.")
}

// unsentText says why no code was sent.
func unsentText(lang string, f fault) string {
	if f.Code == "throttled" {
		return locale.T(lang, "Too many codes were asked for. Please wait %s.", locale.Duration(lang, time.Duration(f.RetryAfter)*time.Second))
	}
	return locale.T(lang, "The code could not be sent. Try again in a moment, or choose another way.")
}

// throttledText says how long to wait after too many wrong tries.
func throttledText(lang string, wait time.Duration) string {
	return locale.T(lang, "Too many wrong tries. Please wait %s.", locale.Duration(lang, wait))
}

// problemText says what is wrong with a field: problem is a value of the API's "fields", limit the length that a
// password must or may have.
func problemText(lang, field, problem string, limit int) string {
	switch field + " " + problem {
	case "username taken":
		return locale.T(lang, "This username is taken.")
	case "email taken":
		return locale.T(lang, "This email address is taken.")
	case "label taken":
		return locale.T(lang, "Another authenticator has this name.")
	case "confirm invalid":
		return locale.T(lang, "The passwords do not match.")
	case "username missing":
		return locale.T(lang, "Enter a username or an email address: one is enough.")
	case "username invalid":
		return locale.T(lang, "A username has 1 to 64 characters, and no @ among them.")
	case "email invalid":
		return locale.T(lang, "Check that you entered your email address correctly.")
	case "groups invalid", "groups too_long":
		return locale.T(lang, "A group has 1 to 64 small letters, digits, dots, underscores and dashes.")
	case "phone invalid":
		return locale.T(lang, "Check that you entered your phone number correctly.")
	}
	switch problem {
	case "too_short":
		return locale.N(lang, limit, "Too short: it needs %d character at least.", "Too short: it needs %d characters at least.")
	case "too_long":
		return locale.N(lang, limit, "Too long: it may have %d character at most.", "Too long: it may have %d characters at most.")
	case "too_common":
		return locale.T(lang, "This password is among those that are tried first. Choose another one.")
	case "missing":
		return locale.T(lang, "This must be filled in.")
	}
	return locale.T(lang, "This cannot be used.")
}

// statusTexts are title and text of the page "error", by HTTP status.
var statusTexts = map[int][2]string{
	http.StatusBadRequest:            {locale.Mark("That was not understood"), locale.Mark("Something in the request is wrong or missing. Go back and try again.")},
	http.StatusForbidden:             {locale.Mark("Not allowed"), locale.Mark("You may not do this, or not from where you stand.")},
	http.StatusNotFound:              {locale.Mark("Page not found"), locale.Mark("There is nothing at this address, or it is not yours.")},
	http.StatusMethodNotAllowed:      {locale.Mark("Not like this"), locale.Mark("This address does not answer that kind of request.")},
	http.StatusConflict:              {locale.Mark("That does not go together"), locale.Mark("Something has changed meanwhile, or must stay as it is.")},
	http.StatusRequestEntityTooLarge: {locale.Mark("Too large"), locale.Mark("The request has more in it than this page takes.")},
	http.StatusUnsupportedMediaType:  {locale.Mark("That was not understood"), locale.Mark("Something in the request is wrong or missing. Go back and try again.")},
	http.StatusTooManyRequests:       {locale.Mark("Too many tries"), locale.Mark("Please wait a while and try again.")},
	http.StatusBadGateway:            {locale.Mark("The message could not be sent"), locale.Mark("Please try again later, or choose another way.")},
	http.StatusServiceUnavailable:    {locale.Mark("Out of order"), locale.Mark("We cannot check anything at the moment, so nobody is let in. No try is lost. Please try again later.")},
}

// newError is the page "error" for an HTTP status.
func newError(lang string, status int) errorView {
	words, ok := statusTexts[status]
	if !ok {
		words = [2]string{locale.Mark("Something went wrong"), locale.Mark("Something went wrong on our side. Please try again later.")}
	}
	return errorView{Code: status, Title: locale.T(lang, words[0]), Text: locale.T(lang, words[1])}
}

// inGroups puts a space after every four characters.
func inGroups(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
