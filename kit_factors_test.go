package nightlatch_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
)

var sharedRandom io.Reader = rand.Reader

// fake is a factor whose parts a test says.
type fake struct {
	info      factor.Info
	verify    func(c factor.Call, pending factor.State, r factor.Response) (factor.Verdict, error)
	challenge func(c factor.Call, pending factor.State) (factor.Prompt, factor.State, error)
	begin     func(c factor.Call) (factor.Prompt, factor.State, error)
	finish    func(c factor.Call, pending factor.State, r factor.Response) (factor.Enrolled, error)
}

// knock opens to "right" as often as one likes, so that a test need not wait for the next code.
func knock(kind factor.Kind) *fake {
	return &fake{
		info: factor.Info{Kind: kind, Name: "Knock", Class: factor.Possession},
		verify: func(c factor.Call, _ factor.State, r factor.Response) (factor.Verdict, error) {
			for _, h := range c.Candidates() {
				if r.Code == "right" {
					return factor.Verdict{Authenticator: h.ID, State: h.State, Proof: factor.Proof{Classes: []factor.Class{factor.Possession}}}, nil
				}
			}
			return factor.Verdict{}, factor.Refuse(factor.Wrong)
		},
		challenge: func(factor.Call, factor.State) (factor.Prompt, factor.State, error) { return factor.Code{}, nil, nil },
		begin: func(factor.Call) (factor.Prompt, factor.State, error) {
			return factor.Code{}, factor.State(`{}`), nil
		},
		finish: func(_ factor.Call, _ factor.State, r factor.Response) (factor.Enrolled, error) {
			if r.Code != "right" {
				return factor.Enrolled{}, factor.Refuse(factor.Wrong)
			}
			return factor.Enrolled{State: factor.State(`{}`)}, nil
		},
	}
}

func (f *fake) Info() factor.Info { return f.info }

func (f *fake) BeginEnrollment(_ context.Context, c factor.Call, _ factor.Response) (factor.Prompt, factor.State, error) {
	return f.begin(c)
}

func (f *fake) FinishEnrollment(_ context.Context, c factor.Call, pending factor.State, r factor.Response) (factor.Enrolled, error) {
	return f.finish(c, pending, r)
}

func (f *fake) Challenge(_ context.Context, c factor.Call, pending factor.State) (factor.Prompt, factor.State, error) {
	return f.challenge(c, pending)
}

func (f *fake) Verify(_ context.Context, c factor.Call, pending factor.State, r factor.Response) (factor.Verdict, error) {
	return f.verify(c, pending, r)
}

// paper is recovery codes without slow hashes: three codes, each good once.
type paper struct{}

type sheet struct{ Codes, Used []string }

func (paper) Info() factor.Info {
	return factor.Info{Kind: "paper", Name: "Paper", Class: factor.Possession, Backup: true, Single: true}
}

func (paper) BeginEnrollment(context.Context, factor.Call, factor.Response) (factor.Prompt, factor.State, error) {
	return factor.Keep{}, nil, nil
}

func (p paper) FinishEnrollment(_ context.Context, c factor.Call, _ factor.State, _ factor.Response) (factor.Enrolled, error) {
	return p.codes(c.Rand, 3)
}

func (p paper) OneCode(_ context.Context, c factor.Call) (factor.Enrolled, error) {
	return p.codes(c.Rand, 1)
}

// codes makes a set of n.
func (paper) codes(random io.Reader, n int) (factor.Enrolled, error) {
	var s sheet
	for range n {
		var b [8]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return factor.Enrolled{}, err
		}
		s.Codes = append(s.Codes, fmt.Sprintf("%x", b))
	}
	state, err := json.Marshal(s)
	return factor.Enrolled{State: state, Left: n, Show: factor.Keep{Codes: s.Codes}}, err
}

func (paper) Challenge(context.Context, factor.Call, factor.State) (factor.Prompt, factor.State, error) {
	return factor.Code{}, nil, nil
}

func (paper) Verify(_ context.Context, c factor.Call, _ factor.State, r factor.Response) (factor.Verdict, error) {
	for _, h := range c.Candidates() {
		var s, after sheet
		if err := json.Unmarshal(h.State, &s); err != nil {
			return factor.Verdict{}, err
		}
		for _, used := range s.Used {
			if used == r.Code {
				return factor.Verdict{}, factor.Refuse(factor.Used)
			}
		}
		after.Used = s.Used
		for _, code := range s.Codes {
			if code == strings.ToLower(r.Code) {
				after.Used = append(after.Used, code)
			} else {
				after.Codes = append(after.Codes, code)
			}
		}
		if len(after.Codes) < len(s.Codes) {
			state, err := json.Marshal(after)
			return factor.Verdict{Authenticator: h.ID, State: state, Left: len(after.Codes)}, err
		}
	}
	return factor.Verdict{}, factor.Refuse(factor.Wrong)
}
