package nightlatch

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/internal/seal"
	"github.com/nightlatch/nightlatch/internal/token"
)

// A shared token tells other hosts that a session is there and opens nothing: it is made of the hash of the session's
// token, by which that is found, and of a MAC, since the hash alone stands in the store. It changes and ends with the
// session's own token, and nothing of that can be learned from it.
const (
	sharedPrefix  = "nl_f_"
	sharedPurpose = "shared session"
)

var sharedMACLen = base64.RawURLEncoding.EncodedLen(seal.MACSize)

// SharedToken makes of a session's token one that SharedSession alone takes; "" of anything else.
func (s *Service) SharedToken(tok string) string {
	hash, ok := token.Hash(token.Session, tok)
	if !ok {
		return ""
	}
	return sharedPrefix + hash + base64.RawURLEncoding.EncodeToString(s.Key().MAC(sharedPurpose, []byte(hash)))
}

// SharedSession is SessionAndUser for a token of SharedToken.
func (s *Service) SharedSession(ctx context.Context, shared string) (*Session, *User, error) {
	rest, ok := strings.CutPrefix(shared, sharedPrefix)
	if !ok || len(rest) != token.HashLen+sharedMACLen {
		return nil, nil, ErrUnauthenticated
	}
	hash := rest[:token.HashLen]
	mac, err := base64.RawURLEncoding.Strict().DecodeString(rest[token.HashLen:])
	if err != nil || s.Key().CheckMAC(mac, sharedPurpose, []byte(hash)) != nil {
		return nil, nil, ErrUnauthenticated
	}
	return s.sessionAndUser(ctx, hash)
}

// SessionAndUser is Session, with the user as Users has it now or had it less than a minute ago; at once after a Change
// to it. A disabled user has no session. What it returns is shared with other callers: read it only.
// Errors: ErrUnauthenticated, ErrUnavailable.
func (s *Service) SessionAndUser(ctx context.Context, tok string) (*Session, *User, error) {
	hash, ok := token.Hash(token.Session, tok)
	if !ok {
		return nil, nil, ErrUnauthenticated
	}
	return s.sessionAndUser(ctx, hash)
}

func (s *Service) sessionAndUser(ctx context.Context, hash string) (*Session, *User, error) {
	ticket, now := s.sessions.ticket(), s.time()
	ses, err := s.sessionOf(ctx, hash, now)
	if err != nil {
		return nil, nil, err
	}
	if ses.user != nil {
		return ses, ses.user, nil
	}
	u, err := s.users.FindUser(ctx, ses.User)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && u.Disabled:
		return nil, nil, ErrUnauthenticated
	case err != nil:
		return nil, nil, s.outer(err)
	}
	known := *ses
	known.user = &u
	s.keepWithUser(ticket, hash, &known, now)
	return &known, &u, nil
}

// keepWithUser keeps what is not due to be read again.
func (s *Service) keepWithUser(ticket int64, hash string, ses *Session, now time.Time) {
	if now.Before(ses.touchAt) {
		s.sessions.keep(ticket, hash, ses)
	}
}
