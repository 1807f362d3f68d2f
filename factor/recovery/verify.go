package recovery

import (
	"context"
	"slices"

	"github.com/nightlatch/nightlatch/factor"
)

// maxSets bounds the hashes of one judgment. The newest sets count.
const maxSets = 8

// Verify judges a code against every set that may answer, one hash a set. The reasons of a refusal are Used,
// Expired (right, but its set has borne too many wrong codes) and Wrong. With Wrong the verdict names the set of
// one code that a try was counted on, and its new State. With nothing held, and for what can be no code, it
// hashes all the same. A set whose state cannot be read is a fault, unless the code is another set's.
//
// A Verdict holds one state: of several sets of one code that could count a try, the one with the fewest left
// counts it. n such sets bear 5n wrong codes together.
func (f *Factor) Verify(
	ctx context.Context, c factor.Call, _ factor.State, r factor.Response,
) (factor.Verdict, error) {
	release, err := f.limiter.Acquire(ctx, c.From)
	if err != nil {
		return factor.Verdict{}, err
	}
	defer release()
	code, ok := characters(r.Code)
	candidates := newest(c.Candidates())
	if len(candidates) == 0 {
		f.hash(f.cost, code, make([]byte, saltSize))
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	var fault error
	var charged *set // counts the try
	var chargedID string
	for _, held := range candidates {
		s, err := decode(held.State)
		if err != nil {
			fault = err
			continue
		}
		// What can be no code is hashed too, and found nowhere: a code has the characters of the alphabet that its set says.
		if at := s.find(f.hash(s.Cost, code, s.Salt)); ok && len(code) == s.length() && at >= 0 {
			return s.take(held, at)
		}
		if s.counts() && (charged == nil || s.MaxTries-s.Tries < charged.MaxTries-charged.Tries) {
			charged, chargedID = s, held.ID
		}
	}
	if fault != nil {
		return factor.Verdict{}, fault
	}
	if charged == nil {
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	charged.Tries++
	state, err := charged.encode()
	if err != nil {
		return factor.Verdict{}, err
	}
	return factor.Verdict{
		Authenticator: chargedID, State: state, Left: charged.left(),
	}, factor.Refuse(factor.Wrong)
}

// newest is the newest of too many.
func newest(held []factor.Held) []factor.Held {
	if len(held) <= maxSets {
		return held
	}
	held = slices.Clone(held)
	slices.SortStableFunc(held, func(a, b factor.Held) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return held[:maxSets]
}

// take is the verdict on a code that the set holds.
func (s *set) take(held factor.Held, at int) (factor.Verdict, error) {
	switch {
	case s.Codes[at].Used:
		return factor.Verdict{}, factor.Refuse(factor.Used)
	case s.dead():
		return factor.Verdict{}, factor.Refuse(factor.Expired)
	}
	s.Codes[at].Used = true
	state, err := s.encode()
	if err != nil {
		return factor.Verdict{}, err
	}
	return factor.Verdict{
		Authenticator: held.ID, State: state, Left: s.left(),
		Proof: factor.Proof{Classes: []factor.Class{factor.Possession}, Allows: held.Allows},
	}, nil
}
