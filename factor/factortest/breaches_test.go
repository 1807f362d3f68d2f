package factortest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

type ctx = context.Context

type breach struct {
	check string
	name  string
	make  func() Fixture
}

// breaking is a breach by hooks on the fake; asks makes it one with a challenge.
func breaking(check, name string, asks bool, hook func(good fake, h *hooked)) breach {
	return breach{check, name, func() Fixture {
		good := fake{asks: asks}
		h := hooked{fake: good}
		hook(good, &h)
		return fixture(h)
	}}
}

// verdict is a breach of Verify alone: after sees what the lawful fake said, and spoils it.
func verdict(check, name string, asks bool, after func(*judged)) breach {
	return breaking(check, name, asks, func(good fake, h *hooked) {
		h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
			j := judged{c: c, r: r}
			j.v, j.err = good.Verify(ctx, c, p, r)
			after(&j)
			return j.v, j.err
		}
	})
}

// judged is one call of Verify and its result.
type judged struct {
	c   factor.Call
	r   factor.Response
	v   factor.Verdict
	err error
}

var errFault = errors.New("fault")

func passes(c factor.Call) factor.Verdict {
	v := factor.Verdict{State: factor.State("{}"), Proof: factor.Proof{Classes: []factor.Class{factor.Possession}}}
	if len(c.Held) > 0 {
		v.Authenticator = c.Held[0].ID
	}
	return v
}

func breaches() []breach {
	return []breach{
		breaking("info", "kind in capitals", false, func(g fake, h *hooked) {
			h.info = func() factor.Info { i := g.Info(); i.Kind = "Fake"; return i }
		}),
		breaking("info", "changes", false, func(g fake, h *hooked) {
			n := 0
			h.info = func() factor.Info { n++; i := g.Info(); i.Single = n > 3; return i }
		}),
		verdict("right", "no authenticator named", false, func(j *judged) {
			j.v.Authenticator = ""
		}),
		verdict("right", "a proof without its class", false, func(j *judged) {
			if j.err == nil {
				j.v.Proof.Classes = []factor.Class{factor.Knowledge}
			}
		}),
		verdict("wrong", "another error", false, func(j *judged) {
			if j.err != nil {
				j.err = errFault
			}
		}),
		verdict("wrong", "a proof beside the refusal", false, func(j *judged) {
			if j.err != nil {
				j.v = passes(j.c)
			}
		}),
		verdict("wrong", "an unknown reason", false, func(j *judged) {
			if j.err != nil {
				j.err = factor.Refuse("because")
			}
		}),
		verdict("wrong", "clock without how far", false, func(j *judged) {
			if j.err != nil {
				j.err = factor.Refuse(factor.Clock)
			}
		}),
		verdict("wrong", "spoils the right one", false, func(j *judged) {
			if j.err != nil {
				j.v.Authenticator, j.v.State = j.c.Held[0].ID, encode(fakeState{"other", 0})
			}
		}),
		breaking("wrong_enrollment", "takes anything", false, func(g fake, h *hooked) {
			h.finish = func(context.Context, factor.Call, factor.State, factor.Response) (factor.Enrolled, error) {
				return factor.Enrolled{State: encode(fakeState{"x", 0})}, nil
			}
		}),
		breaking("wrong_enrollment", "refuses with a state", false, func(g fake, h *hooked) {
			h.finish = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Enrolled, error) {
				e, err := g.FinishEnrollment(ctx, c, p, r)
				e.State = encode(fakeState{"x", 0})
				return e, err
			}
		}),
		verdict("used", "forgets", false, func(j *judged) {
			j.v.State = nil
		}),
		verdict("used", "says wrong for used", false, func(j *judged) {
			if errors.Is(j.err, factor.ErrRefused) {
				j.err = factor.Refuse(factor.Wrong)
			}
		}),
		breaking("used", "needs no live challenge", true, func(g fake, h *hooked) {
			var last factor.State
			h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				if p == nil {
					p = last
				}
				last = p
				v, err := g.Verify(ctx, c, p, r)
				v.State = nil
				return v, err
			}
		}),
		verdict("nobody", "lets nobody in", false, func(j *judged) {
			if len(j.c.Held) == 0 {
				j.v, j.err = passes(j.c), nil
			}
		}),
		verdict("nobody", "panics", false, func(j *judged) {
			_ = j.c.Held[0]
		}),
		breaking("nobody", "a challenge to nobody is a fault", true, func(g fake, h *hooked) {
			h.challenge = func(ctx ctx, c factor.Call, p factor.State) (factor.Prompt, factor.State, error) {
				if len(c.Held) == 0 {
					return nil, nil, errFault
				}
				return g.Challenge(ctx, c, p)
			}
		}),
		breaking("chosen", "ignores the choice", false, func(g fake, h *hooked) {
			h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				c.Chosen = ""
				return g.Verify(ctx, c, p, r)
			}
		}),
		breaking("several", "knows only the first", false, func(g fake, h *hooked) {
			h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				c.Held = c.Held[:min(1, len(c.Held))]
				return g.Verify(ctx, c, p, r)
			}
		}),
		breaking("purpose", "ignores the purpose", true, func(g fake, h *hooked) {
			h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				c.Purpose = factor.ForSignIn
				return g.Verify(ctx, c, p, r)
			}
		}),
		verdict("hostile", "accepts a megabyte", false, func(j *judged) {
			if len(j.r.Code) >= megabyte {
				j.v, j.err = passes(j.c), nil
			}
		}),
		verdict("hostile", "calls bad JSON its own fault", false, func(j *judged) {
			if j.r.Credential != nil {
				j.err = errFault
			}
		}),
		verdict("hostile", "panics on a NUL", false, func(j *judged) {
			if strings.Contains(j.r.Code, "\x00") {
				panic("NUL")
			}
		}),
		breaking("hostile_enrollment", "begins with a fault", false, func(g fake, h *hooked) {
			h.begin = func(ctx ctx, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
				if r.Phone == "-" {
					return nil, nil, errFault
				}
				return g.BeginEnrollment(ctx, c, r)
			}
		}),
		breaking("hostile_enrollment", "finishes by an empty response", false, func(g fake, h *hooked) {
			h.finish = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Enrolled, error) {
				if r.Code == "" {
					return factor.Enrolled{State: encode(fakeState{"x", 0})}, nil
				}
				return g.FinishEnrollment(ctx, c, p, r)
			}
		}),
		verdict("garbage_state", "accepts what it cannot read", false, func(j *judged) {
			if errors.Is(j.err, errState) {
				j.v, j.err = passes(j.c), nil
			}
		}),
		verdict("garbage_pending", "accepts what it cannot read", true, func(j *judged) {
			if errors.Is(j.err, errState) {
				j.v, j.err = passes(j.c), nil
			}
		}),
		breaking("garbage_pending", "finishes what it cannot read", false, func(g fake, h *hooked) {
			h.finish = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Enrolled, error) {
				e, err := g.FinishEnrollment(ctx, c, p, r)
				if errors.Is(err, errState) {
					return factor.Enrolled{State: encode(fakeState{"x", 0})}, nil
				}
				return e, err
			}
		}),
		verdict("inputs_kept", "writes into the state", false, func(j *judged) {
			j.c.Held[0].State[0] ^= 1
		}),
		breaking("clock", "reads the clock", false, func(g fake, h *hooked) {
			h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				c.Now = time.Now()
				return g.Verify(ctx, c, p, r)
			}
		}),
		breaking("randomness", "has its own", false, func(g fake, h *hooked) {
			n := uint64(0)
			h.begin = func(ctx ctx, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
				n++
				c.Rand = seeded(n)
				return g.BeginEnrollment(ctx, c, r)
			}
		}),
		breaking("randomness", "has none", false, func(g fake, h *hooked) {
			h.begin = func(ctx ctx, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
				c.Rand = seeded(7)
				return g.BeginEnrollment(ctx, c, r)
			}
		}),
		breaking("no_randomness", "makes a secret of nothing", false, func(g fake, h *hooked) {
			h.begin = func(ctx ctx, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
				prompt, pending, err := g.BeginEnrollment(ctx, c, r)
				if err != nil {
					c.Rand = seeded(0)
					return g.BeginEnrollment(ctx, c, r)
				}
				return prompt, pending, err
			}
		}),
		{"hashed", "keeps the clear text", func() Fixture {
			f := fixture(hooked{verify: func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				v, err := fake{}.Verify(ctx, c, p, r)
				v.State = factor.State(r.Code)
				return v, err
			}})
			f.Hashed = true
			return f
		}},
		breaking("finder", "finds something else", false, func(g fake, h *hooked) {
			h.lookup = func(factor.Response) (string, error) { return "another", nil }
		}),
		breaking("finder", "finds by rubbish", false, func(g fake, h *hooked) {
			h.lookup = func(r factor.Response) (string, error) {
				if s, err := g.Lookup(r); err == nil {
					return s, nil
				}
				return "", nil
			}
		}),
		breaking("bound", "is bound elsewhere at once", false, func(g fake, h *hooked) {
			h.boundTo = func(of factor.State) (string, bool, error) {
				name, _, err := g.BoundTo(of)
				return name, false, err
			}
		}),
		breaking("bound", "binds rubbish", false, func(_ fake, h *hooked) {
			h.boundTo = func(factor.State) (string, bool, error) { return "here", true, nil }
		}),
		breaking("bound", "changes the state", false, func(g fake, h *hooked) {
			h.boundTo = func(of factor.State) (string, bool, error) {
				name, works, err := g.BoundTo(of)
				clear(of)
				return name, works, err
			}
		}),
		breaking("canceled", "calls a right response wrong", false, func(g fake, h *hooked) {
			h.verify = func(ctx ctx, c factor.Call, p factor.State, r factor.Response) (factor.Verdict, error) {
				if ctx.Err() != nil {
					return factor.Verdict{}, factor.Refuse(factor.Wrong)
				}
				return g.Verify(ctx, c, p, r)
			}
		}),
		breaking("concurrent", "tires after two calls", false, func(g fake, h *hooked) {
			gate := make(chan struct{}, 2)
			h.begin = func(ctx ctx, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
				select {
				case gate <- struct{}{}:
					return g.BeginEnrollment(ctx, c, r)
				default:
					return nil, nil, errFault
				}
			}
		}),
	}
}
