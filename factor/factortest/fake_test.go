package factortest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nightlatch/nightlatch/factor"
)

// fake is a factor that keeps every law: a secret word, said together with the minute of the day and, where it
// asks, with the challenge's word.
type fake struct{ asks bool }

type fakeState struct {
	Secret string
	Last   int64 // the minute of the last right answer
}

type fakePending struct {
	Word    string
	Purpose factor.Purpose
}

var errState = errors.New("state cannot be read")

func (f fake) Info() factor.Info {
	return factor.Info{Kind: "fake", Name: "Fake", Class: factor.Possession}
}

func word(r io.Reader) (string, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return hex.EncodeToString(b), nil
}

func (f fake) BeginEnrollment(_ context.Context, c factor.Call, _ factor.Response) (factor.Prompt, factor.State, error) {
	w, err := word(c.Rand)
	if err != nil {
		return nil, nil, err
	}
	return factor.Scan{Secret: w}, encode(fakePending{w, c.Purpose}), nil
}

func (f fake) FinishEnrollment(
	_ context.Context, c factor.Call, pending factor.State, r factor.Response,
) (factor.Enrolled, error) {
	var p fakePending
	if json.Unmarshal(pending, &p) != nil || p.Word == "" {
		return factor.Enrolled{}, errState
	}
	if r.Code != p.Word {
		return factor.Enrolled{}, factor.Refuse(factor.Wrong)
	}
	return factor.Enrolled{State: encode(fakeState{p.Word, 0}), Lookup: "of " + p.Word}, nil
}

func (f fake) Challenge(
	_ context.Context, c factor.Call, pending factor.State,
) (factor.Prompt, factor.State, error) {
	if !f.asks {
		return factor.Code{}, nil, nil
	}
	w, err := word(c.Rand)
	if err != nil {
		return nil, nil, err
	}
	return factor.Code{SentTo: w}, encode(fakePending{w, c.Purpose}), nil
}

func (f fake) Verify(
	_ context.Context, c factor.Call, pending factor.State, r factor.Response,
) (factor.Verdict, error) {
	var p fakePending
	if f.asks {
		if len(pending) == 0 {
			return factor.Verdict{}, factor.Refuse(factor.Wrong)
		}
		if json.Unmarshal(pending, &p) != nil || p.Word == "" {
			return factor.Verdict{}, errState
		}
		if p.Purpose != c.Purpose {
			return factor.Verdict{}, factor.Refuse(factor.Wrong)
		}
	}
	for _, h := range c.Candidates() {
		var s fakeState
		if json.Unmarshal(h.State, &s) != nil || s.Secret == "" {
			return factor.Verdict{}, errState
		}
		minute := c.Now.Unix() / 60
		if r.Code != said(s.Secret, p.Word, c.Now) {
			continue
		}
		if s.Last >= minute {
			return factor.Verdict{}, factor.Refuse(factor.Used)
		}
		s.Last = minute
		return factor.Verdict{
			Authenticator: h.ID, State: encode(s), Proof: factor.Proof{Classes: []factor.Class{factor.Possession}},
		}, nil
	}
	return factor.Verdict{}, factor.Refuse(factor.Wrong)
}

// Lookup makes the fake a Finder.
func (f fake) Lookup(r factor.Response) (string, error) {
	if len(r.Code) < 16 || len(r.Code) > 100 {
		return "", factor.Refuse(factor.Wrong)
	}
	return "of " + r.Code[:16], nil
}

// BoundTo makes the fake a Binder.
func (f fake) BoundTo(of factor.State) (string, bool, error) {
	var s fakeState
	if json.Unmarshal(of, &s) != nil || s.Secret == "" {
		return "", false, errState
	}
	return "here", true, nil
}

func said(secret, challenge string, now time.Time) string {
	return fmt.Sprint(secret, challenge, now.Unix()/60)
}

func encode(v any) factor.State {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// fixture is how a person answers a fake.
func fixture(f factor.Factor) Fixture {
	return Fixture{
		Factor: f,
		Enroll: func(a Asked) factor.Response { return factor.Response{Code: a.Begun.(factor.Scan).Secret} },
		Answer: func(a Asked) factor.Response {
			code := a.Prompt.(factor.Code)
			return factor.Response{Code: said(a.Begun.(factor.Scan).Secret, code.SentTo, a.Now)}
		},
		Wrong: func(Asked) factor.Response { return factor.Response{Code: "wrong"} },
	}
}

// hooked is a fake with one or more methods replaced: a breach.
type hooked struct {
	fake
	info      func() factor.Info
	begin     func(context.Context, factor.Call, factor.Response) (factor.Prompt, factor.State, error)
	finish    func(context.Context, factor.Call, factor.State, factor.Response) (factor.Enrolled, error)
	challenge func(context.Context, factor.Call, factor.State) (factor.Prompt, factor.State, error)
	verify    func(context.Context, factor.Call, factor.State, factor.Response) (factor.Verdict, error)
	lookup    func(factor.Response) (string, error)
	boundTo   func(factor.State) (string, bool, error)
}

func (h hooked) Info() factor.Info {
	if h.info != nil {
		return h.info()
	}
	return h.fake.Info()
}

func (h hooked) BeginEnrollment(ctx context.Context, c factor.Call, r factor.Response) (factor.Prompt, factor.State, error) {
	if h.begin != nil {
		return h.begin(ctx, c, r)
	}
	return h.fake.BeginEnrollment(ctx, c, r)
}

func (h hooked) FinishEnrollment(
	ctx context.Context, c factor.Call, pending factor.State, r factor.Response,
) (factor.Enrolled, error) {
	if h.finish != nil {
		return h.finish(ctx, c, pending, r)
	}
	return h.fake.FinishEnrollment(ctx, c, pending, r)
}

func (h hooked) Challenge(
	ctx context.Context, c factor.Call, pending factor.State,
) (factor.Prompt, factor.State, error) {
	if h.challenge != nil {
		return h.challenge(ctx, c, pending)
	}
	return h.fake.Challenge(ctx, c, pending)
}

func (h hooked) Verify(
	ctx context.Context, c factor.Call, pending factor.State, r factor.Response,
) (factor.Verdict, error) {
	if h.verify != nil {
		return h.verify(ctx, c, pending, r)
	}
	return h.fake.Verify(ctx, c, pending, r)
}

func (h hooked) Lookup(r factor.Response) (string, error) {
	if h.lookup != nil {
		return h.lookup(r)
	}
	return h.fake.Lookup(r)
}

func (h hooked) BoundTo(of factor.State) (string, bool, error) {
	if h.boundTo != nil {
		return h.boundTo(of)
	}
	return h.fake.BoundTo(of)
}
