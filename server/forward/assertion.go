package forward

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
)

const (
	// assertionLife is how long an assertion is good, and assertionServes how long one serves a session and host.
	assertionLife   = 60 * time.Second
	assertionServes = 30 * time.Second
	// assertionsKept bounds how many are remembered.
	assertionsKept = 10_000
)

// Signer makes assertions: a JWT (RFC 7519) signed with EdDSA (RFC 8037) that says who is signed in, how, and when, to
// one host.
type Signer struct {
	issuer string
	nobody *Identity

	mu   sync.Mutex
	keys []Key // the one that signs last
	sign ed25519.PrivateKey
	made map[madeFor]assertion
}

// madeFor: a session is another one to it once it was proven again.
type madeFor struct {
	session, host string
	proven        int64
}

// assertion is one that was made, and what it says of the user.
type assertion struct {
	text   string
	at     time.Time
	name   string
	groups []string
	// told is what it was last handed out with, to this session and user, which nobody changes: as long as they are the
	// same ones nothing is made anew.
	told *Identity
	ses  *nightlatch.Session
	user *nightlatch.User
}

// Key is one key of a Signer.
type Key struct {
	ID   string
	Seed []byte // 32 bytes
}

// SignerKeys makes a key of each of a key ring's, so that all nodes have the same and none is kept. The one of the key that
// seals comes last.
func SignerKeys(ring *nightlatch.KeyRing) (keys []Key) {
	for _, k := range ring.Keys() {
		mac, err := ring.MACWith(k.ID, "assertion key")
		if err == nil { // it is one of the ring's own
			keys = append(keys, Key{ID: strconv.FormatUint(uint64(k.ID), 10), Seed: mac[len(mac)-ed25519.SeedSize:]})
		}
	}
	signs := strconv.FormatUint(uint64(ring.Sealing()), 10)
	slices.SortStableFunc(keys, func(a, b Key) int {
		switch {
		case a.ID == signs:
			return 1
		case b.ID == signs:
			return -1
		}
		return 0
	})
	return keys
}

// NewSigner makes a Signer of at least one key; the last one signs. issuer is the public URL.
func NewSigner(issuer string, keys []Key) *Signer {
	s := &Signer{issuer: issuer, nobody: newIdentity(nil, nil, "")}
	s.Renew(keys)
	return s
}

// Renew replaces the keys; what was made with another is not handed out any more.
func (s *Signer) Renew(keys []Key) {
	sign := ed25519.NewKeyFromSeed(keys[len(keys)-1].Seed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.sign, s.made = keys, sign, map[madeFor]assertion{}
}

// KeySet is the public half of all keys as a JWK Set (RFC 7517).
func (s *Signer) KeySet() ([]byte, error) {
	set := struct {
		Keys []map[string]string `json:"keys"`
	}{}
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	for _, k := range keys {
		public, _ := ed25519.NewKeyFromSeed(k.Seed).Public().(ed25519.PublicKey)
		set.Keys = append(set.Keys, map[string]string{
			"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": k.ID,
			"x": base64.RawURLEncoding.EncodeToString(public),
		})
	}
	return json.Marshal(set)
}

// claims are what an assertion says.
type claims struct {
	jwt.RegisteredClaims
	AuthTime int64    `json:"auth_time"`
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr"`
	Name     string   `json:"preferred_username,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

// Identify returns what one host is told of a session and its user, with an assertion; nil: nobody is signed in, and there
// is none. One assertion serves a session, as it and its user stand, and a host for up to 30 seconds.
func (s *Signer) Identify(ses *nightlatch.Session, u *nightlatch.User, host string, now time.Time) (*Identity, error) {
	if ses == nil {
		return s.nobody, nil
	}
	at := newestProof(ses)
	of := madeFor{ses.ID, host, at.UnixMicro()}
	s.mu.Lock()
	known := s.made[of] // its zero value is of no time at which one serves
	kid, sign := s.keys[len(s.keys)-1].ID, s.sign
	s.mu.Unlock()
	age := now.Sub(known.at)
	serves := age >= 0 && age < assertionServes
	if serves && known.ses == ses && known.user == u {
		return known.told, nil
	}
	if name := Name(u); !serves || known.name != name || !slices.Equal(known.groups, u.Groups) {
		text, err := s.assert(ses, u, host, at, now, kid, sign)
		if err != nil {
			return nil, err
		}
		known = assertion{text: text, at: now, name: name, groups: slices.Clone(u.Groups)}
	}
	known.told, known.ses, known.user = newIdentity(ses, u, known.text), ses, u
	s.keep(of, known, kid)
	return known.told, nil
}

// assert makes an assertion.
func (s *Signer) assert(
	ses *nightlatch.Session, u *nightlatch.User, host string, at, now time.Time, kid string, sign ed25519.PrivateKey,
) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: u.ID, Audience: jwt.ClaimStrings{host},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(assertionLife)),
		},
		AuthTime: at.Unix(), AMR: amr(ses), ACR: strconv.Itoa(int(ses.Level)), Name: Name(u), Groups: u.Groups,
	})
	token.Header["kid"] = kid
	return token.SignedString(sign)
}

// keep keeps what was made with the key kid, unless that signs no more: it is good, and the next one is of another key.
func (s *Signer) keep(of madeFor, what assertion, kid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) >= assertionsKept {
		clear(s.made)
	}
	if kid == s.keys[len(s.keys)-1].ID {
		s.made[of] = what
	}
}

func newestProof(ses *nightlatch.Session) (at time.Time) {
	for _, p := range ses.Proofs {
		if p.At.After(at) {
			at = p.At
		}
	}
	return at
}

// methods are the values of RFC 8176 for our kinds.
var methods = map[factor.Kind]string{
	"password": "pwd", "totp": "otp", "hotp": "otp", "email": "otp", "sms": "sms", "webauthn": "hwk", "recovery": "otp",
}

// amr says how the session was proven (RFC 8176). "mfa" is missing where a remembered device carried the second proof.
func amr(ses *nightlatch.Session) []string {
	list, carried := []string{}, false
	for _, p := range ses.Proofs {
		m, ok := methods[p.Kind]
		switch {
		case !ok:
			m = string(p.Kind)
		case m == "hwk" && p.Syncable:
			m = "swk" // no hardware holds it alone
		}
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
		carried = carried || p.Device != ""
	}
	if ses.Level >= nightlatch.Level2 && !carried {
		list = append(list, "mfa")
	}
	return list
}
