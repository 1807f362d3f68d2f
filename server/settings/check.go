package settings

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// check judges what no setting can tell by itself. A key that has a fault already gets no second one for it.
func (l *load) check() {
	if l.unread {
		return // what a faulty file sets is unknown, so every fault across keys would be a guess
	}
	l.checkAddresses()
	l.checkKey()
	l.checkPassword()
	l.checkMail()
	l.checkSMS()
	l.checkPolicy()
	l.checkWebAuthn()
	l.checkAccounts()
	l.checkGroups()
	l.checkRules()
}

// cross adds a fault of a key in the light of other keys, unless one of them is faulty itself.
func (l *load) cross(wrong bool, key, why string, others ...string) {
	if wrong && l.ok(append(others, key)...) {
		l.fault(Fault{Where: l.settings.row(key).from.place(), Key: key, Why: why})
	}
}

func (l *load) checkAddresses() {
	s := l.settings
	host, _, _ := net.SplitHostPort(s.Listen)
	beyond := !loopbackHost(host)
	l.cross(beyond && s.Demo, "listen", quote(s.Listen)+" is not allowed with --demo, whose password and messages anyone may read; allowed are loopback addresses, like \"localhost:8080\"")
	l.cross(beyond && !s.Demo && s.unset("public_url"), "listen",
		quote(s.Listen)+" is beyond loopback and public_url is not set; set public_url to the https:// address that people type", "public_url")
	l.cross(s.CookieDomain != "" && !covers(s.CookieDomain, s.Public().Hostname()), "cookie_domain",
		fmt.Sprintf("%s does not cover the host of public_url, %s; allowed is that host or a domain above it", quote(s.CookieDomain), s.Public().Hostname()), "public_url", "listen")
	l.cross(s.CookieDomain != "" && !strings.Contains(s.CookieDomain, "."), "cookie_domain",
		quote(s.CookieDomain)+" is a top-level domain, for which browsers take no cookie; allowed is one with a dot")
	l.cross(strings.Contains(s.CookieDomain, ".") && isPublicSuffix(s.CookieDomain), "cookie_domain",
		quote(s.CookieDomain)+" is a public suffix, below which anybody may have a name; allowed is a domain of your own")
	everybody := slices.ContainsFunc(s.TrustedProxies, func(n netip.Prefix) bool { return n.Bits() == 0 })
	l.cross(everybody, "trusted_proxies", "names every address there is, so that anybody could say who he is; allowed are the networks of your proxies")
	l.cross(s.MetricsListen != "" && s.MetricsListen == s.Listen, "metrics_listen", "is the same as listen; allowed is an address of its own", "listen")
}

// covers tells whether host is domain or lies below it.
func covers(domain, host string) bool {
	domain, host = strings.ToLower(domain), strings.ToLower(host)
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// checkKey: two keys would leave it open which one seals.
func (l *load) checkKey() {
	s := l.settings
	l.cross(s.Key != "" && s.KeyFile != "", "key_file", "NIGHTLATCH_KEY is set too; allowed is one of the two", "key")
	l.cross(s.Key != "" && s.KeyCommand != "", "key_command", "NIGHTLATCH_KEY is set too; allowed is one of the two", "key")
	l.cross(s.KeyFile != "" && s.KeyCommand != "", "key_command", "key_file is set too; allowed is one of the two", "key_file")
}

// checkPassword holds the floor of NIST SP 800-63B-4 §3.1.1.2.
func (l *load) checkPassword() {
	s, floor := l.settings, 15
	if s.Policy.second() {
		floor = 8
	}
	why := fmt.Sprintf("%d is not allowed; allowed is a whole number from %d to 64", s.Password.MinLength, floor)
	if floor > 8 {
		why += ` (from 8 where policy.require = "required")`
	}
	l.cross(s.Password.MinLength < floor, "password.min_length", why, "policy.require", "policy.report_only")
	l.cross(s.Throttle.FirstDelay > s.Throttle.MaxDelay, "throttle.first_delay", "is longer than throttle.max_delay; allowed is at most that", "throttle.max_delay")
}

func (l *load) checkMail() {
	s := l.settings
	none := s.Mail.URL == ""
	const why = "needs mail.url, which is not set; set it, or "
	l.cross(none && slices.Contains(s.Policy.Factors, "email"), "policy.factors", `"email" `+why+`leave "email" out`, "mail.url")
	l.cross(none && s.Policy.FirstEnrollment == "email", "policy.first_enrollment", `"email" `+why+`say "password"`, "mail.url")
	l.cross(none && s.SignUp.VerifyEmail, "sign_up.verify_email", why+"say false", "mail.url")
	l.cross(none && s.Recovery.Email, "recovery.email", why+"say false", "mail.url")
	l.cross(none && s.Recovery.AdminEmail != "", "recovery.admin_email", why+"leave it empty", "mail.url")
}

func (l *load) checkSMS() {
	s := l.settings
	if slices.Contains(s.Policy.Factors, "sms") {
		l.cross(s.SMS.Provider == "", "policy.factors", `"sms" needs sms.provider, which is not set; allowed there is "twilio", "webhook" or "outbox"`, "sms.provider")
		l.cross(len(s.SMS.Countries) == 0, "policy.factors", `"sms" needs sms.countries, which is empty; allowed there are countries like "DE" or "US"`, "sms.countries")
	}
	const why = "needs %s, which is not set"
	if s.SMS.Provider == "twilio" {
		t := s.SMS.Twilio
		l.cross(t.AccountSID == "", "sms.provider", fmt.Sprintf(`"twilio" `+why, "sms.twilio.account_sid"), "sms.twilio.account_sid")
		l.cross(t.AuthToken == "", "sms.provider", fmt.Sprintf(`"twilio" `+why, "sms.twilio.auth_token"), "sms.twilio.auth_token")
		l.cross(t.From == "" && t.MessagingServiceSID == "", "sms.provider",
			fmt.Sprintf(`"twilio" `+why, "sms.twilio.from (or sms.twilio.messaging_service_sid)"), "sms.twilio.from", "sms.twilio.messaging_service_sid")
	}
	if s.SMS.Provider == "webhook" {
		l.cross(s.SMS.Webhook.URL == "", "sms.provider", fmt.Sprintf(`"webhook" `+why, "sms.webhook.url"), "sms.webhook.url")
		l.cross(s.SMS.Webhook.Secret == "", "sms.provider", fmt.Sprintf(`"webhook" `+why, "sms.webhook.secret"), "sms.webhook.secret")
	}
}

// checkPolicy: who must hold a second factor must be able to enroll one.
func (l *load) checkPolicy() {
	s := l.settings
	second := slices.ContainsFunc(s.Policy.Factors, func(k string) bool { return k != "recovery" })
	l.cross(!second && s.Policy.Require != "optional", "policy.factors",
		fmt.Sprintf("holds no second factor, and policy.require = %q asks for one; allowed is at least one kind besides \"recovery\"", s.Policy.Require), "policy.require")
}

func (l *load) checkWebAuthn() {
	s := l.settings
	host := s.Public().Hostname()
	l.cross(!s.unset("webauthn.rp_id") && s.WebAuthn.RPID != "" && !covers(s.WebAuthn.RPID, host), "webauthn.rp_id",
		fmt.Sprintf("%s does not cover the host of public_url, %s; allowed is that host or a domain above it", quote(s.WebAuthn.RPID), host), "public_url", "listen")
	// NIST SP 800-63B-4 §3.2.5. The whole name of the host is good whatever it is: browsers take it.
	l.cross(s.WebAuthn.RPID != "" && !strings.EqualFold(s.WebAuthn.RPID, host) && covers(s.WebAuthn.RPID, host) && isPublicSuffix(s.WebAuthn.RPID), "webauthn.rp_id",
		quote(s.WebAuthn.RPID)+" is a public suffix, below which anybody may have a name, and browsers refuse it; allowed is a domain of your own", "public_url", "listen")
}
