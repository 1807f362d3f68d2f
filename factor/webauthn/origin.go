package webauthn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
)

// checkRPID says why a text is no RP ID (§5.1.2: a valid domain string).
func checkRPID(id string) error {
	switch _, err := netip.ParseAddr(strings.Trim(id, "[]")); {
	case id == "":
		return errors.New("no RP ID is given: it is the domain of the pages")
	case err == nil:
		return fmt.Errorf("the RP ID %q is an IP address; security keys and passkeys need a domain name", id)
	case id != strings.ToLower(id):
		return fmt.Errorf("the RP ID %q is not in lower case", id)
	}
	if err := protocol.ValidateRPID(id); err != nil {
		return fmt.Errorf("the RP ID %q is no domain name: %w", id, err)
	}
	return nil
}

// parseOrigin returns scheme and host of an origin that a page may have: https, or http at localhost.
func parseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is no origin such as https://example.com", text)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, fmt.Errorf("%q is no origin: it has more than scheme, host and port", text)
	case strings.ContainsAny(u.Host, "*%") || strings.TrimFunc(u.Host, isASCII) != "":
		return nil, fmt.Errorf("%q is no origin: write its host as browsers send it (letters, digits, xn--…)", text)
	case u.Scheme != "https" && (u.Scheme != "http" || !isLocal(u.Hostname())):
		return nil, fmt.Errorf("the origin %q is not https; http is good for localhost only", text)
	}
	u.Host = strings.ToLower(u.Host)
	u.Host = strings.TrimSuffix(u.Host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	u.Host = strings.TrimSuffix(u.Host, ":")
	return u, nil
}

func isASCII(r rune) bool { return r > ' ' && r < 0x7f }

func isLocal(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// below says whether host is the domain or lies below it.
func below(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

// checkOrigin returns an origin as browsers write it, if the RP ID is good for it.
func checkOrigin(text, rpID string) (string, error) {
	u, err := parseOrigin(text)
	if err != nil {
		return "", err
	}
	if rpID != "" && !below(u.Hostname(), rpID) {
		return "", fmt.Errorf("the origin %q is not at the RP ID %q or below it", text, rpID)
	}
	return u.String(), nil
}

// checkRelated returns an origin of another domain as browsers write it.
func checkRelated(text string) (string, error) {
	u, err := parseOrigin(text)
	if err != nil {
		return "", err
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Scheme != "https" {
		return "", fmt.Errorf("the related origin %q is not https with a domain name", text)
	}
	return u.String(), nil
}

// checkAppID says why a text is no AppID that browsers take at the RP ID (FIDO AppID and Facets §3.1.2: an https URL
// of the same site). Which site a host belongs to needs the list of public suffixes, which browsers have; here two
// hosts that share their last two labels pass.
func checkAppID(text, rpID string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("the AppID %q is no URL such as https://example.com", text)
	case u.Scheme != "https" && (u.Scheme != "http" || !isLocal(u.Hostname())):
		return fmt.Errorf("the AppID %q is not https", text)
	case rpID != "" && siteOf(u.Hostname()) != siteOf(rpID):
		return fmt.Errorf("the AppID %q is of another site than the RP ID %q", text, rpID)
	}
	return nil
}

// siteOf is the last two labels of a host.
func siteOf(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// RelatedOrigins returns what /.well-known/webauthn of the RP ID answers, as application/json, so that pages of the
// further origins may use its credentials (§5.11); nil where there is one origin only. To serve it is the application's.
func (f *Factor) RelatedOrigins() []byte {
	if len(f.origins) < 2 {
		return nil
	}
	b, err := json.Marshal(protocol.RelatedOrigins{Origins: f.origins})
	if err != nil {
		return nil // strings can always be marshaled
	}
	return b
}
