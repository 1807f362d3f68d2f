package settings

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// isPublicSuffix says whether anybody may have a name directly below a domain, "co.uk" or "github.io" say
// (https://publicsuffix.org): browsers take no cookie and no RP ID for such a one, and both would reach strangers if they did.
func isPublicSuffix(domain string) bool {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain && domain != "localhost"
}
