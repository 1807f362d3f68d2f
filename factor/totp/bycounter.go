package totp

import (
	"context"

	"github.com/nightlatch/nightlatch/factor"
)

const (
	// resyncWindow is how far ahead two codes in a row are searched: a bored thumb gets no further.
	resyncWindow = 1000
	// usedWindow is how far back a code is looked for, to say that it was used.
	usedWindow = 10
)

// byCounter is the factor of counter tokens.
type byCounter struct {
	options Options
	window  int
	err     error // what is wrong with the options; nothing works then
}

// NewCounter makes the factor of counter tokens, kind "hotp": a button, and a code a press. Where presses were missed,
// codes ahead within the window are accepted; further ahead, Response.Code and Response.NextCode, two in a row, bring
// the service back in step. With options out of range, each of its methods fails, and lets nobody in.
func NewCounter(o Options) factor.Factor {
	f := byCounter{err: o.check(ByCounter)}
	f.options, f.window = o.filled(ByCounter)
	return f
}

func (byCounter) Info() factor.Info {
	return factor.Info{Kind: ByCounter, Name: "Counter token", Class: factor.Possession}
}

func (f byCounter) BeginEnrollment(_ context.Context, c factor.Call, _ factor.Response) (factor.Prompt, factor.State, error) {
	if f.err != nil {
		return nil, nil, f.err
	}
	return begin(f.options, ByCounter, c)
}

func (f byCounter) FinishEnrollment(_ context.Context, _ factor.Call, pending factor.State, r factor.Response) (factor.Enrolled, error) {
	if f.err != nil {
		return factor.Enrolled{}, f.err
	}
	s, err := decodeAs(ByCounter, pending)
	if err != nil {
		return factor.Enrolled{}, err
	}
	return finish(f.judge(s, r))
}

func (f byCounter) Challenge(_ context.Context, c factor.Call, _ factor.State) (factor.Prompt, factor.State, error) {
	return challenge(f.options, f.err, ByCounter, c)
}

func (f byCounter) Verify(_ context.Context, c factor.Call, _ factor.State, r factor.Response) (factor.Verdict, error) {
	if f.err != nil {
		return factor.Verdict{}, f.err
	}
	return verify(f.options, ByCounter, c, func(s state) (state, *factor.Refused) { return f.judge(s, r) })
}

// judge returns the state after a right code, or after two in a row, or why they are none.
func (f byCounter) judge(s state, r factor.Response) (state, *factor.Refused) {
	g := s.generator()
	counter, ok := uint64(0), false
	switch {
	case r.NextCode != "":
		counter, ok = g.VerifyPair(r.Code, r.NextCode, s.Next, resyncWindow)
	case !s.Resync:
		counter, ok = g.lookAhead(g.typed(r.Code), s.Next, f.window)
	}
	if ok {
		s.Next, s.Resync = counter+1, false
		return s, nil
	}
	refused := &factor.Refused{Reason: factor.Wrong}
	back := min(s.Next, usedWindow)
	g.fits(g.typed(r.Code), s.Next-back, back, func(uint64) { refused.Reason = factor.Used })
	if refused.Reason == factor.Wrong && s.Resync && r.NextCode == "" {
		refused.Field, refused.Problem = "next_code", "missing"
	}
	return s, refused
}
