package settings

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/nightlatch/nightlatch/factor/password"
	"github.com/nightlatch/nightlatch/factor/totp"
	"github.com/nightlatch/nightlatch/sqlstore"
)

// The functions of this file say whether one text is allowed for a setting, and if not, what is.
// They never quote the text: it may hold a secret.

func notEmpty(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("not empty")
	}
	return nil
}

var errListen = errors.New(`HOST:PORT, like "localhost:8080" or ":8080", with a port from 0 to 65535`)

func listenAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errListen
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return errListen
	}
	if host == "" || validHost(host) {
		return nil
	}
	return errListen
}

// validHost tells whether s is an IP address without brackets, or a host name in ASCII.
func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.ToLower(s), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	// All digits and dots, and yet no address: browsers refuse or misread it.
	return strings.Trim(s, "0123456789.") != ""
}

// loopbackHost tells whether a name or address never leaves this machine.
func loopbackHost(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// webURL allows any http or https URL with a valid host.
func webURL(s string) error {
	_, err := parseWeb(s)
	return err
}

var errWeb = errors.New("a URL that begins with https:// or http:// and names a host")

func parseWeb(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || !validHost(u.Hostname()) {
		return nil, errWeb
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errWeb
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return nil, errWeb
	}
	return u, nil
}

// secureURL allows https, and http on loopback names.
func secureURL(s string) error {
	u, err := parseWeb(s)
	if err != nil || u.User != nil || u.Fragment != "" || (u.Scheme == "http" && !loopbackHost(u.Hostname())) {
		return errors.New("an https:// URL (http:// on loopback names alone)")
	}
	return nil
}

var errOrigin = errors.New(`an origin like "https://id.example.com": https, or http on loopback names alone, without a path`)

func origin(s string) error {
	u, err := parseWeb(s)
	if err != nil || secureURL(s) != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery {
		return errOrigin
	}
	return nil
}

func publicURL(s string) error { return origin(s) }

// tidyOrigin writes an allowed origin as browsers do: lower case, no default port, no slash at its end.
func tidyOrigin(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

func domain(s string) error {
	_, err := netip.ParseAddr(s)
	if err == nil || !validHost(s) || strings.HasPrefix(s, ".") {
		return errors.New(`a domain name like "example.com", no address and no URL`)
	}
	return nil
}

func databaseURL(s string) error {
	if path, found := strings.CutPrefix(s, "sqlite:"); found && path != "" {
		return nil
	}
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Opaque == "" && (u.Host != "" || u.Query().Get("host") != "") {
		if _, _, err := sqlstore.PostgreSQLDSN(s); err != nil {
			return fmt.Errorf("one whose pool_… parameters are right, and %w", err)
		}
		return nil
	}
	return errors.New(`empty, "sqlite:PATH", "sqlite::memory:" or "postgres://USER:PASS@HOST:PORT/NAME"`)
}

func mailURL(s string) error {
	if s == "outbox:" {
		return nil
	}
	allowed := errors.New(`"smtp://USER:PASS@HOST:PORT", "smtps://USER:PASS@HOST:PORT" (reserved characters as %XX) or "outbox:"`)
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || !validHost(u.Hostname()) || strings.HasSuffix(u.Host, ":") ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return allowed
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return allowed
		}
	}
	if u.User != nil {
		if pass, set := u.User.Password(); u.User.Username() == "" || !set || pass == "" {
			return allowed
		}
	}
	return nil
}

func emailAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" || len(s) > 254 || strings.ContainsAny(s, `" `) {
		return errors.New(`an e-mail address like "ada@example.com"`)
	}
	return nil
}

func mailFrom(s string) error {
	if a, err := mail.ParseAddress(s); err != nil || emailAddress(a.Address) != nil {
		return errors.New(`an e-mail address like "id@example.com" or "Example <id@example.com>"`)
	}
	return nil
}

// issuer follows the label of an otpauth: URI, where a colon parts issuer and account.
func issuer(s string) error {
	if strings.TrimSpace(s) != s || s == "" || utf8.RuneCountInString(s) > 64 || strings.Contains(s, ":") || !printable(s) {
		return errors.New("1 to 64 characters without a colon")
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func username(s string) error {
	if n := utf8.RuneCountInString(s); n < 1 || n > 64 || strings.Contains(s, "@") || strings.TrimSpace(s) != s || !printable(s) {
		return errors.New("1 to 64 characters without @ and without spaces at its ends")
	}
	return nil
}

func groupName(s string) error {
	if s == "" || len(s) > 64 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return errors.New("1 to 64 of a-z, 0-9, dot, underscore and dash")
	}
	return nil
}

func country(s string) error {
	r, err := language.ParseRegion(s)
	if err != nil || len(s) != 2 || !r.IsCountry() || r.String() != s || r.Canonicalize() != r {
		return errors.New(`a country's two capital letters in ISO 3166, like "DE" or "US"`)
	}
	return nil
}

func method(s string) error {
	if s == "" || len(s) > 20 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return errors.New(`an HTTP method in capitals, like "GET"`)
	}
	return nil
}

// passwordHash judges without naming the cause: an error could hold a part of the hash.
func passwordHash(s string) error {
	if _, err := password.FromHash(s); err != nil {
		return errors.New("a password hash as nightlatch password hash prints it")
	}
	return nil
}

// totpSecret takes secrets of 80 bits, which older services handed out (RFC 4226 §4 R6 wants 128).
func totpSecret(s string) error {
	if secret, err := totp.ParseSecret(s); err != nil || len(secret) < 10 {
		return errors.New(`a secret of 80 bits or more, in base32, or in hex after "hex:"`)
	}
	return nil
}

// ruleHost allows a host name, of which the first label may be "*".
func ruleHost(s string) error {
	if !validHost(strings.TrimPrefix(s, "*.")) {
		return errors.New(`a host name without a port, like "app.example.com" or "*.example.com"`)
	}
	return nil
}

func rulePath(s string) error {
	if !strings.HasPrefix(s, "/") || !printable(s) || strings.ContainsAny(s, "?#\\") {
		return errors.New(`a pattern that begins with "/", like "/admin/**", without a query`)
	}
	return nil
}
