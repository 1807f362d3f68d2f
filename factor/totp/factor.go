package totp

import (
	"slices"

	"github.com/nightlatch/nightlatch/factor"
)

// What both kinds do alike.

// begin makes a secret and shows it.
func begin(o Options, kind factor.Kind, c factor.Call) (factor.Prompt, factor.State, error) {
	u, err := o.newURI(kind, c)
	if err != nil {
		return nil, nil, err
	}
	text, err := u.Encode()
	if err != nil {
		return nil, nil, err
	}
	pending, err := stateOf(u).encode()
	if err != nil {
		return nil, nil, err
	}
	scan := factor.Scan{
		Secret: u.Secret.Base32(), URI: text, Issuer: u.Issuer, Account: u.Account,
		Algorithm: string(u.Algorithm), Digits: u.Digits, Counter: u.Counter,
	}
	if kind == ByTime {
		scan.Period = u.Period
	}
	return scan, pending, nil
}

// finish makes the authenticator of a right code.
func finish(s state, refused *factor.Refused) (factor.Enrolled, error) {
	if refused != nil {
		return factor.Enrolled{}, refused
	}
	enrolled, err := s.encode()
	if err != nil {
		return factor.Enrolled{}, err
	}
	return factor.Enrolled{State: enrolled}, nil
}

// challenge asks for a code. There is nothing to remember.
func challenge(o Options, err error, kind factor.Kind, c factor.Call) (factor.Prompt, factor.State, error) {
	if err != nil {
		return nil, nil, err
	}
	code := factor.Code{Digits: o.Digits, Counter: kind == ByCounter}
	for i, h := range c.Candidates() {
		s, err := decodeAs(kind, h.State)
		if err != nil {
			return nil, nil, err
		}
		digits := s.Digits
		if s.Steam {
			digits = 0 // not only digits
		}
		if i > 0 && digits != code.Digits {
			digits = 0 // one field serves several lengths
		}
		code.Digits = digits
	}
	return code, nil, nil
}

// decoy is judged where nobody holds anything, so that the answer takes as long.
var decoy = make(Secret, DefaultSecretSize)

// verify judges a response by each candidate, whichever fits, and takes the first that does. With Clock the verdict
// names the authenticator of whose later code was told, and its state that keeps that.
func verify(o Options, kind factor.Kind, c factor.Call, judge func(state) (state, *factor.Refused)) (factor.Verdict, error) {
	held := c.Candidates()
	if len(held) == 0 {
		_, _ = judge(state{Kind: kind, Secret: decoy, Algorithm: o.Algorithm, Digits: o.Digits, Period: o.Period})
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	states, err := decodeAll(kind, c.Held)
	if err != nil {
		return factor.Verdict{}, err
	}
	var verdict factor.Verdict
	var refusals []*factor.Refused
	told := map[*factor.Refused]factor.Verdict{}
	for _, h := range held {
		before := states[h.ID]
		after, refused := judge(before)
		if refused != nil {
			refusals = append(refusals, refused)
			if slices.Equal(before.Told, after.Told) {
				continue
			}
			state, err := after.encode()
			if err != nil {
				return factor.Verdict{}, err
			}
			told[refused] = factor.Verdict{Authenticator: h.ID, State: state}
			continue
		}
		if verdict.Authenticator != "" {
			continue
		}
		verdict.State, err = after.encode()
		if err != nil {
			return factor.Verdict{}, err
		}
		verdict.Authenticator = h.ID
		verdict.ClockOffBy = after.ahead(c.Now)
		verdict.Proof.Classes = []factor.Class{factor.Possession}
	}
	if verdict.Authenticator == "" {
		said := worst(refusals)
		return told[said], said
	}
	return verdict, nil
}

// worst is the one refusal that says most of several: used, then a clock that is off, the least first, then wrong.
// That a second code is missing it says only where all say so: it costs no guess, so it must not depend on one.
func worst(refusals []*factor.Refused) *factor.Refused {
	said := refusals[0]
	for _, r := range refusals[1:] {
		switch {
		case said.Reason == factor.Used:
		case r.Reason == factor.Used:
			said = r
		case r.Reason == factor.Clock && (said.Reason != factor.Clock || r.ClockOffBy.Abs() < said.ClockOffBy.Abs()):
			said = r
		case said.Reason == factor.Wrong && r.Reason == factor.Wrong && r.Field == "":
			said = r
		}
	}
	return said
}
