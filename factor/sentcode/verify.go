package sentcode

import (
	"context"

	"github.com/nightlatch/nightlatch/factor"
)

// FinishEnrollment judges the code that was sent to a new address or number. Where it refuses, Enrolled.Pending has the
// tries counted. A destination that has come to be held meanwhile is refused as at the beginning.
func (f *Factor) FinishEnrollment(
	_ context.Context, c factor.Call, asked factor.State, r factor.Response,
) (factor.Enrolled, error) {
	if f.err != nil {
		return factor.Enrolled{}, f.err
	}
	if len(asked) == 0 {
		return factor.Enrolled{}, factor.Refuse(factor.Wrong)
	}
	p, err := f.decodePending(asked)
	if err != nil {
		return factor.Enrolled{}, err
	}
	if p.Purpose != factor.ForEnrollment || !p.concerns(c) {
		return factor.Enrolled{}, factor.Refuse(factor.Wrong)
	}
	reason, after, err := f.judge(p, c, r)
	if err != nil {
		return factor.Enrolled{}, err
	}
	if reason != "" {
		return factor.Enrolled{Pending: after}, factor.Refuse(reason)
	}
	if err := f.notHeld(c, p.To); err != nil {
		return factor.Enrolled{}, err
	}
	return f.enrolled(state{To: p.To, Mark: p.Mark})
}

// Verify judges a code. It is right only for the challenge that it was sent for: the user, the purpose and the
// authenticator are the same, and the authenticator's destination has not changed. Verdict.Pending has the tries
// counted, and after a right code that it is used.
func (f *Factor) Verify(_ context.Context, c factor.Call, state factor.State, r factor.Response) (factor.Verdict, error) {
	if f.err != nil {
		return factor.Verdict{}, f.err
	}
	if len(state) == 0 {
		return factor.Verdict{}, factor.Refuse(factor.Wrong) // nothing was sent
	}
	p, err := f.decodePending(state)
	if err != nil {
		return factor.Verdict{}, err
	}
	h, ok, err := f.holder(c, p)
	if err != nil {
		return factor.Verdict{}, err
	}
	if !ok {
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	reason, after, err := f.judge(p, c, r)
	if err != nil {
		return factor.Verdict{}, err
	}
	if reason != "" {
		return factor.Verdict{Pending: after}, factor.Refuse(reason)
	}
	return factor.Verdict{
		Authenticator: h.ID, Pending: after, Proof: factor.Proof{Classes: []factor.Class{factor.Possession}},
	}, nil
}

// holder is the authenticator that the code was sent for, if it may answer.
func (f *Factor) holder(c factor.Call, p *pending) (factor.Held, bool, error) {
	if !p.concerns(c) {
		return factor.Held{}, false, nil
	}
	for _, h := range c.Candidates() {
		if h.ID != p.Authenticator {
			continue
		}
		s, err := f.decodeState(h.State)
		if err != nil {
			return factor.Held{}, false, err
		}
		return h, p.of(h, s), nil
	}
	return factor.Held{}, false, nil
}

// judge compares the code. reason is "" where it is right. after is what to remember: the try, or that it is used; nil
// where nothing changed.
func (f *Factor) judge(p *pending, c factor.Call, r factor.Response) (reason factor.Reason, after factor.State, err error) {
	right := read(r.Code).fits(p.Code)
	switch {
	case p.Used && right:
		return factor.Used, nil, nil
	case p.Used:
		return factor.Wrong, nil, nil
	case p.Tries >= f.options.Tries, !c.Now.Before(p.Expires):
		return factor.Expired, nil, nil // whatever was typed: a dead code tells nobody whether a guess was right
	case right:
		p.Used = true
	default:
		p.Tries++
		reason = factor.Wrong
	}
	after, err = p.encode()
	return reason, after, err
}
