package totp

import (
	"net/url"
	"slices"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
)

// maxURI is the longest URI in bytes that is read. A QR code holds less than 3000.
const maxURI = 16 << 10

// ParseURI reads an otpauth: URI. Scheme, type and algorithm may be in any case; only the secret must be there, and
// for hotp the counter; unknown parameters do not count. What is left out is filled in: SHA1, 6 digits, 30 seconds.
//
// Its errors name the part at fault. It fails on another scheme, an unknown type, an empty label or one with two
// colons, a secret that is empty or not base32, an issuer unlike the label's, digits outside 6 to 8, a period below 1,
// a negative counter, numbers that are none, an unknown algorithm or encoder, a known parameter that is empty or given
// twice, control characters in a name, and bad percent escapes.
func ParseURI(text string) (URI, error) {
	if len(text) > maxURI {
		return URI{}, bad("URI", "is longer than %d bytes", maxURI)
	}
	const scheme = "otpauth://"
	rest, ok := cutPrefixFold(text, scheme)
	if !ok {
		return URI{}, bad("scheme", "is not %s", scheme)
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	kind, label, _ := strings.Cut(rest, "/")

	var u URI
	switch u.Kind = factor.Kind(strings.ToLower(kind)); u.Kind {
	case ByTime, ByCounter:
	default:
		return URI{}, bad("type", "%.40q is not totp or hotp", kind)
	}
	if err := u.readLabel(label); err != nil {
		return URI{}, err
	}
	p, err := parseParameters(query)
	if err != nil {
		return URI{}, err
	}
	for _, read := range []func(parameters) error{u.readIssuer, u.readSecret, u.readCodes, u.readCounter} {
		if err := read(p); err != nil {
			return URI{}, err
		}
	}
	return u.filled()
}

// readLabel reads "Issuer:account" or "account". A colon may be written as %3A.
func (u *URI) readLabel(label string) error {
	text, err := url.PathUnescape(label)
	if err != nil {
		return bad("label", "has a bad escape")
	}
	issuer, account, both := strings.Cut(text, ":")
	if !both {
		issuer, account = "", text
	}
	u.Issuer, u.Account = strings.TrimSpace(issuer), strings.TrimSpace(account)
	switch {
	case strings.TrimSpace(text) == "":
		return bad("label", "is empty")
	case strings.Contains(account, ":"):
		return bad("label", "has a second colon")
	case both && u.Issuer == "":
		return bad("label", "has no issuer before the colon")
	case u.Account == "":
		return bad("label", "has no account after the colon")
	}
	for _, part := range []string{u.Issuer, u.Account} {
		if problem := labelProblem(part); problem != "" {
			return bad("label", "%s", problem)
		}
	}
	return nil
}

// parameters are the known ones, still escaped, none empty.
type parameters map[string]string

func parseParameters(query string) (parameters, error) {
	p := parameters{}
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, bad("parameters", "the name %.40q has a bad escape", rawName)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, bad(quoted(name), "has a bad escape")
		}
		if !slices.Contains(known, name) {
			continue
		}
		if _, twice := p[name]; twice {
			return nil, bad(name, "is given twice")
		}
		if value == "" {
			return nil, bad(name, "is empty")
		}
		p[name] = rawValue
	}
	return p, nil
}

// quoted is a parameter's name as it may stand in an error.
func quoted(name string) string {
	if slices.Contains(known, name) {
		return name
	}
	return "a parameter that is unknown"
}

// get is a parameter's value, "" where it is not there.
func (p parameters) get(name string) string {
	value, _ := url.QueryUnescape(p[name]) // it was unescaped before
	return value
}

func (u *URI) readIssuer(p parameters) error {
	issuer := strings.TrimSpace(p.get("issuer"))
	if p["issuer"] == "" {
		return nil
	}
	if u.Issuer != "" && issuer != u.Issuer {
		// Some write a space as + here, others a plus.
		if plain, _ := url.PathUnescape(p["issuer"]); strings.TrimSpace(plain) != u.Issuer {
			return bad("issuer", "%.80q is not the label's %.80q", issuer, u.Issuer)
		}
		issuer = u.Issuer
	}
	if issuer == "" {
		return bad("issuer", "is empty")
	}
	if problem := labelProblem(issuer); problem != "" {
		return bad("issuer", "%s", problem)
	}
	u.Issuer = issuer
	return nil
}

func (u *URI) readSecret(p parameters) error {
	if p["secret"] == "" {
		return bad("secret", "is missing")
	}
	secret, err := appendBase32(nil, p.get("secret"))
	if err != nil {
		return bad("secret", "%w", err)
	}
	u.Secret = secret
	return nil
}

// readCodes reads how codes are made.
func (u *URI) readCodes(p parameters) error {
	var err error
	if text := p.get("algorithm"); text != "" {
		if u.Algorithm, err = ParseAlgorithm(text); err != nil {
			return bad("algorithm", "%w", err)
		}
	}
	if text := p.get("encoder"); text != "" {
		switch {
		case !strings.EqualFold(text, "steam"):
			return bad("encoder", "%.40q is not steam", text)
		case u.Kind != ByTime:
			return bad("encoder", "Steam's codes go by time")
		case u.Algorithm != "" && u.Algorithm != SHA1:
			return bad("algorithm", "Steam's codes are made with SHA1 only")
		}
		u.Steam = true
	}
	if text := p.get("digits"); text != "" {
		n, err := number("digits", text, 31)
		if err != nil {
			return err
		}
		// Programs write 5 or 10 for Steam's codes, which have one length only.
		if steam := u.Steam && (n == steamDigits || n == 10); !steam && (n < minDigits || n > maxDigits) {
			return bad("digits", "%s", digitsProblem(int(n)))
		}
		u.Digits = int(n)
	}
	if text := p.get("period"); text != "" {
		n, err := number("period", text, 31)
		if err != nil {
			return err
		}
		if n < 1 {
			return bad("period", "%d is below 1", n)
		}
		if u.Kind == ByTime {
			u.Period = int(n)
		}
	}
	return nil
}

func (u *URI) readCounter(p parameters) error {
	text := p.get("counter")
	if text == "" {
		if u.Kind == ByCounter {
			return bad("counter", "is missing")
		}
		return nil
	}
	n, err := number("counter", text, 64)
	if err != nil {
		return err
	}
	if n > maxCounter {
		return bad("counter", "%.40q is too large", text)
	}
	if u.Kind == ByCounter {
		u.Counter = n
	}
	return nil
}
