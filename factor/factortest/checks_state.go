package factortest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/nightlatch/nightlatch/factor"
)

// checkSeveral: of two authenticators the one that answered is named, and one does not answer for the other.
func checkSeveral(ctx context.Context, f Fixture) error {
	if f.Factor.Info().Single {
		return nil
	}
	first, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	second, err := enrolled(ctx, f, 1)
	if err != nil {
		return fmt.Errorf("a second one: %w", err)
	}
	for _, p := range []*person{first, second} {
		other := second
		if p == second {
			other = first
		}
		c := p.call(first.held, second.held)
		c.Chosen = p.held.ID
		prompt, pending, err := f.Factor.Challenge(ctx, c, nil)
		if err != nil {
			return fmt.Errorf("Challenge failed: %w", err)
		}
		right := p.answer(prompt)
		c.Chosen = other.held.ID
		v, err := f.Factor.Verify(ctx, c, pending, right)
		if _, err := refusal(v, err); err != nil {
			return fmt.Errorf("one authenticator answered for another that was chosen: %w", err)
		}
		c.Chosen = p.held.ID
		v, err = f.Factor.Verify(ctx, c, pending, right)
		if err := p.proved(v, err); err != nil {
			return fmt.Errorf("of two held: %w", err)
		}
		p.take(v)
	}
	return nil
}

// checkPurpose: what was asked for one purpose is good for no other.
func checkPurpose(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil || pending == nil {
		return err
	}
	c := p.call(p.held)
	c.Purpose = factor.ForFreshProof
	v, err := f.Factor.Verify(ctx, c, pending, p.answer(prompt))
	if _, err := refusal(v, err); err != nil {
		return fmt.Errorf("a challenge for %q answered for %q: %w", f.Call.Purpose, c.Purpose, err)
	}
	return nil
}

// checkGarbageState: a state that is not the factor's own never lets anyone in.
func checkGarbageState(ctx context.Context, f Fixture) error {
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	right := p.answer(prompt)
	for _, g := range garbage(p.held.State) {
		held := p.held
		held.State = g
		v, err := f.Factor.Verify(ctx, p.call(held), pending, right)
		if err == nil || len(v.Proof.Classes) > 0 {
			return fmt.Errorf("the state %.40q let a response in", g)
		}
		// What Challenge says of it is its own; it is no panic.
		_, _, _ = f.Factor.Challenge(ctx, p.call(held), nil)
	}
	return nil
}

// checkBound: what was enrolled a moment ago is bound to a name and can answer, and a state that is no such one is bound
// to nothing.
func checkBound(ctx context.Context, f Fixture) error {
	binder, ok := f.Factor.(factor.Binder)
	if !ok {
		return nil
	}
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	state := bytes.Clone(p.held.State)
	if name, works, err := binder.BoundTo(state); err != nil || name == "" || !works {
		return fmt.Errorf("BoundTo of what was just enrolled gave %q, %v, %v", name, works, err)
	}
	if !bytes.Equal(state, p.held.State) {
		return errors.New("BoundTo changed the state that it was given")
	}
	for _, g := range []factor.State{nil, {}, {0}, []byte("{}"), []byte("\xff\xfe\x00"), state[:len(state)/2]} {
		if name, works, err := binder.BoundTo(g); err == nil || name != "" || works {
			return fmt.Errorf("BoundTo of the state %.40q gave %q, %v, %v", g, name, works, err)
		}
	}
	return nil
}

// checkGarbagePending: a pending state that is not the factor's own, or of another step, never lets anyone in.
func checkGarbagePending(ctx context.Context, f Fixture) error {
	p := meet(f, 0)
	if err := p.begin(ctx); err != nil {
		return err
	}
	if p.pending != nil {
		right := p.enrollmentAnswer()
		for _, g := range garbage(p.pending) {
			e, err := f.Factor.FinishEnrollment(ctx, p.enrollment(), g, right)
			if err == nil || e.State != nil {
				return fmt.Errorf("the pending state %.40q finished an enrollment", g)
			}
		}
	}
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil || pending == nil {
		return err
	}
	right := p.answer(prompt)
	of := append(garbage(pending), p.held.State)
	if p.pending != nil {
		of = append(of, p.pending)
	}
	for _, g := range of {
		v, err := f.Factor.Verify(ctx, p.call(p.held), g, right)
		if err == nil || len(v.Proof.Classes) > 0 {
			return fmt.Errorf("the pending state %.40q let a response in", g)
		}
		// A challenge that cannot be read is replaced or is a fault; it is no panic.
		_, _, _ = f.Factor.Challenge(ctx, p.call(p.held), g)
	}
	return nil
}

// garbage is states that no factor made, and true's own beginnings.
func garbage(whole factor.State) []factor.State {
	g := []factor.State{
		nil,
		{},
		{0},
		[]byte("null"), []byte("{}"), []byte("[]"), []byte(`""`), []byte("0"), []byte("true"),
		[]byte("{\"v\":1}"), []byte("\xff\xfe\x00"), bytes.Repeat([]byte{0}, 64), bytes.Repeat([]byte{0xff}, 4096),
		[]byte(strings.Repeat("[", 20000)),
	}
	for _, n := range []int{1, len(whole) / 2, len(whole) - 1} {
		if n > 0 && n < len(whole) {
			g = append(g, bytes.Clone(whole[:n]))
		}
	}
	return g
}

// checkInputsKept: a factor writes into nothing that it is given.
func checkInputsKept(ctx context.Context, f Fixture) error {
	p := meet(f, 0)
	if err := p.begin(ctx); err != nil {
		return err
	}
	before := bytes.Clone(p.pending)
	if err := p.finish(ctx); err != nil {
		return err
	}
	if !bytes.Equal(before, p.pending) {
		return errors.New("FinishEnrollment wrote into the pending state that it was given")
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	state, asked := bytes.Clone(p.held.State), bytes.Clone(pending)
	for _, r := range []factor.Response{p.wrong(prompt), p.answer(prompt)} {
		credential := bytes.Clone(r.Credential)
		_, _ = f.Factor.Verify(ctx, p.call(p.held), pending, r)
		if !bytes.Equal(state, p.held.State) || !bytes.Equal(asked, pending) || !bytes.Equal(credential, r.Credential) {
			return errors.New("Verify wrote into a state or a response that it was given")
		}
	}
	return nil
}

// checkHashed: the clear text of a right response is in no state, where that is promised.
func checkHashed(ctx context.Context, f Fixture) error {
	if !f.Hashed {
		return nil
	}
	p, err := enrolled(ctx, f, 0)
	if err != nil {
		return err
	}
	prompt, pending, err := p.challenge(ctx)
	if err != nil {
		return err
	}
	right := p.answer(prompt)
	v, err := f.Factor.Verify(ctx, p.call(p.held), pending, right)
	if err := p.proved(v, err); err != nil {
		return err
	}
	for _, state := range []factor.State{p.pending, p.held.State, pending, v.State, v.Pending} {
		for _, text := range []string{right.Code, right.Password} {
			if text != "" && holds(state, text) {
				return errors.New("a state holds the clear text of a right response")
			}
		}
	}
	return nil
}

// holds reports whether the state has the text, as it is or in an encoding that hides nothing.
func holds(state factor.State, text string) bool {
	bare := strings.NewReplacer("-", "", " ", "").Replace(text)
	lower := bytes.ToLower(state)
	for _, s := range []string{text, bare} {
		if bytes.Contains(lower, bytes.ToLower([]byte(s))) ||
			bytes.Contains(lower, []byte(hex.EncodeToString([]byte(s)))) ||
			bytes.Contains(state, []byte(base64.RawStdEncoding.EncodeToString([]byte(s)))) ||
			bytes.Contains(state, []byte(base64.RawURLEncoding.EncodeToString([]byte(s)))) {
			return true
		}
	}
	return false
}
