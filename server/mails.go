package server

import (
	"html"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/sentcode"
	"github.com/nightlatch/nightlatch/locale"
)

// The mails with which a person goes on. None repeats what somebody typed: they go to addresses that anybody may name,
// and must not carry a stranger's words.

// mail writes one. what is its subject; lines are in lang already.
func (s *Server) mail(lang, to, what string, lines ...string) factor.Message {
	escaped := make([]string, len(lines))
	for i, l := range lines {
		escaped[i] = html.EscapeString(l)
	}
	return factor.Message{
		Kind: sentcode.Email, To: to, Subject: locale.T(lang, "%s: %s", s.settings.TOTP.Issuer, what),
		Text: strings.Join(lines, "\n\n") + "\n", HTML: "<p>" + strings.Join(escaped, "</p>\n<p>") + "</p>",
	}
}

func (s *Server) resetMail(lang, to, token string) factor.Message {
	return s.mail(lang, to, locale.T(lang, "Choose a new password"),
		locale.T(lang, "Somebody, probably you, asked for a new password at %s.", s.settings.TOTP.Issuer),
		locale.T(lang, "Open this page and choose one. The link works once, for %s:", locale.Duration(lang, resetLinkLife)),
		s.link("/password/reset", token),
		locale.T(lang, "Was it not you? Then do nothing: your password stays as it is. Give the link to nobody."))
}

func (s *Server) confirmMail(lang, to, token string) factor.Message {
	return s.mail(lang, to, locale.T(lang, "Confirm your email address"),
		locale.T(lang, "Somebody, probably you, gave this address for an account at %s.", s.settings.TOTP.Issuer),
		locale.T(lang, "Open this page and confirm that it is yours. The link works once, for %s:", locale.Duration(lang, confirmLinkLife)),
		s.link("/email/confirm", token),
		locale.T(lang, "Was it not you? Then do nothing: an address that is not confirmed counts for nothing."))
}

// takenMail tells the owner of an address that somebody gave it for another account. It answers what the page did not.
func (s *Server) takenMail(lang, to string) factor.Message {
	return s.mail(lang, to, locale.T(lang, "You have an account already"),
		locale.T(lang, "Somebody, perhaps you, gave this address for another account at %s. It belongs to yours already, so nothing was changed.", s.settings.TOTP.Issuer),
		locale.T(lang, "Was it you? Then sign in with the account that you have. If you have forgotten the password, choose a new one here:"),
		s.pagesURL()+"/password/forgot",
		locale.T(lang, "Was it not you? Then do nothing. Nobody was told that you have an account here."))
}

func (s *Server) link(page, token string) string {
	return s.pagesURL() + page + "?token=" + token
}
