package forward

import (
	"slices"
	"time"

	"github.com/nightlatch/nightlatch"
	"github.com/nightlatch/nightlatch/factor"
	"github.com/nightlatch/nightlatch/server/settings"
)

// Answer is what becomes of a request.
type Answer string

// The answers.
const (
	Pass   Answer = "pass"
	SignIn Answer = "sign_in" // nobody is signed in
	Verify Answer = "verify"  // the level is too low, or the proof too old or of another kind
	Forbid Answer = "forbid"  // not of the groups
)

// answer says what a rule makes of a session; nil: nobody is signed in. why is one sentence in English, for operators.
func answer(r settings.Rule, ses *nightlatch.Session, groups []string, now time.Time) (a Answer, why string) {
	switch {
	case r.Level == 0:
		return Pass, "the rule lets anyone through"
	case ses == nil:
		return SignIn, "nobody is signed in"
	case len(r.Groups) > 0 && !slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(groups, g) }):
		return Forbid, "the account is in none of the groups"
	case int(ses.Level) < r.Level:
		return Verify, "the level of the session is too low"
	}
	if len(r.Kinds) > 0 && !slices.ContainsFunc(ses.Proofs, func(p factor.Proof) bool { return slices.Contains(r.Kinds, string(p.Kind)) }) {
		return Verify, "none of the kinds was proven"
	}
	if r.MaxAge > 0 && now.Sub(newest(r, ses.Proofs)) >= r.MaxAge {
		return Verify, "the proof is too old"
	}
	return Pass, "all that the rule asks for was proven"
}

// newest is when the newest proof was made that counts: of a second factor where the rule needs level 2.
func newest(r settings.Rule, proofs []factor.Proof) (at time.Time) {
	for _, p := range proofs {
		second := slices.ContainsFunc(p.Classes, func(c factor.Class) bool { return c != factor.Knowledge })
		if (r.Level < 2 || second) && p.At.After(at) {
			at = p.At
		}
	}
	return at
}
