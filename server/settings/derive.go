package settings

import (
	"net"
	"net/netip"
	"strings"
)

// derive fills the defaults that depend on other settings.
func (s *Settings) derive() {
	if s.unset("public_url") {
		s.PublicURL = "http://" + s.Listen
	} else {
		s.PublicURL = tidyOrigin(s.PublicURL)
	}
	for i, o := range s.WebAuthn.Origins {
		s.WebAuthn.Origins[i] = tidyOrigin(o)
	}
	s.CookieDomain = strings.ToLower(s.CookieDomain)
	s.WebAuthn.RPID = strings.ToLower(s.WebAuthn.RPID)
	host := strings.ToLower(s.Public().Hostname())
	_, notAddress := netip.ParseAddr(host)
	if s.unset("webauthn.rp_id") && notAddress != nil {
		s.WebAuthn.RPID = host // browsers refuse an address as RP ID
	}
	if s.WebAuthn.RPName == "" {
		s.WebAuthn.RPName = s.TOTP.Issuer
	}
	if s.Mail.URL != "" && s.Mail.From == "" {
		if notAddress == nil {
			host = "localhost"
		}
		s.Mail.From = "nightlatch@" + host
	}
	if s.unset("password.min_length") && s.Policy.second() {
		s.Password.MinLength = 8 // NIST SP 800-63B-4 §3.1.1.2: a password that is one of two factors
	}
	if s.unset("sign_up.enabled") {
		s.SignUp.Enabled = s.Protect == "" && len(s.Rules) == 0 && len(s.Accounts) == 0 && len(s.TrustedProxies) == 0
	}
}

// second says whether nobody can sign in with a password alone, once grace is over.
func (p Policy) second() bool { return p.Require == "required" && !p.ReportOnly }

func (s *Settings) unset(key string) bool { return s.row(key).from.From == FromDefault }

// FollowListen makes the default of public_url follow the address that the server truly listens on: with port 0
// it is known only then. It changes nothing where public_url is set.
func (s *Settings) FollowListen(port string) {
	if !s.unset("public_url") {
		return
	}
	if host, _, err := net.SplitHostPort(s.Listen); err == nil {
		s.PublicURL = "http://" + net.JoinHostPort(host, port)
	}
}
