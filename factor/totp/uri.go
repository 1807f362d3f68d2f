package totp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nightlatch/nightlatch/factor"
)

// The kinds of this package's factors, which are also the types of otpauth: URIs.
const (
	ByTime    factor.Kind = "totp"
	ByCounter factor.Kind = "hotp"
)

// URI is what an otpauth: URI says: all that an authenticator needs to know (Key URI Format).
type URI struct {
	Kind    factor.Kind // ByTime or ByCounter; "" is ByTime
	Issuer  string      // what the service calls itself; may be empty
	Account string      // whose it is, on the authenticator's screen
	Generator
	Counter uint64 // of ByCounter: the next one
	// Extra is written as further parameters and not read back. An "image" must be an https: URL.
	Extra map[string]string
}

// known are the parameters that mean something here.
var known = []string{"secret", "issuer", "algorithm", "digits", "period", "counter", "encoder"}

// Encode writes the URI for the widest support by apps: the issuer before the account and as a parameter too, a space
// as %20, base32 in capitals without padding. It fails where Check fails, for an unknown kind, an account that is
// empty, a colon or a control character in issuer or account, Steam's codes by counter, and an extra parameter that
// has a meaning of its own or is no https: image.
func (u URI) Encode() (string, error) {
	u, err := u.filled()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "otpauth://%s/", u.Kind)
	if u.Issuer != "" {
		b.WriteString(escape(u.Issuer) + ":")
	}
	b.WriteString(escape(u.Account))
	b.WriteString("?secret=" + u.Secret.Base32())
	if u.Issuer != "" {
		b.WriteString("&issuer=" + escape(u.Issuer))
	}
	// Defaults are written too: not all apps have the same.
	fmt.Fprintf(&b, "&algorithm=%s", u.Algorithm)
	if u.Steam {
		b.WriteString("&encoder=steam")
	} else {
		fmt.Fprintf(&b, "&digits=%d", u.Digits)
	}
	if u.Kind == ByCounter {
		fmt.Fprintf(&b, "&counter=%d", u.Counter)
	} else {
		fmt.Fprintf(&b, "&period=%d", u.Period)
	}
	names := make([]string, 0, len(u.Extra))
	for name := range u.Extra {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("&" + escape(name) + "=" + escape(u.Extra[name]))
	}
	return b.String(), nil
}

// filled is the URI with its defaults.
func (u URI) filled() (URI, error) {
	g, err := u.Generator.filled()
	if err != nil {
		return u, err
	}
	u.Generator = g
	if u.Kind == "" {
		u.Kind = ByTime
	}
	u.Issuer, u.Account = strings.TrimSpace(u.Issuer), strings.TrimSpace(u.Account)
	switch {
	case u.Kind != ByTime && u.Kind != ByCounter:
		return u, fmt.Errorf("totp: kind %.40q is not totp or hotp", string(u.Kind))
	case u.Kind == ByCounter && u.Steam:
		return u, errors.New("totp: Steam's codes go by time")
	case u.Counter > maxCounter:
		return u, fmt.Errorf("totp: counter %d is too high", u.Counter)
	case u.Account == "":
		return u, errors.New("totp: account: is empty")
	}
	if problem := labelProblem(u.Issuer); problem != "" {
		return u, errors.New("totp: issuer: " + problem)
	}
	if problem := labelProblem(u.Account); problem != "" {
		return u, errors.New("totp: account: " + problem)
	}
	for name, value := range u.Extra {
		if name == "" || slices.Contains(known, name) {
			return u, fmt.Errorf("totp: %.40q is no extra parameter", name)
		}
		if name == "image" {
			if image, err := url.Parse(value); err != nil || image.Scheme != "https" || image.Host == "" {
				return u, errors.New("totp: image: is no https: URL")
			}
		}
	}
	return u, nil
}

// labelProblem says why a text can be neither the issuer nor the account of a label, or nothing.
func labelProblem(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.Contains(text, ":"):
		return "has a colon"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "has a control character"
	}
	return ""
}

// escape percent-encodes all that is not plain, save the @ of an address; a space is %20, which all apps read.
func escape(text string) string {
	return strings.NewReplacer("+", "%20", "%40", "@").Replace(url.QueryEscape(text))
}

// bad is an error about a part of an otpauth: URI. It never shows the secret.
func bad(part, format string, args ...any) error {
	return fmt.Errorf("otpauth URI: %s: "+format, append([]any{part}, args...)...)
}

// number reads a decimal number of a parameter.
func number(name, text string, bits int) (uint64, error) {
	if strings.HasPrefix(text, "-") {
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return 0, bad(name, "%.40q is negative", text)
		}
	}
	n, err := strconv.ParseUint(text, 10, bits)
	if errors.Is(err, strconv.ErrRange) {
		return 0, bad(name, "%.40q is too large", text)
	}
	if err != nil {
		return 0, bad(name, "%.40q is no number", text)
	}
	return n, nil
}
