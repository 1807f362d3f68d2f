package password

import (
	"context"
	"fmt"

	"golang.org/x/text/unicode/norm"

	"github.com/nightlatch/nightlatch/factor"
)

// Verify judges a password. With nothing held, and for a text that can be no password, it computes a hash of the
// same cost all the same, so that its time says nothing. A right one whose hash is of another cost, or was made of
// the text before NFC, comes with a new State. It returns ErrBusy under load.
func (f *Factor) Verify(
	ctx context.Context, c factor.Call, _ factor.State, r factor.Response,
) (factor.Verdict, error) {
	release, err := f.limiter.Acquire(ctx)
	if err != nil {
		return factor.Verdict{}, err
	}
	defer release()
	candidates := c.Candidates()
	if len(candidates) == 0 || !judgeable(r.Password) {
		f.pretend()
		return factor.Verdict{}, factor.Refuse(factor.Wrong)
	}
	for _, held := range candidates {
		v, err := f.judge(ctx, c, held, r.Password)
		if err != nil || v.Authenticator != "" {
			return v, err
		}
	}
	return factor.Verdict{}, factor.Refuse(factor.Wrong)
}

// pretend takes as long as a judgment.
func (f *Factor) pretend() {
	derive("", make([]byte, saltSize), f.cost, tagSize)
}

// judge returns an empty verdict for a wrong password.
func (f *Factor) judge(ctx context.Context, c factor.Call, held factor.Held, text string) (factor.Verdict, error) {
	h, foreign, err := decode(held.State)
	if err != nil {
		return factor.Verdict{}, err
	}
	if h.cost().Memory > max(large, f.cost.Memory) {
		select {
		case f.alone <- struct{}{}:
			defer func() { <-f.alone }()
		case <-ctx.Done():
			return factor.Verdict{}, fmt.Errorf("wait to hash: %w", ctx.Err())
		}
	}
	normal := norm.NFC.String(text)
	right, asTyped := h.matches(normal), false
	if !right && foreign && normal != text {
		asTyped = h.matches(text)
	}
	if !right && !asTyped {
		return factor.Verdict{}, nil
	}
	v := factor.Verdict{
		Authenticator: held.ID,
		Proof:         factor.Proof{Classes: []factor.Class{factor.Knowledge}, Allows: held.Allows},
	}
	if asTyped || !h.current(f.cost) {
		if v.State, err = f.renewed(c, normal); err != nil {
			return factor.Verdict{}, err
		}
	}
	return v, nil
}

// renewed is the state of the same password at today's cost. The caller holds the limiter's slot.
func (f *Factor) renewed(c factor.Call, normal string) (factor.State, error) {
	h, err := newArgon2id(c.Rand, normal, f.cost)
	if err != nil {
		return nil, err
	}
	return encode(kept{PHC: h.String()})
}
