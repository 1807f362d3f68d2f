package recovery

import (
	"context"
	"errors"
	"fmt"

	"github.com/nightlatch/nightlatch/factor"
)

// Bounds of codes that another program made. A code of 10 characters has 40 bits where it is of hexadecimal digits,
// and is guarded by the engine's throttle like one of ours.
const (
	minTakenLength = 10
	maxTakenLength = 64
	maxTakenCodes  = 100
)

// importable reports whether codes of other programs may have so many characters.
func importable(length int) bool { return length >= minTakenLength && length <= maxTakenLength }

// FromCodes is a set of codes that another program handed out and that are still good. They are read as ours are: any
// case, any grouping. It fails for codes of other characters than digits and letters without u, of different lengths,
// shorter than 10 characters, or twice the same; its errors show no code. It takes a hash a code.
func (f *Factor) FromCodes(ctx context.Context, c factor.Call, codes []string) (factor.Enrolled, error) {
	if len(codes) == 0 || len(codes) > maxTakenCodes {
		return factor.Enrolled{}, fmt.Errorf("%d recovery codes, allowed are 1 to %d", len(codes), maxTakenCodes)
	}
	texts, seen := make([]string, len(codes)), map[string]bool{}
	for i, typed := range codes {
		text, ok := characters(typed)
		switch {
		case !ok || !importable(len(text)):
			return factor.Enrolled{}, fmt.Errorf("recovery code %d has other characters or another length than can be read", i+1)
		case len(text) != len(texts[0]) && i > 0:
			return factor.Enrolled{}, errors.New("the recovery codes have different lengths")
		case seen[text]:
			return factor.Enrolled{}, fmt.Errorf("recovery code %d is there twice", i+1)
		}
		texts[i], seen[text] = text, true
	}
	release, err := f.limiter.Acquire(ctx, c.From)
	if err != nil {
		return factor.Enrolled{}, err
	}
	defer release()
	salt, err := newSalt(c.Rand)
	if err != nil {
		return factor.Enrolled{}, err
	}
	s := set{Version: version, Cost: f.cost, Salt: salt, Length: len(texts[0])}
	for _, text := range texts {
		if err := ctx.Err(); err != nil {
			return factor.Enrolled{}, err
		}
		s.Codes = append(s.Codes, code{Hash: f.hash(f.cost, text, salt)})
	}
	state, err := s.encode()
	return factor.Enrolled{State: state, Left: len(texts)}, err
}

// Restated is a set that this package made elsewhere, from its state. It fails for what is no such state.
func Restated(state factor.State) (factor.Enrolled, error) {
	s, err := decode(state)
	if err != nil {
		return factor.Enrolled{}, err
	}
	return factor.Enrolled{State: state, Left: s.left()}, nil
}
