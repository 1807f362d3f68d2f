package sentcode

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// BeginEnrollment sends a first code to the address or number of the response. It refuses (field "email" or "phone")
// what cannot be sent to, and what the user holds already. In the prompt only a masked destination is named.
func (f *Factor) BeginEnrollment(_ context.Context, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
	to, err := f.destination(c, r)
	if err != nil {
		return nil, nil, err
	}
	if err := f.notHeld(c, to); err != nil {
		return nil, nil, err
	}
	mark := make([]byte, markSize)
	if _, err := io.ReadFull(c.Rand, mark); err != nil {
		return nil, nil, fmt.Errorf("read randomness for an enrollment: %w", err)
	}
	return f.send(c, &pending{Purpose: factor.ForEnrollment, User: c.User.ID, To: to, Mark: mark})
}

// notHeld refuses a destination that the user's codes go to already.
func (f *Factor) notHeld(c factor.Call, to string) error {
	for _, h := range c.Held {
		s, err := f.decodeState(h.State)
		if err != nil {
			return err
		}
		if sameDestination(s.To, to) {
			return factor.RefuseField(f.field(), "taken")
		}
	}
	return nil
}

func (f *Factor) field() string {
	if f.kind == SMS {
		return "phone"
	}
	return "email"
}

// Challenge sends a code to the chosen authenticator, else to the preferred one, else to the first.
//
// state is the challenge that is alive. The same code is sent again, with the time that was given first and with the
// tries that are left; with under two minutes left it is a new code. Before ResendAfter is over, and when the tries are
// used up, the prompt has no Message and says how long there will be none.
//
// With purpose ForEnrollment it sends the code of an enrollment again; state is the enrollment's then.
func (f *Factor) Challenge(_ context.Context, c factor.Call, state factor.State) (factor.Prompt, factor.State, error) {
	if f.err != nil {
		return nil, nil, f.err
	}
	old := f.alive(c, state)
	next, err := f.asked(c, old)
	if err != nil {
		return nil, nil, err
	}
	if old == nil {
		return f.send(c, next)
	}
	left := old.Expires.Sub(c.Now)
	if old.Tries >= f.options.Tries {
		return f.prompt(next.To, old, left), state, nil
	}
	next.Tries = old.Tries
	if old.Authenticator != next.Authenticator || old.To != next.To || string(old.Mark) != string(next.Mark) {
		return f.send(c, next) // another way: another code, but no further tries
	}
	if wait := min(old.Sent.Add(f.resendAfter).Sub(c.Now), f.resendAfter); wait > 0 {
		return f.prompt(old.To, old, wait), state, nil
	}
	if left >= f.renewBelow() {
		next.Code, next.Expires = old.Code, old.Expires
	}
	return f.send(c, next)
}

// alive is the challenge that is asked for again, or nil: another user's or purpose's, one that is over, used, or that
// cannot be read counts for nothing.
func (f *Factor) alive(c factor.Call, state factor.State) *pending {
	if len(state) == 0 {
		return nil
	}
	p, err := f.decodePending(state)
	if err != nil || !p.concerns(c) || p.Used || !c.Now.Before(p.Expires) {
		return nil
	}
	return p
}

// asked is a challenge of what is asked for, still without a code.
func (f *Factor) asked(c factor.Call, old *pending) (*pending, error) {
	p := &pending{Purpose: c.Purpose, User: c.User.ID}
	if c.Purpose == factor.ForEnrollment {
		if old == nil {
			return nil, factor.Refuse(factor.Wrong) // there is none, or it is over
		}
		p.To, p.Mark = old.To, old.Mark
		return p, nil
	}
	held := c.Candidates()
	if len(held) == 0 {
		return nil, factor.Refuse(factor.Wrong)
	}
	h := held[0]
	for _, other := range held {
		if other.Preferred {
			h = other
			break
		}
	}
	s, err := f.decodeState(h.State)
	if err != nil {
		return nil, err
	}
	p.Authenticator, p.To, p.Mark = h.ID, s.To, s.Mark
	return p, nil
}

// send makes the message, and a new code where the challenge has none.
func (f *Factor) send(c factor.Call, p *pending) (factor.Prompt, factor.State, error) {
	p.Version, p.Kind, p.Sent = version, f.kind, c.Now.UTC()
	if p.Code == "" {
		code, err := newCode(c.Rand, f.options.Digits)
		if err != nil {
			return nil, nil, err
		}
		p.Code, p.Expires = code, p.Sent.Add(f.options.Lifetime)
	}
	b, err := p.encode()
	if err != nil {
		return nil, nil, err
	}
	prompt := f.prompt(p.To, p, f.resendAfter)
	prompt.Message = f.message(c, p)
	return prompt, b, nil
}

// prompt asks for the code. wait is rounded up to seconds: whoever waits as long has waited enough.
func (f *Factor) prompt(to string, p *pending, wait time.Duration) factor.Code {
	return factor.Code{
		Digits: len(p.Code), SentTo: mask(f.kind, to), ExpiresAt: p.Expires,
		ResendAfter: (wait + time.Second - 1).Truncate(time.Second),
	}
}
