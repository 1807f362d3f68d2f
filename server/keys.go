package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/factor/webauthn"
	"github.com/nightlatch/nightlatch/server/settings"
)

// securityKeys is the factor for keys and passkeys, or none where browsers would refuse them at this address: an account
// that holds one is asked for it all the same.
func (s *Server) securityKeys(set *settings.Settings) []factor.Factor {
	if set.WebAuthn.RPID == "" {
		s.log.Warn("security keys and passkeys are off: public_url has no host name; browsers refuse IP addresses",
			"public_url", set.PublicURL)
		return nil
	}
	origins, related := sortOrigins(set)
	keys, err := webauthn.New(webauthn.Options{
		RPID: set.WebAuthn.RPID, RPName: set.WebAuthn.RPName, Origins: origins, Related: related,
		UserVerification: set.WebAuthn.UserVerification, AppID: set.WebAuthn.AppID,
		RefuseCounter: set.WebAuthn.RefuseCounter,
		Debug:         func(reason error) { s.log.Debug("a security key was refused", "reason", reason) },
	})
	if err != nil {
		s.log.Error("security keys and passkeys are off", "error", err)
		return nil
	}
	s.keys = keys
	return []factor.Factor{keys}
}

// sortOrigins tells the origins at or below the RP ID from those of other domains, which browsers allow by
// /.well-known/webauthn alone.
func sortOrigins(set *settings.Settings) (origins, related []string) {
	origins = []string{set.PublicURL}
	for _, o := range set.WebAuthn.Origins {
		u, err := url.Parse(o)
		if err == nil && (u.Hostname() == set.WebAuthn.RPID || strings.HasSuffix(u.Hostname(), "."+set.WebAuthn.RPID)) {
			origins = append(origins, o)
		} else {
			related = append(related, o)
		}
	}
	return origins, related
}

// signals tells a browser which of its passkeys are still good, and what the account is called (WebAuthn L3 §5.1.10).
func (s *Server) signals(ctx context.Context, user string) ([]byte, error) {
	if s.keys == nil {
		return nil, nil
	}
	u, err := s.Accounts.FindUser(ctx, user)
	if err != nil {
		return nil, err
	}
	who, held, err := s.Service.HeldOf(ctx, u, keysKind)
	if err != nil || len(who.Handle) == 0 {
		return nil, err
	}
	return s.keys.Signals(who, held)
}

const keysKind factor.Kind = "webauthn"

// relatedOrigins answers GET /.well-known/webauthn (WebAuthn L3 §5.11), where further origins are set.
func (s *Server) relatedOrigins(w http.ResponseWriter, _ *http.Request) {
	if s.keys == nil || s.keys.RelatedOrigins() == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.keys.RelatedOrigins())
}
